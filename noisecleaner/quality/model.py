"""Label quality: the calibrated probability that the given label is right, and what it should be instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from noisecleaner.arrays import FloatArray, IntArray
from noisecleaner.quality.calibration import Calibrator, Columns, fit_calibrator, stratified
from noisecleaner.quality.planted import SIGNALS, fit_planted
from noisecleaner.quality.suggestions import LEAST_SHARE, alternative, confidence, fit_confidence
from noisecleaner.quality.transition import Known, Said, Transition

#: What a network that never trained on the row says of it; known for new rows, too. `posterior` is that by Bayes' rule.
PREDICTED = (*SIGNALS, "posterior")
#: That, and what training saw of the row.
FITTED = (*PREDICTED, "margin", "alpha", "beta", "alignment")
#: Judging rows of each kind (right, wrong) that a calibration is worth fitting on.
MIN_EACH = 10


@dataclass(frozen=True)
class Verified:
    """What is known for certain.

    Args:
        judging: rows of the columns whose label was verified and that steered nothing, shape [n].
        known: their verified labels.
        clean_only: log probabilities of the clean-only rows, shape [m, classes].
        clean_only_labels: their verified labels, shape [m].
        classes: number of classes.
    """

    judging: IntArray
    known: Known
    clean_only: FloatArray
    clean_only_labels: IntArray
    classes: int


@dataclass(frozen=True)
class QualityModel:
    """How label quality is computed.

    Args:
        method: `audited` (fitted and calibrated on judging rows), `planted` (on known wrong labels put on
            verified rows, because too few real errors were verified), `uncalibrated` (the probability that
            the network gives the label) or `transfer` (the fitted rows are of other classes than the network's; of
            new rows as if uncalibrated).
        transition: which label is given in place of which; None where too few errors were verified.
        fitted: for rows that were trained on; None when uncalibrated.
        new: for rows that were not; None when uncalibrated, or when the judging rows were trained on.
        suggestion: probability that the likeliest other label is right, if the given one is wrong.
    """

    method: Literal["audited", "planted", "uncalibrated", "transfer"]
    transition: Transition | None = None
    fitted: Calibrator | None = None
    new: Calibrator | None = None
    suggestion: Calibrator | None = None

    def method_for(self, new: bool) -> str:
        """How label quality of fitted or of new rows is made."""
        return "uncalibrated" if new and self.new is None else self.method

    def quality(self, columns: Columns, new: bool = False) -> FloatArray:
        """Compute label quality in [0, 1] for columns of shape [rows]; NaN where a row was not predicted."""
        calibrator = self.new if new else self.fitted
        if calibrator is None:
            return np.exp(np.asarray(columns["predicted_log_probability"], dtype=np.float64))
        unknown = np.isnan(columns["predicted_margin"])
        return np.where(unknown, np.nan, calibrator.probability(_extended(columns, self.transition)))

    def suggest(self, columns: Columns, quality: FloatArray) -> tuple[IntArray, FloatArray]:
        """Suggest labels.

        Args:
            columns: of shape [rows].
            quality: label quality, shape [rows].

        Returns:
            The class index of the likeliest other label and the probability that it is the right one, each of shape
            [rows]; -1 and NaN where no class is more likely than not to be right if the given label is wrong. A row
            without a given label always gets a suggestion, with the network's own probability, uncalibrated.
        """
        said = _said(columns)
        found = alternative(said, self.transition)
        share = confidence(found, self.suggestion)
        unlabelled = np.isnan(said.own) & (said.candidates[:, 0] >= 0)
        label = np.where(unlabelled, said.candidates[:, 0], np.where(share >= LEAST_SHARE, found.label, -1))
        certain = np.where(unlabelled, np.exp(said.others[:, 0]), (1 - quality) * share)
        return label, np.where(label >= 0, certain, np.nan)

    def to_json(self) -> dict[str, Any]:
        """Describe the model as a JSON object."""
        described = {"transition": self.transition, "fitted": self.fitted, "new": self.new}
        described |= {"suggestion": self.suggestion}
        return {"method": self.method, **{k: v.to_json() if v else None for k, v in described.items()}}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> QualityModel:
        """Bring back what `to_json` described."""
        names = ("fitted", "new", "suggestion")
        calibrators = {name: Calibrator.from_json(content[name]) if content[name] else None for name in names}
        transition = Transition.from_json(content["transition"]) if content["transition"] else None
        return cls(content["method"], transition, **calibrators)


def fit_quality(
    columns: Columns, verified: Verified, seed: int = 0, out_of_sample: bool = True
) -> tuple[QualityModel, FloatArray]:
    """Fit label quality on what was verified, as well as that allows.

    Args:
        columns: the trace and the class index of the given label, `given`, each of shape [rows]; rows that were
            skipped hold NaN.
        verified: the rows to fit on.
        seed: of the planted labels.
        out_of_sample: whether the judging rows were predicted by networks that did not train on them, as new rows
            will be.

    Returns:
        The model, and the quality of every row, shape [rows]. With the method `audited`, judging rows get a
        cross-fitted one: they serve to measure the model afterwards.
    """
    judged = _taken(columns, verified.judging)
    correct = judged["given"] == verified.known.true
    right, wrong = int(correct.sum()), int((~correct).sum())
    if min(right, wrong) >= MIN_EACH:
        model = _fit_audited(judged, verified.known, verified.classes, out_of_sample)
        quality = model.quality(columns)
        quality[verified.judging] = _cross_fitted(judged, verified.known, verified.classes)
        return model, quality
    if right + len(verified.clean_only_labels) < MIN_EACH:
        model = QualityModel("uncalibrated")
        return model, model.quality(columns)
    weights = verified.known.weights
    share = float((weights[correct].sum() + 1) / (weights.sum() + 2)) if right + wrong else None
    certain = _taken(judged, np.flatnonzero(correct))
    calibrator = fit_planted(columns, certain, verified.clean_only, verified.clean_only_labels, share, seed)
    model = QualityModel("planted", None, calibrator, calibrator if out_of_sample or not right else None)
    return model, model.quality(columns)


def _fit_audited(judged: Columns, known: Known, classes: int, out_of_sample: bool) -> QualityModel:
    """Fit everything on judging rows; each row's transition leaves the row itself out, as it will be for others."""
    said = _said(judged)
    correct = said.given == known.true
    transition = Transition.fit(known, said.given, classes)
    columns = {**judged, "posterior": transition.log_odds(said, known)}
    wrong = np.flatnonzero(~correct)
    mistaken = known.only(wrong)
    found = alternative(_said(_taken(judged, wrong)), transition, mistaken)
    return QualityModel(
        "audited",
        transition,
        fit_calibrator(columns, correct, FITTED, weights=known.weights),
        fit_calibrator(columns, correct, PREDICTED, weights=known.weights) if out_of_sample else None,
        fit_confidence(found, found.label == mistaken.true, mistaken.weights, MIN_EACH // 2),
    )


def _cross_fitted(judged: Columns, known: Known, classes: int) -> FloatArray:
    """Compute the quality of each row by a model fitted on the other parts, shape [rows].

    This is what a row that serves to measure precision must be given instead of one that saw its own outcome.
    """
    quality = np.empty(len(known.true))
    for rest, part in stratified(judged["given"] == known.true):
        model = _fit_audited(_taken(judged, rest), known.only(rest), classes, out_of_sample=False)
        quality[part] = model.quality(_taken(judged, part))
    return quality


def _extended(columns: Columns, transition: Transition | None) -> Columns:
    """Add the posterior, if there is a transition to compute it with."""
    return columns if transition is None else {**columns, "posterior": transition.log_odds(_said(columns))}


def _said(columns: Columns) -> Said:
    return Said(
        np.maximum(np.asarray(columns["given"], dtype=np.int64), 0),
        np.asarray(columns["predicted_log_probability"], dtype=np.float64),
        np.asarray(columns["candidates"], dtype=np.int64),
        np.asarray(columns["candidate_log_probabilities"], dtype=np.float64),
    )


def _taken(columns: Columns, rows: IntArray) -> Columns:
    return {name: np.asarray(column)[rows] for name, column in columns.items()}
