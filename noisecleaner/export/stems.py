"""Names of image files without their endings: which of them are kept, and what the others are called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from noisecleaner.errors import quoted
from noisecleaner.export.copying import Copy
from noisecleaner.export.file_names import distinct, folded
from noisecleaner.ingest.columns import noted
from noisecleaner.ingest.files.kinds import IMAGE_ENDINGS
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing, counted

#: The column of a copy that tells the path that an image had.
PATH = noted("path")


@dataclass(frozen=True, kw_only=True)
class Group:
    """Files that must be called differently: those of a folder, and of an ending where endings tell them apart."""

    below: PurePosixPath
    ending: str = ""

    @property
    def key(self) -> str:
        """What is the same of two groups that some file system takes for one."""
        return folded(f"{self.below}/{self.ending}")


@dataclass(frozen=True)
class Stems:
    """Names of the files of a copy, without their endings.

    Args:
        copy: whose files they are.
        plain: how names are written.
        used: what is taken in each group.
        changed: row -> its name, where that is not the one it has in the dataset.
    """

    copy: Copy
    plain: Callable[[str], str]
    used: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    changed: dict[int, str] = field(default_factory=dict)
    _late: set[int] = field(default_factory=set)

    @classmethod
    def of(
        cls, copy: Copy, group: Callable[[int, PurePosixPath], Group | None], *, plain: Callable[[str], str]
    ) -> Stems:
        """Name all files whose endings are known, the kept names first.

        Args:
            copy: whose files they are.
            group: of a row and its name in the dataset; None where that is not known yet.
            plain: how names are written.
        """
        stems = cls(copy, plain)
        elsewhere, taken = list[int](), list[int]()
        for row, original in _originals(copy):
            beside = group(row, original)
            if beside is None:
                stems._late.add(row)
            elif beside.below != original.parent:
                elsewhere.append(row)
            elif not stems._keep(stem_of(original), beside):
                taken.append(row)
        for rows, last in ((elsewhere, False), (taken, True)):
            for row in rows:
                original = original_name(copy, row)
                beside = group(row, original)
                assert beside is not None  # noqa: S101  # those are late
                if last:
                    stems._change(row, original, beside)
                elif not stems._keep(stem_of(original), beside):
                    taken.append(row)
        return stems

    def of_row(self, row: int, original: PurePosixPath, group: Group) -> str:
        """Name the file of a row.

        Args:
            row: its number.
            original: its name in the dataset.
            group: the files that it has to differ from.
        """
        if row in self._late:
            self._late.remove(row)
            self._change(row, original, group)
        return self.changed.get(row, stem_of(original))

    def notices(self) -> Iterator[Notice]:
        """Say how many files have another name than in the dataset, and where that one stands."""
        table, count = self.copy.manifest.table["path"], 0
        example = ""
        for row, stem in self.changed.items():
            path = table[row].as_py()
            if path is not None:
                count += 1
                example = example or f"{quoted(PurePosixPath(path).name)} begins with {quoted(stem)} now"
        if count:
            yield Notice(
                code="files-renamed",
                severity=Severity.NOTE,
                message=f"{counted(count, 'file')} {agreeing(count)} renamed, whose names are taken in the copy or "
                f"cannot be written there (such as {example}): {PATH} has the old path of each row.",
            )

    def _keep(self, stem: str, group: Group) -> bool:
        """Give a file the name that it has, if it can be written and is free."""
        key, name = group.key, folded(stem)
        if self.plain(stem) != stem or name in self.used[key]:
            return False
        self.used[key][name] = 1
        return True

    def _change(self, row: int, original: PurePosixPath, group: Group) -> None:
        (stem,) = distinct([stem_of(original)], self.used[group.key], self.plain)
        if stem != stem_of(original):
            self.changed[row] = stem


def original_name(copy: Copy, row: int) -> PurePosixPath:
    """The path of a row's image in the dataset, or else its sample id."""
    table = copy.manifest.table
    return PurePosixPath(table["path"][row].as_py() or table["sample_id"][row].as_py())


def stem_of(name: PurePosixPath) -> str:
    """A file's name without its ending, where that is one of images: an id may have dots."""
    return name.stem if name.suffix.lower() in IMAGE_ENDINGS else name.name


def _originals(copy: Copy) -> Iterator[tuple[int, PurePosixPath]]:
    for row in copy.rows.tolist():
        yield row, original_name(copy, row)
