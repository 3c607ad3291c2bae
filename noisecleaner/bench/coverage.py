"""How often the noise interval holds the truth, and how often a guarantee does, over many draws of verified rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import IntArray
from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._datasets import scaled
from noisecleaner.bench._detection import HUMAN, TRAIN, audited_rows, task
from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.estimate import wilson
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.rates import Rows
from noisecleaner.noise.thresholds import TooFewVerifiedError, choose
from noisecleaner.quality.fitting import VerifiedRows, fit_quality
from noisecleaner.quality.signals import Signals
from noisecleaner.quality.transition import VerifiedLabels
from noisecleaner.runs.trace import Trace

_STEERING = 1_000
_DRAWS = 1_000
_VERIFIED = (100, 200, 500, 1_000)
_GOALS = {"noise": Goal("noise", 0.05), "precision": Goal("precision", 0.9)}


class Coverage(Experiment):
    """CIFAR-10N through EfficientNet-Lite0 at `size` pixels; 1,000 verified rows steer one fit for each seed.

    Then n of the other rows are drawn 1,000 times (at `scale` 0.3; in proportion below), label quality is fitted on
    them, and the noise is estimated; the number behind a metric is n. `covered` is the share of draws whose 95 %
    interval holds the truth, `half_width` that of the interval, `shorter` by how much it is shorter than Wilson's on
    the same rows; `…_by_class` the same of the rates by given label, on average over classes. `broken_noise` and
    `broken_precision` are the shares of draws in which a threshold was given for an effective noise of at most 0.05 or
    a precision of at least 0.9 (90 % confidence) and does not keep that on the whole population; `answered_…` the
    shares in which one was given at all.

    Args:
        size: edge length that images are enlarged to.
    """

    rows = (Row("worse"), Row("random1"))
    files = (TRAIN, HUMAN)
    backbone = "efficientnet-lite0"
    scale = 0.3

    def __init__(self, *, size: int = 96) -> None:
        self.size = size

    def run(self, row: Row, work: Work) -> Metrics:
        """Fit once, draw verified rows many times, and count."""
        data = task(work, row.method, self.size)
        steering = audited_rows(work, _STEERING, of=len(data.true))
        with data.fitted(steering, work) as run:
            signals = Signals.from_table(Trace.read(run / "trace.parquet").table, given=data.given)
        rest = np.setdiff1d(np.arange(len(data.true)), steering)
        population = signals.take(rest)
        draws = scaled(_DRAWS, min(1.0, work.scale / self.scale), least=5)
        metrics: Metrics = {}
        for count in _VERIFIED:
            outcomes = []
            with work.progress.stage(f"{work.title}, {count} verified", draws, "draws") as stage:
                for number in range(draws):
                    rng = np.random.default_rng((work.seed, 7, number))
                    judging = np.sort(rng.choice(len(rest), min(count, len(rest) // 2), replace=False))
                    outcomes.append(_draw(population, true=data.true[rest], judging=judging, classes=len(data.classes)))
                    stage.advance()
            metrics |= {f"{name}_{count}": float(np.mean([one[name] for one in outcomes])) for name in outcomes[0]}
        return metrics


def _draw(population: Signals, *, true: IntArray, judging: IntArray, classes: int) -> Metrics:
    """Estimate the noise from one draw of verified rows, and choose thresholds.

    Args:
        population: what a fit knows of n rows that did not steer it.
        true: their true labels, shape [n].
        judging: the rows that are verified.
        classes: number of classes.
    """
    given = population.predictions.given
    labels = VerifiedLabels(true=true[judging], weights=np.ones(len(judging)))
    verified = VerifiedRows(judging=judging, labels=labels, classes=classes)
    quality = fit_quality(population, verified)[1]
    trusted = np.full(len(true), -1)
    trusted[judging] = true[judging]
    rows = Rows(
        given=given,
        trusted=trusted,
        expected=1 - quality,
        judging=trusted >= 0,
        probability=np.full(len(true), np.nan),
    )
    wrong = given != true
    rate, plain = rows.rate(), wilson(float(wrong[judging].mean()), size=len(judging))
    low, high, value = (x or 0.0 for x in (rate.low, rate.high, rate.value))
    return {
        "covered": float(low <= wrong.mean() <= high),
        "covered_by_wilson": float(plain.low <= wrong.mean() <= plain.high),
        "half_width": (high - low) / 2,
        "shorter": 1 - (high - low) / (plain.high - plain.low),
        "bias": value - float(wrong.mean()),
        **_by_class(rows, wrong, classes),
        **_kept_promises(quality, rows, wrong),
    }


def _by_class(rows: Rows, wrong: npt.NDArray[np.bool_], classes: int) -> Metrics:
    held, lengths, plain = [], [], []
    for label, rate in enumerate(rows.rates_by_class(classes)):
        if rate.interval is not None:
            held.append(rate.interval.low <= wrong[rows.given == label].mean() <= rate.interval.high)
            lengths.append(rate.interval.high - rate.interval.low)
            alone = wilson(rate.events / rate.sample_size, size=rate.sample_size)
            plain.append(alone.high - alone.low)
    return {
        "covered_by_class": float(np.mean(held)),
        "half_width_by_class": float(np.mean(lengths)) / 2,
        "shorter_by_class": 1 - float(np.mean(lengths) / np.mean(plain)),
    }


def _kept_promises(quality: npt.NDArray[np.float64], rows: Rows, wrong: npt.NDArray[np.bool_]) -> Metrics:
    cut = Cut(quality, rows)
    kept: Metrics = {}
    for name, goal in _GOALS.items():
        try:
            threshold = choose(goal, cut)
        except TooFewVerifiedError:
            kept |= {f"broken_{name}": 0.0, f"answered_{name}": 0.0}
            continue
        flagged = quality < threshold
        errors = ~wrong[flagged] if goal.kind == "precision" else wrong[~flagged]
        kept |= {f"broken_{name}": float(errors.mean() > goal.limit), f"answered_{name}": 1.0}
    return kept
