"""The splits of a dataset and the folders of its images, so that a copy has the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.export.owner import Owner
from noisecleaner.ingest import Manifest, Source
from noisecleaner.ingest.files.levels import Level
from noisecleaner.ingest.tables.splits import COLUMN, Splits, of_column, of_files, of_paths


@dataclass(frozen=True, kw_only=True)
class Structure:
    """Where rows stand in the dataset.

    Args:
        splits: to which split each row belongs, by the names of files or folders; None where there are none.
        told: the same by the column `split`.
        level: the folders of an image folder that name the classes; None where a column does.
        on_top: whether the splits are the uppermost folders.
    """

    splits: Splits | None
    told: Splits | None = None
    level: Level | None = None
    on_top: bool = False

    @classmethod
    def of(cls, manifest: Manifest, source: Source, owner: Owner) -> Structure:
        """Find out."""
        paths = manifest.table["path"]
        told = of_column(owner.column(COLUMN)) if COLUMN in owner and source.columns.label != COLUMN else None
        if owner.files is not None:
            found = of_files(owner.files)
            return cls(splits=found if found and len(found.names) > 1 else of_paths(paths) or found, told=told)
        if source.columns.label in owner:
            return cls(splits=of_paths(paths), told=told)
        level = Level.of(filter(None, paths.to_pylist()), source.label_level)
        inside = [_without(path or "", level) for path in paths.to_pylist()]
        splits = of_paths(pa.array(["/".join(parts) for parts in inside], pa.string()))
        on_top = splits is not None and {parts[0] for parts in inside} <= set(splits.names)
        return cls(splits=splits, told=told, level=level, on_top=on_top)

    @property
    def folders(self) -> Splits | None:
        """The splits that become folders: by files and folders, else by the column `split`."""
        if self.told is not None and (self.splits is None or len(self.splits.names) < 2):
            return self.told
        return self.splits

    def counts(self, rows: IntArray | BoolArray) -> dict[str, int]:
        """Count rows by split, as the copy tells them; nothing where there are none.

        Args:
            rows: their numbers in the dataset, shape [n], or which of its rows they are, shape [rows].
        """
        if self.folders is None:
            return {}
        counts = np.bincount(self.folders.rows[rows], minlength=len(self.folders.names))
        return dict(zip(self.folders.names, counts.tolist(), strict=True))


def _without(path: str, level: Level) -> list[str]:
    """The parts of a path but for the folder that names the class."""
    parts = list(PurePosixPath(path).parts)
    place = level.place(path)
    return parts if place is None else [*parts[:place], *parts[place + 1 :]]
