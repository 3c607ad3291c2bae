"""Files below the dataset that are no rows: counted by kind, and named where they could hold what is missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

from noisecleaner.errors import listed
from noisecleaner.ingest.files.kinds import TABLE_ENDINGS, ending_of
from noisecleaner.ingest.files.places import hidden
from noisecleaner.ingest.files.walk import Walk
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing, counted, printable

#: The code of the notice; as a warning it is what `strict` refuses.
CODE = "files-are-no-rows"
#: Kinds and names that are told.
_SHOWN = 6
#: Patterns of lower-case file names -> the format of annotations that is not read.
_ANNOTATIONS = {
    "_classes.csv": "Roboflow's multi-class CSV",
    "*coco*.json": "COCO",
    "instances_*.json": "COCO",
    "data.yaml": "YOLO",
    "dataset.yaml": "YOLO",
    "annotations.xml": "CVAT",
    "labels.json": "FiftyOne",
}
#: Endings of annotations of which there is one for each image -> their format.
_PER_IMAGE = {".xml": "VOC", ".txt": "YOLO"}
_NO_ANNOTATIONS = frozenset(("readme.txt", "license.txt", "licence.txt", "classes.txt", "labels.txt"))


@dataclass(frozen=True, kw_only=True)
class Leftovers:
    """Files that are no rows.

    Args:
        walk: all files.
        unlisted: images that no metadata file names.
        unplaced: pictures that nothing decodes, outside the class folders.
        read: files that tell of rows, such as metadata.
        bare: folders that would name classes, but hold no image.
    """

    walk: Walk
    unlisted: Sequence[str] = ()
    unplaced: Sequence[str] = ()
    read: Sequence[str] = ()
    bare: Sequence[str] = ()

    def notice(self) -> Notice | None:
        """Tell how many files are no rows, by kind; a warning where images may be among them."""
        walk, read = self.walk, set(self.read)
        others = [path for path in walk.others if path not in read]
        count = len(others) + len(self.unplaced) + len(walk.hidden) + walk.litter.total()
        sentences = []
        if count:
            named = f"{count:,} {'file' if count == 1 else 'files'} below {printable(walk.folder)}"
            sentences.append(f"{named} {'is no row' if count == 1 else 'are no rows'}: {self._counted(others)}")
        if self.unlisted:
            sentences.append(self._unlisted())
        if self.bare:
            sentences.append(f"no image lies below {listed([f'{printable(name)}/' for name in self.bare], 4)}")
        if walk.closed:
            sentences.append(
                f"{counted(len(walk.closed), 'folder')} cannot be listed (such as {printable(walk.closed[0])})"
            )
        if not sentences:
            return None
        lost = bool(self.unlisted or self.unplaced or walk.hidden or walk.closed)
        return Notice(
            code=CODE,
            message="; ".join(sentences) + "." + unread(others),
            severity=Severity.WARNING if lost else Severity.NOTE,
        )

    def _counted(self, others: Sequence[str]) -> str:
        """Count what is no row by kind, litter last."""
        walk, kinds = self.walk, Counter(map(_kind, [*others, *self.unplaced]))
        parts = [f"{count:,} {kind}" for kind, count in kinds.most_common(_SHOWN)]
        rest = kinds.total() - sum(count for _, count in kinds.most_common(_SHOWN))
        parts += [counted(rest, "other")] if rest else []
        if walk.hidden:
            parts.append(f"{counted(len(walk.hidden), 'hidden image')} (such as {printable(walk.hidden[0])})")
        if walk.litter:
            named = listed([printable(name) for name, _ in walk.litter.most_common(3)])
            parts.append(f"{walk.litter.total():,} litter ({named})")
        return ", ".join(parts)

    def _unlisted(self) -> str:
        """Tell of images that no metadata file names, and of folders that have none."""
        homes = {path.rpartition("/")[0] for path in self.read}
        tops = Counter(path.partition("/")[0] for path in self.unlisted if "/" in path)
        bare = [name for name in tops if name not in homes and "" not in homes]
        where = "".join(f"; {tops[name]:,} of them are below {printable(name)}/, which has none" for name in bare[:3])
        return (
            f"{counted(len(self.unlisted), 'image')} {agreeing(len(self.unlisted))} in no metadata file (such as "
            f"{printable(self.unlisted[0])}{where}): "
            "add them to one, or take them away"
        )


def beside_tables(where: str, tables: Sequence[str], others: Sequence[str]) -> Notice | None:
    """Tell what a folder of tables holds beside them; a warning where further tables are among it.

    Args:
        where: the folder.
        tables: the paths of those that are read.
        others: those of the other files.
    """
    if not others:
        return None
    kinds = Counter("hidden" if hidden(path) else _kind(path) for path in others)
    found = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(_SHOWN))
    more = any(ending_of(path) in TABLE_ENDINGS for path in others if not hidden(path))
    return Notice(
        code=CODE,
        message=f"{where} holds tables, and is read as those that end in {ending_of(tables[0])}: {len(tables):,}. What "
        f"lies beside them is no row of its own: {found}. To read something else, give its path or a glob.",
        severity=Severity.WARNING if more else Severity.NOTE,
    )


def unread(others: Iterable[str]) -> str:
    """Name files that may hold the labels but are not read: annotations of other tools, and tables.

    Returns:
        Sentences that begin with a blank; empty without such files.
    """
    formats, tables, notes = dict[str, str](), list[str](), Counter[str]()
    for path in others:
        name = path.rpartition("/")[2].lower()
        known = next((words for pattern, words in _ANNOTATIONS.items() if fnmatch(name, pattern)), None)
        if known is not None:
            formats.setdefault(known, path)
        elif ending_of(name) in TABLE_ENDINGS:
            tables.append(path)
        elif name not in _NO_ANNOTATIONS:
            notes[ending_of(name)] += 1
    named = [f"{printable(path)} ({words})" for words, path in formats.items()]
    named += [
        f"{notes[ending]:,} {ending} files ({words})" for ending, words in _PER_IMAGE.items() if notes[ending] > 1
    ]
    found = (
        f" Annotations name no rows of a dataset, such as {listed(named, 4)}: make a table of paths and labels (what "
        "people verified in FiftyOne, CVAT or Label Studio is passed as `trusted=FILE`)."
        if named
        else ""
    )
    if tables:
        be = "is" if len(tables) == 1 else "are"
        found += f" Tables are read where they are called metadata.csv, or given themselves: {_some(tables)} {be} not."
    return found


def _some(paths: Sequence[str]) -> str:
    return listed([printable(path) for path in sorted(paths)], 3)


def _kind(path: str) -> str:
    """What a file is counted as: its ending."""
    name = path.rpartition("/")[2]
    if any(part.startswith(".") for part in path.split("/")):
        return "hidden"
    return printable(ending_of(name)) or "without an ending"
