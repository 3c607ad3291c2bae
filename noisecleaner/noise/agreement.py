"""Whether verified labels can be what they claim to be: not a copy of the given ones, nor those of other rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import NO_CLASS, UNVERIFIED, BoolArray, FloatArray, IntArray
from noisecleaner.errors import listed
from noisecleaner.noise.cross_table import CrossTable
from noisecleaner.noise.exchanged import find_exchange, find_renaming
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing, counted, shortened

#: The notice that (nearly) every row is verified.
CENSUS = "every-row-verified"
#: The notice that rows of a class were verified as another one, and hardly a row as it.
NEVER_VERIFIED = "class-never-verified"
#: The notices that classes stand in another order, or some of them.
ORDERS = frozenset(("verified-order", "verified-classes-exchanged"))
#: What `agreement_notices` may say; where verified labels come in later, it is said again of all of them.
CODES = frozenset((CENSUS, "no-error-verified", "verified-labels-of-other-rows", NEVER_VERIFIED, *ORDERS))
#: Verified rows of which one should be wrong.
_LEAST_RIGHT = 30
#: Verified rows that can show that labels have nothing to do with the given ones.
_LEAST_ODD = 20
#: Above this share of wrong labels nobody would call the labels given.
_MOST_WRONG = 0.9
#: Cohen's kappa below which labels have little to do with each other, and above which they are the same but for noise.
_LITTLE, _SAME = 0.2, 0.4
#: Standard errors that allow for the choice of the best of many orders.
_CHOICE = 3
#: Classes of which orders are compared: that takes the third power of them.
_MOST_CLASSES = 2000
#: Standard errors beyond which labels have more to do with each other than those of other rows, and beyond which they
#: have less to do with each other than any that were given: then nothing stands on them.
_SOME, _NONE = 2.33, 3.0
#: Share of changed labels, and least number of them, that nobody makes who only filled in a column.
_PLAUSIBLE, _LEAST_CHANGED = 0.1, 10
#: So unlikely a spread of them over the rows tells that somebody looked at a part of the rows only.
_SPREAD = 0.001
#: Part of a dataset of which no random sample is drawn, and the least size of a dataset to say so.
_NEARLY_ALL, _LEAST_ROWS = 0.95, 100
#: Characters of a class name in a sentence.
_NAME = 80


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Verified labels beside the given ones; every array has the shape [rows].

    Args:
        given: class index of the given label, -1 where there is none or the row was skipped.
        trusted: class index of the verified label, `UNVERIFIED` without one, `NO_CLASS` where no class is right.
        probability: with which a row was drawn to be verified, NaN where that is unknown.
        classes: the class names.
        where: what the verified labels were read from, in words.
    """

    given: IntArray
    trusted: IntArray
    probability: FloatArray
    classes: Sequence[str]
    where: str

    @property
    def names(self) -> list[str]:
        """The class names as a sentence takes them."""
        return [shortened(name, _NAME) for name in self.classes]

    @property
    def audited(self) -> BoolArray:
        """Rows that have both labels, shape [rows]."""
        audited: BoolArray = (self.given >= 0) & (self.trusted != UNVERIFIED)
        return audited

    @property
    def differing(self) -> int:
        """How many verified labels are not the given one."""
        return int((self.audited & (self.given != self.trusted)).sum())

    @property
    def spread(self) -> float:
        """How likely changed labels lie as unevenly over the verified rows, in their order, where all were looked at.

        The p-value of the test of Kolmogorov and Smirnov; there must be a changed label.
        """
        from scipy.stats import kstest

        changed = np.flatnonzero((self.given != self.trusted)[self.audited])
        return float(kstest((changed + 0.5) / int(self.audited.sum()), "uniform").pvalue)

    def cross_table(self) -> CrossTable:
        """Count verified against given classes, of those that occur.

        Rows that were drawn with a probability stand for as many as they do, and all together for as many rows as a
        plain sample needs to tell as much (Kish, 1965). Rows of no class are left out.
        """
        rows = np.flatnonzero(self.audited & (self.trusted != NO_CLASS))
        drawn = self.probability[rows]
        stands_for = np.where(np.isfinite(drawn), 1 / np.where(drawn > 0, drawn, 1), 1.0)
        stands_for *= stands_for.sum() / max((stands_for**2).sum(), 1)
        return CrossTable(labels=self.trusted[rows], others=self.given[rows], weights=stands_for)


def agreement_notices(comparison: Comparison) -> Iterator[Notice]:
    """Say what is odd about the verified labels as a whole.

    Args:
        comparison: of all verified labels with the given ones.
    """
    census = _census(comparison)
    odd = _other_order(comparison) or _exchanged(comparison) or _other_rows(comparison)
    checks = [_no_error(comparison), odd or _never_verified(comparison)]
    void = census is not None and census.severity is Severity.VOID
    yield from filter(None, [census] if void else [census, *checks])


def _census(comparison: Comparison) -> Notice | None:
    """Say so where (nearly) every row is verified, and nobody has said that this is so.

    It is believed where enough labels were changed, here and there.
    """
    audited = comparison.audited
    verified, rows, differing = int(audited.sum()), int((comparison.given >= 0).sum()), comparison.differing
    if not verified or np.isfinite(comparison.probability[audited]).all():
        return None
    whole = verified == rows
    copied = rows >= _LEAST_ROWS and verified >= _NEARLY_ALL * rows and 2 * differing < verified
    if not whole and not copied:
        return None
    some = f"Every one of {rows:,} rows is" if whole else f"{verified:,} of {rows:,} rows, nearly all, are"
    changed = f"{counted(differing, 'label')} {agreeing(differing, 'differs', 'differ')} from the given ones"
    found = f"{some} verified ({comparison.where}), and {changed}"
    if differing >= max(_LEAST_CHANGED, _PLAUSIBLE * verified) and comparison.spread > _SPREAD:
        return Notice(
            code=CENSUS,
            message=f"{found} ({differing / verified:.1%}): if somebody looked at each of them, the rate is a count "
            "and no estimate. Where only some were looked at, and the others hold the given label, it is too low: keep "
            "the verified labels of those rows only that somebody looked at.",
        )
    return Notice(
        code=CENSUS,
        severity=Severity.VOID,
        message=f"{found}. If somebody looked at each row, say so with a column sample_probability that holds 1 in "
        "each row. Otherwise keep the verified labels of those rows only that somebody looked at: a column that was "
        "filled in with the given label before anybody looked measures nothing, and looks the same.",
    )


def _no_error(comparison: Comparison) -> Notice | None:
    """Say so where no label is wrong: that may be true, or the column may be the wrong one."""
    verified = int(comparison.audited.sum())
    if verified < _LEAST_RIGHT or comparison.differing:
        return None
    return Notice(
        code="no-error-verified",
        message=f"None of the {verified:,} verified labels differs from the given one ({comparison.where}): hardly any "
        "label is wrong, or this column repeats the given one, or this is a copy that was cleaned with these same "
        "verified rows, which cannot measure it. Check that somebody looked at these images as they are now, and wrote "
        "down what they show without starting from the given label.",
    )


def _other_order(comparison: Comparison) -> Notice | None:
    """Say so where the classes would have to change places for the labels to agree."""
    table = comparison.cross_table()
    few = len(comparison.classes) <= _MOST_CLASSES
    if not few or table.size < _LEAST_ODD or table.kappa > _LITTLE:
        return None
    better, stands_for = table.reordered()
    if better.kappa < _SAME or better.kappa - _CHOICE * better.kappa_error < _LITTLE:
        return None
    pairs = [f"{comparison.names[label]} is {comparison.names[other]}" for label, other in stands_for.items()]
    return Notice(
        code="verified-order",
        severity=Severity.VOID,
        message=f"The verified labels ({comparison.where}) are the given one in {table.agreeing:.0%} of rows, but "
        f"would be in {better.agreeing:.0%} if {listed(pairs, 5)}: the classes seem to stand in another order there. "
        "Write names of classes in place of their numbers, or correct them.",
    )


def _exchanged(comparison: Comparison) -> Notice | None:
    """Say so where some classes have changed places, while the others are what they should be."""
    exchange = find_exchange(comparison.cross_table())
    if exchange is None:
        return None
    pairs = [f"{comparison.names[label]} is {comparison.names[given]}" for label, given in exchange.stands_for]
    given = [comparison.names[given] for given in sorted(given for _, given in exchange.stands_for)]
    return Notice(
        code="verified-classes-exchanged",
        severity=Severity.VOID,
        message=f"Of the verified rows given {listed(given, 5)}, the verified label ({comparison.where}) is the given "
        f"one in {exchange.own:.0%}, but would be in {exchange.other:.0%} if {listed(pairs, 5)}: these classes seem to "
        "have changed their names or numbers on one side. Look at some of these rows, and correct the names where "
        "they are wrong.",
    )


def _never_verified(comparison: Comparison) -> Notice | None:
    """Say so where most rows of a class were verified as another one."""
    renaming = find_renaming(comparison.cross_table())
    if renaming is None:
        return None
    given, label = (comparison.names[name] for name in (renaming.given, renaming.label))
    return Notice(
        code=NEVER_VERIFIED,
        message=f"Of the verified rows given {given}, {renaming.moved:.0%} are verified {label} ({comparison.where}), "
        f"and {renaming.stayed:.1%} of all rows are verified {given}: if {given} was written as {label} there, no rate "
        "is right. Look at some of these rows.",
    )


def _other_rows(comparison: Comparison) -> Notice | None:
    """Say so where the labels have hardly anything to do with the given ones."""
    table = comparison.cross_table()
    if table.size < _LEAST_ODD:
        return None
    if table.agreeing >= 1 - _MOST_WRONG and table.kappa + 1.96 * table.kappa_error >= _LITTLE:
        return None
    unrelated = table.agreeing < max(table.by_chance + _SOME * table.chance_error, 1 - _MOST_WRONG)
    certain = unrelated and table.kappa + _NONE * table.kappa_error < _LITTLE
    return Notice(
        code="verified-labels-of-other-rows",
        severity=Severity.VOID if certain else Severity.WARNING,
        message=f"Only {table.agreeing:.0%} of the verified labels ({comparison.where}) are the given one; labels of "
        f"other rows would agree in {table.by_chance:.0%}. Most likely it is a wrong column, other ids or another "
        "order of classes, or the rows were picked because they look wrong. Look at some of these rows.",
    )
