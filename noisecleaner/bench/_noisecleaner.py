"""What noisecleaner finds: a fit and its scores, measured; how far flags of two draws of verified rows agree."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import BoolArray, FloatArray, IntArray
from noisecleaner.bench import Metrics, Work
from noisecleaner.bench._detection import Fitting, Task, audited_rows
from noisecleaner.bench._ranking import Truth
from noisecleaner.noise.thresholds import TooFewVerifiedError
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.scoring import score

#: By so much the seed of the other draw of verified rows is larger.
_OTHER = 100


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one fit found.

    Args:
        scores: scores.parquet.
        automatic: flagged at the threshold of best expected F1, shape [rows].
        value: the estimated share of wrong labels.
        low: lower end of its interval.
        high: upper end.
    """

    scores: pa.Table
    automatic: BoolArray
    value: float
    low: float
    high: float

    def column(self, name: str) -> FloatArray:
        """Read a column of numbers, shape [rows]."""
        return np.asarray(self.scores[name].to_numpy(), dtype=np.float64)

    @property
    def flagged(self) -> BoolArray:
        """Flagged at 0.5, shape [rows]."""
        return np.asarray(self.scores["flagged"].to_numpy(), dtype=bool)


def find(data: Task, how: Fitting, work: Work) -> Found:
    """Fit, and score twice: with the default threshold, and with an automatic one where there can be one."""
    with data.fitted(how, work) as run:
        score(run)
        scored = ScoredRun(run)
        scores, noise = scored.scores(), scored.noise.overall.interval
        automatic = _flagged_automatically(run)
    assert noise is not None  # noqa: S101  # there are verified rows
    return Found(scores=scores, automatic=automatic, value=noise.value, low=noise.low, high=noise.high)


def _flagged_automatically(run: Path) -> BoolArray:
    with suppress(TooFewVerifiedError):  # label quality is not calibrated: the scores with 0.5 stay
        score(run, cutoff=Cutoff(threshold="auto"))
    return np.asarray(ScoredRun(run).scores(["flagged"])["flagged"].to_numpy(), dtype=bool)


def detected(data: Task, how: Fitting, truth: Truth, work: Work) -> Metrics:
    """Find wrong labels, and compare with the truth."""
    found = find(data, how, work)
    quality, alpha, margin = (found.column(name) for name in ("label_quality", "alpha", "margin"))
    return {
        **truth.ranked(suspicion=1 - quality, flagged=found.flagged),
        "f1_auto": truth.f1(found.automatic),
        "auroc_alpha": truth.ranked(suspicion=-np.nan_to_num(alpha), flagged=alpha < 0.5)["auroc"],
        "auroc_margin": truth.ranked(suspicion=-np.nan_to_num(margin), flagged=margin < 0)["auroc"],
        **_suggestions(data, found, truth),
        "calibration_error": truth.calibration_error(quality),
        "noise_rate": found.value,
        "noise_low": found.low,
        "noise_high": found.high,
        "true_noise": float(data.wrong.mean()),
        "interval_holds": float(found.low <= data.wrong.mean() <= found.high),
    }


def _suggestions(data: Task, found: Found, truth: Truth) -> Metrics:
    """Compare suggested labels of wrong rows with the true ones: of all, and of those with a suggestion."""
    wrong = truth.judged & truth.wrong
    suggested = np.array(found.scores["suggested_label"].to_pylist(), dtype=object)[wrong]
    right = suggested == np.array(data.classes, dtype=object)[data.true[wrong]]
    there = np.array([label is not None for label in suggested])
    return {"suggestions": float(right.mean()), "suggestions_precision": float(right.sum() / max(1, there.sum()))}


def stability(data: Task, how: Fitting, work: Work) -> Metrics:
    """Fit with two draws of verified rows, and compare what is flagged of the rows that neither has verified."""
    rows = np.arange(len(data.true))
    other = audited_rows(work.seed + _OTHER, len(how.audited), of=len(rows))
    judged = ~np.isin(rows, np.union1d(how.audited, other))
    truth = Truth(wrong=data.wrong, judged=judged)
    first, second = (find(data, one, work) for one in (how, _with(how, other)))
    return {
        "jaccard": _jaccard(first.flagged[judged], second.flagged[judged]),
        "jaccard_auto": _jaccard(first.automatic[judged], second.automatic[judged]),
        "f1": (truth.f1(first.flagged) + truth.f1(second.flagged)) / 2,
        "f1_auto": (truth.f1(first.automatic) + truth.f1(second.automatic)) / 2,
        "true_noise": float(data.wrong.mean()),
    }


def _with(how: Fitting, audited: IntArray) -> Fitting:
    return Fitting(audited=audited, method=how.method, rounds=how.rounds)


def _jaccard(one: BoolArray, other: BoolArray) -> float:
    """Share of what either flags that both flag; 1 where none flags anything."""
    either = (one | other).sum()
    return float((one & other).sum() / either) if either else 1.0
