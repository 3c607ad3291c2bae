"""How well wrong labels are found: what is measured of scores and flags, whoever made them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray
from noisecleaner.bench import Metrics
from noisecleaner.quality.calibration import reliability


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Which labels are wrong, and on which rows that is asked.

    Args:
        wrong: whether the given label is, shape [rows].
        judged: the rows that nobody verified, shape [rows].
    """

    wrong: BoolArray
    judged: BoolArray

    def ranked(self, *, suspicion: FloatArray, flagged: BoolArray) -> Metrics:
        """Measure scores and flags.

        Args:
            suspicion: how likely a label is wrong, in any unit, shape [rows].
            flagged: what is called wrong, shape [rows].
        """
        from sklearn.metrics import average_precision_score, roc_auc_score

        wrong, scores = self.wrong[self.judged], suspicion[self.judged]
        return {
            "auroc": float(roc_auc_score(wrong, scores)),
            "average_precision": float(average_precision_score(wrong, scores)),
            "f1": self.f1(flagged),
            "f1_best_threshold": _best_f1(wrong, scores),
            "missed_at_budget": _missed(wrong, scores),
        }

    def f1(self, flagged: BoolArray) -> float:
        """F1 of what is called wrong."""
        wrong, called = self.wrong[self.judged], np.asarray(flagged)[self.judged]
        return float(2 * (wrong & called).sum() / max(1, wrong.sum() + called.sum()))

    def calibration_error(self, quality: FloatArray) -> float:
        """Expected calibration error of label quality, in 15 equally filled bins."""
        diagram = reliability(quality[self.judged], ~self.wrong[self.judged], bins=15)
        return diagram.error if diagram else 0.0


def _best_f1(wrong: BoolArray, scores: FloatArray) -> float:
    """F1 at the threshold that the truth would choose; rows of one score are cut together."""
    order = np.argsort(-scores, kind="stable")
    hits, ends = np.cumsum(wrong[order]), np.append(np.diff(scores[order]) != 0, True)
    return float((2 * hits / (np.arange(1, len(hits) + 1) + wrong.sum()))[ends].max())


def _missed(wrong: BoolArray, scores: FloatArray) -> float:
    """Share of wrong labels that are not among as many of the most suspicious rows (Pickler et al., 2025)."""
    count = int(wrong.sum())
    return float(1 - wrong[np.argsort(-scores, kind="stable")[:count]].sum() / max(1, count))
