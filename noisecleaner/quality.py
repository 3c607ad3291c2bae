"""Label quality: the calibrated probability that the given label is right, and what it should be instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from noisecleaner.calibration import (
    BoolArray,
    Calibrator,
    Columns,
    FloatArray,
    cross_fitted,
    fit_calibrator,
    prior_log_odds,
)

Array = npt.NDArray[Any]

#: What a network that never trained on the row says of it; known for new rows, too.
PREDICTED = ("predicted_margin", "predicted_log_probability")
#: That, and what training saw of the row.
FITTED = (*PREDICTED, "margin", "alpha", "beta", "alignment")
_SUGGESTION = ("share", "lead")
#: Judging rows of each kind (right, wrong) that a calibration is worth fitting on.
MIN_EACH = 10


@dataclass(frozen=True)
class Verified:
    """What is known for certain.

    Args:
        judging: rows of the columns whose label was verified and that steered nothing, shape [n].
        correct: whether their given label is right, shape [n].
        suggestion_correct: whether their most probable other label is the verified one, shape [n].
        clean_only: log probabilities of the clean-only rows, shape [m, classes].
        clean_only_labels: their verified labels, shape [m].
    """

    judging: npt.NDArray[np.int64]
    correct: BoolArray
    suggestion_correct: BoolArray
    clean_only: FloatArray
    clean_only_labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class QualityModel:
    """How label quality is computed.

    Args:
        method: `audited` (fitted and calibrated on judging rows), `planted` (on known wrong labels put on
            verified rows, because too few real errors were verified), `uncalibrated` (the probability that
            the network gives the label) or `transfer` (the fitted rows are of other classes than the network's; of
            new rows as if uncalibrated).
        fitted: for rows that were trained on; None when uncalibrated.
        new: for rows that were not; None when uncalibrated, or when the judging rows were trained on.
        suggestion: probability that the most probable other label is right, if the given one is wrong.
    """

    method: Literal["audited", "planted", "uncalibrated", "transfer"]
    fitted: Calibrator | None = None
    new: Calibrator | None = None
    suggestion: Calibrator | None = None

    def method_for(self, new: bool) -> str:
        """How label quality of fitted or of new rows is made."""
        return "uncalibrated" if new and self.new is None else self.method

    def quality(self, columns: Columns, new: bool = False) -> FloatArray:
        """Compute label quality in [0, 1] for columns of shape [rows]; NaN where a row was not predicted."""
        calibrator = self.new if new else self.fitted
        unknown = np.isnan(columns["predicted_margin"])
        if calibrator is None:
            return np.exp(np.asarray(columns["predicted_log_probability"], dtype=np.float64))
        return np.where(unknown, np.nan, calibrator.probability(columns))

    def confidence(self, columns: Columns, quality: FloatArray) -> FloatArray:
        """Compute the probability that the most probable other label is the right one, shape [rows].

        Of a row without a label it is what the network says, uncalibrated.
        """
        signals = suggestion_signals(columns)
        unlabelled = np.isnan(columns["predicted_margin"])
        share = np.exp(signals["share"]) if self.suggestion is None else self.suggestion.probability(signals)
        return np.where(unlabelled, _best(columns), (1 - quality) * share)

    def to_json(self) -> dict[str, Any]:
        """Describe the model as a JSON object."""
        parts = {"fitted": self.fitted, "new": self.new, "suggestion": self.suggestion}
        return {"method": self.method, **{k: v.to_json() if v else None for k, v in parts.items()}}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> QualityModel:
        """Bring back what `to_json` described."""
        names = ("fitted", "new", "suggestion")
        parts = {name: Calibrator.from_json(content[name]) if content[name] else None for name in names}
        return cls(content["method"], **parts)


def fit_quality(
    columns: Columns, verified: Verified, seed: int = 0, out_of_sample: bool = True
) -> tuple[QualityModel, FloatArray]:
    """Fit label quality on what was verified, as well as that allows.

    Args:
        columns: the trace, each column of shape [rows]; rows that were skipped hold NaN.
        verified: the rows to fit on.
        seed: of the planted labels.
        out_of_sample: whether the judging rows were predicted by networks that did not train on them, as new rows
            will be.

    Returns:
        The model, and the quality of every row, shape [rows]. With the method `audited`, judging rows get a
        cross-fitted one: they serve to measure the model afterwards.
    """
    right, wrong = int(verified.correct.sum()), int((~verified.correct).sum())
    if min(right, wrong) >= MIN_EACH:
        judged = {name: np.asarray(column)[verified.judging] for name, column in columns.items()}
        model = QualityModel(
            "audited",
            fit_calibrator(judged, verified.correct, FITTED),
            fit_calibrator(judged, verified.correct, PREDICTED) if out_of_sample else None,
            _fit_suggestion(judged, verified),
        )
        quality = model.quality(columns)
        quality[verified.judging] = cross_fitted(judged, verified.correct, FITTED)
        return model, quality
    if right + len(verified.clean_only_labels) >= MIN_EACH:
        calibrator = _fit_planted(columns, verified, np.random.default_rng(seed))
        model = QualityModel("planted", calibrator, calibrator if out_of_sample or not right else None)
    else:
        model = QualityModel("uncalibrated")
    return model, model.quality(columns)


def _best(columns: Columns) -> FloatArray:
    return np.exp(np.asarray(columns["candidate_log_probabilities"], dtype=np.float64)[:, 0])


def suggestion_signals(columns: Columns) -> dict[str, FloatArray]:
    """Compute how clearly one label stands out among those that were not given, each of shape [rows].

    `share` is the logarithm of its part of their probability, `lead` its log probability minus the next one's.
    """
    candidates = np.asarray(columns["candidate_log_probabilities"], dtype=np.float64)
    rest = np.log1p(-np.minimum(np.exp(np.asarray(columns["predicted_log_probability"], np.float64)), 1 - 1e-9))
    lead = candidates[:, 0] - candidates[:, 1] if candidates.shape[1] > 1 else np.full(len(candidates), 20.0)
    return {"share": np.minimum(candidates[:, 0] - rest, 0.0), "lead": np.minimum(lead, 20.0)}


def _fit_suggestion(judged: Columns, verified: Verified) -> Calibrator | None:
    wrong = ~verified.correct
    outcome = verified.suggestion_correct[wrong]
    if min(outcome.sum(), (~outcome).sum()) < MIN_EACH // 2:
        return None
    signals = {name: column[wrong] for name, column in suggestion_signals(judged).items()}
    return fit_calibrator(signals, outcome, _SUGGESTION)


def _fit_planted(columns: Columns, verified: Verified, rng: np.random.Generator) -> Calibrator:
    """Fit on verified rows with their own label (right) and with another one (wrong, planted).

    The prior comes from the audited rows where there are some, else from the dataset itself.
    """
    right = {name: np.asarray(column)[verified.judging[verified.correct]] for name, column in columns.items()}
    others = _other_labels(verified, rng)
    good = [_stacked(right), _signals(verified.clean_only, verified.clean_only_labels)]
    bad = [_planted(right, rng), _signals(verified.clean_only, others)]
    values = np.concatenate([*good, *bad])
    outcome = np.arange(len(values)) < len(values) // 2
    balanced = fit_calibrator(dict(zip(PREDICTED, values.T, strict=True)), outcome, PREDICTED, balanced=True)
    judged = len(verified.correct)
    if judged:
        share = (verified.correct.sum() + 1) / (judged + 2)
        return balanced.shifted(float(np.log(share / (1 - share))))
    known = ~np.isnan(columns["predicted_margin"])
    odds = balanced.log_odds({name: np.asarray(columns[name])[known] for name in PREDICTED})
    return balanced.shifted(prior_log_odds(odds))


def _stacked(columns: Columns) -> FloatArray:
    return np.stack([np.asarray(columns[name], dtype=np.float64) for name in PREDICTED], axis=1)


def _planted(right: Columns, rng: np.random.Generator) -> FloatArray:
    """The signals that correct rows would have with one of their candidates as the given label, [rows, 2]."""
    candidates = np.asarray(right["candidate_log_probabilities"], dtype=np.float64)
    own = np.asarray(right["predicted_log_probability"], dtype=np.float64)
    # the label itself takes part as the last column, so that `_signals` finds the best other one
    drawn = rng.integers(0, candidates.shape[1], len(candidates))
    return _signals(np.concatenate([candidates, own[:, None]], axis=1), drawn)


def _signals(log_probabilities: FloatArray, labels: npt.NDArray[np.int64]) -> FloatArray:
    """Margin and log probability of a label, [rows, 2], from log probabilities [rows, classes]."""
    rows = np.arange(len(labels))
    if not len(rows):
        return np.empty((0, 2))
    own = log_probabilities[rows, labels]
    others = log_probabilities.copy()
    others[rows, labels] = -np.inf
    return np.stack([own - others.max(axis=1), own], axis=1)


def _other_labels(verified: Verified, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    labels, classes = verified.clean_only_labels, verified.clean_only.shape[1]
    return np.asarray((labels + rng.integers(1, max(classes, 2), len(labels))) % max(classes, 2))
