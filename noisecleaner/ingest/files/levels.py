"""Which level of the folders names the classes: splits are none, and where two levels could, both are told."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.files.walk import folders_of
from noisecleaner.notices import Notice, Severity

SPLITS = frozenset(("train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"))
#: Folders of splits: train, test-set, val2017, train_images.
_SPLIT = re.compile(rf"({'|'.join(sorted(SPLITS))})([-_ .]?(set|data|dataset|images?|imgs?|split|\d+))?")
#: Behind what may stand before it, in all of them: seg_train, seg_test.
_SEPARATOR = re.compile(r"[-_ .]")
#: Of names of folders and classes that are listed.
_SHOWN = 8


@dataclass(frozen=True)
class Level:
    """The level of the folders that names the classes.

    Args:
        rows: folder, as parts of its path -> how many images lie right in it.
        chosen: 1 for the folders below the dataset, 2 for those below them, …; -1 for the folder that holds an image,
            -2 for the one above it.
        splits: the folders above that are splits, not classes, as paths.
        asked: whether the user chose the level.
    """

    rows: Mapping[tuple[str, ...], int]
    chosen: int
    splits: tuple[str, ...] = ()
    asked: bool = False

    @classmethod
    def of(cls, paths: Iterable[str], asked: int | None) -> Level:
        """Choose the level: the first of which not every folder is called like a split.

        Args:
            paths: of the images, from the dataset's folder.
            asked: what the user chose; None leaves it to the names.

        Raises:
            NoisecleanerError: the user chose level 0.
        """
        counts = Counter(folders_of(paths))
        rows = {tuple(folder.split("/")) if folder else (): count for folder, count in counts.items()}
        if asked == 0:
            raise NoisecleanerError(
                "`Source.label_level` must be 1 or more (1: the folders below the dataset) or -1 or less (-1: the "
                "folder that holds the image), but it is 0.",
                "Give `Source(label_level=1)`, or leave it out to have it chosen.",
            )
        if asked is not None:
            return cls(rows, asked, asked=True)
        level = cls(rows, 1)
        while _are_splits(level.classes()):
            above = sorted({"/".join(parts[: level.chosen]) for parts in rows if len(parts) >= level.chosen})
            level = cls(rows, level.chosen + 1, tuple(above))
        return level

    def labels(self, paths: Sequence[str | None]) -> pa.StringArray:
        """Name the class of each path; null for one that has no folder of this level, and for none."""
        folders = list(folders_of(path or "" for path in paths))
        names = {folder: self.name(f"{folder}/" if folder else "") for folder in set(folders)}
        return pa.array([names[folder] for folder in folders], pa.string())

    def name(self, path: str) -> str | None:
        """The class of one path, None where it has no folder of this level."""
        return _part(tuple(path.split("/")[:-1]), self.chosen)

    def place(self, path: str) -> int | None:
        """Which part of a path names its class, from 0; None where no part does."""
        return _place(tuple(path.split("/")[:-1]), self.chosen)

    def classes(self, level: int | None = None) -> set[str]:
        """The names that a level has; of the chosen one if none is named."""
        names = (_part(parts, self.chosen if level is None else level) for parts in self.rows)
        return {name for name in names if name is not None}

    def bare(self, others: Iterable[str]) -> list[str]:
        """Find the folders of the level that hold other files, but no image.

        Args:
            others: the paths of files that are no images.
        """
        names = {name for path in others if not path.startswith(".") and (name := self.name(path)) is not None}
        return sorted(names - self.classes())

    @property
    def words(self) -> str:
        """Say where the names of the classes come from."""
        if self.splits:
            return f"the folders below {listed([f'{name}/' for name in self.splits], _SHOWN)}"
        if self.chosen == 1:
            return "the folders below the dataset"
        if self.chosen == -1:
            return "the folders that hold the images"
        return f"the folders of level {self.chosen}"

    def refuse_bare_splits(self, where: object, unread: str) -> None:
        """Refuse splits that hold no class folders.

        Args:
            where: the dataset.
            unread: what it holds that could tell the labels, but is not read; empty without any.

        Raises:
            NoisecleanerError: images lie right in folders that are called like splits, and nowhere else.
        """
        if not self.splits or self.classes():
            return
        names = " and ".join(filter(None, [", ".join(self.splits[:-1]), self.splits[-1]]))
        are = "is no class" if len(self.splits) == 1 else "are no classes"
        raise NoisecleanerError(
            f"Folders must name the classes (class/x.png), but {names} {are}: the images of {where} lie right in "
            f"these splits.{unread}",
            "Write a metadata.csv with the columns file_name and label into each of them, or give a table with a "
            "column of paths. If they are classes after all, say `Source(label_level=1)`.",
        )

    def notices(self) -> Iterable[Notice]:
        """Say what else the folders could mean."""
        if self.asked:
            return
        doubtful = sorted(name for name in self.classes() if is_split(name) and self._deeper(name))
        if self.chosen == 1 and doubtful:
            others = sorted(self.classes() - set(doubtful))
            yield Notice(
                code="split-taken-for-class",
                message=f"{listed(doubtful, _SHOWN)} {'is' if len(doubtful) == 1 else 'are'} called like a split, but "
                f"taken for a class, because {listed(others, _SHOWN)} beside it is none. If the classes are the "
                "folders below, take the others away, or say `Source(label_level=2)`.",
            )
            return
        yield from self._other_level()

    def _deeper(self, name: str) -> bool:
        return any(parts[:1] == (name,) and len(parts) > 1 for parts in self.rows)

    def other(self) -> str:
        """Say what the folders of the level below would make; empty where there are none, or they are splits."""
        names = sorted({name for _, name in self._pairs()})
        if not names or _are_splits(names):
            return ""
        return f"those of level {self.chosen + 1} would make {len(names)} ({listed(names, _SHOWN)})"

    def _pairs(self) -> set[tuple[str, str]]:
        """The folders of the level, each with those right below it."""
        return {(parts[self.chosen - 1], parts[self.chosen]) for parts in self.rows if len(parts) > self.chosen}

    def _other_level(self) -> Iterable[Notice]:
        """Tell what the level below would make, and how likely it is meant."""
        other = self.other()
        if not other:
            return
        shared = [name for name, count in Counter(name for _, name in self._pairs()).items() if count > 1]
        doubted = len(shared) > 1
        why = f": {listed(sorted(shared), 3)} lie below more than one of them" if doubted else ""
        yield Notice(
            code="two-levels-of-folders",
            message=f"The folders of level {self.chosen} name the classes ({len(self.classes())}: "
            f"{listed(sorted(self.classes()), _SHOWN)}); {other}{why}. Say which are meant: "
            f"`Source(label_level={self.chosen})` or `Source(label_level={self.chosen + 1})`.",
            severity=Severity.WARNING if doubted else Severity.NOTE,
        )


def is_split(folder: str) -> bool:
    """Whether a folder is called like a split: `train`, `Test`, `val2017`, `train_images`."""
    return _SPLIT.fullmatch(folder.lower()) is not None


def _are_splits(names: Collection[str]) -> bool:
    """Whether all of some names of folders are called like splits, perhaps behind what all of them begin with."""
    lower = [name.lower() for name in names]
    starts = [0, *(match.end() for match in _SEPARATOR.finditer(lower[0]))] if len(lower) > 1 else [0]
    return bool(lower) and any(
        all(name.startswith(lower[0][:start]) and is_split(name[start:]) for name in lower) for start in starts
    )


def _part(parts: tuple[str, ...], level: int) -> str | None:
    """The folder of a level, None where there is none."""
    place = _place(parts, level)
    return None if place is None else parts[place]


def _place(parts: tuple[str, ...], level: int) -> int | None:
    place = level - 1 if level > 0 else len(parts) + level
    return place if 0 <= place < len(parts) else None
