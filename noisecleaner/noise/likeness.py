"""Whether new rows are like the fitted ones: only then does what was learned on these hold for those."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from noisecleaner.arrays import FloatArray, IntArray, RealArray
from noisecleaner.errors import quoted
from noisecleaner.noise.rate import hundredths, percent
from noisecleaner.noise.twosample import Found, Means, Samples, distributions, means, told_apart
from noisecleaner.notices import UNLIKE, Notice, Severity

#: Rows that are compared at most: with more of them, differences would be found that matter to nobody.
MOST_ROWS = 2_000
#: Rows of each side below which a test could find next to nothing.
LEAST_ROWS = 50
#: What happens to like rows less often than this, in each of three tests, is called a difference.
LEAST_P = 0.01
#: Rows that a classifier tells apart less well may be off a little; what is known of the others nearly holds for them.
_SLIGHT = 0.55
#: Classes whose shares differ by this much in sum are called another mix, where chance makes it as rarely as this.
_OTHER_MIX, _RARE = 0.1, 0.001
#: With which probability the smallest difference that is told would be found.
_POWER = 0.95
_SHOWN = 3
_AGAIN = "label_quality was calibrated again on these; networks that know other rows may still rank worse."
_AS_FITTED = "label_quality is that of the fitted rows, and may mislead: verify more of them to calibrate it again."


@dataclass(frozen=True, kw_only=True)
class ComparedRows:
    """Rows as they are compared; numbers come from networks that did not train on the row.

    Args:
        given: class index of the given label, shape [rows].
        looks: numbers that say what a row's image or vector is like, shape [rows, numbers].
        margin: logit of the given label minus the best other, NaN where no such network is there, shape [rows].
        wrong: 1 - label quality, likewise.
    """

    given: IntArray
    looks: RealArray
    margin: FloatArray
    wrong: FloatArray

    def __len__(self) -> int:
        return len(self.given)


@dataclass(frozen=True, kw_only=True)
class Labels:
    """How alike given labels are.

    Args:
        wrong: expected share of wrong labels among fitted rows, in the new rows' mix of classes, and among new ones.
        margins: largest difference between the distribution functions of their margins.
        smallest: difference of the shares that would most likely have been found.
    """

    wrong: Means
    margins: Found
    smallest: float

    @property
    def differ(self) -> bool:
        """Whether they do."""
        return min(self.wrong.p_value, self.margins.p_value) <= LEAST_P

    def words(self) -> str:
        """Say how the labels look."""
        text = f"given labels look wrong in {percent(self.wrong.second)} of them, and in {percent(self.wrong.first)} "
        text += "of fitted rows of the same classes"
        if self.wrong.p_value > LEAST_P >= self.margins.p_value:
            text += f", but margins are spread otherwise (by {percent(self.margins.value)} of the rows)"
        return text


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How alike new and fitted rows are.

    Args:
        looks: area under the ROC curve of a classifier that tells them apart.
        labels: how alike their labels are; None where no network can tell.
    """

    looks: Found
    labels: Labels | None

    @property
    def unlike(self) -> bool:
        """Whether what was learned on the fitted rows cannot be relied on."""
        return (self._told_apart and self.looks.value >= _SLIGHT) or (self.labels is not None and self.labels.differ)

    @property
    def slightly(self) -> bool:
        """Whether they differ, but by little."""
        return self._told_apart and not self.unlike

    @property
    def _told_apart(self) -> bool:
        return self.looks.p_value <= LEAST_P

    def words(self) -> str:
        """Say how alike they are, what differs first."""
        area = f"AUROC {self.looks.value:.2f}"
        looks = (
            f"a classifier tells them apart with {area}"
            if self._told_apart
            else f"no classifier tells them apart ({area})"
        )
        parts = [looks, *([self.labels.words()] if self.labels else [])]
        return ", and ".join(parts if self._told_apart else parts[::-1])


def compare(fitted: ComparedRows, new: ComparedRows) -> Likeness | None:
    """Compare new rows with fitted ones of the same given label, by what they look like and how their labels do.

    Args:
        fitted: a random sample of the fitted rows, at most `MOST_ROWS`.
        new: likewise of the new ones.

    Returns:
        None where too few rows can be compared.
    """
    samples = Samples.of(fitted.given, new.given, seed=0)
    if min(samples.sizes) < LEAST_ROWS:
        return None
    looks = told_apart(samples, np.concatenate([fitted.looks, new.looks]))
    return Likeness(looks=looks, labels=_labels(samples, fitted, new))


def likeness_notice(likeness: Likeness, *, audited: int, calibrated_again: bool = False) -> Notice:
    """Say how alike new rows are to the fitted ones, and what that does to the numbers.

    Args:
        likeness: what was found.
        audited: verified rows among the new ones.
        calibrated_again: whether label quality was calibrated on these.
    """
    if likeness.unlike and not audited:
        message = f"The new rows are unlike the fitted ones: {likeness.words()}. What was learned on those cannot tell "
        message += "how much of these is wrong, so no rate is given. Verify about 300 of them, drawn at random or with "
        message += "`plan()`, and pass them with `trusted=FILE`."
        return Notice(code=UNLIKE, message=message, severity=Severity.VOID)
    if likeness.unlike:
        message = (
            f"The new rows are unlike the fitted ones: {likeness.words()}. Rates rest on their {audited:,} audited "
        )
        message += "rows alone. "
        message += _AGAIN if calibrated_again else _AS_FITTED
        return Notice(code=UNLIKE, message=message)
    if likeness.slightly:
        message = f"The new rows differ a little from the fitted ones: {likeness.words()}. What is expected of them "
        message += "may be off as well; rows verified at random would tell."
        severity = Severity.NOTE if audited else Severity.WARNING
        return Notice(code="rows-slightly-unlike-fitted", message=message, severity=severity)
    message = f"The new rows look like the fitted ones: {likeness.words()}."
    if likeness.labels:
        message += (
            f" A noise rate that differs by less than {hundredths(likeness.labels.smallest)} points may go unseen."
        )
    return Notice(code="rows-like-fitted", message=message, severity=Severity.NOTE)


def untested(reason: str) -> Notice:
    """Say that nobody knows whether new rows are like the fitted ones.

    Args:
        reason: why not, a sentence.
    """
    message = f"{reason} What label_quality expects of new rows holds only if they are like the fitted ones."
    return Notice(code="likeness-untested", message=message, severity=Severity.NOTE)


def mix_notice(fitted: IntArray, new: IntArray, classes: tuple[str, ...]) -> Notice | None:
    """Say so where new rows have another mix of classes: they are compared with fitted rows of the same classes.

    Args:
        fitted: how many fitted rows have each given label, shape [classes].
        new: likewise of the new rows.
        classes: the class names.
    """
    counts = np.stack([fitted, new])
    if not counts.sum(axis=1).all():
        return None
    shares = counts / counts.sum(axis=1, keepdims=True)
    change = shares[1] - shares[0]
    if np.abs(change).sum() / 2 < _OTHER_MIX:
        return None
    if float(stats.chi2_contingency(counts[:, counts.any(axis=0)]).pvalue) >= _RARE:
        return None
    most = np.argsort(-np.abs(change), kind="stable")[:_SHOWN]
    shown = "; ".join(f"{quoted(classes[c])} {percent(shares[1][c])} instead of {percent(shares[0][c])}" for c in most)
    return Notice(
        code="other-mix-of-classes",
        message=f"The new rows have another mix of classes than the fitted ones ({shown}); they are compared with "
        "fitted rows of the same given label.",
        severity=Severity.NOTE,
    )


def _labels(samples: Samples, fitted: ComparedRows, new: ComparedRows) -> Labels | None:
    margin, wrong = (np.concatenate([getattr(fitted, name), getattr(new, name)]) for name in ("margin", "wrong"))
    known = samples.only(np.isfinite(margin) & np.isfinite(wrong))
    if min(known.sizes) < LEAST_ROWS:
        return None
    spread = float(wrong[known.rows].std()) * sum(1 / size for size in known.sizes) ** 0.5
    reach = float(special.ndtri(1 - LEAST_P / 2) + special.ndtri(_POWER))
    return Labels(wrong=means(known, wrong), margins=distributions(known, margin), smallest=reach * spread)
