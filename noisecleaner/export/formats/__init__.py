"""Formats of a copy: one file = one `format`, found by the file's name.

A file has `NEEDS_IMAGES` and `write`, see `Writer`. It writes what a `Copy` holds, and decides nothing. It may have

- `refuse(copy)`, which raises a `NoisecleanerError` where it cannot write a copy, before anything is written;
- `instead(copy)`, which names another format that it writes;
- `ROWS_ALONE = True`: it names images rather than holds them, and cannot say what the numbers of classes stand for;
- `NEXT`, a sentence that says what to do with the copy, which stands at `{out}` there.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Protocol, cast

from noisecleaner.errors import NoisecleanerError
from noisecleaner.export.copying import Copy
from noisecleaner.notices import Notice
from noisecleaner.progress import Stage
from noisecleaner.registry import module_in, names_in

_FILES = {name.replace("-", "_").upper(): name for name in names_in("export.formats")}
#: What `format` takes: one member for each file of this folder.
Format = StrEnum("Format", _FILES)  # type: ignore[misc]  # mypy knows only members that stand in the source


class Writer(Protocol):
    """What a file of this folder offers.

    Attributes:
        NEEDS_IMAGES: whether rows that bring vectors cannot be written.
    """

    NEEDS_IMAGES: bool

    def write(self, folder: Path, copy: Copy, stage: Stage) -> Sequence[Notice] | None:
        """Write a copy, and return what must be said of it, if anything.

        Args:
            folder: an empty directory; the caller makes its appearance atomic.
            copy: what to write.
            stage: advanced by one for each row written.
        """
        ...


def writer_of(format: str) -> Writer:
    """Import a format.

    Raises:
        NoisecleanerError: there is no such format.
    """
    return cast(Writer, module_in("export.formats", format, parameter="`format`"))


def rows_alone(format: str) -> bool:
    """Whether a format names images, rather than holds them, and cannot say what the numbers of classes stand for."""
    return bool(getattr(writer_of(format), "ROWS_ALONE", False))


def chosen_for(copy: Copy, format: str) -> str:
    """Name the format that is written where one is asked for, and refuse a copy that it cannot hold.

    Raises:
        NoisecleanerError: it needs images and the rows bring none, or it cannot hold a column.
    """
    instead = getattr(writer_of(format), "instead", None)
    format = format if instead is None else instead(copy)
    writer = writer_of(format)
    if writer.NEEDS_IMAGES and not copy.brings_images:
        raise NoisecleanerError(
            f"`format={format!r}` needs images, but the rows bring vectors.", "Export with `format='parquet'`."
        )
    getattr(writer, "refuse", lambda _: None)(copy)
    return format
