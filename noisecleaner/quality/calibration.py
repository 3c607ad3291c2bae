"""A small logistic model that turns a run's numbers into a probability, kept as JSON, applied with numpy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray
from noisecleaner.quality.features import Features

#: Parts that rows are cut into, so that each is judged by a model fitted on the others.
PARTS = 5


@dataclass(frozen=True, kw_only=True)
class Calibrator:
    """sigmoid(intercept + sum of weight * (feature - mean) / deviation).

    Args:
        features: names of the numbers it reads.
        mean: of each feature on the rows it was fitted on.
        deviation: likewise.
        weights: of the standardised features.
        intercept: log odds at the mean.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    def log_odds(self, features: Features) -> FloatArray:
        """Compute log odds, shape [rows]; a missing number counts as the mean.

        Raises:
            ValueError: one of its features is not among them.
        """
        standard = (features.only(self.features).values - self.mean) / self.deviation
        return np.asarray(np.nan_to_num(standard) @ np.array(self.weights) + self.intercept)

    def probability(self, features: Features) -> FloatArray:
        """Compute probabilities, shape [rows]; see `log_odds`."""
        return sigmoid(self.log_odds(features))

    def shifted(self, log_odds: float) -> Calibrator:
        """Return the calibrator for another prior: `log_odds` are added to every row's."""
        return replace(self, intercept=self.intercept + log_odds)

    def to_json(self) -> dict[str, Any]:
        """Describe the calibrator as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Calibrator:
        """Bring back what `to_json` described."""
        lists = {name: tuple(content[name]) for name in ("features", "mean", "deviation", "weights")}
        return cls(intercept=float(content["intercept"]), **lists)


def fit_calibrator(
    features: Features,
    outcome: BoolArray,
    *,
    weights: FloatArray | None = None,
    priors: Mapping[str, float] | None = None,
) -> Calibrator:
    """Fit a logistic model by penalised maximum likelihood (scikit-learn, C = 1 on standardised features).

    Args:
        features: of the rows to fit on; those that no row has a number of are left out.
        outcome: what to predict, both values present, shape [rows].
        weights: how many rows each stands for, shape [rows]; None weighs them alike.
        priors: standard deviation of what is assumed of a feature's weight, where it is not 1.
    """
    from sklearn.linear_model import LogisticRegression

    there = np.isfinite(features.values)
    used = features.only([name for column, name in enumerate(features.names) if there[:, column].any()])
    mean, deviation = np.nanmean(used.values, axis=0), np.maximum(np.nanstd(used.values, axis=0), 1e-9)
    spread = np.array([(priors or {}).get(name, 1.0) for name in used.names])
    model = LogisticRegression()
    model.fit(np.nan_to_num((used.values - mean) / deviation) * spread, outcome, weights)
    return Calibrator(
        features=used.names,
        mean=tuple(mean.tolist()),
        deviation=tuple(deviation.tolist()),
        weights=tuple((model.coef_[0] * spread).tolist()),
        intercept=float(model.intercept_[0]),
    )


def averaged(calibrators: Sequence[Calibrator], shares: Sequence[float]) -> Calibrator:
    """Average the log odds of calibrators that were fitted on the same rows, each on numbers of its own choice.

    What they disagree about weighs less than in one model of all numbers, which has to fit more weights at once.

    Args:
        calibrators: at least one; numbers of one name are the same ones.
        shares: of each in the average; their sum is 1.
    """
    read = {
        name: place for one in calibrators for name, *place in zip(one.features, one.mean, one.deviation, strict=True)
    }
    weights = dict.fromkeys(read, 0.0)
    for one, share in zip(calibrators, shares, strict=True):
        for name, weight in zip(one.features, one.weights, strict=True):
            weights[name] += share * weight
    return Calibrator(
        features=tuple(read),
        mean=tuple(mean for mean, _ in read.values()),
        deviation=tuple(deviation for _, deviation in read.values()),
        weights=tuple(weights.values()),
        intercept=sum(share * one.intercept for one, share in zip(calibrators, shares, strict=True)),
    )


def stratified(outcome: BoolArray, count: int = PARTS) -> Iterator[tuple[IntArray, IntArray]]:
    """Cut rows into parts with equal shares of both outcomes; yield (all other rows, part) for each.

    Args:
        outcome: of each row, shape [rows].
        count: number of parts.
    """
    from sklearn.model_selection import StratifiedKFold

    yield from StratifiedKFold(count, shuffle=True, random_state=0).split(outcome, outcome)


def prior_log_odds(log_odds: FloatArray, rounds: int = 200) -> float:
    """Find the prior under which the mean posterior equals it (Saerens et al., 2002, eq. 2.4, by EM).

    Args:
        log_odds: of every row, from a model fitted with the prior one half, shape [rows].
        rounds: of EM; it has settled long before.

    Returns:
        The log odds to add.
    """
    prior = 0.5
    for _ in range(rounds):
        prior = float(np.clip(sigmoid(log_odds + np.log(prior / (1 - prior))).mean(), 1e-4, 1 - 1e-4))
    return float(np.log(prior / (1 - prior)))


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """How far forecasts are from frequencies.

    Args:
        error: expected calibration error, in [0, 1].
        by_chance: what perfect forecasts would show on as many rows.
        rows: how many it was measured on.
    """

    error: float
    by_chance: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Rows of similar forecasts.

    Args:
        forecast: their mean, in [0, 1].
        seen: the share of them in which the outcome happened.
        rows: how many they are.
        by_chance: how far both would be apart on so many rows if the forecasts were perfect.
    """

    forecast: float
    seen: float
    rows: int
    by_chance: float


def reliability_bins(probability: FloatArray, outcome: BoolArray, bins: int = 10) -> list[ReliabilityBin]:
    """Compare forecasts with what happened in equally filled bins, in ascending order of the forecasts.

    Args:
        probability: forecasts, shape [rows].
        outcome: what happened, shape [rows].
        bins: at most as many as there are rows.
    """
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, max(len(order), 1))) if len(part)]
    return [
        ReliabilityBin(
            forecast=float(probability[part].mean()),
            seen=float(outcome[part].mean()),
            rows=len(part),
            # mean absolute value of a normal error with the variance of a mean of so many rows
            by_chance=float(np.sqrt(2 / np.pi * (probability[part] * (1 - probability[part])).mean() / len(part))),
        )
        for part in parts
    ]


def reliability(probability: FloatArray, outcome: BoolArray, bins: int = 10) -> Reliability | None:
    """Measure the expected calibration error in equally filled bins (Naeini et al., 2015); None without a row.

    Args:
        probability: forecasts, shape [rows].
        outcome: what happened, shape [rows].
        bins: at most as many as there are rows.
    """
    parts = reliability_bins(probability, outcome, bins)
    if not parts:
        return None
    sizes = np.array([part.rows for part in parts])
    apart = np.array([abs(part.forecast - part.seen) for part in parts])
    chance = np.array([part.by_chance for part in parts])
    return Reliability(
        error=float(sizes @ apart / sizes.sum()),
        by_chance=float(sizes @ chance / sizes.sum()),
        rows=int(sizes.sum()),
    )


def sigmoid(log_odds: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)) of each number, whatever the shape, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * log_odds)))
