"""One reading for a label column, never two: names as they are written, or positions where their order is known.

1. A Hugging Face ClassLabel column has names of its own (`labels.as_text` has put them in already).
2. Labels that are classes are names, whatever they look like: "2" is the class "2".
3. Numbers are positions where the order of the classes is known: from ClassLabel, or from `Columns.label_names`.
4. Numbers for classes that are names, or names for classes that are numbers, are refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.labels.cells import is_integer, order, without_fraction
from noisecleaner.ingest.labels.lookalikes import explained, shown
from noisecleaner.ingest.labels.missing import NONE, missing, missing_notices, none_notices
from noisecleaner.notices import Notice, Severity

_SHOWN = 5
_NAME_THEM = "Name the classes in the order of their numbers with `Columns(label_names=FILE)`, or write names."


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A label column that was read.

    Args:
        labels: as text, null where a row has no label, shape [rows].
        classes: the class names, in the order of their indices.
        ordered: whether somebody has told that order, so that a number is a position in it.
        notices: how the labels were read.
    """

    labels: pa.ChunkedArray
    classes: tuple[str, ...]
    ordered: bool = False
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LabelColumn:
    """Labels as a column or the folders hold them.

    Args:
        text: as `labels.as_text` gives them, shape [rows].
        own: the names that came with the column (ClassLabel), `()` without any.
        where: file and column, for messages.
        folders: whether folders name the classes: then every name is meant.
    """

    text: pa.ChunkedArray
    own: tuple[str, ...] = ()
    where: str
    folders: bool = False

    def defining(self, told: Sequence[str] = ()) -> Reading:
        """Read the labels that say what the classes are.

        Args:
            told: the names that the user gave, in the order of their numbers, `()` without any.

        Raises:
            NoisecleanerError: a label is none of the classes that were told, or may be a name or a number.
        """
        counts = _counts(self.text)
        absent = set() if self.folders else missing(counts, declared=(*self.own, *told))
        notices = missing_notices({label: counts[label] for label in absent}, self.where)
        present = [label for label in counts if label not in absent]
        changed: dict[str, str] = {}
        if told and not self.own:
            carried = {label: counts[label] for label in present}
            changed, more = _as_classes(carried, classes=told, told=told, where=self.where)
            notices += more
        elif not self.own and not self.folders:
            changed, more = _whole(present, self.where)
            notices += (*more, *none_notices(counts.get(NONE, 0), self.where))
        _refuse_undeclared({changed.get(label, label): counts[label] for label in present}, told, self.where)
        labels = relabelled(self.text, {**changed, **dict.fromkeys(absent)})
        classes = tuple(told or self.own) or order(labels)
        return Reading(labels=labels, classes=classes, ordered=bool(told or self.own), notices=notices)

    def known(self, classes: Sequence[str], *, told: Sequence[str] = (), beside: str | None = None) -> Reading:
        """Read the labels under the names of classes that are known; labels of no class stay as they are.

        Args:
            classes: the class names.
            told: the names in the order of their numbers, where that is known, else `()`.
            beside: a label that is no class and stays, such as the one that says that none of them is right.

        Raises:
            NoisecleanerError: labels are numbers and the classes names, or the other way round, and nobody has told
                which number stands for which name; or a label may be a name or a number.
        """
        counts = _counts(self.text)
        absent = missing(counts, declared=classes) - {beside}
        present = [label for label in counts if label not in absent and label != beside]
        ordered = bool(told) or self.own == tuple(classes)
        carried = {label: counts[label] for label in present}
        changed, notices = _as_classes(carried, classes=classes, told=() if self.own else told, where=self.where)
        labels = relabelled(self.text, {**changed, **dict.fromkeys(absent)})
        notices = (*missing_notices({label: counts[label] for label in absent}, self.where), *notices)
        return Reading(labels=labels, classes=tuple(classes), ordered=ordered, notices=notices)


def _counts(text: pa.ChunkedArray) -> dict[str, int]:
    """The distinct labels of a column, and how many rows carry each."""
    counted = pc.value_counts(text.drop_null())
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))


def relabelled(text: pa.ChunkedArray, changed: Mapping[str, str | None]) -> pa.ChunkedArray:
    """Put other labels in place of some; None is no label."""
    changed = {label: new for label, new in changed.items() if label != new}
    if not changed:
        return text
    found = pc.index_in(text, value_set=pa.array(list(changed), pa.string()))
    return pc.if_else(pc.is_null(found), text, pc.take(pa.array(list(changed.values()), pa.string()), found))


def _whole(labels: Sequence[str], where: str) -> tuple[dict[str, str], tuple[Notice, ...]]:
    """Read 7.0 as 7 where every label of a column is a whole number, and one is written with a fraction."""
    if not all(is_integer(without_fraction(label)) for label in labels):
        return {}, ()
    changed = {label: without_fraction(label) for label in labels if not is_integer(label)}
    if not changed:
        return {}, ()
    example = min(changed)
    message = f"All labels of {where} are whole numbers: {example} is read as {changed[example]}."
    return changed, (Notice(code="labels-whole-numbers", message=message, severity=Severity.NOTE),)


def _as_classes(
    labels: Mapping[str, int], *, classes: Sequence[str], told: Sequence[str], where: str
) -> tuple[dict[str, str], tuple[Notice, ...]]:
    """Say what each label of a column becomes, where it is not the name itself.

    Args:
        labels: the distinct labels of the column that are present, and how many rows carry each.
        classes: the class names.
        told: the names in the order of their numbers, `()` where that is unknown.
        where: file and column, for messages.
    """
    names = set(classes)
    whole = _whole_classes(labels, names)
    present = {whole.get(label, label) for label in labels}
    unknown = present - names
    numbers = {label for label in present if is_integer(label)}
    if not present or not unknown:
        return whole, _by_name(numbers, told, where) if numbers == present else ()
    if numbers == present and not all(is_integer(name) for name in names):
        if present & names:
            _refuse_both(present, unknown, told, where)
        elif told:
            rows = dict.fromkeys(sorted(numbers, key=int), 0)
            for label, count in labels.items():
                rows[whole.get(label, label)] += count
            positions = _positions(rows, told, where)
            changed = {label: positions.get(whole.get(label, label), label) for label in labels}
            return changed, (_by_position(positions, where),)
        else:
            raise _nameless_numbers(numbers, classes, where)
    if not numbers and all(is_integer(name) for name in names) and not explained(sorted(unknown), classes):
        raise _numberless_names(present, classes, where)
    return whole, ()


def _whole_classes(labels: Collection[str], classes: Collection[str]) -> dict[str, str]:
    """Map labels that are whole numbers to how the classes write them: 7.0 to 7, or 7 to 7.0."""
    written = {without_fraction(name): name for name in classes if is_integer(without_fraction(name))}
    whole = all(is_integer(without_fraction(label)) for label in labels)
    changed = {}
    for label in labels:
        number = without_fraction(label)
        if label not in classes and is_integer(number) and (number in written or whole):
            changed[label] = written.get(number, number)
    return changed


def _positions(rows: Mapping[str, int], told: Sequence[str], where: str) -> dict[str, str]:
    """Say which class each number stands for; a few that stand for none are left out, and their rows are skipped.

    Args:
        rows: number -> rows that carry it, in the order of the numbers.
        told: the class names.
        where: file and column, for messages.

    Raises:
        NoisecleanerError: half of the rows or more carry no number of a class, or the numbers seem to count from 1.
    """
    outside = [number for number in rows if not 0 <= int(number) < len(told)]
    from_one = all(1 <= int(number) <= len(told) for number in rows)
    if outside and (from_one or _most(outside, rows)):
        raise NoisecleanerError(
            f"Numbers that stand for classes count from 0 to {len(told) - 1}, because there are {len(told)} class "
            f"names, but {where} holds {listed(outside, _SHOWN)}.",
            "Number the classes from 0 in the order of their names, or write names.",
        )
    return {number: told[int(number)] for number in rows if number not in outside}


def _most(some: Collection[str], rows: Mapping[str, int]) -> bool:
    """Whether half of the rows or more carry one of some labels: then the names are those of other labels."""
    return 2 * sum(rows[label] for label in some) >= sum(rows.values())


def _by_position(positions: Mapping[str, str], where: str) -> Notice:
    pairs = listed([f"{number} is {name}" for number, name in positions.items()], _SHOWN)
    message = f"Numbers of {where} are read as positions in the class names: {pairs}."
    return Notice(code="labels-by-position", message=message, severity=Severity.NOTE)


def _by_name(numbers: Collection[str], told: Sequence[str], where: str) -> tuple[Notice, ...]:
    """Say that numbers are names, where they could be positions of other classes, too."""
    inside = [n for n in sorted(numbers, key=int) if 0 <= int(n) < len(told)]
    other = [n for n in inside if told[int(n)] != n]
    if not other or len(inside) < len(numbers):
        return ()
    message = (
        f"Numbers of {where} are read as the classes of these names, not as positions in the class names: {other[0]} "
        f"is the class {other[0]}, not {told[int(other[0])]}."
    )
    return (Notice(code="labels-by-name", message=message, severity=Severity.NOTE),)


def _refuse_both(present: Collection[str], unknown: Collection[str], told: Sequence[str], where: str) -> None:
    """Refuse numbers of which some are classes, where all of them could be positions, too."""
    if told and all(0 <= int(label) < len(told) for label in present):
        known = sorted(set(present) - set(unknown), key=int)
        raise NoisecleanerError(
            f"A label column holds names or positions, never both, but in {where} {listed(known, _SHOWN)} are names of "
            f"classes and {listed(sorted(unknown, key=int), _SHOWN)} are none; as positions they would be other "
            f"classes ({known[0]} would be {told[int(known[0])]}).",
            "Write the names of the classes.",
        )


def _refuse_undeclared(rows: Mapping[str, int], told: Sequence[str], where: str) -> None:
    """Refuse labels that are none of the classes that the user has named, where they are most or only look like one.

    Other rows with such a label are skipped, and counted with it.
    """
    unknown = sorted(set(rows) - set(told)) if told else []
    how = explained(unknown, told, of="`Columns.label_names`")
    if unknown and (how or _most(unknown, rows)):
        raise NoisecleanerError(
            f"`Columns.label_names` must name every class, but {where} holds "
            f"{listed([shown(label) for label in unknown], _SHOWN)}, which it does not name{how and ': '}{how}.",
            "Add those names to the file, or correct the labels.",
        )


def _nameless_numbers(numbers: Collection[str], classes: Sequence[str], where: str) -> NoisecleanerError:
    found = listed(sorted(numbers, key=int), _SHOWN)
    return NoisecleanerError(
        f"A number says which class is meant only where the order of the classes is known, but {where} holds {found}, "
        f"and the classes are names that nobody has put in order. In the order of the alphabet {_guess(classes)}, "
        "which may be wrong.",
        _NAME_THEM,
    )


def _numberless_names(names: Collection[str], classes: Sequence[str], where: str) -> NoisecleanerError:
    found = listed(sorted(names), _SHOWN)
    return NoisecleanerError(
        f"A name says which number is meant only where the order of the names is known, but {where} holds {found}, "
        f"and the classes are numbers ({listed(list(classes), _SHOWN)}). In the order of the alphabet "
        f"{_guess(sorted(names))}, which may be wrong.",
        _NAME_THEM,
    )


def _guess(names: Sequence[str]) -> str:
    """The mapping that would have been used, had anybody trusted it."""
    return listed([f"{number} would be {name}" for number, name in enumerate(names)], _SHOWN)
