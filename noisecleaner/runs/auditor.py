"""The fitted auditor applied to rows that were not fitted: predicted and judged block by block. No training.

torch is imported only for images, and for networks that are not linear in the user's vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from noisecleaner.arrays import Array, BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.files import scratch_folder
from noisecleaner.ingest import Manifest, Skip
from noisecleaner.ingest.fingerprints import Fingerprint, PassingVectors
from noisecleaner.ingest.skips import causes
from noisecleaner.ingest.vectors.columns import skipped
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.inputs.probabilities import check_order, check_width, likeliest
from noisecleaner.networks.shapes import Shape
from noisecleaner.noise.likeness import MOST_ROWS, ComparedRows
from noisecleaner.progress import Progress
from noisecleaner.quality.model import Judgements, QualityModel
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.auditor_record import AuditorRecord
from noisecleaner.runs.kinds import refuse_other_kind
from noisecleaner.runs.predictors import Predictors, open_networks, open_predictors
from noisecleaner.runs.reference import Reference
from noisecleaner.runs.run import Run
from noisecleaner.runs.vector_blocks import VectorBlock, VectorSample, vector_blocks
from noisecleaner.settings import Decoding, Inference
from noisecleaner.threads import in_threads

#: Images that are predicted together.
_BATCH = 512


@dataclass(frozen=True, kw_only=True)
class JudgedRows:
    """Rows that were not fitted, judged.

    Args:
        dataset: the rows, unreadable ones marked.
        judgements: what is made of them.
        compared: a sample of them as the fitted rows' one looks; None where nothing is kept of those.
        vectors: one that tells what vectors they brought; empty where they brought images.
    """

    dataset: Manifest
    judgements: Judgements
    compared: ComparedRows | None
    vectors: tuple[Fingerprint, ...] = ()


class Auditor:
    """What a fit learned, ready for other rows.

    Args:
        run: a finished run.

    Raises:
        NoisecleanerError: a file of the auditor is missing or damaged.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._record = run, AuditorRecord.read(run)

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of their indices."""
        return self._record.classes

    @property
    def told(self) -> tuple[str, ...]:
        """The same where somebody has told that order, else `()`."""
        return self.classes if self._record.ordered else ()

    @property
    def shape(self) -> Shape:
        """The shape of each network."""
        return self._record.shape

    @property
    def quality(self) -> QualityModel:
        """How label quality is made."""
        return self._record.quality

    @cached_property
    def reference(self) -> Reference | None:
        """What new rows are compared with; None where an earlier version, or a transfer, wrote the run."""
        return Reference.read(self._run)

    def unseen_by(self, fitted: IntArray) -> IntArray:
        """The network that did not train on a row, shape [rows]; -1 where none did, all did, or nobody knows.

        Args:
            fitted: place of each row in the fitted dataset, -1 where it was not there, shape [rows].
        """
        if self.reference is None or not (fitted >= 0).any():
            return np.broadcast_to(np.int64(-1), len(fitted))  # as one number: there may be millions of rows
        return np.where(fitted >= 0, self.reference.network[fitted], -1)

    def judge(
        self, dataset: Manifest, inference: Inference, *, network: IntArray, scratch: Path, progress: Progress
    ) -> JudgedRows:
        """Judge the rows of a dataset.

        Args:
            dataset: read with the classes of this auditor.
            inference: where to compute, and which images are refused.
            network: which network alone judges a row, -1 where all together do, shape [rows].
            scratch: a folder with space for their pixels or features, while this runs; vectors need none.
            progress: is told about decoding and predicting.

        Raises:
            NoisecleanerError: the rows are of another kind than those of the fit, or their probabilities in another
                order than the classes.
        """
        refuse_other_kind(self._run, self._record, dataset.payload)
        _require_rows(dataset)
        if isinstance(dataset.payload, AnyVectors):
            return self._judge_vectors(dataset, dataset.payload, inference.device, network=network, progress=progress)
        return self._judge_images(dataset, inference, network=network, scratch=scratch, progress=progress)

    def _judge_vectors(
        self, dataset: Manifest, payload: AnyVectors, device: str, *, network: IntArray, progress: Progress
    ) -> JudgedRows:
        if payload.kind == "probabilities":
            check_width(payload.width, len(self.classes))
        record = self._record
        predictors = open_predictors(self._run, record.shape, record.folds, device, zero_shot=record.zero_shot)
        sample, wanted = VectorSample(self._sampled(dataset), payload.width), _wanted(dataset)
        pending = _Pending(wanted=wanted, given=dataset.given, network=network, sample=sample)
        passing = PassingVectors(payload, len(dataset))
        work, threads = partial(self._judge_block, predictors, pending), predictors.threads
        parts = in_threads(work, vector_blocks(payload, passing), threads=threads, ahead=2 * threads, name="score")
        judgements, missing = Judgements.unknown(len(dataset)), dict[int, Skip]()
        columns = np.full(len(dataset), -1, np.int32)
        with progress.stage("Scoring", int(wanted.sum()), "rows") as stage:
            for part in parts:
                judgements.put(part.rows, part.judgements)
                columns[part.rows] = part.columns
                missing |= part.without
                stage.advance(len(part.rows))
        dataset = dataset.skipping(missing)
        _require_rows(dataset)
        if payload.kind == "probabilities":
            dataset = dataset.noting(*check_order(columns, dataset))
        rows, seen = sample.seen()
        compared = self._compare(seen.__getitem__, predictors, given=dataset.given[rows], network=network[rows])
        vectors = (passing.fingerprint(),)
        return JudgedRows(dataset=dataset, judgements=judgements, compared=compared, vectors=vectors)

    def _judge_block(self, predictors: Predictors, pending: _Pending, block: VectorBlock) -> _JudgedBlock:
        """Judge the rows of a block that are wanted and have a vector."""
        first, vectors = block.first, block.vectors
        without = skipped(vectors, first)
        far = np.flatnonzero(self.reference.projection.far_outside(vectors) if self.reference else [])
        if len(far):
            without |= dict.fromkeys((first + far).tolist(), Skip.FAR_OUTSIDE)
            vectors = vectors.copy()
            vectors[far] = np.nan
        pending.sample.take(VectorBlock(first, vectors))
        there = np.isfinite(vectors[:, 0])
        taken = pending.wanted[first : first + len(vectors)] & there
        rows = first + np.flatnonzero(taken)
        if not len(rows):
            return _JudgedBlock(rows, Judgements.unknown(0), without, rows)
        wanted_ones = vectors if taken.all() else vectors[taken]
        columns = likeliest(wanted_ones) if self.shape.kind == "probabilities" else np.full(len(rows), -1)
        predictions = predictors.predict(wanted_ones, pending.given[rows], pending.network[rows])
        return _JudgedBlock(rows, self._judge(predictions), without, columns)

    def _judge_images(
        self, dataset: Manifest, inference: Inference, *, network: IntArray, scratch: Path, progress: Progress
    ) -> JudgedRows:
        decoding = Decoding(max_pixels=inference.max_pixels)
        networks = open_networks(self._run, self.shape, self._record.folds, inference.device)
        predictors, judgements = Predictors.of(networks), Judgements.unknown(len(dataset))
        with scratch_folder(scratch, "images") as folder:
            inputs = networks.decode(dataset, folder, decoding, progress)
            dataset = dataset.skipping(inputs.skipped)
            _require_rows(dataset)
            wanted, given, array = np.flatnonzero(_wanted(dataset)), dataset.given, inputs.array
            with progress.stage("Scoring", len(wanted), "rows") as stage:
                for rows in np.split(wanted, range(_BATCH, len(wanted), _BATCH)):
                    judgements.put(rows, self._judge(predictors.predict(array[rows], given[rows], network[rows])))
                    stage.advance(len(rows))
            rows = self._sampled(dataset)
            compared = self._compare(
                lambda places: array[rows[places]], predictors, given=given[rows], network=network[rows]
            )
        return JudgedRows(dataset=dataset, judgements=judgements, compared=compared)

    def _sampled(self, dataset: Manifest) -> IntArray:
        """Draw the rows that are compared with the fitted ones, in their order; none without a reference."""
        wanted = np.flatnonzero(_wanted(dataset))
        count = min(len(wanted), MOST_ROWS) if self.reference else 0
        return np.sort(np.random.default_rng(0).choice(wanted, count, replace=False))

    def _compare(
        self, read: Callable[[IntArray], Array], predictors: Predictors, *, given: IntArray, network: IntArray
    ) -> ComparedRows | None:
        """Look at a sample of the rows as at the fitted ones, see `Reference.see`."""
        if self.reference is None or not len(given):
            return None
        return self.reference.see(read, predictors, given=given, network=network, quality=self.quality)

    def _judge(self, predictions: Predictions) -> Judgements:
        return self.quality.judge(predictions, self.quality.quality_of_new(predictions))


def _wanted(dataset: Manifest) -> BoolArray:
    """Rows to judge, shape [rows]."""
    return (dataset.given >= 0) | dataset.unlabelled


def _require_rows(dataset: Manifest) -> None:
    if not _wanted(dataset).any():
        skips = dataset.skips()
        reasons = listed([f"{count:,} {reason}" for reason, count in skips.items()])
        labels = {Skip.NO_LABEL, Skip.UNKNOWN_CLASS} & skips.keys()
        raise NoisecleanerError(
            f"Rows with a label of the fitted classes are required, but none of the {len(dataset):,} rows "
            f"can be scored (skipped: {reasons}).{causes(dataset)}",
            "Check `Columns.label`, and that the labels are spelled as in the fitted data."
            if labels
            else "Check that the images are where the dataset says, and that they open.",
        )


@dataclass(frozen=True, kw_only=True)
class _Pending:
    """What is known of rows before their vectors pass by, each of shape [rows], and a sample to take of these."""

    wanted: BoolArray
    given: IntArray
    network: IntArray
    sample: VectorSample


@dataclass(frozen=True)
class _JudgedBlock:
    """Rows of a block [n], what is made of them, rows without a usable vector, and the likeliest column of each [n]."""

    rows: IntArray
    judgements: Judgements
    without: dict[int, Skip]
    columns: IntArray
