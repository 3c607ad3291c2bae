"""Which labels say that there is none: one list for every kind of table."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from noisecleaner.errors import listed
from noisecleaner.ingest.labels.cells import is_integer, without_fraction
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing, counted

#: What programs write where a value is missing, in any case and with blanks around it: Python, pandas, NumPy, R, SQL,
#: JSON and spreadsheets.
WORDS = frozenset(("nan", "none", "null", "na", "n/a", "<na>", "#n/a", "nil"))
#: A word of that list that people write on purpose, in small letters: for "no defect", or for "none of the classes".
NONE = "none"
#: What programs write for an unlabelled row, beside labels that are counted from 0 or are names.
NUMBER = "-1"


def missing(labels: Collection[str], *, declared: Collection[str] = ()) -> set[str]:
    """Find the labels of a column that say that there is none.

    `-1` is one beside a 0 and beside names, and a class beside other numbers only (-1 and 1 are two classes). `none` is
    a class, because people write it on purpose; `None` is what programs write.

    Args:
        labels: the distinct labels of the column, as text.
        declared: classes that somebody has named: none of them is missing.
    """
    classes = {name.strip().casefold() for name in declared}  # a word in another case is a class badly spelled
    words = {label for label in labels if _says_nothing(label) and label.strip().casefold() not in classes}
    numbers = {label for label in labels if without_fraction(label) == NUMBER} - set(declared)
    if NUMBER in declared or not numbers:
        return words
    others = {without_fraction(label) for label in set(labels) - words - numbers}
    beside = bool(declared) or "0" in others or not all(is_integer(label) for label in others)
    return words | numbers if beside else words


def none_notices(rows: int, where: str) -> tuple[Notice, ...]:
    """Say so where rows are labelled `none`, which is read as a class.

    Args:
        rows: how many are.
        where: file and column.
    """
    message = (
        f"{counted(rows, 'row')} of {where} {agreeing(rows, 'carries', 'carry')} {NONE} as their label: it is read as "
        "a class. Leave the cells empty if they "
        "are unlabelled; if it is a class, name all classes with `Columns(label_names=FILE)`."
    )
    return (Notice(code="class-called-none", message=message),) if rows else ()


def missing_notices(counts: Mapping[str, int], where: str) -> tuple[Notice, ...]:
    """Say how many rows carry which of these labels; words may be meant as a class, `-1` hardly ever is.

    Args:
        counts: label that was read as none -> its rows.
        where: file and column.
    """
    found = {label: count for label, count in counts.items() if label.strip()}
    if not found:
        return ()
    only_number = {without_fraction(label) for label in found} == {NUMBER}
    declare = (
        ""
        if only_number
        else " If one of them is a class, name all classes with `Columns(label_names=FILE)`; otherwise empty cells say "
        "the same."
    )
    return (
        Notice(
            code="labels-missing",
            message=f"{counted(sum(found.values()), 'row')} of {where} "
            f"{agreeing(sum(found.values()), 'carries', 'carry')} {listed(sorted(found))} as their label: they are "
            f"read as unlabelled.{declare}",
            severity=Severity.NOTE if only_number else Severity.WARNING,
        ),
    )


def _says_nothing(label: str) -> bool:
    text = label.strip()
    return not text or (text.casefold() in WORDS and text != NONE)
