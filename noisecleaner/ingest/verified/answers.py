"""Which column of a table holds what people verified: never one that only repeats the given label beside the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.labels.cells import as_text
from noisecleaner.ingest.labels.indices import SECOND
from noisecleaner.ingest.source import Columns
from noisecleaner.ingest.tables.tabular import Files
from noisecleaner.noise.cross_table import CrossTable
from noisecleaner.tables import PLAN, count_true, require_columns

#: Share of a column's values that are classes, in a column that could hold labels.
_MOSTLY = 0.8
#: Rows by which a column is chosen for a closer look.
_FIRST = 65_536
#: Verified labels of which one should differ from the given one, where the column was named as the verified one.
_LEAST_RIGHT = 50
#: Cohen's kappa with the given label above which a column has to do with it, and rows that can tell.
_RELATED, _LEAST_ROWS = 0.2, 20
#: Words in the name of a column of verified labels.
_VERIFIED = re.compile(
    "accepted|actual|adjudicated|audit|audited|checked|consensus|correct|corrected|expert|final|fixed|gold|golden|"
    "ground|gt|human|review|reviewed|revised|right|true|trusted|truth|validated|verified"
)
#: Words in the name of a column that holds what a program says, or what was given.
_OTHERS = re.compile("given|guess|guessed|model|nc|pred|predicted|predictions?|suggested|suggestion")
#: Words in the name of a column that says which labels are right, and what stands in it.
_JUDGES = re.compile(f"{_VERIFIED.pattern}|agrees?|error|good|judge?ment|match|matches|ok|valid|verdict")
_JUDGEMENTS = re.compile("accept|accepted|approved|bad|correct|good|incorrect|not ok|ok|reject|rejected|right|wrong")
_YES_OR_NO = re.compile(f"{_JUDGEMENTS.pattern}|0|1|f|fail|false|n|no|pass|t|true|y|yes")

#: Columns that Label Studio writes beside the answers.
_LABEL_STUDIO = {"annotation_id", "annotator", "lead_time"}


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A column that was not taken for the verified labels, but could hold them; its labels have the shape [rows]."""

    name: str
    labels: pa.ChunkedArray


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The column that was taken for the verified labels.

    Args:
        name: of the column.
        named: whether it was named for that, or is called as noisecleaner calls it.
        rivals: columns that could hold them, too.
        judges: columns that say yes or no to labels: name -> the words that stand in it.
    """

    name: str
    named: bool
    rivals: tuple[Rival, ...] = ()
    judges: tuple[tuple[str, str], ...] = ()

    def refuse_copies(self, labels: pa.ChunkedArray, given: pa.ChunkedArray, where: object) -> None:
        """Refuse a column that repeats the given label beside one that does not, or two that could be the answer.

        Args:
            labels: of the column that was taken, class names, shape [rows].
            given: the given labels of these rows, null for rows that are not in the dataset, shape [rows].
            where: the table, for messages.

        Raises:
            NoisecleanerError: names the columns, and in how many rows each differs from the given label.
        """
        taken = _Seen.of(Rival(name=self.name, labels=labels), given)
        rivals = [_Seen.of(rival, given) for rival in self.rivals if _differs(rival.labels, labels)]
        rivals = [rival for rival in rivals if rival.differing and rival.related]
        least = _LEAST_RIGHT if self.named else 1
        copied = not taken.differing and taken.rows >= least
        if copied and self.judges and not rivals:
            raise _judged(self, taken, where)
        if rivals and (
            copied or not (self.named or (_says_so(self.name) and not any(_says_so(r.name) for r in rivals)))
        ):
            raise _which([taken, *rivals], where)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A column beside the given labels.

    Args:
        name: of the column.
        rows: those that have both labels.
        differing: those of them in which they differ.
        related: whether the labels have more to do with each other than by chance, as far as so few rows can tell.
    """

    name: str
    rows: int
    differing: int
    related: bool

    @classmethod
    def of(cls, column: Rival, given: pa.ChunkedArray) -> _Seen:
        both = pc.and_(pc.is_valid(column.labels), pc.is_valid(given))
        # labels may be kept as a dictionary's numbers
        labels, beside = (texts.cast(pa.string()).filter(both) for texts in (column.labels, given))
        names = pc.unique(pa.chunked_array([*labels.chunks, *beside.chunks], pa.string()))
        codes = [np.asarray(pc.index_in(part, value_set=names)) for part in (labels, beside)]
        table = CrossTable.of(*codes)
        differing = int((codes[0] != codes[1]).sum())
        related = len(labels) < _LEAST_ROWS or table.kappa > _RELATED
        return cls(name=column.name, rows=len(labels), differing=differing, related=related)

    def __str__(self) -> str:
        return f"{self.name!r} differs from the given label in {self.differing:,} of {self.rows:,} rows"


def find_answer(files: Files, columns: Columns, classes: Sequence[str], none_label: str | None) -> Answer:
    """Find the column of verified labels.

    Args:
        files: the table of verified labels.
        columns: how the dataset's columns are called.
        classes: of the dataset.
        none_label: the label that says that none of them is right; None where no label can.

    Raises:
        NoisecleanerError: there is no such column.
    """
    labels = [*classes, *([] if none_label is None else [none_label])]
    others = [name for name in _others(files, columns) if name not in (columns.trusted, Columns.trusted)]
    rivals = [Rival(name=name, labels=text) for name in others if (text := _labels(files, name, labels)) is not None]
    named = next((name for name in (columns.trusted, Columns.trusted) if name in files), None)
    # a table of `plan` calls it as noisecleaner does, whatever it was called before
    asked = columns.trusted not in files and columns.trusted != Columns.trusted
    if asked and rivals:
        raise _nothing(files, columns, rivals)
    says_so = next((rival.name for rival in rivals if _says_so(rival.name)), None)
    taken = named or says_so or (columns.label if columns.label in files and not asked else None)
    if taken is None:
        raise _nothing(files, columns, rivals)
    require_columns(files.schema, {"trusted": taken}, files)
    rest = tuple(rival for rival in rivals if rival.name != taken)
    judges = tuple(_judges(files, [name for name in others if name != taken]))
    return Answer(name=taken, named=named is not None, rivals=rest, judges=judges)


def refuse_own_copy(
    files: Files,
    columns: Columns,
    *,
    labels: pa.ChunkedArray,
    given: pa.ChunkedArray,
    classes: Sequence[str],
    none_label: str | None,
) -> None:
    """Refuse a dataset's own column of verified labels that repeats the given ones, where another column does not.

    Args:
        files: the dataset.
        columns: how its columns are called.
        labels: the verified labels, class names, shape [rows].
        given: the given labels, likewise.
        classes: the class names.
        none_label: the label that says that none of them is right; None where no label can.

    Raises:
        NoisecleanerError: names the columns, and in how many rows each differs from the given label.
    """
    if count_true(pc.is_valid(labels)) < _LEAST_RIGHT or count_true(pc.not_equal(labels, given)):
        return
    names = [*classes, *([] if none_label is None else [none_label])]
    others = [name for name in _others(files, columns) if name not in (columns.trusted, columns.label)]
    rivals = (Rival(name=name, labels=text) for name in others if (text := _labels(files, name, names)) is not None)
    Answer(name=columns.trusted, named=True, rivals=tuple(rivals)).refuse_copies(labels, given, files)


def _others(files: Files, columns: Columns) -> Iterator[str]:
    """Columns of text or numbers that have no meaning yet."""
    known = {columns.sample_id, columns.trusted_id, columns.image, columns.embedding, columns.probabilities}
    known |= {columns.irrelevant, SECOND, *(set(PLAN.names) - {Columns.trusted})}
    for field in files.schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if (plain or text) and field.name not in known and files.schema.names.count(field.name) == 1:
            yield field.name


def _labels(files: Files, name: str, classes: Sequence[str]) -> pa.ChunkedArray | None:
    """The text of a column whose values are mostly classes; None if they are not, or are those of a program."""
    if _any_word(_OTHERS, name):
        return None
    known = pa.array(classes, pa.string())
    try:
        first = as_text(_first(files, name), names=files.names(name), where=files.where(name)).drop_null()
        if not len(first) or count_true(pc.is_in(first, value_set=known)) < _MOSTLY * len(first):
            return None
        return as_text(files.column(name), names=files.names(name), where=files.where(name))
    except NoisecleanerError:  # fractions, which are no labels
        return None


def _judges(files: Files, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Columns that say which labels are right, and the words in which they say it."""
    for name in names:
        values = pc.unique(_first(files, name)).drop_null()
        words = {str(value).strip().casefold().removesuffix(".0") for value in values.to_pylist()}
        said = len(words) == 2 and all(_YES_OR_NO.fullmatch(word) for word in words)
        if said and (any(_JUDGEMENTS.fullmatch(word) for word in words) or _any_word(_JUDGES, name)):
            yield name, listed(sorted(str(value) for value in values.to_pylist()))


def _first(files: Files, name: str) -> pa.ChunkedArray:
    batch = next(files.batches([name], _FIRST), None)
    return pa.chunked_array([] if batch is None else [batch.column(0)], files.schema.field(name).type)


def _differs(labels: pa.ChunkedArray, others: pa.ChunkedArray) -> bool:
    """Whether two columns hold other labels in some row."""
    return bool(
        count_true(pc.and_kleene(pc.is_valid(labels), pc.fill_null(pc.not_equal(labels, others), fill_value=True)))
    )


def _says_so(name: str) -> bool:
    """Whether a column's name says that somebody verified what it holds."""
    return _any_word(_VERIFIED, name)


def _any_word(words: re.Pattern[str], name: str) -> bool:
    """Whether a name has one of some words: `trueLabel` and `true_label` are true and label."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).casefold()
    return any(words.fullmatch(word) for word in re.split(r"[^a-z0-9]+", apart))


def _which(columns: Sequence[_Seen], where: object) -> NoisecleanerError:
    return NoisecleanerError(
        f"Which column of {where} holds the verified labels cannot be told: {listed([str(c) for c in columns], 5)}.",
        "Name it with `Columns(trusted=NAME)`, and leave the other columns of labels out of that table if they are not "
        "the answer.",
    )


def _judged(answer: Answer, taken: _Seen, where: object) -> NoisecleanerError:
    name, words = answer.judges[0]
    return NoisecleanerError(
        f"A verified label must name the right class, but column {taken.name!r} of {where} repeats the given label in "
        f"all of {taken.rows:,} rows, and column {name!r} seems to say whether it is right ({words}).",
        f"Write the right class of each row into a column {Columns.trusted}: the given one where it is right.",
    )


def _nothing(files: Files, columns: Columns, rivals: Sequence[Rival]) -> NoisecleanerError:
    could = f" Columns that hold classes: {listed([repr(rival.name) for rival in rivals], 5)}." if rivals else ""
    tool = set(files.schema.names) >= _LABEL_STUDIO
    could += " It looks like the CSV of Label Studio, where the question names the column." if tool else ""
    return NoisecleanerError(
        f"{files} needs a column called {columns.trusted!r} with the verified labels, but its columns are "
        f"{listed(files.schema.names)}.{could}",
        f"{'Export JSON there, or name' if tool else 'Name'} the right one with `Columns(trusted=NAME)`.",
    )
