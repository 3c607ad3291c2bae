"""Where rows are cut: by which column, at which threshold, and what chooses it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import unused
from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.goal import BY_PROBABILITY, Goal
from noisecleaner.noise.ranking import rank
from noisecleaner.noise.rates import Rows
from noisecleaner.noise.thresholds import NextPlan, choose, refuse_uncalibrated, refuse_unmeasured
from noisecleaner.notices import Notice
from noisecleaner.registry import check_choice
from noisecleaner.runs.flagged import TOP
from noisecleaner.runs.scored import SIGNED, By, ScoredRows

#: What a threshold may cut.
BY: tuple[By, ...] = get_args(By)
#: A threshold that is chosen for the best expected F1.
AUTO: Literal["auto"] = "auto"
#: Columns whose values lie in [0, 1]; those of others have no end that holds for every method.
_SHARES: frozenset[By] = frozenset({"label_quality", "positive_share"})


@dataclass(frozen=True, kw_only=True)
class Cutoff:
    """Where rows are cut: which of them are flagged.

    Args:
        threshold: rows below it are flagged: in [0, 1] for label quality; `"auto"` takes the one of best expected F1,
            `Goal("f1")`. None takes the middle of the column: 0.5, or 0 where values have a sign.
        by: the column that the threshold cuts: `label_quality`, `alpha`, `alignment`, `margin` or `positive_share`;
            None takes the first, except after a transfer, in which rows of the dataset have only alpha: how much they
            help the target.
        goal: choose the threshold that reaches this instead.
        top: how many of the flagged rows flagged.csv lists, the worst first.
        cleanlab_columns: write `is_label_issue`, `label_score` and `predicted_label` into scores.parquet as well.

    Raises:
        NoisecleanerError: a number is out of range, there is no such column, or two rules choose the threshold.
    """

    threshold: float | Literal["auto"] | None = None
    by: By | None = None
    goal: Goal | None = None
    top: int = TOP
    cleanlab_columns: bool = False

    def __post_init__(self) -> None:
        if self.by is not None:
            check_choice(self.by, BY, parameter="`by`")
        if self.threshold == AUTO and self.goal is not None:
            raise NoisecleanerError(
                f"One rule sets the threshold, but `threshold='auto'` and a goal of {self.goal.kind} do.", "Keep one."
            )
        if self.threshold is not None and self.threshold != AUTO:
            check_threshold(self.threshold, self.by or "label_quality")
        if self.aim is not None and self.aim.kind in BY_PROBABILITY and self.by not in (None, "label_quality"):
            raise NoisecleanerError(
                f"{self.aim.words} follows from label quality, which is a probability, but `by={self.by!r}` is none.",
                "Leave `by` out.",
            )
        if self.top < 0:
            raise NoisecleanerError(
                f"`Cutoff.top` must be a number of rows, but it is {self.top}.", f"The default is `Cutoff(top={TOP})`."
            )

    @property
    def aim(self) -> Goal | None:
        """What chooses the threshold; None where it is given."""
        return Goal("f1") if self.threshold == AUTO else self.goal

    def number(self) -> float:
        """The threshold where nothing chooses it."""
        if self.threshold is None or self.threshold == AUTO:
            return middle(self.by or "label_quality")
        return float(self.threshold)

    def threshold_for(self, cut: Cut, out: Path, *, model: str, notices: Iterable[Notice] = ()) -> float:
        """Choose where to cut.

        Args:
            cut: the rows in the order of the column.
            out: the directory with the scores, from which more rows can be drawn.
            model: how label quality was made, see `QualityModel.method`.
            notices: what is known of the verified rows.

        Raises:
            TooFewVerifiedError: the goal cannot be reached with the verified rows.
        """
        if self.aim is None:
            return self.number()
        refuse_unmeasured(self.aim, notices)
        refuse_uncalibrated(self.aim, model)
        return choose(self.aim, cut, NextPlan(run=out, out=unused(Path("verify.parquet"))))

    def without_goal(self) -> Cutoff:
        """Return the same with a number in place of the goal."""
        return replace(self, goal=None, threshold=self.number())


def middle(by: By) -> float:
    """Where a column is cut if nobody says it: half way of a share, and where a sign turns."""
    return 0.0 if by in SIGNED else 0.5


def check_threshold(threshold: float, by: By) -> None:
    """Refuse a number that no value of a column can be on both sides of.

    Raises:
        NoisecleanerError: it is none, or no share where the column holds shares.
    """
    if isinstance(threshold, bool) or not np.isfinite(threshold) or (by in _SHARES and not 0 <= threshold <= 1):
        inside = "lie in [0, 1]" if by in _SHARES else "be a number"
        others = "; columns such as `by='alpha'` have ranges of their own" if by == "label_quality" else ""
        raise NoisecleanerError(
            f"`threshold` must {inside}, but it is {threshold}.", f"The default is `threshold={middle(by):g}`{others}."
        )


def refuse_unranked(scored: ScoredRows, rows: Rows, by: By) -> None:
    """Refuse a column that holds nothing, or that does not tell wrong labels from right ones.

    Label quality is not refused: what is said of it stands in the notices. Nor is anything after a transfer, where
    nobody knows what is wrong.

    Args:
        scored: the rows.
        rows: the same, with what is known of verified ones.
        by: the column that is to be cut.

    Raises:
        NoisecleanerError: tells its AUROC on the audited rows, where it has one.
    """
    if by == "label_quality" or scored.model == "transfer":
        return
    values = scored.values(by)
    if not np.isfinite(values).any():
        raise NoisecleanerError(
            f"A threshold on {by} needs rows that have one, but no row has: the method computes none, or an earlier "
            "version wrote the run.",
            "Cut label quality: leave `by` out.",
        )
    rankings = rank(replace(rows, expected=-values, judging=rows.judging & ~scored.disputed))
    if rankings is None or rankings.overall.low is None or rankings.overall.low > 0.5:
        return
    told = rankings.overall
    raise NoisecleanerError(
        f"A column that is cut must rank wrong labels below right ones, but {by} tells them apart with {told.words()} "
        f"on {told.wrong:,} wrong and {told.right:,} right audited rows, which is no better than chance.",
        "Cut label quality, which takes in all that is known of a row: leave `by` out.",
    )
