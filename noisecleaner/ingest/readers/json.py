"""JSON: an array of objects, one a row, lines as in `.jsonl`, or samples of FiftyOne; other exports are named.

Those that hold a class for each image are read where labels are verified, see `ingest.annotations`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.annotations import Document, tool_export
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers._fiftyone import is_samples, read_samples
from noisecleaner.ingest.readers._text import batches_of, refuse_utf16
from noisecleaner.ingest.readers.jsonl import read_lines
from noisecleaner.texts import parsed_json, printable

ENDINGS = (".json",)
IN_FOLDERS = False
SLOW = True

#: Keys that the objects of an export have -> the tool, and what to make of it instead.
_EXPORTS = (
    (("images", "annotations"), "COCO annotations", "Make a table of the images' file names and their categories"),
    (("shapes", "imagePath"), "a file of LabelMe", "Make a table of paths and labels of such files"),
    (("samples",), "samples without paths", "Make a table of paths and labels"),
)


def read_schema(place: Place) -> pa.Schema:
    """Read the whole file: a column's type is known only with its last row."""
    return _read(place).schema


def read_batches(place: Place, columns: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of at most `size` rows that hold just these columns."""
    yield from batches_of(_read(place), list(columns), size)


def _read(place: Place) -> pa.Table:
    refuse_utf16(place)
    document = Document(place)
    _refuse_tools(document)
    content = place.read()
    try:
        rows = document.json if document.json is not None else parsed_json(content)
    except ValueError as error:
        if content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            return read_lines(place, place.open)
        raise NoisecleanerError(
            f"{place} must hold a JSON array of objects, but it cannot be read ({error}).",
            "Give an array of objects, or one object a line.",
        ) from error
    if isinstance(rows, dict) and not _export(rows) and b"\n" not in content.strip():
        return read_lines(place, place.open)  # a single line
    if is_samples(rows):
        return read_samples(rows, place)
    _refuse_others(place, rows)
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return read_lines(place, lambda: io.BytesIO(lines))


def _refuse_tools(document: Document) -> None:
    """Refuse what annotation tools write: it brings labels, and neither images nor given labels.

    Raises:
        NoisecleanerError: says what it is, and what it is for.
    """
    what = tool_export(document)
    if what is not None:
        raise NoisecleanerError(
            f"A table of rows is required, but {document.place} holds {what}: what people said of images, no dataset.",
            "Pass it as `trusted=FILE` or `corrections=FILE`, and give the image folder or the table of the images as "
            "the dataset.",
        )


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
