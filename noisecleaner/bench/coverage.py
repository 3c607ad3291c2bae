"""How often the noise interval holds the truth, and how often a guarantee does, over many draws of verified rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from noisecleaner.arrays import IntArray
from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._choosing import chosen
from noisecleaner.bench._datasets import scaled
from noisecleaner.bench._detection import Fitting, audited_rows, task
from noisecleaner.bench._looks import HUMAN, TRAIN, Look
from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.estimate import wilson
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.rates import Rows
from noisecleaner.noise.thresholds import TooFewVerifiedError, choose
from noisecleaner.progress import Stage
from noisecleaner.quality.fitting import VerifiedRows, fit_quality
from noisecleaner.quality.signals import Signals
from noisecleaner.quality.transition import VerifiedLabels
from noisecleaner.runs.trace import Trace

_STEERING = 1_000
_GOALS = {"noise": Goal("noise", 0.05), "precision": Goal("precision", 0.9)}


class Coverage(Experiment):
    """CIFAR-10N through the frozen `backbone` at `size` pixels; 1,000 verified rows steer one fit for each seed.

    Then `verified` of the other rows are drawn many times (`draws` at `scale` 0.3; in proportion below), label quality
    is fitted on them, and the noise is estimated. `covered` is the share of draws whose 95 % interval holds the truth,
    `half_width` that of the interval, `shorter` by how much it is shorter than Wilson's on the same rows;
    `…_by_class` the same of the rates by given label, on average over classes. `broken_noise` and `broken_precision`
    are the shares of draws in which a threshold was given for an effective noise of at most 0.05 or a precision of at
    least 0.9 (90 % confidence) and does not keep that on the whole population; `answered_…` the shares in which one was
    given at all.

    Args:
        backbone: the frozen network, or several: `A+B`.
        size: edge length that images are enlarged to; None takes 96 for one network, and each one's own for several.
        draws: of verified rows.
        noises: those to run, with commas between; all where none is named, as with the others below.
        verified: likewise, numbers of verified rows.
        rounds: likewise.
    """

    rows = tuple(
        Row("soseleto", {"noise": noise, "verified": verified, "rounds": rounds})
        for rounds in (2, 1)
        for verified in (200, 500, 1_000, 100)
        for noise in ("worse", "random1")
    )
    files = (TRAIN, HUMAN)
    backbone = Look().backbone
    scale = 0.3
    choosing = frozenset({"noises", "verified", "rounds"})

    def __init__(
        self,
        *,
        backbone: str = "efficientnet-lite0",
        size: int | None = None,
        draws: int = 1_000,
        noises: str = "",
        verified: int | str = "",
        rounds: int | str = "",
    ) -> None:
        self._look, self._draws = Look(backbone=backbone, size=size), draws
        self._chosen = chosen(self.rows, {"noises": noises, "verified": verified, "rounds": rounds})

    def chosen(self) -> tuple[Row, ...]:
        """Take the rows that options name."""
        return self._chosen

    def backbone_on(self, device: torch.device) -> str | None:
        """Say what looks at images."""
        return self._look.backbone

    def run(self, row: Row, work: Work) -> Metrics:
        """Fit once, draw verified rows many times, and count."""
        data = task(work, str(row.setting["noise"]), self._look)
        steering = audited_rows(work.seed, _STEERING, of=len(data.true))
        how = Fitting(audited=steering, method=row.method, rounds=int(row.setting["rounds"]))
        with data.fitted(how, work) as run:
            signals = Signals.from_table(Trace.read(run / "trace.parquet").table, given=data.given)
        rest = np.setdiff1d(np.arange(len(data.true)), steering)
        population = _Population(signals=signals.take(rest), true=data.true[rest], classes=len(data.classes))
        draws = scaled(self._draws, min(1.0, work.scale / self.scale), least=5)
        with work.progress.stage(work.title, draws, "draws") as stage:
            outcomes = list(population.outcomes(int(row.setting["verified"]), draws=draws, seed=work.seed, stage=stage))
        return {name: float(np.mean([one[name] for one in outcomes])) for name in outcomes[0]}


@dataclass(frozen=True, kw_only=True)
class _Population:
    """What a fit knows of n rows that did not steer it.

    Args:
        signals: of the rows.
        true: their true labels, shape [n].
        classes: number of classes.
    """

    signals: Signals
    true: IntArray
    classes: int

    def outcomes(self, count: int, *, draws: int, seed: int, stage: Stage) -> Iterator[Metrics]:
        """Draw so many verified rows again and again, and see what follows from each draw."""
        for number in range(draws):
            rng = np.random.default_rng((seed, 7, number))
            judging = np.sort(rng.choice(len(self.true), min(count, len(self.true) // 2), replace=False))
            yield _draw(self.signals, true=self.true, judging=judging, classes=self.classes)
            stage.advance()


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
