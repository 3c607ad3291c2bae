"""The fitted auditor applied to rows that were not fitted: predicted and judged block by block. No training.

torch is imported only for images, and for networks that are not linear in the user's vectors.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from noisecleaner.arrays import Array, BoolArray, IntArray, RealArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.files import damaged, read_arrays, read_record, write_record
from noisecleaner.ingest import Manifest, Skip
from noisecleaner.ingest.column_names import AnyVectors
from noisecleaner.ingest.skips import causes
from noisecleaner.inputs.probabilities import check_order, check_width, likeliest
from noisecleaner.networks.shapes import Shape
from noisecleaner.noise.likeness import MOST_ROWS, ComparedRows
from noisecleaner.progress import Progress
from noisecleaner.quality.model import Judgements, QualityModel
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.linear import Map, is_linear, mean_map
from noisecleaner.runs.linear import predict as predict_with
from noisecleaner.runs.reference import Reference
from noisecleaner.runs.run import Run
from noisecleaner.runs.vector_blocks import VectorBlock, VectorSample, vector_blocks
from noisecleaner.settings import Decoding, Inference
from noisecleaner.threads import cores, in_threads

if TYPE_CHECKING:
    from noisecleaner.runs.predicting import Networks

#: Vectors [n, width] and given labels [n] -> predictions of these rows.
Predict = Callable[[RealArray, IntArray], Predictions]


@dataclass(frozen=True, kw_only=True)
class AuditorRecord:
    """`auditor.json`: what scoring new rows needs beside the folds' networks.

    Args:
        classes: the class names, in the order of their indices.
        folds: how many networks there are.
        shape: of each.
        quality: how label quality is made of what they predict.
        ordered: whether somebody has told the order of the classes, see `Manifest.ordered`.
    """

    classes: tuple[str, ...]
    folds: int
    shape: Shape
    quality: QualityModel
    ordered: bool = False

    def write(self, run: Run) -> None:
        """Write it into a run."""
        content = {"classes": list(self.classes), "folds": self.folds, "shape": asdict(self.shape)}
        more = {"quality": self.quality.to_json(), "ordered": self.ordered}
        write_record(run.auditor / "auditor.json", {**content, **more})

    @classmethod
    def read(cls, run: Run) -> AuditorRecord:
        """Read it from a run.

        Raises:
            NoisecleanerError: it is missing or damaged.
        """
        path = run.auditor / "auditor.json"
        content = read_record(path)
        try:
            return cls(
                classes=tuple(content["classes"]),
                folds=int(content["folds"]),
                shape=Shape(**content["shape"]),
                quality=QualityModel.from_json(content["quality"]),
                ordered=bool(content.get("ordered", False)),  # earlier versions did not say
            )
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, error) from error


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Rows that were not fitted, judged.

    Args:
        dataset: the rows, unreadable ones marked.
        judgements: what is made of them.
        compared: a sample of them as the fitted rows' one looks; None where nothing is kept of those.
    """

    dataset: Manifest
    judgements: Judgements
    compared: ComparedRows | None


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

    def judge(
        self, dataset: Manifest, inference: Inference, *, fitted: IntArray, scratch: Path, progress: Progress
    ) -> Judged:
        """Judge the rows of a dataset.

        Args:
            dataset: read with the classes of this auditor.
            inference: where to compute, and which images are refused.
            fitted: place of each row in the fitted dataset, -1 where it was not there, shape [rows].
            scratch: a folder with space for their pixels or features, while this runs; vectors need none.
            progress: is told about decoding and predicting.

        Raises:
            NoisecleanerError: the rows are of another kind than those of the fit, or their probabilities in another
                order than the classes.
        """
        self._check_kind(dataset)
        _require_rows(dataset)
        if isinstance(dataset.payload, AnyVectors):
            return self._judge_vectors(dataset, dataset.payload, inference.device, fitted=fitted, progress=progress)
        return self._judge_images(dataset, inference, fitted=fitted, scratch=scratch, progress=progress)

    def _judge_vectors(
        self, dataset: Manifest, payload: AnyVectors, device: str, *, fitted: IntArray, progress: Progress
    ) -> Judged:
        if payload.kind == "probabilities":
            check_width(payload.width, len(self.classes))
        predict, threads = self._predictor(device)
        sample = VectorSample(self._sampled(dataset), payload.width)
        work = partial(self._judge_block, predict, _wanted(dataset), dataset.given, sample)
        parts = in_threads(work, vector_blocks(payload), threads=threads, ahead=2 * threads, name="score")
        judgements, missing = Judgements.unknown(len(dataset)), []
        columns = np.full(len(dataset), -1)
        with progress.stage("Scoring", int(_wanted(dataset).sum()), "rows") as stage:
            for part in parts:
                judgements.put(part.rows, part.judgements)
                columns[part.rows] = part.columns
                missing += part.without.tolist()
                stage.advance(len(part.rows))
        dataset = dataset.skipping(dict.fromkeys(missing, Skip.NO_VECTOR))
        _require_rows(dataset)
        if payload.kind == "probabilities":
            dataset = dataset.noting(*check_order(columns, dataset))
        rows, vectors = sample.seen()
        compared = self._compare(vectors.__getitem__, lambda: self._each(device), rows, dataset.given, fitted)
        return Judged(dataset=dataset, judgements=judgements, compared=compared)

    def _judge_block(
        self, predict: Predict, wanted: BoolArray, given: IntArray, sample: VectorSample, block: VectorBlock
    ) -> _JudgedBlock:
        """Judge the rows of a block that are wanted and have a vector."""
        first, vectors = block.first, block.vectors
        sample.take(block)
        there = ~np.isnan(vectors[:, 0])
        taken = wanted[first : first + len(vectors)] & there
        rows, without = first + np.flatnonzero(taken), first + np.flatnonzero(~there)
        if not len(rows):
            return _JudgedBlock(rows, Judgements.unknown(0), without, rows)
        wanted_ones = vectors if taken.all() else vectors[taken]
        columns = likeliest(wanted_ones) if self.shape.kind == "probabilities" else np.full(len(rows), -1)
        return _JudgedBlock(rows, self._judge(predict(wanted_ones, given[rows])), without, columns)

    def _judge_images(
        self, dataset: Manifest, inference: Inference, *, fitted: IntArray, scratch: Path, progress: Progress
    ) -> Judged:
        decoding = Decoding(max_pixels=inference.max_pixels)
        networks, judgements = self._networks(inference.device), Judgements.unknown(len(dataset))
        with tempfile.TemporaryDirectory(prefix=".noisecleaner-", dir=scratch) as folder:
            inputs = networks.decode(dataset, Path(folder), decoding, progress)
            dataset = dataset.skipping(inputs.skipped)
            _require_rows(dataset)
            wanted = np.flatnonzero(_wanted(dataset))
            with progress.stage("Scoring", len(wanted), "rows") as stage:
                for rows, predictions in networks.batches(inputs.array, given=dataset.given, rows=wanted):
                    judgements.put(rows, self._judge(predictions))
                    stage.advance(len(rows))
            sample, array = self._sampled(dataset), inputs.array
            alone = partial(_predictors, networks)
            compared = self._compare(lambda places: array[sample[places]], alone, sample, dataset.given, fitted)
        return Judged(dataset=dataset, judgements=judgements, compared=compared)

    def _sampled(self, dataset: Manifest) -> IntArray:
        """Draw the rows that are compared with the fitted ones, in their order; none without a reference."""
        wanted = np.flatnonzero(_wanted(dataset))
        count = min(len(wanted), MOST_ROWS) if self.reference else 0
        return np.sort(np.random.default_rng(0).choice(wanted, count, replace=False))

    def _compare(
        self,
        read: Callable[[IntArray], Array],
        predictors: Callable[[], Sequence[Predict]],
        sample: IntArray,
        given: IntArray,
        fitted: IntArray,
    ) -> ComparedRows | None:
        """Look at a sample of the rows as at the fitted ones.

        Args:
            read: places in the sample -> inputs.
            predictors: makes one for each network.
            sample: rows of the dataset, shape [sample].
            given: class index of the given label, shape [rows].
            fitted: place of each row in the fitted dataset, -1 where it was not there, shape [rows].
        """
        if self.reference is None or not len(sample):
            return None
        each = predictors() if self.reference.tells_labels else []
        return self.reference.see(read, each, given=given[sample], fitted=fitted[sample], quality=self.quality)

    def _predictor(self, device: str) -> tuple[Predict, int]:
        """Choose how vectors are predicted, and in how many threads."""
        if is_linear(self.shape) and self._on_cpu(device):
            return partial(predict_with, self._map(range(self._record.folds))), cores()
        return self._networks(device).predict, 1  # torch has threads of its own

    def _each(self, device: str) -> list[Predict]:
        """Make a predictor of vectors of each network alone."""
        if is_linear(self.shape) and self._on_cpu(device):
            return [partial(predict_with, self._map([fold])) for fold in range(self._record.folds)]
        return _predictors(self._networks(device))

    def _networks(self, device: str) -> Networks:
        from noisecleaner.runs.predicting import Networks

        return Networks(self._run, self.shape, self._record.folds, device)

    def _on_cpu(self, device: str) -> bool:
        # a GPU would only wait for probabilities, with which next to nothing is computed
        if device == "cpu" or (device == "auto" and self.shape.kind == "probabilities"):
            return True
        from noisecleaner.networks.devices import choose_device

        return choose_device(device).type == "cpu"

    def _map(self, folds: Iterable[int]) -> Map:
        paths = [self._run.auditor / f"fold-{fold}.safetensors" for fold in folds]
        try:
            return mean_map(self.shape, [read_arrays(path)[0] for path in paths])
        except ValueError as error:
            raise damaged(self._run.auditor, error) from error

    def _judge(self, predictions: Predictions) -> Judgements:
        return self.quality.judge(predictions, self.quality.quality_of_new(predictions))

    def _check_kind(self, dataset: Manifest) -> None:
        width = dataset.payload.width if isinstance(dataset.payload, AnyVectors) else None
        if (width is None) == (self.shape.backbone is None) or (width is not None and width != self.shape.width):
            wanted = "images" if self.shape.backbone else f"vectors of {self.shape.width} numbers"
            brought = "images" if width is None else f"vectors of {width} numbers"
            raise NoisecleanerError(
                f"This run was fitted on {wanted}, but the new rows bring {brought}.",
                "Give rows of the same kind; name their column with `Columns.image` or `Columns(embedding=NAME)`.",
            )


def _predictors(networks: Networks) -> list[Predict]:
    return [one.predict for one in networks.each()]


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


@dataclass(frozen=True)
class _JudgedBlock:
    """Rows of a block [n], what is made of them, the rows without a vector, and the likeliest column of each [n]."""

    rows: IntArray
    judgements: Judgements
    without: IntArray
    columns: IntArray
