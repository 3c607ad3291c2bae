"""JSON lines and JSON: the owner's rows in their order, with their types, and labels in theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.datasets import Command
from support.exported import scored
from support.sources import make

from noisecleaner.ingest import Source, read_manifest

ROWS: list[dict[str, Any]] = [
    {"image": "0.png", "label": 3, "zip": "01069", "size": 1.5, "when": "2020-01-01T00:00:00Z", "box": {"x": [1, 2]}},
    {"image": "1.png", "label": 5, "zip": None, "size": 2.0, "when": None, "box": {"x": []}},
    {"image": "2.png", "label": 3, "zip": 'é "\u2028\n', "size": None, "when": "never", "box": None},
    {"image": "3.png", "label": 8, "zip": "", "size": 1e300, "when": None, "box": {"x": [None]}},
]


@pytest.mark.parametrize("ending", ["jsonl", "ndjson", "json"])
def test_rows_come_out_as_they_were(tmp_path: Path, command: Command, ending: str) -> None:
    make(tmp_path / "in", *(row["image"] for row in ROWS))
    path = tmp_path / "in" / f"d.{ending}"
    path.write_text(json.dumps(ROWS) if ending == "json" else "".join(f"{json.dumps(row)}\n" for row in ROWS))
    run = scored(tmp_path, Source(str(path)), suggested={"1.png": "8"})
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--on-flag", "relabel")
    assert outcome.code == 0
    assert f"({'json' if ending == 'json' else 'jsonl'})" in outcome.out
    text = (tmp_path / "out" / f"d.{ending}").read_text()
    written = json.loads(text) if ending == "json" else [json.loads(line) for line in text.split("\n")[:-1]]
    for row, owned in zip(written, ROWS, strict=True):
        given = {
            **owned,
            "image": f"{tmp_path}/in/{owned['image']}",
            "label": 8 if owned["label"] == 5 else owned["label"],
        }
        assert list(row)[:7] == [*owned, "sample_id"]
        assert {name: row[name] for name in owned} == given
        assert {type(row[name]) for name in owned} == {type(given[name]) for name in owned}
        assert row["sample_id"] == owned["image"]
        assert row["nc_given_label"] == str(owned["label"])
        assert row["nc_flagged"] is (owned["label"] == 5)
    read = read_manifest(Source(str(tmp_path / "out" / f"d.{ending}"), allow_absolute=True))
    assert read.readable.all()
    assert read.table["given_label"].to_pylist() == ["3", "8", "3", "8"]


def test_the_array_of_a_copy_of_many_rows_is_one(tmp_path: Path, command: Command) -> None:
    make(tmp_path / "in", "0.png", "1.png")
    rows = [{"image": f"{row % 2}.png", "label": "ab"[row % 2], "sample_id": row} for row in range(20_001)]
    (tmp_path / "in" / "d.json").write_text(json.dumps(rows))
    run = scored(tmp_path, Source(str(tmp_path / "in" / "d.json")), suggested={"7": "a"})
    assert command("export-clean", run, "--out", tmp_path / "out").code == 0
    written = json.loads((tmp_path / "out" / "d.json").read_text())
    assert [row["sample_id"] for row in written] == [row for row in range(20_001) if row != 7]
