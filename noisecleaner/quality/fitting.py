"""Label quality is fitted on verified rows, as well as they allow: on real errors, on planted ones, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray
from noisecleaner.quality.calibration import PARTS, Calibrator, stratified
from noisecleaner.quality.evidence import Evidence, fit_on_evidence, of_fitted
from noisecleaner.quality.model import Judgements, QualityModel
from noisecleaner.quality.planted import CleanOnlyRows, fit_planted, prior_of
from noisecleaner.quality.sharpening import fit_sharpening
from noisecleaner.quality.signals import Predictions, Signals
from noisecleaner.quality.suggestions import alternative, fit_confidence
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
        judgements = model.judge(signals.best, quality)
        judgements.put(verified.judging, crossed.judgements)
        return FittedQuality(model, quality, judgements)
    if right + len(verified.clean_only) < MIN_EACH:
        model = QualityModel("uncalibrated", named=_named(verified.labels, correct))
    else:
        calibrator = _fit_planted(signals, verified, correct, seed)
        new = calibrator if out_of_sample or not right else None
        model = QualityModel("planted", fitted=calibrator, new=new, named=_named(verified.labels, correct))
    quality = model.quality(signals)
    return FittedQuality(model, quality, model.judge(signals.best, quality))


def _fit_audited(audited: Signals, labels: VerifiedLabels, classes: int, *, out_of_sample: bool) -> QualityModel:
    """Fit everything on judging rows; each row's transition leaves the row itself out, as it will be for others."""
    predictions, best = audited.predictions, audited.best
    correct = predictions.given == labels.true
    transition = Transition.fit(labels, given=predictions.given, classes=classes)

    def fitted_evidence(some: Predictions | None) -> Evidence:
        sharpening = None if some is None else fit_sharpening(some, labels, transition)
        return Evidence(transition=transition, sharpening=sharpening)

    last, first, voted = (fitted_evidence(some) for some in (predictions, audited.first, audited.voted))
    new = last.of(predictions, labels)
    read = new if audited.voted is None else voted.of(best, labels)
    fitted = of_fitted(read, audited, first=first, leave_out=labels)
    wrong = np.flatnonzero(~correct)
    mistaken = labels.take(wrong)
    alternatives = alternative(best.take(wrong), transition, mistaken)
    return QualityModel(
        "audited",
        transition=transition,
        sharpening=last.sharpening,
        first_sharpening=first.sharpening,
        voted_sharpening=voted.sharpening,
        fitted=fit_on_evidence(fitted, correct, weights=labels.weights),
        new=fit_on_evidence(new, correct, weights=labels.weights) if out_of_sample else None,
        suggestion=fit_confidence(alternatives, mistaken, MIN_EACH // 2),
        named=_named(labels, correct),
    )


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
        judgements.put(part, model.judge(judged.best, quality[part]))
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
