"""JSON: an array of objects, one a row, or lines as in `.jsonl`; exports of annotation tools are named."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers._text import batches_of, refuse_utf16
from noisecleaner.ingest.readers.jsonl import read_lines
from noisecleaner.texts import printable

ENDINGS = (".json",)
IN_FOLDERS = False

#: Keys that the objects of an export have -> the tool, and what to make of it instead.
_EXPORTS = (
    (("data", "annotations"), "tasks of Label Studio", "Export CSV or JSON-MIN there"),
    (("data", "predictions"), "tasks of Label Studio", "Export CSV or JSON-MIN there"),
    (("data", "completions"), "tasks of Label Studio", "Export CSV or JSON-MIN there"),
    (("images", "annotations"), "COCO annotations", "Make a table of the images' file names and their categories"),
    (("shapes", "imagePath"), "a file of LabelMe", "Make a table of paths and labels of such files"),
)


def read_schema(place: Place) -> pa.Schema:
    """Read the whole file: a column's type is known only with its last row."""
    return _read(place).schema


def read_batches(place: Place, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of at most `size` rows that hold just these columns."""
    yield from batches_of(_read(place), list(columns), size)


def _read(place: Place) -> pa.Table:
    refuse_utf16(place)
    content = place.read()
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError) as error:
        if content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            return read_lines(place, place.open)
        raise NoisecleanerError(
            f"{place} must hold a JSON array of objects, but it cannot be read ({error}).",
            "Give an array of objects, or one object a line.",
        ) from error
    if isinstance(rows, dict) and not _export(rows) and b"\n" not in content.strip():
        return read_lines(place, place.open)  # a single line
    _refuse_others(place, rows)
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return read_lines(place, lambda: io.BytesIO(lines))


def _refuse_others(place: Place, rows: Any) -> None:
    """Refuse what is no array of objects, and objects that are no rows.

    Raises:
        NoisecleanerError: says what it is, and what to make of it.
    """
    first = rows[0] if isinstance(rows, list) and rows else rows
    if isinstance(first, dict) and (export := _export(first)):
        what, hint = export
        raise NoisecleanerError(
            f"A table of rows is required, but {place} holds {what}, which are not read.",
            f"{hint}, and name the columns with `Columns(sample_id=NAME)` and `Columns(trusted=NAME)`.",
        )
    if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
        return
    if isinstance(rows, dict):
        found = f"one object ({printable(listed(list(rows), 5))})"
    else:
        found = "an empty array" if rows == [] else "something else"
    raise NoisecleanerError(
        f"{place} must hold a JSON array of objects, one a row, but it holds {found}.",
        "Write rows, with pandas: `to_json(orient='records')`.",
    )


def _export(first: dict[str, Any]) -> tuple[str, str] | None:
    """What export of an annotation tool has such objects, and what to do."""
    found = ((what, hint) for keys, what, hint in _EXPORTS if all(key in first for key in keys))
    return next(found, None)
