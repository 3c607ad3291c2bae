"""`fit`: a dataset and verified labels -> a run directory. Every step of the line, in order."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from noisecleaner.files import write_arrays, write_record
from noisecleaner.ingest import Manifest, Source
from noisecleaner.ingest.places import absolute
from noisecleaner.ingest.vectors import AnyVectors
from noisecleaner.inputs.batches import Data
from noisecleaner.inputs.decoding import Decoding
from noisecleaner.inputs.encoders import Encoder, feature_encoder, pixel_encoder
from noisecleaner.inputs.prepare import prepare
from noisecleaner.networks.backbones import Backbone
from noisecleaner.networks.devices import choose_device
from noisecleaner.networks.shapes import Shape
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.quality.model import MIN_EACH, QualityModel, fit_quality
from noisecleaner.quality.signals import Arrays
from noisecleaner.runs.run import Run, fingerprint, open_run
from noisecleaner.runs.trace import collect, to_table, verified
from noisecleaner.settings import NO_TRUSTED, Effort, Model, Regularisation
from noisecleaner.tables import TRACE, write_table
from noisecleaner.training.corpus import Corpus, check_usable, read_corpus
from noisecleaner.training.crossfit import CrossFit, Task, rehearse, train_folds
from noisecleaner.training.defaults import (
    check_batch,
    check_effort,
    check_no_backbone,
    check_no_hidden,
    check_regularisation,
    check_transfer,
    choose_backbone,
    choose_schedule,
)
from noisecleaner.training.folds import MIN_AUDITED, FoldAssignment, assign_folds
from noisecleaner.training.trustcheck import warnings_after, warnings_before
from noisecleaner.weightings import check_options

#: Training runs where a run is cheap (a head on features): more spare fewer rows, but cost more time.
FOLDS = 5
#: What an interrupted run may be resumed with another value of.
_FREE = ("checkpoint_seconds", "workers")
#: Units of the layer that source and target share where a transfer trains on vectors.
_TRANSFER_UNITS = 128


@dataclass(frozen=True)
class Fitted:
    """What `fit` did.

    Args:
        rows: rows of the dataset.
        skipped: rows that took no part, by reason.
        audited: rows of the dataset with a verified label.
        clean_only: trusted rows that are not in the dataset.
        judging: audited rows that judged what they had not steered.
        judged_wrong: how many of them carry a wrong label.
        quality: how label quality was made, see `QualityModel.method`.
        seconds: wall-clock time of each part.
    """

    rows: int
    skipped: dict[str, int]
    audited: int
    clean_only: int
    judging: int
    judged_wrong: int
    quality: str
    seconds: dict[str, float]


@dataclass(frozen=True)
class _Chosen:
    """What is trained: a trunk on pixels, or a head on vectors (features of a frozen backbone, or the user's)."""

    shape: Shape
    encoder: Encoder | None = None
    trunk: Backbone | None = None
    frozen: Backbone | None = None


def fit(
    source: Source,
    out: Path,
    *,
    trusted: str | None = None,
    transfer: bool = False,
    method: str = "soseleto",
    options: Mapping[str, Any] | None = None,
    regularisation: Regularisation | None = None,
    model: Model | None = None,
    effort: Effort | None = None,
    decoding: Decoding | None = None,
    seed: int = 0,
    device: str = "auto",
    strict: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
    interrupts: Interrupts | None = None,
) -> Fitted:
    """Train on a noisy dataset, steered by verified labels, and write a run directory.

    Args:
        source: the dataset.
        out: the run directory to make.
        trusted: table or folder with verified labels, joined on `sample_id`; "none" takes rows of low loss instead,
            chosen anew in each epoch (L2B, section 4.4).
        transfer: the trusted rows are another task, with classes of their own: alpha then says which rows of the
            dataset help it (SOSELETO, section 4.3), and `score_new` tells the classes of the target.
        method: a file of `weightings/`.
        options: the method's own options.
        regularisation: what else changes the loss.
        model: what looks at the images.
        effort: how long and how hard to train.
        decoding: how images are decoded.
        seed: of every random number.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, …
        strict: make a row that cannot be used an error.
        overwrite: replace a run that is there.
        resume: go on with an interrupted run.
        progress: is told what happens; silent by default.
        interrupts: holds signals back while a step runs.

    Raises:
        NoisecleanerError: input, options or environment cannot be used; a run that stood at `out` is there again.
        Interrupted: a signal arrived; `resume=True` goes on from the last checkpoint.
    """
    model, effort, decoding = model or Model(), effort or Effort(), decoding or Decoding()
    regularisation = regularisation or Regularisation()
    options, told, clock = dict(options or {}), progress or Progress(), [time.monotonic()]
    check_effort(effort)
    check_batch(method, check_options(method, options, effort.meta).least_batch, effort)
    check_regularisation(regularisation, source.columns.irrelevant)
    if transfer:
        check_transfer(method, trusted, effort)
    source.refuse_inside(out)
    on = choose_device(device)
    low_loss = trusted == NO_TRUSTED
    corpus = read_corpus(source, trusted=trusted, regularisation=regularisation, transfer=transfer)
    check_usable(corpus, method=method, strict=strict, low_loss=low_loss)
    chosen = _choose(corpus.dataset, model, seed, on, told, transfer)
    targets = len(corpus.target_classes) if transfer else None
    task = Task(
        chosen.shape, chosen.trunk, method, options, effort.meta, low_loss, regularisation.regularisers, targets
    )
    rehearse(task, corpus.side())
    recorded = {
        "source": source.to_json(),
        "trusted": trusted if low_loss or trusted is None else absolute(trusted),
        "transfer": transfer,
        "method": method,
        "method_options": options,
        "regularisation": asdict(_placed(regularisation)),
        "model": {**asdict(model), "weights": str(model.weights) if model.weights else None},
        "effort": {name: value for name, value in asdict(effort).items() if name not in _FREE},
        "max_pixels": decoding.max_pixels,
        "seed": seed,
        "device": str(on),
        "strict": strict,
    }
    mark = fingerprint(corpus.manifests())
    with open_run(out, recorded, mark, overwrite=overwrite, resume=resume) as (run, finished):
        if finished:
            told.note(f"{out} holds a finished fit with these options already; nothing was done.")
            return Fitted(**run.read()["fitted"])
        # features cost minutes and stay; pixels and vectors are copies of what the user has
        inputs = prepare(corpus.manifests(), chosen.encoder, run.path if chosen.frozen else run.cache, decoding, told)
        corpus = corpus.skipping(inputs.skipped)
        check_usable(corpus, method=method, strict=strict, low_loss=low_loss)
        for warning in warnings_before(corpus, inputs.array):
            told.warn(warning)
        clock.append(time.monotonic())
        dataset = corpus.dataset
        folds = effort.folds or (1 if chosen.trunk is not None or transfer else FOLDS)
        assignment = assign_folds(
            given=dataset.given,
            trusted=dataset.trusted,
            clean_only=corpus.clean_only_labels,
            folds=folds,
            seed=seed,
            judged=not transfer,
        )
        schedule = choose_schedule(effort, chosen.shape, chosen.trunk, len(assignment.folds[0].source), seed, on)
        data = _data(inputs.array, corpus, chosen, on)
        training = CrossFit(run, assignment, data, task, schedule, len(dataset))
        found = train_folds(training, effort.workers, told, interrupts or Interrupts())
        clock.append(time.monotonic())
        quality = _conclude(run, corpus, assignment, found, seed, transfer, told)
        _write_auditor(run, chosen, corpus, folds, quality)
        clock.append(time.monotonic())
        seconds = dict(zip(("prepare", "train", "conclude"), np.diff(clock).round(2).tolist(), strict=True))
        fitted = _summarise(corpus, assignment, quality, seconds)
        run.finish({"options": recorded, "fingerprint": mark, "fitted": asdict(fitted)})
    _warn(fitted, told)
    return fitted


def _placed(chosen: Regularisation) -> Regularisation:
    """The same with absolute paths, for the record: a run may be resumed from another directory."""
    unlabelled, irrelevant = (path and absolute(path) for path in (chosen.unlabelled, chosen.irrelevant))
    return Regularisation(chosen.regularisers, unlabelled, irrelevant)


def _choose(
    dataset: Manifest, model: Model, seed: int, device: torch.device, told: Progress, transfer: bool
) -> _Chosen:
    """Choose what is trained, and say so."""
    classes = len(dataset.classes)
    # in a transfer a head needs features of its own, which is all that source and target share
    hidden = model.hidden or (_TRANSFER_UNITS if transfer else 0)
    if isinstance(dataset.payload, AnyVectors):
        check_no_backbone(model)
        width = dataset.payload.width
        if dataset.payload.kind == "probabilities":
            check_no_hidden(model)
            return _Chosen(Shape(kind="probabilities", classes=classes, width=width))
        told.note(f"Training a head on embeddings of {width} numbers.")
        return _Chosen(Shape(kind="vectors", classes=classes, width=width, hidden=hidden))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        name, backbone, frozen = choose_backbone(model)
    kind: Literal["vectors", "pixels"] = "vectors" if frozen else "pixels"
    shape = Shape(
        kind=kind,
        classes=classes,
        width=backbone.width,
        backbone=name,
        size=backbone.size,
        hidden=hidden if frozen else 0,
    )
    if frozen:
        told.note(f"Backbone: {name} at {backbone.size} px, pretrained and frozen; a head is trained on its features.")
        return _Chosen(shape, feature_encoder(backbone, device), frozen=backbone)
    told.note(f"Backbone: {name} at {backbone.size} px, trained end to end.")
    return _Chosen(shape, pixel_encoder(backbone.size), trunk=backbone)


def _data(array: npt.NDArray[Any], corpus: Corpus, chosen: _Chosen, device: torch.device) -> Data:
    return Data(
        array,
        given=corpus.given,
        trusted=corpus.trusted,
        device=device,
        augmented=chosen.trunk is not None,
        flips=chosen.trunk is not None and chosen.trunk.flips,
        side=corpus.side(),
        probabilities=chosen.shape.kind == "probabilities",
    )


def _conclude(
    run: Run, corpus: Corpus, assignment: FoldAssignment, found: list[Arrays], seed: int, transfer: bool, told: Progress
) -> QualityModel:
    """Fit label quality and write the trace."""
    dataset = corpus.dataset
    columns = collect(found, dataset.given)
    if transfer:
        model, quality = QualityModel("transfer"), np.full(len(dataset), np.nan)
    else:
        known = verified(columns, dataset, assignment.judging, found, corpus.clean_only_labels)
        out_of_sample = len(assignment.folds) > 1
        model, quality = fit_quality(columns, known, seed, out_of_sample)
        for warning in warnings_after(corpus, columns, assignment.judging) if out_of_sample else ():
            told.warn(warning)
    suggested, confidence = model.suggest(columns, quality)
    meta = {"classes": list(dataset.classes), "quality": model.method}
    write_table(
        run.trace, [to_table(dataset, columns, quality, suggested, confidence, assignment.judging)], TRACE, meta
    )
    return model


def _write_auditor(run: Run, chosen: _Chosen, corpus: Corpus, folds: int, quality: QualityModel) -> None:
    """Write what `score --data` needs beside the folds' networks."""
    if chosen.frozen is not None:
        weights = {name: tensor.cpu().numpy() for name, tensor in chosen.frozen.state_dict().items()}
        write_arrays(run.auditor / "backbone.safetensors", weights, {})
    shape = asdict(replace(chosen.shape, classes=len(corpus.target_classes)))
    write_record(
        run.auditor / "auditor.json",
        {"classes": list(corpus.target_classes), "folds": folds, "shape": shape, "quality": quality.to_json()},
    )


def _summarise(corpus: Corpus, assignment: FoldAssignment, quality: QualityModel, seconds: dict[str, float]) -> Fitted:
    dataset = corpus.dataset
    return Fitted(
        rows=len(dataset),
        skipped=dataset.skips(),
        audited=int(((dataset.given >= 0) & (dataset.trusted >= 0)).sum()),
        clean_only=int((corpus.clean_only_labels >= 0).sum()),
        judging=int(assignment.judging.sum()),
        judged_wrong=int((assignment.judging & (dataset.given != dataset.trusted)).sum()),
        quality=quality.method,
        seconds=seconds,
    )


def _warn(fitted: Fitted, told: Progress) -> None:
    if fitted.quality in ("audited", "transfer"):
        return
    reason = {
        "planted": "it was calibrated on known wrong labels put on verified rows, not on real errors",
        "uncalibrated": "it is the probability that the network gives the label, uncalibrated",
    }[fitted.quality]
    rarer = min(fitted.judged_wrong, fitted.judging - fitted.judged_wrong)
    enough = max(MIN_AUDITED, math.ceil(1.5 * MIN_EACH * fitted.judging / rarer)) if rarer else 300
    told.warn(
        f"label_quality needs {MIN_EACH} right and {MIN_EACH} wrong verified rows to be calibrated on, but only "
        f"{fitted.judging} could judge, {fitted.judged_wrong} of them wrong: {reason}. Verify about {enough:,} rows, "
        "drawn at random."
    )
