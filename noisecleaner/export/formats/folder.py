"""An image folder, class/name.png or split/class/name.png, with the metadata that Hugging Face `imagefolder` reads."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.export.copying import OTHER_ROWS, Copy
from noisecleaner.export.file_names import spelling_for
from noisecleaner.export.formats import csv, jsonl
from noisecleaner.export.hugging_face import described
from noisecleaner.export.image_names import Folders
from noisecleaner.export.row_tables import with_labels, with_notes
from noisecleaner.export.stems import PATH, Stems
from noisecleaner.ingest.files.places import Place
from noisecleaner.notices import Notice
from noisecleaner.progress import Stage

NEEDS_IMAGES = True
#: The column by which `imagefolder` joins metadata; one of the owner's that is called so is renamed, and not to what
#: ends in `_file_name`: `imagefolder` would take its texts for images.
_FILE, _OWN_FILE = "file_name", "nc_given_filename"
_NAMES_FILES = re.compile(r".*_file_names?").fullmatch
_PARQUET = ".parquet"


def write(folder: Path, copy: Copy, stage: Stage) -> list[Notice]:
    """Write the images byte by byte, each into the folder of its split and class, and the metadata of each split."""
    return write_files(folder, copy, stage, Folders(copy, spelling_for(folder), endings_apart=True))


class Names(Protocol):
    """How the files are called."""

    @property
    def stems(self) -> Stems:
        """The names without their endings."""
        ...

    def place(self, row: int, content: bytes) -> PurePosixPath:
        """Name the file of a row, which differs from all others."""
        ...

    def home(self, row: int) -> str:
        """The folder of the metadata of a row: empty, or that of its split."""
        ...


def write_files(folder: Path, copy: Copy, stage: Stage, folders: Names) -> list[Notice]:
    """Write the images and the metadata, and return what must be said of them.

    Args:
        folder: of the copy.
        copy: what to write.
        stage: advanced by one for each row written.
        folders: how the files are called.
    """
    names: dict[int, PurePosixPath] = {}
    for row, content in copy.images():
        if content is None:
            continue
        names[row] = folders.place(row, content)
        (folder / names[row].parent).mkdir(parents=True, exist_ok=True)
        (folder / names[row]).write_bytes(content)
        stage.advance()
    told = list(folders.stems.notices())
    _write_metadata(folder, copy, names, {row: folders.home(row) for row in names}, paths=bool(told))
    return told


def _write_metadata(
    folder: Path, copy: Copy, names: dict[int, PurePosixPath], homes: dict[int, str], *, paths: bool
) -> None:
    """Write a line for each file, into the folder of its split.

    Args:
        folder: of the copy.
        copy: what it holds.
        names: row -> its file.
        homes: row -> the folder of its split, empty without one.
        paths: whether to tell where each image was.
    """
    like = copy.owner.metadata
    ending = _PARQUET if like is None else like.suffix
    tables = _tables(copy, names, homes, named=ending != _PARQUET, paths=paths)
    uneven = [] if ending == _PARQUET else _uneven(tables.values(), copy.notes.column_names)
    for home, table in tables.items():
        _write_table(folder / home / f"metadata{ending}", table.drop_columns(uneven), copy, like)


def _tables(
    copy: Copy, names: dict[int, PurePosixPath], homes: dict[int, str], *, named: bool, paths: bool
) -> dict[str, pa.Table]:
    """Make the metadata of each folder that has them, see `_write_metadata`; `named` as in `with_labels`."""
    tables: dict[str, list[pa.Table]] = {home: [] for home in dict.fromkeys(homes.values())} or {"": []}
    for part in copy.parts(OTHER_ROWS):
        lines = with_labels(part, copy, named=named)
        lines = with_notes(lines.rename_columns(_renamed(lines.column_names, copy)), part)
        if paths:
            lines = lines.drop_columns([PATH] if PATH in lines.column_names else [])
            lines = lines.append_column(PATH, copy.manifest.table["path"].take(pa.array(part.rows)))
        for home, own in tables.items():
            rows = [place for place, row in enumerate(part.rows.tolist()) if homes.get(row) == home]
            files = [str(names[row].relative_to(home)) for row in part.rows[rows].tolist()]
            own.append(lines.take(pa.array(rows, pa.int64())).add_column(0, _FILE, pa.array(files, pa.string())))
    return {home: pa.concat_tables(own) for home, own in tables.items()}


def _renamed(names: Sequence[str], copy: Copy) -> list[str]:
    """Give other names to columns of a table that `imagefolder` would take for files."""
    others = {_FILE: _OWN_FILE}
    if copy.owner.files is not None:
        others |= {name: f"nc_given_{name}".replace("file_name", "filename") for name in names if _NAMES_FILES(name)}
    return [others.get(name, name) for name in names]


def _uneven(tables: Collection[pa.Table], notes: Sequence[str]) -> list[str]:
    """Find notes that hold nothing in one table and something in another, which text says to be two types.

    Hugging Face refuses an `imagefolder` whose splits differ in the types of their metadata; such notes are left out.
    """
    return [name for name in notes if len({table[name].null_count == len(table) for table in tables}) > 1]


def _write_table(path: Path, table: pa.Table, copy: Copy, like: Place | None) -> None:
    """Write metadata as the owner's are, CSV or JSON lines; else as Parquet, which tells what columns are."""
    opened = {".csv": csv.opened, ".jsonl": jsonl.opened}.get(path.suffix)
    if opened is None:
        pq.write_table(_described(table, copy), path, compression="zstd", write_page_checksum=True)
        return
    with opened(path, like) as write_rows:
        write_rows(table)


def _described(table: pa.Table, copy: Copy) -> pa.Table:
    columns, label, names = table.column_names, copy.source.columns.label, copy.cells.names
    metadata = described(copy.owner.schema, columns, label=label, names=names, image=None)
    return table.replace_schema_metadata(metadata or None)
