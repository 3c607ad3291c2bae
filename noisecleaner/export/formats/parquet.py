"""Parquet as Hugging Face `datasets` reads it: data/train-00000-of-00001.parquet, as many files as the dataset has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.arrays import IntArray
from noisecleaner.export.copying import IMAGE_ROWS, OTHER_ROWS, Copy, Part
from noisecleaner.export.file_names import safe_names
from noisecleaner.export.hugging_face import IMAGE, described
from noisecleaner.export.row_tables import in_order, with_notes
from noisecleaner.ingest.tables.splits import Splits
from noisecleaner.progress import Stage

NEEDS_IMAGES = False
#: What a dataset is that tells no splits.
_TRAIN = "train"
#: Rows whose files are looked up together.
_BLOCK = 2**18


@dataclass(frozen=True, kw_only=True)
class _Shards:
    """The files of a copy.

    Args:
        names: of the files.
        rows: place of each row's file among them, shape [rows of the dataset].
    """

    names: tuple[str, ...]
    rows: IntArray

    @classmethod
    def of(cls, copy: Copy) -> _Shards:
        """As many for each split as the owner has, numbered as Hugging Face numbers them."""
        files, alone = copy.owner.files, np.broadcast_to(np.int32(0), len(copy.manifest))
        splits = copy.structure.splits or Splits(names=(_TRAIN,), rows=alone)
        # folders that name a column are no files of a copy, which has that column
        owned = alone if files is None or files.partitions else files.of_rows()
        pairs, rows = _pairs(splits.rows, owned)
        of_pairs = [split for split, _ in pairs]
        names, counts, met = safe_names(splits.names), Counter(of_pairs), Counter[int]()
        shards = []
        for place in of_pairs:
            shards.append(f"{names[place]}-{met[place]:05d}-of-{counts[place]:05d}.parquet")
            met[place] += 1
        return cls(names=tuple(shards), rows=rows)

    @property
    def one_by_one(self) -> bool:
        """Whether no file has rows between those of another one."""
        changes = int((self.rows[1:] != self.rows[:-1]).sum())
        return changes == len(self.names) - 1


def _pairs(splits: IntArray, owned: IntArray) -> tuple[list[tuple[int, int]], IntArray]:
    """The pairs that occur, ascending, and the place of each row's among them, shape [rows], block by block."""
    width, rows = 1 + int(owned.max(initial=0)), np.empty(len(splits), dtype=np.int32)
    parts = [slice(first, first + _BLOCK) for first in range(0, len(splits), _BLOCK)]
    found = [np.unique(splits[part].astype(np.int64) * width + owned[part]) for part in parts]
    keys = np.unique(np.concatenate(found))
    for part in parts:
        rows[part] = np.searchsorted(keys, splits[part].astype(np.int64) * width + owned[part])
    return [divmod(key, width) for key in keys.tolist()], rows


def write(folder: Path, copy: Copy, stage: Stage) -> None:
    """Write as many files for each split as the owner has, into a folder `data`."""
    (folder / "data").mkdir()
    _write(folder / "data", _Shards.of(copy), copy, stage)


def write_file(path: Path, copy: Copy, stage: Stage) -> None:
    """Write one Parquet file, with what Hugging Face reads of its columns in the metadata.

    Args:
        path: the file to write; the caller makes its appearance atomic.
        copy: what to write.
        stage: advanced by one for each row written.
    """
    _write(path.parent, _Shards(names=(path.name,), rows=np.zeros(len(copy.manifest), np.int8)), copy, stage)


def _write(folder: Path, shards: _Shards, copy: Copy, stage: Stage) -> None:
    """Write each file, also one that has lost all rows."""
    with ExitStack() as opened:
        writers: dict[int, pq.ParquetWriter] = {}
        for rows, table in _tables(copy):
            places = shards.rows[rows]
            for place in dict.fromkeys(places.tolist()):
                if place not in writers:
                    if shards.one_by_one:  # of thousands of files not all can be open at once
                        opened.close()
                    writers[place] = opened.enter_context(_writer(folder / shards.names[place], table.schema))
                writers[place].write_table(table.filter(pa.array(places == place)))
            stage.advance(len(rows))
    for place in set(range(len(shards.names))).difference(writers):
        _writer(folder / shards.names[place], table.schema).close()


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # snappy, because encoded images and embeddings do not get smaller and it wastes no time on them
    return pq.ParquetWriter(path, schema, compression="snappy", write_page_checksum=True)


def _tables(copy: Copy) -> Iterator[tuple[IntArray, pa.Table]]:
    """Yield parts of the copy: numbers of rows, and their columns."""
    images = copy.images() if copy.brings_images else None
    for part in copy.parts(IMAGE_ROWS if copy.brings_images else OTHER_ROWS):
        yield part.rows, _table(part, copy, images)


def _table(part: Part, copy: Copy, images: Iterator[tuple[int, bytes | None]] | None) -> pa.Table:
    names, table = copy.source.columns, part.owned
    if images is not None:
        table = table.append_column(names.image, _take(images, copy, part))
    table = with_notes(in_order(table.append_column(copy.label_field, part.cells), copy), part)
    typed = names.image in table.column_names and table.schema.field(names.image).type == IMAGE
    metadata = described(
        copy.owner.schema,
        table.column_names,
        label=names.label,
        names=copy.cells.names,
        image=names.image if typed else None,
    )
    return table.replace_schema_metadata(metadata or None)


def _take(images: Iterator[tuple[int, bytes | None]], copy: Copy, part: Part) -> pa.Array:
    """The images of a part, each with its path in a table, or its file's name; null for one that is not there."""
    paths = [copy.manifest.table["path"][row].as_py() for row in part.rows.tolist()]
    contents = [next(images)[1] for _ in part.rows]
    structs = [
        None if content is None else {"bytes": content, "path": _path(path, copy)}
        for content, path in zip(contents, paths, strict=True)
    ]
    return pa.array(structs, IMAGE)


def _path(path: str | None, copy: Copy) -> str | None:
    """What the owner's column said; of an image folder the sample id says where the file was."""
    return path if copy.owner.files is not None else Path(path).name if path else None
