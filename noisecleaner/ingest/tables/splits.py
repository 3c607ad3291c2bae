"""Splits of a dataset (train, val, test), as its files, its folders or a column tell them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import IntArray
from noisecleaner.ingest.files.levels import SPLITS, is_split
from noisecleaner.ingest.tables.tabular import Files

#: `NAME-00000-of-00001.parquet`, as Hugging Face numbers the files of a split.
_SHARD = re.compile(r"(\w+(?:\.\w+)*?)-\d{5}-of-\d{5}\b.*")
#: What `save_to_disk` calls the files of every split; their folder is called like it.
_UNNAMED = "data"
#: Values of a column of splits: more of them are something else.
_MOST = 20
#: The column that says to which split a row belongs.
COLUMN = "split"


@dataclass(frozen=True, kw_only=True)
class Splits:
    """To which split each row belongs.

    Args:
        names: of the splits, as their owner writes them.
        rows: place of each row's split among the names, shape [rows].
    """

    names: tuple[str, ...]
    rows: IntArray

    @classmethod
    def of(cls, rows: pa.Array | pa.ChunkedArray) -> Splits | None:
        """Take the name of each row's split, in the order in which they are met; None where a row has none."""
        column = rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows
        if not len(column) or column.null_count:
            return None
        encoded = column.cast(pa.string()).dictionary_encode()
        return cls(names=tuple(encoded.dictionary.to_pylist()), rows=np.asarray(encoded.indices).astype(np.int64))


def of_files(files: Files) -> Splits | None:
    """Read splits off the names of tables and their folders: `train-00000-of-00002.parquet`, `test/0.parquet`.

    A table whose name tells none is a split of its own where others tell theirs: it belongs to none of those.

    Returns:
        The splits; None where no name tells one.
    """
    paths = files.below
    found = [_of_file(path) for path in paths]
    if not any(found):
        return None
    names = [
        name or "-".join(PurePosixPath(path).with_suffix("").parts) for name, path in zip(found, paths, strict=True)
    ]
    order = tuple(dict.fromkeys(names))
    return Splits(names=order, rows=np.repeat([order.index(name) for name in names], files.lengths()))


def of_paths(paths: pa.Array | pa.ChunkedArray) -> Splits | None:
    """Read splits off the paths of images: the first folder that is called like one.

    Args:
        paths: from the dataset's folder, shape [rows].

    Returns:
        The splits; None unless every path has one.
    """
    names: list[str] = []
    if paths.null_count == len(paths):
        return None
    for path in paths.to_pylist():
        name = _of_folders(path)
        if name is None:
            return None
        names.append(name)
    return Splits.of(pa.array(names, pa.string()))


def of_column(column: pa.ChunkedArray) -> Splits | None:
    """Read splits off a column; None where a row has none, or there are too many values for splits."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return None
    return None if pc.count_distinct(column.cast(pa.string())).as_py() > _MOST else Splits.of(column)


def _of_file(path: str) -> str | None:
    """The split that the folders of a table tell, or else its name."""
    *folders, name = PurePosixPath(path).parts
    inside = [folder.rpartition("=")[2] for folder in folders]
    told = list(filter(None, map(_of_name, inside)))
    if told:
        return told[0]
    shard = _SHARD.fullmatch(name)
    if shard and shard[1] == _UNNAMED:
        return inside[-1] if inside else None
    return shard[1] if shard else _of_name(name.split(".")[0])


def _of_name(name: str) -> str | None:
    """The one word of a name that is called like a split."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", name) if word.lower() in SPLITS]
    return words[0] if len(words) == 1 else None


def _of_folders(path: str | None) -> str | None:
    folders: Sequence[str] = (path or "").split("/")[:-1]
    return next((folder for folder in folders if is_split(folder)), None)
