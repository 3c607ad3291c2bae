"""The rows of a copy as its owner's table has them: the columns in their order, then what they lack, then the notes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.export.copying import OTHER_ROWS, Copy, Part
from noisecleaner.export.file_names import folded, safe_names
from noisecleaner.export.image_places import absolute_paths
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.payloads import ImageColumn
from noisecleaner.ingest.tables.splits import COLUMN, Splits
from noisecleaner.ingest.tables.tabular import Files
from noisecleaner.progress import Stage

#: What a table is called that no file of the owner gives a name to, and no split.
_ROWS = "rows"


@dataclass(frozen=True, kw_only=True)
class RowFiles:
    """The files that rows are written to.

    Args:
        names: of the files, without their endings, below the copy.
        rows: place of each row's file among them, shape [rows of the dataset].
        like: the owner's file of each; None where the owner has none.
    """

    names: tuple[PurePosixPath, ...]
    rows: IntArray
    like: tuple[Place | None, ...]

    @classmethod
    def of(cls, copy: Copy) -> RowFiles:
        """A file for each of the owner's, called like it; else one for each split."""
        files = copy.owner.files
        if files is not None and not files.partitions:
            return cls(names=_called_like(files), rows=files.of_rows(), like=files.places)
        like = None if files is None else files.places[0]
        splits = copy.structure.splits or Splits(names=(_ROWS,), rows=np.zeros(len(copy.manifest), np.int8))
        names = tuple(map(PurePosixPath, safe_names(splits.names)))
        return cls(names=names, rows=splits.rows, like=(like,) * len(names))

    @property
    def one_by_one(self) -> bool:
        """Whether the rows of each file stand together."""
        return bool((self.rows[1:] >= self.rows[:-1]).all())


@dataclass(frozen=True, kw_only=True)
class TextFormat:
    """How tables are written as text.

    Args:
        endings: of such files; the first is that of a file that stands for none of the owner's.
        opened: opens a file to write such tables to, as the owner wrote his.
    """

    endings: tuple[str, ...]
    opened: Callable[[Path, Place | None], AbstractContextManager[Callable[[pa.Table], None]]]

    def ending(self, like: Place | None) -> str:
        """The ending of a file that stands for one of the owner's, or for none."""
        return like.suffix if like is not None and like.suffix in self.endings else self.endings[0]


def write_rows(folder: Path, copy: Copy, stage: Stage, how: TextFormat) -> None:
    """Write the rows of a copy without its images; a file of which no row is left is not written.

    Args:
        folder: of the copy.
        copy: what it holds.
        stage: advanced by one for each row written.
        how: they are written as text.
    """
    files = RowFiles.of(copy)
    split = _split_column(copy, files)
    with ExitStack() as opened:
        writers: dict[int, Callable[[pa.Table], None]] = {}
        for part in copy.parts(OTHER_ROWS):
            table = _with_paths(part, copy)
            if split is not None:
                table = table.append_column(COLUMN, split.take(pa.array(part.rows)))
            table = with_notes(table, part)
            places = files.rows[part.rows]
            for place in dict.fromkeys(places.tolist()):
                if place not in writers:
                    if files.one_by_one:  # of thousands of files not all can be open at once
                        opened.close()
                    path = folder / f"{files.names[place]}{how.ending(files.like[place])}"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    writers[place] = opened.enter_context(how.opened(path, files.like[place]))
                writers[place](table.filter(pa.array(places == place)))
            stage.advance(len(part.rows))


def with_labels(part: Part, copy: Copy, *, named: bool) -> pa.Table:
    """The owner's columns of a part in their order, with its labels, and then the columns that the owner lacks.

    Args:
        part: the rows.
        copy: what they belong to.
        named: write the names of classes where no column of the owner has labels, rather than their numbers: the table
            cannot say what a number stands for.
    """
    label = copy.label_field
    table = part.owned.append_column(label, part.cells)
    if named and label.name not in copy.owner:
        names = pa.array(copy.classes, pa.string()).take(part.labels)
        table = table.set_column(table.num_columns - 1, label.name, names)
    return in_order(table, copy)


def with_notes(table: pa.Table, part: Part) -> pa.Table:
    """Append what is added to the rows of a part."""
    for name in part.notes.column_names:
        table = table.append_column(name, part.notes[name])
    return table


def in_order(table: pa.Table, copy: Copy) -> pa.Table:
    """Put columns into the owner's order, and those that the owner lacks behind them."""
    own = [name for name in copy.owner.schema.names if name in table.column_names]
    return table.select([*own, *(name for name in table.column_names if name not in own)])


def refuse_bytes(copy: Copy, *, format: str) -> None:
    """Refuse columns that text cannot hold.

    Args:
        copy: whose columns they are.
        format: what was asked for.

    Raises:
        NoisecleanerError: the images stand in the table themselves, or another column holds bytes.
    """
    made = {copy.source.columns.label, *copy.notes.column_names}
    held = [field for field in copy.owner.schema if field.name not in made and _holds_bytes(field.type)]
    if isinstance(copy.manifest.payload, ImageColumn):
        held.insert(0, copy.owner.schema.field(copy.source.columns.image))
    if held:
        raise NoisecleanerError(
            f"`format={format!r}` writes rows of text and numbers, and images stay where they are, but column "
            f"{held[0].name!r} of {copy.source.data} holds {'images' if copy.brings_images else 'bytes'} itself "
            f"({held[0].type}).",
            "Export with `format='parquet'`, or with `format='folder'` to have the images as files.",
        )


def _with_paths(part: Part, copy: Copy) -> pa.Table:
    table, column = with_labels(part, copy, named=True), copy.source.columns.image
    paths = absolute_paths(part, copy)
    if paths is None:
        return table
    if column in table.column_names:
        return table.set_column(table.column_names.index(column), column, paths)
    return in_order(table.append_column(column, paths), copy)


def _split_column(copy: Copy, files: RowFiles) -> pa.Array | None:
    """The splits, where only relative paths tell them: those are absolute in the copy, and files do not."""
    splits = copy.structure.splits
    if splits is None or len(splits.names) < 2 or COLUMN in copy.owner:
        return None
    pairs = np.unique(np.stack([files.rows, splits.rows]), axis=1)
    if pairs.shape[1] == len(np.unique(files.rows)):
        return None
    return pa.array(splits.names, pa.string()).take(pa.array(splits.rows))


def _called_like(files: Files) -> tuple[PurePosixPath, ...]:
    """Paths of tables below the folder that holds all of them, without their endings; they differ."""
    used: dict[str, dict[str, int]] = {}
    names = []
    for path in map(PurePosixPath, files.below):
        (stem,) = safe_names([path.stem], used.setdefault(folded(str(path.parent)), {}))
        names.append(path.with_name(stem))
    return tuple(names)


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _holds_bytes(kind.value_type)
    if pa.types.is_nested(kind):
        return any(_holds_bytes(kind.field(place).type) for place in range(kind.num_fields))
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))
