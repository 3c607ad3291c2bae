"""Plans and pages to review, and what stands in them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.api import plan
from support.reports import make_scored, photograph, read_page

#: Ids that a spreadsheet or a browser could change.
HOSTILE_IDS = (
    "a,b",
    'say "hi"',
    "two\nlines",
    "=1+1",
    " blank ",
    "0001",
    "é\u202e\U0001f600",
    "</script><b>",
    "x;y\tz",
)


def planned(folder: Path, *, new: int = 40, **made: Any) -> Path:
    """Score rows, and plan some of them: returns the plan; `run` and `data.parquet` lie beside it."""
    run = make_scored(folder, **made)
    return plan(run, folder / "plan.parquet", count=new).path


def table_of_bytes(folder: Path, ids: Sequence[str], labels: Sequence[str]) -> tuple[Path, Path]:
    """Write a dataset with images inside, and a plan of all its rows as CSV."""
    images = [photograph(row % 5, (24, 18)) for row in range(len(ids))]
    pq.write_table(pa.table({"sample_id": ids, "label": labels, "image": images}), folder / "data.parquet")
    with (folder / "plan.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("sample_id", "trusted_label"), *((one, "") for one in ids)])
    return folder / "data.parquet", folder / "plan.csv"


def data_of(page: Path) -> dict[str, Any]:
    """What a page's script reads."""
    read = read_page(page.read_text("utf-8"))
    (text,) = (text for text in read.scripts if text.startswith('{"'))
    return dict(json.loads(text))


def rows_of(table: Path) -> list[dict[str, str]]:
    """The rows of a CSV, exactly as they are written."""
    return list(csv.DictReader(io.StringIO(table.read_bytes().decode("utf-8"), newline="")))


def keys_of(classes: Sequence[str]) -> Mapping[str, str]:
    """Class -> the digit that answers it, of the first ten."""
    return {name: str((place + 1) % 10) for place, name in enumerate(classes[:10])}
