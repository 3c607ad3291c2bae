"""The fitted auditor applied to rows that were not fitted: predicted and judged block by block. No training.

torch is imported only for images, and for networks that are not linear in the user's vectors.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import BoolArray, IntArray, RealArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import damaged, read_arrays, read_record
from noisecleaner.ingest import Manifest, Skip
from noisecleaner.ingest.vectors import AnyVectors
from noisecleaner.inputs.probabilities import check_width
from noisecleaner.networks.shapes import Shape
from noisecleaner.progress import Progress
from noisecleaner.quality.model import QualityModel
from noisecleaner.quality.signals import Arrays
from noisecleaner.runs.linear import Map, is_linear, mean_map, summarise_with
from noisecleaner.runs.run import Run
from noisecleaner.threads import cores, in_threads

#: Vectors [n, width] and given labels [n] -> what `summarise` says of them.
Predict = Callable[[RealArray, IntArray], Arrays]


@dataclass(frozen=True)
class Judged:
    """What an auditor says of the rows of a dataset; every array has the shape [rows].

    Args:
        quality: label quality, NaN where there is none.
        suggested: class index of the suggested label, -1 where there is none.
        confidence: probability that it is right, NaN where there is none.
    """

    quality: npt.NDArray[np.float32]
    suggested: IntArray
    confidence: npt.NDArray[np.float32]

    @classmethod
    def nothing(cls, rows: int) -> Judged:
        """Start with rows of which nothing is known."""
        unknown = np.full(rows, np.nan, np.float32)
        return cls(unknown, np.full(rows, -1), unknown.copy())

    def put(self, rows: IntArray, said: Judged) -> None:
        """Take in what was said of some rows."""
        self.quality[rows], self.suggested[rows], self.confidence[rows] = said.quality, said.suggested, said.confidence


class Auditor:
    """What a fit learned, ready for other rows.

    Args:
        run: a finished run.

    Raises:
        NoisecleanerError: a file of the auditor is missing or damaged.
    """

    def __init__(self, run: Run) -> None:
        description = run.auditor / "auditor.json"
        content = read_record(description)
        try:
            self.classes: tuple[str, ...] = tuple(content["classes"])
            self.shape = Shape(**content["shape"])
            self.quality = QualityModel.from_json(content["quality"])
            self.folds = int(content["folds"])
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(description, error) from error
        self._run = run

    def judge(
        self, dataset: Manifest, device: str, max_pixels: int | None, scratch: Path, progress: Progress
    ) -> tuple[Manifest, Judged]:
        """Judge the rows of a dataset.

        Args:
            dataset: read with the classes of this auditor.
            device: where to compute.
            max_pixels: width times height above which an image is refused; None takes the default.
            scratch: a folder with space for their pixels or features, while this runs; vectors need none.
            progress: is told about decoding and predicting.

        Returns:
            The dataset, unreadable rows marked, and what is said of the others.

        Raises:
            NoisecleanerError: the rows are of another kind than those of the fit.
        """
        self._check_kind(dataset)
        _require_rows(dataset)
        if isinstance(dataset.payload, AnyVectors):
            return self._judge_vectors(dataset, dataset.payload, device, progress)
        return self._judge_images(dataset, device, max_pixels, scratch, progress)

    def _judge_vectors(
        self, dataset: Manifest, payload: AnyVectors, device: str, progress: Progress
    ) -> tuple[Manifest, Judged]:
        if payload.kind == "probabilities":
            check_width(payload.width, len(self.classes))
        predict, threads = self._predictor(device)
        given, wanted = dataset.given, _wanted(dataset)

        def work(item: tuple[int, RealArray]) -> tuple[IntArray, Judged, IntArray]:
            first, block = item
            there = ~np.isnan(block[:, 0])
            taken = wanted[first : first + len(block)] & there
            rows, without = first + np.flatnonzero(taken), first + np.flatnonzero(~there)
            if not len(rows):
                return rows, Judged.nothing(0), without
            vectors = block if taken.all() else block[taken]
            return rows, self._say(predict(vectors, given[rows]), given[rows]), without

        found = in_threads(work, _numbered(payload), threads=threads, ahead=2 * threads, name="score")
        judged, missing = Judged.nothing(len(dataset)), []
        with progress.stage("Scoring", int(wanted.sum()), "rows") as stage:
            for rows, said, without in found:
                judged.put(rows, said)
                missing += without.tolist()
                stage.advance(len(rows))
        dataset = dataset.skipping(dict.fromkeys(missing, Skip.NO_VECTOR))
        _require_rows(dataset)
        return dataset, judged

    def _judge_images(
        self, dataset: Manifest, device: str, max_pixels: int | None, scratch: Path, progress: Progress
    ) -> tuple[Manifest, Judged]:
        from noisecleaner.runs.predicting import Networks
        from noisecleaner.settings import Decoding

        decoding = Decoding() if max_pixels is None else Decoding(max_pixels=max_pixels)
        networks, judged = Networks(self._run, self.shape, self.folds, device), Judged.nothing(len(dataset))
        with tempfile.TemporaryDirectory(prefix=".noisecleaner-", dir=scratch) as folder:
            inputs = networks.decode(dataset, Path(folder), decoding, progress)
            dataset = dataset.skipping(inputs.skipped)
            _require_rows(dataset)
            wanted = np.flatnonzero(_wanted(dataset))
            with progress.stage("Scoring", len(wanted), "rows") as stage:
                for rows, columns in networks.batches(inputs.array, dataset.given, wanted):
                    judged.put(rows, self._say(columns, dataset.given[rows]))
                    stage.advance(len(rows))
        return dataset, judged

    def _predictor(self, device: str) -> tuple[Predict, int]:
        """Choose how vectors are predicted, and in how many threads."""
        if is_linear(self.shape) and self._on_cpu(device):
            return partial(summarise_with, self._map()), cores()
        from noisecleaner.runs.predicting import Networks

        return Networks(self._run, self.shape, self.folds, device).block, 1  # torch has threads of its own

    def _on_cpu(self, device: str) -> bool:
        # a GPU would only wait for probabilities, with which next to nothing is computed
        if device == "cpu" or (device == "auto" and self.shape.kind == "probabilities"):
            return True
        from noisecleaner.networks.devices import choose_device

        return choose_device(device).type == "cpu"

    def _map(self) -> Map:
        paths = [self._run.auditor / f"fold-{fold}.safetensors" for fold in range(self.folds)]
        try:
            return mean_map(self.shape, [read_arrays(path)[0] for path in paths])
        except ValueError as error:
            raise damaged(self._run.auditor, error) from error

    def _say(self, columns: Arrays, given: IntArray) -> Judged:
        """Judge rows by their columns, each of shape [n]."""
        known = {**columns, "given": given}
        quality = self.quality.quality(known, new=True)
        suggested, confidence = self.quality.suggest(known, quality)
        return Judged(quality.astype(np.float32), suggested, confidence.astype(np.float32))

    def _check_kind(self, dataset: Manifest) -> None:
        width = dataset.payload.width if isinstance(dataset.payload, AnyVectors) else None
        if (width is None) == (self.shape.backbone is None) or (width is not None and width != self.shape.width):
            wanted = "images" if self.shape.backbone else f"vectors of {self.shape.width} numbers"
            found = "images" if width is None else f"vectors of {width} numbers"
            raise NoisecleanerError(
                f"This run was fitted on {wanted}, but the new rows bring {found}.",
                "Give rows of the same kind; name their column with --image-column or --embedding-column NAME.",
            )


def _wanted(dataset: Manifest) -> BoolArray:
    """Rows to judge, shape [rows]."""
    return (dataset.given >= 0) | dataset.unlabelled


def _require_rows(dataset: Manifest) -> None:
    if not _wanted(dataset).any():
        raise NoisecleanerError(
            f"Rows with a label of the fitted classes are required, but none of the {len(dataset)} rows "
            f"can be scored (skipped: {dataset.skips()}).",
            "Check --label-column, and that the labels are spelled as in the fitted data.",
        )


def _numbered(payload: AnyVectors) -> Iterator[tuple[int, RealArray]]:
    """Yield (first row, vectors) block by block."""
    first = 0
    for block in payload.blocks():
        yield first, block
        first += len(block)
