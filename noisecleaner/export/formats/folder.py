"""An image folder, class/name.png or split/class/name.png, with the metadata that Hugging Face `imagefolder` reads."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.export.copying import OTHER_ROWS, Copy, Part
from noisecleaner.export.hugging_face import described
from noisecleaner.export.image_names import Folders
from noisecleaner.progress import Stage

NEEDS_IMAGES = True
#: The column by which `imagefolder` joins metadata; one of the owner's that is called so is renamed.
_FILE, _OWN_FILE = "file_name", "nc_given_file_name"


def write(folder: Path, copy: Copy, stage: Stage) -> None:
    """Write the images byte by byte, each into the folder of its split and class, and the metadata of each split."""
    folders = Folders(copy)
    names: dict[int, PurePosixPath] = {}
    for row, content in copy.images():
        if content is None:
            continue
        names[row] = folders.place(row, content)
        (folder / names[row].parent).mkdir(parents=True, exist_ok=True)
        (folder / names[row]).write_bytes(content)
        stage.advance()
    _write_metadata(folder, copy, names, {row: folders.home(row) for row in names})


def _write_metadata(folder: Path, copy: Copy, names: dict[int, PurePosixPath], homes: dict[int, str]) -> None:
    """Write a line for each file, into the folder of its split.

    Args:
        folder: of the copy.
        copy: what it holds.
        names: row -> its file.
        homes: row -> the folder of its split, empty without one.
    """
    tables: dict[str, list[pa.Table]] = {home: [] for home in dict.fromkeys(homes.values())} or {"": []}
    for part in copy.parts(OTHER_ROWS):
        lines = _metadata(part, copy)
        for home, own in tables.items():
            rows = [place for place, row in enumerate(part.rows.tolist()) if homes.get(row) == home]
            files = [str(names[row].relative_to(home)) for row in part.rows[rows].tolist()]
            own.append(lines.take(pa.array(rows, pa.int64())).add_column(0, _FILE, pa.array(files, pa.string())))
    for home, own in tables.items():
        path = folder / home / "metadata.parquet"
        pq.write_table(_described(pa.concat_tables(own), copy), path, compression="zstd", write_page_checksum=True)


def _metadata(part: Part, copy: Copy) -> pa.Table:
    """What is known of the rows of a part, but for the names of their files."""
    names = [_OWN_FILE if name == _FILE else name for name in part.owned.column_names]
    table = part.owned.rename_columns(names).add_column(0, copy.label_field, part.cells)
    for name in part.notes.column_names:
        table = table.append_column(name, part.notes[name])
    return table


def _described(table: pa.Table, copy: Copy) -> pa.Table:
    columns, label, names = table.column_names, copy.source.columns.label, copy.cells.names
    metadata = described(copy.owner.schema, columns, label=label, names=names, image=None)
    return table.replace_schema_metadata(metadata or None)
