"""How callers name files and folders, and which of these an output may have."""

from __future__ import annotations

import os
import re
from itertools import chain, count
from pathlib import Path
from typing import overload

from noisecleaner.errors import NoisecleanerError

#: How a caller names a file or a folder; `located` and `spelled` make one kind of it.
AnyPath = str | os.PathLike[str]

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def located(path: AnyPath) -> Path:
    """Take a path, in whichever way it is written.

    Raises:
        NoisecleanerError: it is none, or the address of a store: what is written is written here.
    """
    text = spelled(path)
    if _ADDRESS.match(text):
        raise NoisecleanerError(
            f"Runs, scores, copies and pages are written to this machine, but {text} is an address.",
            "Name a path of this machine, and copy what is written there to the store.",
        )
    return Path(text)


@overload
def spelled(path: AnyPath) -> str: ...
@overload
def spelled(path: None) -> None: ...
@overload
def spelled(path: AnyPath | None) -> str | None: ...
def spelled(path: AnyPath | None) -> str | None:
    """Write a path, or a URI, as text; None stays None.

    Raises:
        NoisecleanerError: it is no path, but perhaps what is meant itself.
    """
    if path is None:
        return None
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise NoisecleanerError(
            f"Files and folders are named by their path, a text, but a {type(path).__name__} stands in its place.",
            "Data that are in memory are written first: `keep(data, 'data.parquet')` returns the path.",
        )
    return text


def named(path: Path) -> Path:
    """Make a path absolute, links to folders above it followed, so that `.` and `..` have a name, too.

    Raises:
        NoisecleanerError: it is the root of the file system; or a link, behind which something else would be replaced
            than what was named.
    """
    if path.is_symlink():
        raise NoisecleanerError(
            f"An output is a file or folder of its own, but {path} is a link to {os.readlink(path)}.",
            "Name what the link leads to, or remove the link.",
        )
    real = Path(os.path.realpath(path))
    if not real.name:
        raise NoisecleanerError(f"An output needs a name, but {path} is the root.", "Name a directory with `out=DIR`.")
    return real


def unused(path: Path) -> Path:
    """Find a name like this one that no file has: `verify.parquet`, else `verify-2.parquet`, and so on."""
    names = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(name for name in chain([path], names) if not os.path.lexists(name))


def refuse_below_file(out: Path, *, parameter: str) -> None:
    """Refuse an output for which no folder can be made; those that lack are made where it is written (`alone`).

    Args:
        out: the file to write.
        parameter: what names it, as an error calls it.

    Raises:
        NoisecleanerError: what should be a folder above it is something else.
    """
    above = next(folder for folder in out.absolute().parents if os.path.lexists(folder))
    if not above.is_dir():
        raise NoisecleanerError(
            f"{parameter} names a file in a folder, which is made where there is none, but {above} is no folder.",
            f"Name another file with {parameter}.",
        )


def refuse_existing(out: Path, *, parameter: str = "with `out=DIR`") -> None:
    """Refuse an output directory that holds something.

    Args:
        out: the directory to make.
        parameter: how another one is named.

    Raises:
        NoisecleanerError: it exists and is not an empty directory.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise NoisecleanerError(
            f"A new directory is required, but {out} exists already.",
            f"Name another one {parameter}, or remove it.",
        )
