"""Label quality: the calibrated probability that the given label is right, and what it should be instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray, SingleArray
from noisecleaner.quality.calibration import PARTS, Calibrator, stratified
from noisecleaner.quality.evidence import Evidence, fit_on_evidence
from noisecleaner.quality.features import Features
from noisecleaner.quality.planted import CleanOnlyRows, fit_planted, prior_of
from noisecleaner.quality.sharpening import Sharpening, fit_sharpening
from noisecleaner.quality.signals import Predictions, Signals
from noisecleaner.quality.suggestions import LEAST_SHARE, alternative, confidence, fit_confidence
from noisecleaner.quality.transition import Transition, VerifiedLabels

#: Judging rows of each kind (right, wrong) that a calibration is worth fitting on.
MIN_EACH = 10
NO_ROWS: IntArray = np.empty(0, dtype=np.int64)
#: Rows that nobody verified, with which verified ones are compared.
_COMPARED = 50_000


@dataclass(frozen=True, kw_only=True)
class VerifiedRows:
    """What is known for certain.

    Args:
        judging: rows whose label was verified and that steered nothing, shape [n].
        labels: their verified labels.
        classes: number of classes.
        clean_only: verified rows beside the dataset.
    """

    judging: IntArray
    labels: VerifiedLabels
    classes: int
    clean_only: CleanOnlyRows = field(default_factory=CleanOnlyRows.none)


@dataclass(frozen=True, kw_only=True)
class Judgements:
    """What is made of rows; every array has the shape [rows], numbers as files hold them.

    Args:
        quality: label quality, NaN where there is none.
        suggested: class index of the suggested label, -1 where there is none.
        confidence: probability that it is right, NaN where there is none.
    """

    quality: SingleArray
    suggested: IntArray
    confidence: SingleArray

    @classmethod
    def unknown(cls, rows: int) -> Judgements:
        """Start with rows of which nothing is known."""
        nothing = np.full(rows, np.nan, np.float32)
        return cls(quality=nothing, suggested=np.full(rows, -1), confidence=nothing.copy())

    def put(self, rows: IntArray, part: Judgements) -> None:
        """Take in what was made of some rows."""
        self.quality[rows], self.suggested[rows], self.confidence[rows] = part.quality, part.suggested, part.confidence


@dataclass(frozen=True)
class QualityModel:
    """How label quality is computed.

    Args:
        method: `audited` (fitted and calibrated on judging rows), `planted` (on known wrong labels put on
            verified rows, because too few real errors were verified), `uncalibrated` (the probability that
            the network gives the label) or `transfer` (the fitted rows are of other classes than the network's; of
            new rows as if uncalibrated).
        transition: which label is given in place of which; None where too few errors were verified.
        sharpening: what makes predictions fit the verified labels; None likewise, and in runs of earlier versions.
        first_sharpening: the same of the first round's predictions; None where there was no second one.
        fitted: for rows that were trained on; None when uncalibrated.
        new: for rows that were not; None when uncalibrated, or when the judging rows were trained on.
        suggestion: probability that the likeliest other label is right, if the given one is wrong; None where too few
            errors were verified.
        named: share of the wrong labels in place of which some class is right; scales what the network says of other
            classes where there is no `suggestion`, which has learned it.
    """

    method: Literal["audited", "planted", "uncalibrated", "transfer"]
    _: KW_ONLY
    transition: Transition | None = None
    sharpening: Sharpening | None = None
    first_sharpening: Sharpening | None = None
    fitted: Calibrator | None = None
    new: Calibrator | None = None
    suggestion: Calibrator | None = None
    named: float = 1.0

    def method_for(self, *, new: bool) -> str:
        """How label quality of fitted or of new rows is made."""
        return "uncalibrated" if new and self.new is None else self.method

    def quality(self, signals: Signals) -> FloatArray:
        """Compute label quality of fitted rows in [0, 1], shape [rows]; NaN where a row was not predicted."""
        if self.fitted is None:
            return np.exp(signals.predictions.log_probability)
        features = _of_fitted(self._evidence.of(signals.predictions), signals, first=self._first_evidence)
        return np.where(signals.predictions.known, self.fitted.probability(features), np.nan)

    def quality_of_new(self, predictions: Predictions) -> FloatArray:
        """Compute label quality of rows that were not fitted, see `quality`."""
        if self.new is None:
            return np.exp(predictions.log_probability)
        return np.where(predictions.known, self.new.probability(self._evidence.of(predictions)), np.nan)

    @property
    def _evidence(self) -> Evidence:
        return Evidence(transition=self.transition, sharpening=self.sharpening)

    @property
    def _first_evidence(self) -> Evidence:
        return Evidence(transition=self.transition, sharpening=self.first_sharpening)

    def judge(self, predictions: Predictions, quality: FloatArray) -> Judgements:
        """Suggest labels.

        The suggestion is the likeliest other label where it is more likely than not to be right if the given one is
        wrong, and its confidence the probability that it is right. A row without a given label always gets one, with
        the network's own probability, uncalibrated.

        Args:
            predictions: of each row.
            quality: label quality, shape [rows].
        """
        other = alternative(predictions, self.transition)
        share = confidence(other, self.suggestion)
        share = share if self.suggestion else share * self.named
        best, probability = predictions.candidates[:, 0], np.exp(predictions.candidate_log_probabilities[:, 0])
        unlabelled = ~predictions.known & (best >= 0)
        label = np.where(unlabelled, best, np.where(share >= LEAST_SHARE, other.label, -1))
        certain = np.where(label >= 0, np.where(unlabelled, probability, (1 - quality) * share), np.nan)
        return Judgements(quality=quality.astype(np.float32), suggested=label, confidence=certain.astype(np.float32))

    def to_json(self) -> dict[str, Any]:
        """Describe the model as a JSON object."""
        names = ("transition", "sharpening", "first_sharpening", "fitted", "new", "suggestion")
        described = {name: getattr(self, name) for name in names}
        parts = {name: part.to_json() if part else None for name, part in described.items()}
        return {"method": self.method, **parts, "named": self.named}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> QualityModel:
        """Bring back what `to_json` described."""
        names = ("fitted", "new", "suggestion")
        calibrators = {name: Calibrator.from_json(content[name]) if content[name] else None for name in names}
        transition = Transition.from_json(content["transition"]) if content["transition"] else None
        named = float(content.get("named", 1.0))  # earlier versions knew no rows of no class
        last, first = (content.get(name) for name in ("sharpening", "first_sharpening"))  # nor did they sharpen
        return cls(
            content["method"],
            transition=transition,
            sharpening=Sharpening.from_json(last) if last else None,
            first_sharpening=Sharpening.from_json(first) if first else None,
            named=named,
            **calibrators,
        )


class FittedQuality(NamedTuple):
    """A model, and what it makes of the rows that it was fitted for.

    Args:
        model: the model.
        quality: label quality in double precision, NaN where a row was not predicted, shape [rows].
        judgements: the same as tables hold it, and suggestions.
    """

    model: QualityModel
    quality: FloatArray
    judgements: Judgements


def fit_quality(
    signals: Signals, verified: VerifiedRows, *, seed: int = 0, out_of_sample: bool = True
) -> FittedQuality:
    """Fit label quality on what was verified, as well as that allows.

    Args:
        signals: of all rows of the dataset, also of those that were skipped.
        verified: the rows to fit on.
        seed: of the planted labels.
        out_of_sample: whether the judging rows were predicted by networks that did not train on them, as new rows
            will be.

    Returns:
        The model, and what it makes of every row. With the method `audited`, judging rows are judged by models that
        were fitted without them: they serve to measure flags and suggestions afterwards.
    """
    audited = signals.take(verified.judging)
    correct = audited.predictions.given == verified.labels.true
    right, wrong = int(correct.sum()), int((~correct).sum())
    if min(right, wrong) >= MIN_EACH:
        model = _fit_audited(audited, verified.labels, verified.classes, out_of_sample=out_of_sample)
        quality = model.quality(signals)
        crossed = _cross_fitted(audited, verified.labels, verified.classes)
        quality[verified.judging] = crossed.quality
        judgements = model.judge(signals.predictions, quality)
        judgements.put(verified.judging, crossed.judgements)
        return FittedQuality(model, quality, judgements)
    if right + len(verified.clean_only) < MIN_EACH:
        model = QualityModel("uncalibrated", named=_named(verified.labels, correct))
    else:
        calibrator = _fit_planted(signals, verified, correct, seed)
        new = calibrator if out_of_sample or not right else None
        model = QualityModel("planted", fitted=calibrator, new=new, named=_named(verified.labels, correct))
    quality = model.quality(signals)
    return FittedQuality(model, quality, model.judge(signals.predictions, quality))


def _fit_audited(audited: Signals, labels: VerifiedLabels, classes: int, *, out_of_sample: bool) -> QualityModel:
    """Fit everything on judging rows; each row's transition leaves the row itself out, as it will be for others."""
    predictions = audited.predictions
    correct = predictions.given == labels.true
    transition = Transition.fit(labels, given=predictions.given, classes=classes)
    sharpening = fit_sharpening(predictions, labels, transition)
    new = Evidence(transition=transition, sharpening=sharpening).of(predictions, labels)
    wrong = np.flatnonzero(~correct)
    mistaken = labels.take(wrong)
    alternatives = alternative(predictions.take(wrong), transition, mistaken)
    first_sharpening = None if audited.first is None else fit_sharpening(audited.first, labels, transition)
    first = Evidence(transition=transition, sharpening=first_sharpening)
    fitted = _of_fitted(new, audited, first=first, leave_out=labels)
    return QualityModel(
        "audited",
        transition=transition,
        sharpening=sharpening,
        first_sharpening=first_sharpening,
        fitted=fit_on_evidence(fitted, correct, weights=labels.weights),
        new=fit_on_evidence(new, correct, weights=labels.weights) if out_of_sample else None,
        suggestion=fit_confidence(alternatives, mistaken, MIN_EACH // 2),
        named=_named(labels, correct),
    )


def _of_fitted(
    read: Features, signals: Signals, *, first: Evidence, leave_out: VerifiedLabels | None = None
) -> Features:
    """Put beside what is read of new rows, too, what is known of fitted ones alone.

    Args:
        read: of the predictions.
        signals: of the rows.
        first: how predictions of a first round are read.
        leave_out: see `Evidence.of`.
    """
    known = read.beside(signals.dynamics.features())
    return known if signals.first is None else known.beside(first.of_first(signals.first, leave_out))


def _named(labels: VerifiedLabels, correct: BoolArray) -> float:
    """Estimate the share of the wrong labels in place of which some class is right; 1 unless a row is of no class."""
    wrong = labels.weights[~correct].sum()
    of_class = labels.weights[~correct & (labels.true >= 0)].sum()
    return float((of_class + 1) / (wrong + 1))


class _CrossFitted(NamedTuple):
    """What is made of judging rows by models that saw no outcome of theirs; both of shape [judging rows]."""

    quality: FloatArray
    judgements: Judgements


def _cross_fitted(audited: Signals, labels: VerifiedLabels, classes: int) -> _CrossFitted:
    """Judge each row by a model fitted on the other parts.

    This is what a row that serves to measure precision must be given instead of one that saw its own outcome.
    """
    quality, judgements = np.empty(len(labels.true)), Judgements.unknown(len(labels.true))
    for rest, part in stratified(audited.predictions.given == labels.true):
        model = _fit_audited(audited.take(rest), labels.take(rest), classes, out_of_sample=False)
        judged = audited.take(part)
        quality[part] = model.quality(judged)
        judgements.put(part, model.judge(judged.predictions, quality[part]))
    return _CrossFitted(quality, judgements)


def comparable_quality(
    model: QualityModel, signals: Signals, verified: VerifiedRows, *, wanted: IntArray = NO_ROWS
) -> FloatArray:
    """Compute the quality of verified rows and of as many others alike: by models that saw neither.

    What `fit_quality` returns is no such thing. Verified rows get theirs from models fitted on four fifths of them,
    which are less sure than the model that others get theirs from; a comparison of both would find that.

    Args:
        model: fitted on these rows; where it is not calibrated on their errors, its own quality will do.
        signals: of all rows of the dataset.
        verified: the rows that it was fitted on.
        wanted: rows that get one in any case.

    Returns:
        Shape [rows]; NaN where a row was not predicted, and of most rows that nobody verified where there are many.
    """
    if model.method != "audited":
        return model.quality(signals)
    audited, labels = signals.take(verified.judging), verified.labels
    correct = audited.predictions.given == labels.true
    rng, comparable = np.random.default_rng(0), np.full(len(signals), np.nan)
    others = np.setdiff1d(np.flatnonzero(signals.predictions.known), verified.judging)
    drawn = rng.choice(others, min(len(others), _COMPARED), replace=False)
    chosen = np.union1d(drawn, np.intersect1d(others, wanted))
    part_of = rng.integers(0, PARTS, len(chosen))
    for number, (rest, part) in enumerate(stratified(correct, PARTS)):
        model = _fit_audited(audited.take(rest), labels.take(rest), verified.classes, out_of_sample=False)
        rows = np.concatenate([verified.judging[part], chosen[part_of == number]])
        comparable[rows] = model.quality(signals.take(rows))
    return comparable


def _fit_planted(signals: Signals, verified: VerifiedRows, correct: BoolArray, seed: int) -> Calibrator:
    """Fit on planted errors; the share of right labels is that of the audited rows, or told by the whole dataset."""
    right = signals.predictions.take(verified.judging[correct])
    calibrator = fit_planted(right, verified.clean_only, seed=seed)
    if not len(correct):
        return calibrator.shifted(prior_of(calibrator, signals.predictions))
    weights = verified.labels.weights
    share = float((weights[correct].sum() + 1) / (weights.sum() + 2))
    return calibrator.shifted(float(np.log(share / (1 - share))))
