"""An image folder, class/name.png or split/class/name.png, with the metadata that Hugging Face `imagefolder` reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from noisecleaner.export.copying import OTHER_ROWS, Copy, Part
from noisecleaner.export.file_names import safe_names
from noisecleaner.export.hugging_face import described
from noisecleaner.ingest.files.kinds import IMAGE_ENDINGS
from noisecleaner.progress import Stage

NEEDS_IMAGES = True
#: The column by which `imagefolder` joins metadata; one of the owner's that is called so is renamed.
_FILE, _OWN_FILE = "file_name", "nc_given_file_name"


def write(folder: Path, copy: Copy, stage: Stage) -> None:
    """Write the images byte by byte, each into the folder of its split and class, and the metadata of each split."""
    folders = _Folders(copy)
    names: dict[int, PurePosixPath] = {}
    for row, content in copy.images():
        if content is None:
            continue
        names[row] = folders.place(row, content)
        (folder / names[row].parent).mkdir(parents=True, exist_ok=True)
        (folder / names[row]).write_bytes(content)
        stage.advance()
    _write_metadata(folder, copy, names, {row: folders.home(row) for row in names})


@dataclass(frozen=True)
class _Folders:
    """Names of files: in the folders of the dataset, or in those of split and class."""

    copy: Copy
    used: dict[PurePosixPath, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    @cached_property
    def classes(self) -> list[str]:
        """The folder of each class."""
        return safe_names(self.copy.classes)

    @cached_property
    def splits(self) -> list[str]:
        """The folder of each split."""
        folders = self.copy.structure.folders
        return safe_names(folders.names) if folders else []

    def place(self, row: int, content: bytes) -> PurePosixPath:
        """Name the file of a row, which differs from all others."""
        table = self.copy.manifest.table
        original = PurePosixPath(table["path"][row].as_py() or table["sample_id"][row].as_py())
        below = PurePosixPath(*self._above(row, original))
        (stem,) = safe_names([original.stem], self.used[below])
        return below / f"{stem}{_ending(original, content)}"

    def home(self, row: int) -> str:
        """The folder of the metadata: that of the split, if images of a split stand right in one."""
        structure = self.copy.structure
        inside = structure.level is None or structure.on_top or structure.folders is not structure.splits
        return self._split(row) if inside else ""

    def _above(self, row: int, original: PurePosixPath) -> Sequence[str]:
        """The folders of a file."""
        name, structure = self.classes[self.copy.labels[row]], self.copy.structure
        place = None if structure.level is None else structure.level.place(str(original))
        if place is None:
            return [*filter(None, [self._split(row)]), name]
        parts = original.parts[:-1]
        outside = [self._split(row)] if structure.folders is not structure.splits else []
        return [*outside, *map(_safe, parts[:place]), name, *map(_safe, parts[place + 1 :])]

    def _split(self, row: int) -> str:
        folders = self.copy.structure.folders
        return self.splits[folders.rows[row]] if folders else ""


def _safe(name: str) -> str:
    return safe_names([name])[0]


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


def _ending(name: PurePosixPath, content: bytes) -> str:
    """The file's ending: the one it has, else the one of its format."""
    if name.suffix.lower() in IMAGE_ENDINGS:
        return name.suffix
    with Image.open(BytesIO(content)) as image:
        return {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2"}.get(
            str(image.format), f".{image.format}".lower()
        )
