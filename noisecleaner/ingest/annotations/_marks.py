"""Labels as annotation tools give them -> a table of verified labels, and what was found in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.files.places import Place
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing, counted

#: Columns of the table.
FILE, LABEL, VERIFIER = "file_name", "trusted_label", "verifier"
_ID = "sample_id"
_SHOWN = 3
#: Questions that become columns.
_QUESTIONS = 20


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """What a file of an annotation tool holds.

    Args:
        table: text columns: file_name, trusted_label (null where nobody gave one label), verifier where the tool tells
            it, and what else the tool knows of an image. Where people answered several questions, a column for each.
        notices: what was found.
    """

    table: pa.Table
    notices: tuple[Notice, ...]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What one person said of one image.

    Args:
        file: names the image; None where nothing does.
        labels: question -> the classes that were chosen.
        verifier: who said it; None where nobody is named.
        facts: what else is known of the image: name of the column -> text.
    """

    file: str | None
    labels: Mapping[str, Sequence[str]]
    verifier: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def chosen(self) -> dict[str, str]:
        """Question -> the class, where it is one."""
        return {
            question: one[0] for question, labels in self.labels.items() if len(one := list(dict.fromkeys(labels))) == 1
        }

    @property
    def several(self) -> bool:
        """Whether more than one class was chosen in answer to a question."""
        return any(len(set(labels)) > 1 for labels in self.labels.values())


@dataclass(frozen=True, kw_only=True)
class Found:
    """All that a file holds.

    Args:
        place: the file.
        tool: that wrote it.
        marks: what people said.
        shapes: what else they drew or wrote: kind -> how many.
        skipped: images that they skipped on purpose.
    """

    place: Place
    tool: str
    marks: Sequence[Mark]
    shapes: Mapping[str, int] = field(default_factory=Counter)
    skipped: int = 0

    def annotations(self, *more: Notice) -> Annotations:
        """Make the table.

        Args:
            more: other things that must be said.

        Raises:
            NoisecleanerError: no mark names one class of one image.
        """
        named = [mark for mark in self.marks if mark.file is not None]
        if not any(mark.chosen for mark in named):
            raise self._nothing()
        asked = Counter(question for mark in named for question in mark.labels)
        questions = [question for question, _ in asked.most_common(_QUESTIONS)]
        columns: dict[str, list[str | None]] = {
            name: [mark.facts.get(name) for mark in named] for name in _facts(named)
        }
        for question in questions:
            name = LABEL if len(questions) == 1 else question
            columns[name] = [mark.chosen.get(question) for mark in named]
        columns[FILE] = [mark.file for mark in named]
        if any(mark.verifier is not None for mark in named):
            columns[VERIFIER] = [mark.verifier for mark in named]
        table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
        return Annotations(table=table, notices=(*self._notices(), *more))

    def _notices(self) -> Iterator[Notice]:
        parts = []
        several = sum(mark.several for mark in self.marks)
        if several:
            parts.append(
                f"{counted(several, 'image')} {agreeing(several, 'has', 'have')} several labels, none is taken"
            )
        empty = sum(not mark.chosen and not mark.several for mark in self.marks) - self.skipped
        if empty > 0:
            parts.append(f"{counted(empty, 'image')} {agreeing(empty, 'has', 'have')} no label")
        if self.skipped:
            parts.append(f"{counted(self.skipped, 'image')} {agreeing(self.skipped, 'was', 'were')} skipped there")
        unnamed = sum(mark.file is None for mark in self.marks)
        if unnamed:
            parts.append(f"{counted(unnamed, 'label')} {agreeing(unnamed, 'names', 'name')} no image")
        if self.shapes:
            parts.append(f"{self._drawn()} {agreeing(sum(self.shapes.values()))} not read")
        if parts:
            yield Notice(
                code="annotations-left",
                severity=Severity.NOTE,
                message=f"{self.place} ({self.tool}): {'; '.join(parts)}.",
            )

    def _drawn(self) -> str:
        kinds = [f"{count:,} {kind}" for kind, count in sorted(self.shapes.items(), key=lambda item: -item[1])]
        return listed(kinds, _SHOWN)

    def _nothing(self) -> NoisecleanerError:
        required = f"Verified labels name the class of an image, but {self.place} ({self.tool}) "
        if self.shapes:
            return NoisecleanerError(
                f"{required}holds none, only {self._drawn()}: what lies where in an image is not read.",
                "Ask for one class for each image there (a choice, a tag), and export that.",
            )
        if any(mark.several for mark in self.marks):
            return NoisecleanerError(
                f"{required}holds several for each image that has any.", "Ask for one class for each image there."
            )
        if any(mark.chosen for mark in self.marks):
            return NoisecleanerError(
                f"{required}names the image of none of them.",
                "Export with the paths or names of the images, or write a table of ids and labels.",
            )
        found = f"none: {counted(self.skipped, 'image')} skipped" if self.skipped else "none"
        return NoisecleanerError(f"{required}holds {found}.", "Label images there, and export them again.")


def _facts(marks: Sequence[Mark]) -> list[str]:
    """Columns that most images have, and that we do not make ourselves; an id only if every label has one."""
    counts = Counter(name for mark in marks for name in mark.facts)
    ours = {FILE, LABEL, VERIFIER}
    if not all(mark.facts.get(_ID) for mark in marks if mark.chosen):
        ours.add(_ID)  # the names of the files tell which rows they are
    return [name for name, count in counts.items() if 2 * count >= len(marks) and name not in ours]


def as_word(value: object) -> str | None:
    """Write a value of JSON as text; None for null, lists and objects."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value).encode("utf-8", "replace").decode()  # a lone surrogate is no text
    return None
