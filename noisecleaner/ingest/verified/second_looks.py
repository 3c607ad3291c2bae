"""Verified rows that somebody looked at twice: the second label in a column, or in a row of another verifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.labels.indices import SECOND
from noisecleaner.ingest.manifest import Column
from noisecleaner.ingest.opening import open_labels
from noisecleaner.ingest.source import Columns
from noisecleaner.ingest.tables.tabular import Files
from noisecleaner.notices import Notice
from noisecleaner.tables import ARROW_ERRORS, count_true, with_column
from noisecleaner.texts import agreeing, counted

#: Columns that say who verified a row, in a table that may hold a row more than once; the second is Label Studio's.
_VERIFIERS = ("verifier", "annotator")
_SHOWN = 3
#: Rows that the first look calls wrong and no honest second one would all call right.
LEAST_WRONG = 5


def second_looks_alone(trusted: str, columns: Columns) -> bool:
    """Whether a table holds second looks and no column of first ones, as `recheck` writes it.

    Args:
        trusted: table or folder with verified labels.
        columns: how the dataset's columns are called.
    """
    files = open_labels(trusted)
    return files is not None and only_second(files, columns)


def only_second(files: Files, columns: Columns) -> bool:
    """Whether an open table is such a one."""
    return SECOND in files and columns.trusted not in files and Columns.trusted not in files


def read_verifiers(files: Files) -> pa.ChunkedArray | None:
    """Read who verified each row of a table, shape [rows]; None where no column says so.

    Who types a name twice is not two people: blanks around it, case and Unicode form are no difference. Null where
    nobody is named.
    """
    name = next((name for name in _VERIFIERS if files.schema.names.count(name) == 1), None)
    if name is None:
        return None
    try:
        names = files.column(name).cast(pa.string())
    except ARROW_ERRORS:  # it holds something that names nobody
        return None
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(pc.utf8_normalize(names, form="NFKC")))
    return pc.if_else(pc.equal(plain, ""), pa.scalar(None, pa.string()), plain)


def others_looks(labels: pa.ChunkedArray, *, first: IntArray, others: IntArray) -> pa.ChunkedArray:
    """Collect what others saw at rows that more than one verified.

    Of three or more looks the label that most of them name is that of the second look, the first one's where it is
    among those; of several others the one that comes first in the alphabet.

    Args:
        labels: verified labels, shape [verified rows].
        first: for each of the others' looks, the place of the first look at the same row, shape [looks].
        others: its own place, shape [looks].

    Returns:
        Labels at the places of the first looks, null elsewhere, shape [verified rows].
    """
    seen: dict[int, Counter[str]] = {}
    for place, label in zip(first.tolist(), labels.take(pa.array(others)).to_pylist(), strict=True):
        seen.setdefault(place, Counter())[label] += 1
    own = dict(zip(seen, labels.take(pa.array(list(seen), pa.int64())).to_pylist(), strict=True))
    mask = np.zeros(len(labels), dtype=bool)
    mask[list(seen)] = True
    chosen = pa.array([_most_named(seen[place], own[place]) for place in sorted(seen)], pa.string())
    return pa.chunked_array([pc.replace_with_mask(pa.nulls(len(labels), pa.string()), pa.array(mask), chosen)])


def _most_named(others: Counter[str], first: str) -> str:
    """Choose between what the first and all others saw."""
    most = max(others.values())
    if others[first] and others[first] + 1 >= most:
        return first
    return min(label for label, count in others.items() if count == most)


def refuse_copies(second: pa.ChunkedArray, *, first: pa.ChunkedArray, given: Column, where: str) -> None:
    """Refuse second looks that are nothing but the given labels.

    Args:
        second: labels of second looks, null where there was none, shape [verified rows].
        first: those of first looks, likewise.
        given: the given labels of these rows, null for rows that are not in the dataset, shape [verified rows].
        where: the table, for messages.

    Raises:
        NoisecleanerError: they repeat all given labels, also where first looks saw others.
    """
    both = pc.and_(pc.is_valid(second), pc.and_(pc.is_valid(first), pc.is_valid(given)))
    called_wrong = count_true(pc.and_(both, pc.not_equal(first, given)))
    if called_wrong >= LEAST_WRONG and not count_true(pc.and_(both, pc.not_equal(second, given))):
        raise NoisecleanerError(
            f"A second look must be what somebody saw, but those of {where} repeat the given label in all of "
            f"{count_true(both):,} rows, and the first look saw another one in {called_wrong:,} of them.",
            "Leave them out, or write down what was seen.",
        )


def not_there(second: pa.ChunkedArray, *, ids: pa.ChunkedArray, outside: BoolArray, where: str) -> Iterator[Notice]:
    """Say so where second looks are at rows that are not in the dataset.

    Args:
        second: labels of second looks, null where there was none, shape [verified rows].
        ids: sample ids, shape [verified rows].
        outside: rows that are not in the dataset, shape [verified rows].
        where: the table, for messages.
    """
    lost = ids.filter(pa.array(outside & np.asarray(pc.is_valid(second))))
    if len(lost):
        looks = f"{counted(len(lost), 'second look')} of {where} {agreeing(len(lost))}"
        message = f"{looks} at rows that are not in the dataset (such as "
        message += f"{listed(lost.slice(0, _SHOWN).to_pylist(), _SHOWN)}): they measure nothing."
        yield Notice(code="second-looks-elsewhere", message=message)


def without_first(rows: pa.Table) -> tuple[pa.Table, tuple[Notice, ...]]:
    """Leave out second looks at rows that nobody had verified before.

    Args:
        rows: with the columns trusted_label and second_label.
    """
    alone = pc.and_(pc.is_valid(rows[SECOND]), pc.is_null(rows["trusted_label"]))
    count = count_true(alone)
    if not count:
        return rows, ()
    looks = f"{counted(count, 'second look')} {agreeing(count)} at rows that nobody has verified before"
    message = f"{looks}: that measures nothing. A first look belongs into a column trusted_label."
    left = pc.if_else(alone, pa.scalar(None, pa.string()), rows[SECOND])
    return with_column(rows, SECOND, left), (Notice(code="second-looks-alone", message=message),)
