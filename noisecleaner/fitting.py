"""`fit`: a dataset and verified labels -> a run directory. Every step of the line, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from noisecleaner.arrays import NO_CLASS, Array
from noisecleaner.export.owner import Owner
from noisecleaner.export.structure import Structure
from noisecleaner.files import AnyPath, located, spelled
from noisecleaner.ingest import Manifest, Source
from noisecleaner.ingest.vectors.class_vectors import read_class_vectors
from noisecleaner.inputs.batches import Data
from noisecleaner.inputs.prepare import prepare
from noisecleaner.inputs.sight import see_same_images, see_same_inputs
from noisecleaner.networks.devices import choose_device
from noisecleaner.notices import Notice
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.progress.clock import Clock
from noisecleaner.quality.fitting import VerifiedRows, comparable_quality, fit_quality
from noisecleaner.quality.model import QualityModel
from noisecleaner.quality.signals import Signals
from noisecleaner.ranks.joining import joined
from noisecleaner.ranks.tasks import Lead, dismiss, follow
from noisecleaner.runs.class_order import swapped_names
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.contents import Contents, fingerprint, refuse_other_data
from noisecleaner.runs.record import FitResult, Record
from noisecleaner.runs.run import Run, open_run
from noisecleaner.runs.same_fit import refuse_other_fit
from noisecleaner.runs.trace import Trace, collect, to_table, verified_rows
from noisecleaner.runs.zero_shot import with_zero_shot
from noisecleaner.tables import DUPLICATES, write_table
from noisecleaner.training.architecture import Architecture, choose_architecture, quicker_device
from noisecleaner.training.corpus import Corpus, check_usable, read_corpus
from noisecleaner.training.crossfit import CrossFit, rehearse, train_folds
from noisecleaner.training.duplicates import find_duplicates
from noisecleaner.training.earlier import refuse_unsuited, seen_before
from noisecleaner.training.folds import FoldAssignment, assign_folds, refuse_small_folds
from noisecleaner.training.outcome import halved, result_of, shortage, write_auditor, write_reference
from noisecleaner.training.recipe import Recipe
from noisecleaner.training.rounds import choose_rounds, second_readouts
from noisecleaner.training.schedule import choose_schedule
from noisecleaner.training.shared import refuse_unshared, with_precision
from noisecleaner.training.trustcheck import notices_after, notices_before

#: Training runs where a run is cheap (a head on features): more spare fewer rows, but cost more time.
FOLDS = 5


def fit(
    config: FitConfig,
    out: AnyPath,
    *,
    overwrite: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
    interrupts: Interrupts | None = None,
) -> FitResult:
    """Train on a noisy dataset, steered by verified labels, and write a run directory.

    Several processes that torchrun started do it together: each of them calls this, and gets the same result.

    Args:
        config: what is asked.
        out: the run directory to make.
        overwrite: replace a run that is there.
        resume: go on with an interrupted run.
        progress: is told what happens; silent by default. Of several processes, that of the first one is.
        interrupts: holds signals back while a step runs.

    Raises:
        NoisecleanerError: input, options or environment cannot be used; a run that stood at `out` is there again.
        Interrupted: a signal arrived; `resume=True` goes on from the last checkpoint.
    """
    out, interrupts = located(out), interrupts or Interrupts()
    with joined(config.device, interrupts=interrupts) as ranks:
        refuse_other_fit(config, out, ranks)
        if not ranks.leads:
            result: FitResult = follow(ranks, interrupts)
            return result
        lead = Lead(progress or Progress(), interrupts, ranks)
        result = _fit(config, out, overwrite=overwrite, resume=resume, lead=lead)
        dismiss(ranks, result)
        return result


def _fit(config: FitConfig, out: Path, *, overwrite: bool, resume: bool, lead: Lead) -> FitResult:
    """Fit, alone or as the leader; arguments are those of `fit`."""
    progress = lead.progress
    clock = Clock(progress)
    config.check()
    config.source.refuse_inside(out)
    refuse_unsuited(config, out)
    open_to_choice, config = config.device == "auto", replace(config, device=str(choose_device(config.device)))
    corpus, effort = _read(config, progress), config.effort
    architecture = choose_architecture(config, corpus.dataset, progress)
    if open_to_choice and lead.ranks.alone:
        device, rows = torch.device(config.device), len(corpus.dataset)
        device = quicker_device(architecture, device, rows=rows, epochs=effort.epochs, folds=effort.folds)
        config = replace(config, device=str(device))
    if architecture.trunk is not None:
        config = with_precision(config, Run(out) if resume else None, lead.ranks)
    recipe = _recipe(config, architecture, corpus)
    if architecture.trunk is not None:
        refuse_unshared(recipe, config.effort.folds, lead.ranks)
    rehearse(recipe, shape=architecture.shape, trunk=architecture.trunk, side=corpus.side())
    class_vectors = read_class_vectors(spelled(config.class_embeddings), corpus.dataset)
    wanted = Record(config, fingerprint(corpus.manifests(), class_vectors))
    with open_run(out, wanted, overwrite=overwrite, resume=resume) as (run, record):
        refuse_other_data(run, corpus.manifests())
        if record.result is not None:
            progress.note(f"{out} holds a finished fit with these options already; nothing was done.")
            return record.result
        corpus, data = _prepare(config, architecture, corpus, run=run, lead=lead)
        corpus = _naming(corpus, swapped_names(class_vectors, data.array, corpus.dataset), progress)
        architecture = architecture.suiting(data.array, np.flatnonzero(data.given >= 0))
        clock.lap("prepare")
        cross_fit = _cross_fit(config, architecture, corpus, recipe=recipe, data=data, run=run)
        signals, verified = _train(config, cross_fit, corpus, lead)
        signals = with_zero_shot(signals, class_vectors, data.array, run)
        clock.lap("train")
        corpus, quality = _conclude(config, cross_fit, corpus, signals=signals, verified=verified, progress=progress)
        architecture = architecture.judging(signals)
        write_auditor(cross_fit, architecture, corpus, quality, zero_shot=class_vectors is not None)
        write_reference(cross_fit, corpus.dataset.classes, signals.predictions, quality)
        clock.lap("conclude")
        result = result_of(cross_fit, corpus, quality, clock.seconds)
        notices = (*shortage(result), *halved(result))
        progress.tell(*notices)
        result = replace(result, notices=(*result.notices, *notices))
        run.finish(replace(wanted, result=result))
    return result


def _read(config: FitConfig, progress: Progress) -> Corpus:
    """Read the tables of all rows, but no image."""
    corpus = read_corpus(
        config.source,
        trusted=spelled(config.trusted),
        regularisation=config.regularisation,
        transfer=config.transfer,
        corrections=spelled(config.corrections),
    )
    progress.detail(corpus.told)
    corpus = corpus.noting(*seen_before(config))
    progress.tell(*corpus.dataset.notices)
    check_usable(corpus, method=config.method, strict=config.strict, low_loss=config.low_loss)
    refuse_small_folds(config.effort.folds, corpus.dataset.given)
    return corpus


def _recipe(config: FitConfig, architecture: Architecture, corpus: Corpus) -> Recipe:
    """Say what every fold does with its network."""
    return Recipe(
        config.method,
        options=config.options,
        meta=config.effort.meta,
        low_loss=config.low_loss,
        regularisers=config.regularisation.regularisers,
        target_classes=len(corpus.target_classes) if config.transfer else None,
        averaged=architecture.trunk is None and not config.transfer,
        full_precision=config.effort.precision == "float32",
    )


def _prepare(
    config: FitConfig, architecture: Architecture, corpus: Corpus, *, run: Run, lead: Lead
) -> tuple[Corpus, Data]:
    """Make the inputs of all rows; those that cannot be read are marked in the corpus."""
    progress = lead.progress
    # features cost minutes and stay; pixels and vectors are copies of what the user has
    folder = run.path if architecture.frozen else run.cache
    contents = Contents.read(run) or Contents.of_images(corpus.manifests(), config.source)
    contents.write(run)
    see_same_images(corpus.manifests(), contents.parts, lead)
    inputs = prepare(
        corpus.manifests(),
        encoder=architecture.encoder,
        folder=folder,
        decoding=config.decoding,
        progress=progress,
        ranks=lead.ranks,
    )
    contents.adding(inputs.vectors).write(run)
    corpus = corpus.skipping(inputs.skipped)
    check_usable(corpus, method=config.method, strict=config.strict, low_loss=config.low_loss)
    refuse_small_folds(config.effort.folds, corpus.dataset.given)
    notices = (
        *corpus.skip_notices(),
        *inputs.notices,
        *notices_before(corpus, inputs.array),
        *_write_duplicates(config.source, corpus.dataset, inputs.array, run),
    )
    progress.tell(*notices)
    data = Data(
        array=inputs.array,
        given=corpus.given,
        trusted=corpus.steering,
        device=torch.device(config.device),
        augmented=architecture.trunk is not None,
        flips=architecture.trunk is not None and architecture.trunk.flips,
        probabilities=architecture.shape.kind == "probabilities",
    )
    return corpus.noting(*notices), data


def _naming(corpus: Corpus, notice: Notice | None, progress: Progress) -> Corpus:
    """Tell what is odd of the classes' vectors."""
    if notice is None:
        return corpus
    progress.tell(notice)
    return corpus.noting(notice)


def _write_duplicates(source: Source, dataset: Manifest, array: Array, run: Run) -> Iterator[Notice]:
    """Look for rows that hold the same, and write them down where there are any."""
    found = find_duplicates(dataset, array)
    splits = Structure.of(dataset, source, Owner.of(source.data)).folders if len(found) else None
    if len(found):
        write_table(run.duplicates, [found.table(splits)], DUPLICATES, {})
    yield from found.notices(splits)


def _assignment(config: FitConfig, architecture: Architecture, corpus: Corpus) -> FoldAssignment:
    """Assign rows to training runs."""
    return assign_folds(
        given=corpus.dataset.given,
        # who saw what is not certain: such a row judges, but steers nothing
        trusted=np.where(corpus.dataset.disputed, NO_CLASS, corpus.dataset.trusted),
        corrected=corpus.dataset.corrected,
        clean_only=corpus.clean_only_labels,
        folds=config.effort.folds or (1 if architecture.trunk is not None or config.transfer else FOLDS),
        seed=config.seed,
        judged=not config.transfer,
    )


def _cross_fit(
    config: FitConfig, architecture: Architecture, corpus: Corpus, *, recipe: Recipe, data: Data, run: Run
) -> CrossFit:
    """Say which training runs there are, and how long and how fast they train."""
    assignment = _assignment(config, architecture, corpus)
    schedule = choose_schedule(
        config.effort,
        architecture.shape,
        backbone=architecture.trunk,
        rows=len(assignment.folds[0].source),
        seed=config.seed,
        device=data.device,
    )
    return CrossFit(
        run=run,
        assignment=assignment,
        data=data,
        side=corpus.side(),
        recipe=recipe,
        shape=architecture.shape,
        trunk=architecture.trunk,
        schedule=schedule,
    )


def _train(config: FitConfig, cross_fit: CrossFit, corpus: Corpus, lead: Lead) -> tuple[Signals, VerifiedRows]:
    """Train all folds and put together what they found out, so that it is in memory once."""
    progress, interrupts = lead.progress, lead.interrupts
    see_same_inputs(cross_fit.data, lead)
    rounds = choose_rounds(cross_fit, config.effort.rounds, progress)
    workers = config.effort.workers
    readouts = train_folds(cross_fit, workers=workers, progress=progress, interrupts=interrupts, ranks=lead.ranks)
    if rounds > 1:
        readouts = second_readouts(cross_fit, readouts, progress)
    signals, judging = collect(readouts, given=corpus.dataset.given), cross_fit.assignment.judging
    labels = corpus.clean_only_labels
    return signals, verified_rows(signals, corpus.dataset, readouts, judging=judging, clean_only=labels)


def _conclude(
    config: FitConfig,
    cross_fit: CrossFit,
    corpus: Corpus,
    *,
    signals: Signals,
    verified: VerifiedRows,
    progress: Progress,
) -> tuple[Corpus, QualityModel]:
    """Fit label quality, write the trace, and note what the networks make of the verified rows."""
    notices: tuple[Notice, ...] = ()
    dataset, judging = corpus.dataset, cross_fit.assignment.judging
    if config.transfer:
        model = QualityModel("transfer")
        judgements = model.judge(signals.predictions, np.full(len(dataset), np.nan))
    else:
        out_of_sample = len(cross_fit.assignment.folds) > 1
        model, _, judgements = fit_quality(signals, verified, seed=config.seed, out_of_sample=out_of_sample)
        if out_of_sample:
            comparable = comparable_quality(model, signals, verified)
            notices = tuple(notices_after(corpus, signals.unfitted, judging, quality=comparable))
        progress.tell(*notices)
    table = to_table(dataset, signals, judgements, judging=judging)
    none_label, ordered = dataset.none_label, dataset.ordered
    trace = Trace(table, dataset.classes, model.method, none_label=none_label, ordered=ordered)
    trace.write(cross_fit.run.trace)
    return corpus.noting(*notices), model
