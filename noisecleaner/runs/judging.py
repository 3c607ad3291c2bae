"""Rows that were not fitted: read with what was verified of them, and judged by the auditor of a run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import UNVERIFIED, IntArray
from noisecleaner.ingest import Manifest, Skip, Source, ingest, refuse_skips
from noisecleaner.ingest.skips import skip_notice
from noisecleaner.ingest.verified.certified import carried
from noisecleaner.ingest.verified.corrections import COLUMN
from noisecleaner.noise.likeness import ComparedRows
from noisecleaner.notices import Notice, Severity
from noisecleaner.progress import Progress
from noisecleaner.quality.model import Judgements
from noisecleaner.runs.auditor import Auditor
from noisecleaner.runs.basis import Basis
from noisecleaner.runs.contents import Contents
from noisecleaner.runs.fitted_labels import FittedLabels
from noisecleaner.runs.new_rows import likeness_notices, on_their_own
from noisecleaner.runs.odd_corrections import fixing_among
from noisecleaner.runs.run import Run
from noisecleaner.runs.sample import odd_sample
from noisecleaner.runs.scored import IDENTITY, ScoredRows
from noisecleaner.runs.trace import Trace
from noisecleaner.settings import Inference
from noisecleaner.texts import agreeing, counted


@dataclass(frozen=True, kw_only=True)
class NewLabels:
    """Where labels of new rows stand, if somebody verified or corrected some.

    Args:
        trusted: the table of verified labels; None without one.
        corrections: that of labels that somebody fixed, likewise.
        before: the last scores, which hold first looks, where `trusted` has second ones alone.
    """

    trusted: str | None
    corrections: str | None
    before: Path | None = None


@dataclass(frozen=True, kw_only=True)
class _NewRows:
    """Rows as they were read.

    Args:
        dataset: the rows, with what is odd about them.
        places: place of each row in the fitted dataset, -1 where it was not there, shape [rows].
        network: number of the only network that did not train on a row, -1 where none did, shape [rows].
        unused: classes that no fitted row was given.
    """

    dataset: Manifest
    places: IntArray
    network: IntArray
    unused: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """Rows that an auditor has judged.

    Args:
        scored: the rows.
        compared: a sample of them as the fitted rows' one looks; None where nothing is kept of those.
        told: how many of their notices were told.
        known_by_heart: whether every network has trained on the labels of verified ones among them.
    """

    scored: ScoredRows
    compared: ComparedRows | None
    told: int
    known_by_heart: bool


#: Rows with images -> the same rows with vectors, while the block runs.
Embedding = Callable[[Manifest], AbstractContextManager[Manifest]]


def judge_new(
    run: Run,
    source: Source,
    labels: NewLabels,
    *,
    inference: Inference,
    scratch: Path,
    progress: Progress,
    embedding: Embedding = nullcontext,
) -> ScoredRows:
    """Read rows that were not fitted, and let the auditor of a run judge them.

    Args:
        run: a finished run.
        source: the rows; their columns are called as it says.
        labels: what is known of them beside.
        inference: how they are looked at.
        scratch: a folder with space for decoded images.
        progress: is told what is odd, and what is done.
        embedding: makes vectors of images where that is done elsewhere.

    Raises:
        NoisecleanerError: run or rows cannot be used, or a row is skipped and `inference` is strict.
    """
    auditor = Auditor(run)
    # their manifest ends with this call: there may be ten million rows
    judged = _judge(
        auditor, run, source, labels, inference=inference, scratch=scratch, progress=progress, embedding=embedding
    )
    scored = judged.scored if judged.known_by_heart else on_their_own(judged.scored)
    scored = scored.noting(*likeness_notices(judged.compared, auditor, scored))
    progress.tell(*scored.notices[judged.told :])
    return scored


def _judge(
    auditor: Auditor,
    run: Run,
    source: Source,
    labels: NewLabels,
    *,
    inference: Inference,
    scratch: Path,
    progress: Progress,
    embedding: Embedding,
) -> _Judged:
    """Read rows and let an auditor judge them, see `judge_new`."""
    read = _read(run, auditor, source, labels, strict=inference.strict)
    pa.default_memory_pool().release_unused()  # what reading tables took, as much again as is left of them
    progress.detail(f"Read {counted(len(read.dataset), 'row')} of {source.data}.")
    progress.tell(*read.dataset.notices)
    contents = Contents.of_images([read.dataset], source)
    with embedding(read.dataset) as dataset:
        judged = auditor.judge(dataset, inference, network=read.network, scratch=scratch, progress=progress)
    progress.tell(*judged.dataset.notices[len(read.dataset.notices) :])
    dataset = _with_skips(judged.dataset, strict=inference.strict, progress=progress)
    scored = replace(
        _scored(dataset, judged.judgements, auditor),
        unused=read.unused,
        basis=_basis(run, auditor),
        contents=contents.adding(judged.vectors).parts[0],
    )
    scored = scored if labels.corrections is None else _fixed(scored)
    scored = scored.noting(*odd_sample(scored, dataset.empty))
    known_by_heart = scored.judging & (read.places >= 0) & (read.network < 0)
    return _Judged(
        scored=scored,
        compared=judged.compared,
        told=len(dataset.notices),
        known_by_heart=bool(known_by_heart.any()),
    )


def _read(run: Run, auditor: Auditor, source: Source, labels: NewLabels, *, strict: bool) -> _NewRows:
    """Read the rows with the classes of an auditor, and find those that it was fitted on."""
    fitted = FittedLabels.of(
        Trace.read(run.trace, ["given_label"], run.sealed(run.trace)).table["given_label"], auditor.classes
    )
    dataset, beside = ingest(
        source, labels.trusted, auditor.classes, corrections=labels.corrections, before=labels.before
    )
    dataset = dataset.compact()
    if auditor.quality.method == "transfer":
        dataset = dataset.keeping_unlabelled()
    if strict:
        refuse_skips(dataset)
    places = _places(run, dataset.table["sample_id"])
    network = auditor.unseen_by(places)
    dataset = dataset.noting(
        *_left_out(beside, source.data),
        *_fitted_before(run, places, network),
        *fitted.lost(unlabelled=dataset.skips().get(Skip.NO_LABEL, 0), rows=len(dataset)),
    )
    return _NewRows(dataset=dataset, places=places, network=network, unused=fitted.unused)


def _with_skips(dataset: Manifest, *, strict: bool, progress: Progress) -> Manifest:
    """Tell and note how many rows could not be judged.

    Raises:
        NoisecleanerError: there are some, and one is strict.
    """
    if strict:
        refuse_skips(dataset)
    if (skipped := skip_notice(dataset)) is None:
        return dataset
    progress.tell(skipped)
    return dataset.noting(skipped)


def _fixed(scored: ScoredRows) -> ScoredRows:
    """Note what corrections of new rows did: all of them are fresh, but for those that a clean copy carried along."""
    made = np.flatnonzero(np.asarray(pc.is_valid(scored.identity[COLUMN])) & ~carried(scored.identity))
    return replace(scored, fixing=fixing_among(scored, made, fresh=np.ones(len(made), dtype=bool)))


def _scored(dataset: Manifest, judgements: Judgements, auditor: Auditor) -> ScoredRows:
    unknown = np.broadcast_to(np.float32(np.nan), len(dataset))
    return ScoredRows(
        identity=dataset.table.select(list(IDENTITY)),
        alpha=unknown,
        beta=unknown,
        margin=unknown,
        alignment=unknown,
        positive_share=unknown,
        label_quality=judgements.quality,
        suggested=judgements.suggested,
        suggested_confidence=judgements.confidence,
        judging=(dataset.given >= 0) & (dataset.trusted != UNVERIFIED),
        probability=dataset.sample_probability,
        classes=auditor.classes,
        model=auditor.quality.method_for(new=True),
        notices=dataset.notices,
        none_label=dataset.none_label,
    )


def _basis(run: Run, auditor: Auditor) -> Basis | None:
    """Count the fitted rows that label quality of new rows was calibrated on; None where none calibrated it."""
    result = run.read_fitted().result
    audited = auditor.quality.method_for(new=True) == "audited"
    return Basis(rows=result.judging, data="fitted") if audited and result else None


def _left_out(beside: Manifest | None, data: str) -> tuple[Notice, ...]:
    """Say so where verified rows are not among the new ones: there is nothing left to steer."""
    count = 0 if beside is None else int((beside.trusted != UNVERIFIED).sum())
    if not count:
        return ()
    message = (
        f"{counted(count, 'verified row')} {agreeing(count)} not among the rows of {data}: nothing is measured by "
    )
    message += f"{agreeing(count, 'it, and it is', 'them, and they are')} left out."
    return (Notice(code="verified-elsewhere", message=message),)


def _places(run: Run, ids: pa.ChunkedArray) -> IntArray:
    """Find the place of each row in the fitted dataset, by its id; -1 where it was not there, shape [rows]."""
    fitted = Trace.read(run.trace, ["sample_id"], run.sealed(run.trace)).table["sample_id"].combine_chunks()
    places = pc.index_in(ids, value_set=fitted)
    if places.null_count == len(ids):  # as one number: there may be millions of rows
        return np.broadcast_to(np.int32(-1), len(ids))
    return np.asarray(pc.fill_null(places, -1))


def _fitted_before(run: Run, fitted: IntArray, network: IntArray) -> tuple[Notice, ...]:
    """Say so when rows are not new, and whether networks judge them that have trained on their labels."""
    count = int((fitted >= 0).sum())
    if not count:
        return ()
    found, honest = (
        f"{count:,} of {len(fitted):,} sample ids belong to rows that were fitted",
        f"score({str(run.path)!r})",
    )
    if (network[fitted >= 0] >= 0).all():
        message = f"{found}; each of them is judged by the one network that did not train on it. What training saw of "
        message += f"them is in `{honest}`."
        return (Notice(code="rows-were-fitted", message=message, severity=Severity.NOTE),)
    message = f"{found}; their labels were trained on, so these scores trust them too much. Honest ones: `{honest}`"
    return (Notice(code="rows-were-fitted", message=message),)
