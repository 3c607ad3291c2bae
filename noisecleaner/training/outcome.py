"""What a fit leaves behind the trace: the auditor and the reference for new rows, and its result."""

from __future__ import annotations

import math
from dataclasses import replace

from noisecleaner.arrays import UNVERIFIED
from noisecleaner.files import write_arrays
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.ingest.verified.certified import carried
from noisecleaner.notices import Notice, Severity
from noisecleaner.quality.fitting import MIN_EACH
from noisecleaner.quality.model import QualityModel
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.auditor_record import AuditorRecord
from noisecleaner.runs.record import FitResult
from noisecleaner.runs.reference import Reference
from noisecleaner.runs.scored import NOT_CALIBRATED
from noisecleaner.training.architecture import Architecture
from noisecleaner.training.corpus import Corpus
from noisecleaner.training.crossfit import CrossFit
from noisecleaner.training.folds import MIN_AUDITED

#: Why label quality may be off, where real errors did not calibrate it.
_UNCALIBRATED = {
    "planted": "it was calibrated on known wrong labels put on verified rows, not on real errors",
    "uncalibrated": "it is the probability that the network gives the label, uncalibrated",
}


def write_auditor(
    cross_fit: CrossFit, architecture: Architecture, corpus: Corpus, quality: QualityModel, *, zero_shot: bool
) -> None:
    """Write what `score_new` needs beside the folds' networks."""
    run, classes = cross_fit.run, corpus.target_classes
    if architecture.frozen is not None:
        weights = {name: tensor.cpu().numpy() for name, tensor in architecture.frozen.tensors().items()}
        write_arrays(run.auditor / "backbone.safetensors", weights, {})
    folds, shape = len(cross_fit.assignment.folds), replace(architecture.shape, classes=len(classes))
    ordered = corpus.target_ordered
    record = AuditorRecord(classes=classes, folds=folds, shape=shape, quality=quality, ordered=ordered)
    payload = corpus.dataset.payload
    maker = payload.maker if isinstance(payload, AnyVectors) else None
    replace(record, zero_shot=zero_shot, maker=maker).write(run)


def write_reference(
    cross_fit: CrossFit, classes: tuple[str, ...], predictions: Predictions, quality: QualityModel
) -> None:
    """Write what new rows are compared with; the fitted rows of a transfer are another task, unlike new ones anyway."""
    if quality.method == "transfer":
        return
    reference = Reference.of(
        cross_fit.data.array,
        cross_fit.shape.kind,
        predictions=predictions,
        quality=quality,
        network=cross_fit.assignment.unseen_by,
        classes=len(classes),
    )
    if reference is not None:
        reference.write(cross_fit.run)


def result_of(cross_fit: CrossFit, corpus: Corpus, quality: QualityModel, seconds: dict[str, float]) -> FitResult:
    """Count what took part, and who judged whom.

    Args:
        cross_fit: the training runs.
        corpus: all rows, as they were found to be; its notices travel into every output.
        quality: how label quality was made.
        seconds: wall-clock time of each part.
    """
    dataset, judging = corpus.dataset, cross_fit.assignment.judging
    before = dataset.readable & carried(dataset.table)
    return FitResult(
        rows=len(dataset),
        skipped=dataset.skips(),
        audited=int(((dataset.given >= 0) & (dataset.trusted != UNVERIFIED)).sum()),
        clean_only=int((corpus.clean_only_labels >= 0).sum()),
        judging=int(judging.sum()),
        judged_wrong=int((judging & (dataset.given != dataset.trusted)).sum()),
        quality=quality.method,
        seconds=seconds,
        notices=dataset.notices,
        corrected=int(((dataset.corrected != UNVERIFIED) & ~before).sum()),
        carried=int(before.sum()),
    )


def shortage(result: FitResult) -> tuple[Notice, ...]:
    """Say so where too few verified rows could judge, and how many would do."""
    if result.quality not in _UNCALIBRATED:
        return ()
    # half as many again as are needed of the rarer kind, because a sample may hold fewer
    rarer = min(result.judged_wrong, result.judging - result.judged_wrong)
    enough = max(MIN_AUDITED, math.ceil(1.5 * MIN_EACH * result.judging / rarer)) if rarer else 300
    judges = (
        f"only {result.judging} could judge, {result.judged_wrong} of them wrong" if result.judging else "none could"
    )
    message = (
        f"label_quality needs {MIN_EACH} right and {MIN_EACH} wrong verified rows to be calibrated on, but {judges}: "
        f"{_UNCALIBRATED[result.quality]}. Verify "
        f"about {enough:,} rows, drawn at random."
    )
    return (Notice(code=NOT_CALIBRATED, message=message),)


def halved(result: FitResult) -> tuple[Notice, ...]:
    """Say so where a part of the audited rows steers a single network, and only the others judge."""
    steering = result.audited - result.judging
    if not result.judging or not steering:
        return ()
    message = (
        f"{steering:,} of the {result.audited:,} audited rows steer this network; the other {result.judging:,} judge "
        "(`Effort(folds=5)` lets all of them judge, in five trainings)."
    )
    return (Notice(code="steering-rows-judge-nothing", message=message, severity=Severity.NOTE),)
