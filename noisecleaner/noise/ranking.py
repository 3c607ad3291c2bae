"""How well scores tell wrong labels from right ones: the area under the ROC curve, with an interval that covers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from noisecleaner.arrays import BoolArray, FloatArray, IntArray
from noisecleaner.noise.estimate import CONFIDENCE
from noisecleaner.noise.rate import whole
from noisecleaner.noise.rates import Rows
from noisecleaner.notices import Notice

#: The notices of scores that tell no wrong label from a right one, or may not.
CODES = ("scores-no-better-than-chance", "scores-not-told-from-chance")
#: Rows of each kind, wrong and right, below which there is no interval.
MIN_EACH = 5
_CHANCE = 0.5
#: Where the interval ends below this, scores are weak; where it ends above it, rows are too few to tell.
_WEAK = 0.75


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """How well scores rank wrong labels above right ones.

    Args:
        auroc: probability that a row with a wrong label is expected to be wrong more than one with a right label; None
            where there is no pair to compare.
        low: lower end of its 95 % interval, None where fewer than `MIN_EACH` rows of one kind judge.
        high: upper end, likewise.
        wrong: verified rows with a wrong label that it rests on.
        right: those with a right one.
    """

    auroc: float | None
    low: float | None
    high: float | None
    wrong: int
    right: int

    def words(self) -> str:
        """Write it as people read it: `AUROC 0.94 (0.90 to 0.97)`."""
        if self.auroc is None or self.low is None or self.high is None:
            return f"unknown ({self.wrong:,} wrong and {self.right:,} right verified rows are too few)"
        return f"AUROC {self.auroc:.2f} ({self.low:.2f} to {self.high:.2f})"

    def to_json(self) -> dict[str, Any]:
        """Describe it as a JSON object."""
        ends = {"auroc": self.auroc, "low": self.low, "high": self.high}
        return {**ends, "wrong": self.wrong, "right": self.right}

    @classmethod
    def from_json(cls, content: object) -> Ranking:
        """Bring back what `to_json` described.

        Raises:
            ValueError: it is no such thing: something is missing, out of range, or contradicts the rest.
        """
        if not isinstance(content, dict):
            raise ValueError("a ranking is no JSON object")
        auroc, low, high = (_area(content, name) for name in ("auroc", "low", "high"))
        if (low is None) != (high is None):
            raise ValueError("an interval has one end")
        if low is not None and high is not None and (auroc is None or not low <= auroc <= high):
            raise ValueError("an area lies outside its interval")
        return cls(
            auroc=auroc, low=low, high=high, wrong=whole(content.get("wrong")), right=whole(content.get("right"))
        )


@dataclass(frozen=True, kw_only=True)
class Rankings:
    """How well scores rank.

    Args:
        overall: among all rows that judge.
        within_classes: among rows of one given label, for all labels together: what scores know beside the label.
    """

    overall: Ranking
    within_classes: Ranking

    def to_json(self) -> dict[str, Any]:
        """Describe both as a JSON object."""
        return {**self.overall.to_json(), "within_classes": self.within_classes.to_json()}

    @classmethod
    def from_json(cls, content: object) -> Rankings:
        """Bring back what `to_json` described.

        Raises:
            ValueError: it is no such thing.
        """
        overall = Ranking.from_json(content)
        assert isinstance(content, dict)  # noqa: S101  # a ranking is one
        return cls(overall=overall, within_classes=Ranking.from_json(content.get("within_classes")))

    def doubt(self) -> Notice | None:
        """Say so where the scores are no better than chance, or cannot be told from it."""
        for ranking, where in ((self.overall, ""), (self.within_classes, " among rows of one given label")):
            weak = ranking.high is not None and ranking.high < _WEAK
            if ranking.low is None or ranking.low > _CHANCE or (where and not weak):
                continue
            found = f"The scores tell wrong from right{where} with {ranking.words()}"
            found += f" on {ranking.wrong:,} wrong and {ranking.right:,} right verified rows"
            return _no_better_than_chance(found) if weak else _too_few(found)
        return None


def rank(rows: Rows) -> Rankings | None:
    """Measure how well scores rank the verified rows that they did not see; None where there is no such row.

    The interval is that of DeLong et al. (1988) on the logit scale, from one more row of each kind that the scores know
    nothing of: it is half above the others. That is what Agresti and Coull (1998) do to a share; without it the
    interval misses too often where few rows are wrong or nearly all pairs are in order. Rows count as many as they
    stand for.

    Args:
        rows: of a dataset.
    """
    judged = rows.judging & rows.audited & rows.known
    if not judged.any():
        return None
    audit, given = rows.audit(judged), rows.given[judged]
    scores = _Scores(audit.expected, audit.wrong, 1 / audit.probability)
    parts = [np.flatnonzero(given == c) for c in np.unique(given)]
    return Rankings(overall=_ranking(scores, [np.arange(len(given))]), within_classes=_ranking(scores, parts))


class _Scores(NamedTuple):
    """Verified rows: what is expected of each, whether it is wrong, and how many it stands for, shape [rows]."""

    expected: FloatArray
    wrong: BoolArray
    weights: FloatArray

    def take(self, rows: IntArray) -> _Scores:
        return _Scores(self.expected[rows], self.wrong[rows], self.weights[rows])


class _Side(NamedTuple):
    """Rows of one kind, those that have rows of the other kind to be compared with, shape [rows].

    `ordered` is the share of these that are in the right order with the row, `weights` how much that counts.
    """

    ordered: FloatArray
    weights: FloatArray

    def mean(self) -> float:
        return float(np.average(self.ordered, weights=self.weights))

    def with_a_stranger(self) -> _Side:
        """Add a row that the scores know nothing of."""
        return _Side(np.append(self.ordered, _CHANCE), np.append(self.weights, self.weights.mean()))

    def freedom(self) -> float:
        """Degrees of freedom of the variance: Kish's effective number of rows (1965) less one."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum()) - 1

    def variance(self) -> float:
        """Variance of the mean (DeLong et al., 1988, eq. 5 and 6, with weights)."""
        spread = float(self.weights**2 @ (self.ordered - self.mean()) ** 2) / float(self.weights.sum()) ** 2
        return spread * (1 + 1 / self.freedom())


def _ranking(scores: _Scores, parts: list[IntArray]) -> Ranking:
    """Rank the rows of each part among themselves."""
    compared = [_compared(scores.take(part)) for part in parts]
    wrong, right = (
        _Side(*(np.concatenate(arrays) for arrays in zip(*sides, strict=True))) for sides in zip(*compared, strict=True)
    )
    counts = {"wrong": len(wrong.ordered), "right": len(right.ordered)}
    if not counts["wrong"]:
        everyone = {"wrong": int(scores.wrong.sum()), "right": int((~scores.wrong).sum())}
        return Ranking(auroc=None, low=None, high=None, **everyone)
    auroc = wrong.mean()
    if min(counts.values()) < MIN_EACH:
        return Ranking(auroc=auroc, low=None, high=None, **counts)
    low, high = _ends(wrong.with_a_stranger(), right.with_a_stranger())
    return Ranking(auroc=auroc, low=min(low, auroc), high=max(high, auroc), **counts)


def _compared(scores: _Scores) -> tuple[_Side, _Side]:
    """Compare the rows of one kind with those of the other: wrong ones, right ones."""
    wrong, right = scores.take(np.flatnonzero(scores.wrong)), scores.take(np.flatnonzero(~scores.wrong))
    if not len(wrong.wrong) or not len(right.wrong):
        nothing = np.empty(0)
        return _Side(nothing, nothing), _Side(nothing, nothing)
    above, below = _share_below(wrong.expected, right), 1 - _share_below(right.expected, wrong)
    return (
        _Side(above, wrong.weights * right.weights.sum()),
        _Side(below, right.weights * wrong.weights.sum()),
    )


def _share_below(values: FloatArray, others: _Scores) -> FloatArray:
    """The share of other rows that lie below each value; those that equal it count half."""
    order = np.argsort(others.expected, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(others.weights[order])])
    less, most = (np.searchsorted(others.expected[order], values, side=side) for side in ("left", "right"))
    return np.asarray((sums[less] + sums[most]) / (2 * sums[-1]))


def _ends(wrong: _Side, right: _Side) -> tuple[float, float]:
    """Ends of the interval, on the logit scale; the mean of both sides lies in (0, 1).

    Few rows tell their own variance badly: Student's quantile, with the degrees of freedom of Satterthwaite (1946).
    """
    area, parts = (wrong.mean() + right.mean()) / 2, (wrong.variance(), right.variance())
    if not sum(parts):  # all scores are equal
        return area, area
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / wrong.freedom() + parts[1] ** 2 / right.freedom())
    half = float(special.stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * math.sqrt(sum(parts)) / (area * (1 - area))
    middle = math.log(area / (1 - area))
    return float(special.expit(middle - half)), float(special.expit(middle + half))


def _no_better_than_chance(found: str) -> Notice:
    return Notice(
        code=CODES[0],
        message=f"{found}, which is no better than chance: flags and suggestions mean nothing. Check that images, "
        "embeddings or probabilities belong to the rows that they stand beside, and that the verified labels do.",
    )


def _too_few(found: str) -> Notice:
    return Notice(
        code=CODES[1],
        message=f"{found}, which may be no better than chance: flags and suggestions may mean nothing. Verify more "
        "rows, drawn at random.",
    )


def _area(content: dict[str, Any], name: str) -> float | None:
    """Read a number in [0, 1], or null."""
    value = content.get(name, "missing")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{name} does not lie in [0, 1]")
    return float(value)
