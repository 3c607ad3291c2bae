"""The fitted auditor applied to rows that were not fitted: predicted and judged block by block. No training.

torch is imported only for images, and for networks that are not linear in the user's vectors.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from noisecleaner.arrays import BoolArray, IntArray, RealArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.files import damaged, read_arrays, read_record, write_record
from noisecleaner.ingest import Manifest, Skip
from noisecleaner.ingest.column_names import AnyVectors
from noisecleaner.ingest.skips import causes
from noisecleaner.inputs.probabilities import check_order, check_width, likeliest
from noisecleaner.networks.shapes import Shape
from noisecleaner.progress import Progress
from noisecleaner.quality.model import Judgements, QualityModel
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.linear import Map, is_linear, mean_map
from noisecleaner.runs.linear import predict as predict_with
from noisecleaner.runs.run import Run
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

    def judge(
        self, dataset: Manifest, inference: Inference, *, scratch: Path, progress: Progress
    ) -> tuple[Manifest, Judgements]:
        """Judge the rows of a dataset.

        Args:
            dataset: read with the classes of this auditor.
            inference: where to compute, and which images are refused.
            scratch: a folder with space for their pixels or features, while this runs; vectors need none.
            progress: is told about decoding and predicting.

        Returns:
            The dataset, unreadable rows marked, and what is made of the others.

        Raises:
            NoisecleanerError: the rows are of another kind than those of the fit, or their probabilities in another
                order than the classes.
        """
        self._check_kind(dataset)
        _require_rows(dataset)
        if isinstance(dataset.payload, AnyVectors):
            return self._judge_vectors(dataset, dataset.payload, inference.device, progress)
        return self._judge_images(dataset, inference, scratch, progress)

    def _judge_vectors(
        self, dataset: Manifest, payload: AnyVectors, device: str, progress: Progress
    ) -> tuple[Manifest, Judgements]:
        if payload.kind == "probabilities":
            check_width(payload.width, len(self.classes))
        predict, threads = self._predictor(device)
        work = partial(self._judge_block, predict, _wanted(dataset), dataset.given)
        parts = in_threads(work, _blocks(payload), threads=threads, ahead=2 * threads, name="score")
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
        return dataset, judgements

    def _judge_block(self, predict: Predict, wanted: BoolArray, given: IntArray, block: _Block) -> _JudgedBlock:
        """Judge the rows of a block that are wanted and have a vector."""
        first, vectors = block.first, block.vectors
        there = ~np.isnan(vectors[:, 0])
        taken = wanted[first : first + len(vectors)] & there
        rows, without = first + np.flatnonzero(taken), first + np.flatnonzero(~there)
        if not len(rows):
            return _JudgedBlock(rows, Judgements.unknown(0), without, rows)
        wanted_ones = vectors if taken.all() else vectors[taken]
        columns = likeliest(wanted_ones) if self.shape.kind == "probabilities" else np.full(len(rows), -1)
        return _JudgedBlock(rows, self._judge(predict(wanted_ones, given[rows])), without, columns)

    def _judge_images(
        self, dataset: Manifest, inference: Inference, scratch: Path, progress: Progress
    ) -> tuple[Manifest, Judgements]:
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
        return dataset, judgements

    def _predictor(self, device: str) -> tuple[Predict, int]:
        """Choose how vectors are predicted, and in how many threads."""
        if is_linear(self.shape) and self._on_cpu(device):
            return partial(predict_with, self._map()), cores()
        return self._networks(device).predict, 1  # torch has threads of its own

    def _networks(self, device: str) -> Networks:
        from noisecleaner.runs.predicting import Networks

        return Networks(self._run, self.shape, self._record.folds, device)

    def _on_cpu(self, device: str) -> bool:
        # a GPU would only wait for probabilities, with which next to nothing is computed
        if device == "cpu" or (device == "auto" and self.shape.kind == "probabilities"):
            return True
        from noisecleaner.networks.devices import choose_device

        return choose_device(device).type == "cpu"

    def _map(self) -> Map:
        paths = [self._run.auditor / f"fold-{fold}.safetensors" for fold in range(self._record.folds)]
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
class _Block:
    """Vectors [n, width] of rows in a sequence, and the first of these rows."""

    first: int
    vectors: RealArray


@dataclass(frozen=True)
class _JudgedBlock:
    """Rows of a block [n], what is made of them, the rows without a vector, and the likeliest column of each [n]."""

    rows: IntArray
    judgements: Judgements
    without: IntArray
    columns: IntArray


def _blocks(payload: AnyVectors) -> Iterator[_Block]:
    first = 0
    for vectors in payload.blocks():
        yield _Block(first, vectors)
        first += len(vectors)
