"""Parquet, data/train-00000-of-00001.parquet and such a file for each split, as Hugging Face `datasets` reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.arrays import IntArray
from noisecleaner.export.copying import IMAGE_ROWS, OTHER_ROWS, Copy, Part
from noisecleaner.export.file_names import safe_names
from noisecleaner.export.hugging_face import IMAGE, described
from noisecleaner.ingest.tables.splits import Splits
from noisecleaner.progress import Stage

NEEDS_IMAGES = False
#: What a dataset is that tells no splits.
_TRAIN = "train"


def write(folder: Path, copy: Copy, stage: Stage) -> None:
    """Write a file for each split into a folder `data`."""
    (folder / "data").mkdir()
    splits = copy.structure.splits
    names = safe_names(splits.names if splits else [_TRAIN])
    _write([folder / "data" / f"{name}-00000-of-00001.parquet" for name in names], copy, stage, splits)


def write_file(path: Path, copy: Copy, stage: Stage) -> None:
    """Write one Parquet file, with what Hugging Face reads of its columns in the metadata.

    Args:
        path: the file to write; the caller makes its appearance atomic.
        copy: what to write.
        stage: advanced by one for each row written.
    """
    _write([path], copy, stage, None)


def _write(paths: Sequence[Path], copy: Copy, stage: Stage, splits: Splits | None) -> None:
    """Write a file for each split, also for one that has lost all rows."""
    with ExitStack() as opened:
        writers: list[pq.ParquetWriter] = []
        for rows, table in _tables(copy):
            # snappy, because encoded images and embeddings do not get smaller and it wastes no time on them
            writers = writers or [
                opened.enter_context(
                    pq.ParquetWriter(path, table.schema, compression="snappy", write_page_checksum=True)
                )
                for path in paths
            ]
            for place, writer in enumerate(writers):
                part = table if splits is None else table.filter(pa.array(splits.rows[rows] == place))
                if len(part):
                    writer.write_table(part)
            stage.advance(len(rows))


def _tables(copy: Copy) -> Iterator[tuple[IntArray, pa.Table]]:
    """Yield parts of the copy: numbers of rows, and their columns."""
    images = copy.images() if copy.brings_images else None
    for part in copy.parts(IMAGE_ROWS if copy.brings_images else OTHER_ROWS):
        yield part.rows, _table(part, copy, images)


def _table(part: Part, copy: Copy, images: Iterator[tuple[int, bytes | None]] | None) -> pa.Table:
    names, table = copy.source.columns, part.owned
    if images is not None:
        table = table.append_column(names.image, _take(images, copy, part))
    table = table.append_column(copy.label_field, part.cells)
    for name in part.notes.column_names:
        table = table.append_column(name, part.notes[name])
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
