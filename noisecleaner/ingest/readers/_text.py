"""What tables of text share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.kinds import SNIFFED, described
from noisecleaner.ingest.files.places import Place
from noisecleaner.registry import table_endings
from noisecleaner.tables import ARROW_ERRORS

#: Bytes that are parsed together: a line must fit. Arrow's own choice first, it is the fastest.
_BLOCKS = (2**20, 2**26, 2**30)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@contextmanager
def refusing(place: Place) -> Iterator[None]:
    """Turn what Arrow says of a table of text that it cannot read into an error for its owner."""
    try:
        yield
    except (*ARROW_ERRORS, UnicodeDecodeError) as error:
        ending = PurePosixPath(place.path).suffix
        with place.open() as file:
            start = bytes(file.read(SNIFFED))
        words = described(start)
        begins = f"; it begins like {words}" if words not in (None, "text", "JSON") else ""
        raise NoisecleanerError(
            f"{place} must hold a header line and rows, but it cannot be read ({str(error)[:300]}{begins}).",
            f"Give a table that ends in {' or '.join(table_endings())}; {ending} must hold text, in UTF-8 (in Excel: "
            "CSV UTF-8).",
        ) from error


def refuse_utf16(place: Place) -> None:
    """Refuse text of two bytes a character, which reads as gibberish.

    Raises:
        NoisecleanerError: the file begins with the mark of UTF-16.
    """
    with place.open() as file:
        if bytes(file.read(2)) in _UTF16:
            raise NoisecleanerError(
                f"{place} must be text in UTF-8, but it is UTF-16.", "Save it as UTF-8 (in Excel: CSV UTF-8)."
            )


def read_in_blocks(place: Place, read: Callable[[int], pa.Table]) -> pa.Table:
    """Read with ever larger blocks, until the longest line fits into one.

    Args:
        place: the file.
        read: takes the size of a block in bytes.

    Raises:
        NoisecleanerError: a line is longer than the largest block.
        ArrowException: the file cannot be read for another reason.
    """
    for size in _BLOCKS:
        try:
            return read(size)
        except pa.ArrowInvalid as error:
            if "straddl" not in str(error):
                raise
    raise NoisecleanerError(
        f"A line of a table must be shorter than {_BLOCKS[-1] // 2**20:,} MiB, but one of {place} is longer.",
        "Write the table as Parquet.",
    )


def batches_of(table: pa.Table, columns: list[str], size: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of at most `size` rows with some columns; `image.path` is a field of a struct."""
    for batch in table.to_batches(size):
        yield narrowed(batch, columns)


def narrowed(batch: pa.RecordBatch, columns: list[str]) -> pa.RecordBatch:
    """Take some columns of a batch; `image.path` becomes a struct `image` of that one field, as Parquet reads it."""
    taken = {}
    for name in columns:
        outer, _, inner = (name, "", "") if name in batch.schema.names else name.partition(".")
        column = batch.column(outer)
        if inner:
            field = pc.struct_field(column, inner)
            column = pa.StructArray.from_arrays([field], [inner], mask=column.is_null())
        taken[outer] = column
    return pa.RecordBatch.from_arrays(list(taken.values()), list(taken))
