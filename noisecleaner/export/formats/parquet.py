"""One Parquet file, data/train-00000-of-00001.parquet, as Hugging Face `datasets` finds and reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.export.copying import IMAGE_ROWS, OTHER_ROWS, Copy, Part
from noisecleaner.export.hugging_face import IMAGE, features
from noisecleaner.progress import Stage

NEEDS_IMAGES = False


def write(folder: Path, copy: Copy, stage: Stage) -> None:
    """Write the file into a folder `data`."""
    (folder / "data").mkdir()
    write_file(folder / "data" / "train-00000-of-00001.parquet", copy, stage)


def write_file(path: Path, copy: Copy, stage: Stage) -> None:
    """Write one Parquet file with the Image and ClassLabel features in its metadata.

    Args:
        path: the file to write; the caller makes its appearance atomic.
        copy: what to write.
        stage: advanced by one for each row written.
    """
    images = copy.images() if copy.brings_images else None
    writer: pq.ParquetWriter | None = None
    try:
        for part in copy.parts(IMAGE_ROWS if copy.brings_images else OTHER_ROWS):
            if not len(part.rows) and writer is not None:
                continue
            table = _table(part, copy, images)
            # snappy, because encoded images and embeddings do not get smaller and it wastes no time on them
            writer = writer or pq.ParquetWriter(path, table.schema, compression="snappy", write_page_checksum=True)
            writer.write_table(table)
            stage.advance(len(part.rows))
    finally:
        if writer is not None:
            writer.close()


def _table(part: Part, copy: Copy, images: Iterator[tuple[int, bytes | None]] | None) -> pa.Table:
    names, table = copy.source.columns, part.owned
    if images is not None:
        table = table.append_column(names.image, _take(images, copy, part))
    table = table.append_column(names.label, part.labels)
    for name in part.notes.column_names:
        table = table.append_column(name, part.notes[name])
    typed = names.image in table.column_names and table.schema.field(names.image).type == IMAGE
    return table.replace_schema_metadata(features(names.label, copy.classes, image=names.image if typed else None))


def _take(images: Iterator[tuple[int, bytes | None]], copy: Copy, part: Part) -> pa.Array:
    """The images of a part, each with its file's name where it has one; null for one that is not there."""
    paths = [copy.manifest.table["path"][row].as_py() for row in part.rows.tolist()]
    contents = [next(images)[1] for _ in part.rows]
    structs = [
        None if content is None else {"bytes": content, "path": Path(path).name if path else None}
        for content, path in zip(contents, paths, strict=True)
    ]
    return pa.array(structs, IMAGE)
