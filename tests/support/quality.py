"""Label quality that is fitted on made-up rows, of which the truth is known."""

from __future__ import annotations

import numpy as np

from noisecleaner.arrays import NO_CLASS
from noisecleaner.quality.fitting import fit_quality
from noisecleaner.quality.model import QualityModel
from noisecleaner.quality.signals import Signals
from support.simulated import Array, network, trace, verify

ROWS = 6000


def audited(signals: Signals, true: Array, size: int = 400, *, classes: int = 4) -> tuple[QualityModel, Array, Array]:
    """The model, the quality of every row and the rows that judge, a random sample."""
    judging = np.random.default_rng(5).choice(len(true), size, replace=False)
    return *fit_quality(signals, verify(true, judging, classes=classes))[:2], judging


def suggest(model: QualityModel, signals: Signals, quality: Array) -> tuple[Array, Array]:
    """Suggested labels and the confidence in them."""
    judgements = model.judge(signals.predictions, quality)
    return judgements.suggested, judgements.confidence


def of_no_class(share: float = 0.09, seed: int = 0) -> tuple[Signals, Array]:
    """A good network on ten classes with few wrong labels, and images of none of them, of which it names some class."""
    rng = np.random.default_rng(seed)
    signals, _, true = trace(ROWS, classes=10, noise=0.04, seed=seed)
    given, none = signals.predictions.given, rng.random(ROWS) < share
    seen = network(np.where(none, rng.integers(0, 10, ROWS), true), given, 10, rng, skill=np.where(none, 3.0, 6.0))
    return Signals(signals.dynamics, seen), np.where(none, NO_CLASS, true)
