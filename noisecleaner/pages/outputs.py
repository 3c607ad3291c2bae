"""Where a page may be written, and what it may replace: an earlier page of its kind, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import refuse_below_file
from noisecleaner.ingest import Source

#: Characters at the beginning of a file in which marks stand.
_HEAD = 400


def refuse_no_page(out: Path, source: Source, *, what: str) -> None:
    """Refuse a page that cannot be written.

    Args:
        out: its name.
        source: the dataset whose rows it shows.
        what: what a page of this kind is, the beginning of the message.

    Raises:
        NoisecleanerError: it has another ending than .html, or lies in the dataset or below what is no directory.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise NoisecleanerError(f"{what}, but `out` is {out}.", "End its name with .html.")
    refuse_below_file(out, parameter="`out`")
    source.refuse_inside(out)


def refuse_strangers(marks: Mapping[Path, str], *, what: str) -> None:
    """Refuse to replace what is no page of this kind.

    Args:
        marks: output -> what stands at the beginning of an earlier one.
        what: what pages of this kind are called.

    Raises:
        NoisecleanerError: something else is there.
    """
    for path, mark in marks.items():
        if path.exists() and not (path.is_file() and mark in _head(path)):
            raise NoisecleanerError(
                f"A {what} only replaces an earlier {what}, but {path} is something else.",
                "Name another file with `out`, or remove it.",
            )


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_HEAD).decode("utf-8", "replace")
