"""Paths that were written on Windows: backslashes are read as slashes, unless a file is called so."""

from __future__ import annotations

import os

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.ingest.files.no_paths import excerpt, named
from noisecleaner.ingest.files.places import Place
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing, counted


def forward(root: Place, path: str) -> str:
    """Turn the backslashes of a relative path, if no file is called like the path itself."""
    if "\\" not in path or named(path) or (root.local and os.path.lexists(os.path.join(root.path, path))):
        return path
    return path.replace("\\", "/")


def all_forward(root: Place, paths: pa.ChunkedArray) -> tuple[pa.ChunkedArray, Notice | None]:
    """Turn the backslashes of a column.

    Args:
        root: where the paths start.
        paths: as they are written, shape [rows].

    Returns:
        The paths as they are read, and a notice where some were turned.
    """
    if not pc.any(pc.match_substring(paths, "\\")).as_py():
        return paths, None
    turned = pa.chunked_array([[path and forward(root, path) for path in paths.to_pylist()]], pa.string())
    changed = pc.fill_null(pc.not_equal(paths, turned), False)
    first = pc.index(changed, True).as_py()
    if first < 0:
        return paths, None
    count, written, read = pc.sum(changed).as_py(), excerpt(paths[first].as_py()), excerpt(turned[first].as_py())
    message = f"{counted(count, 'path')} {agreeing(count)} written with backslashes: {written} is read as {read}."
    return turned, Notice(code="backslashes", message=message, severity=Severity.NOTE)
