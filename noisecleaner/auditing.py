"""The fitted auditor applied to rows that were not fitted: load the networks, decode, predict. No training."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from noisecleaner.backbones import build, load_weights
from noisecleaner.choices import choose_device
from noisecleaner.encoders import Encoder, feature_encoder, pixel_encoder
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import damaged, read_arrays, read_record
from noisecleaner.ingest import Manifest
from noisecleaner.ingest.payloads import VectorColumn
from noisecleaner.inputs import Decoding, prepare
from noisecleaner.networks import Shape, build_network
from noisecleaner.progress import Progress
from noisecleaner.quality import QualityModel
from noisecleaner.readout import read_new
from noisecleaner.runs import Run
from noisecleaner.training import Data
from noisecleaner.weightings import Network

Arrays = dict[str, npt.NDArray[Any]]


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

    def predict(
        self, dataset: Manifest, device: str, decoding: Decoding, scratch: Path, progress: Progress
    ) -> tuple[Manifest, npt.NDArray[np.int64], Arrays]:
        """Predict the rows of a dataset.

        Args:
            dataset: read with the classes of this auditor.
            device: where to compute.
            decoding: how images are decoded.
            scratch: a folder with space for their pixels or features, while this runs.
            progress: is told about decoding and predicting.

        Returns:
            The dataset, unreadable rows marked; the rows that were predicted; their columns, see `read_new`.

        Raises:
            NoisecleanerError: the rows are of another kind than those of the fit.
        """
        on = choose_device(device)
        self._check_kind(dataset)
        networks = [self._network(fold, on) for fold in range(self.folds)]
        with tempfile.TemporaryDirectory(prefix=".noisecleaner-", dir=scratch) as folder:
            inputs = prepare([dataset], self._encoder(on), Path(folder), decoding, progress)
            dataset = dataset.skipping(inputs.skipped)
            rows = np.flatnonzero((dataset.given >= 0) | dataset.unlabelled)
            if not len(rows):
                raise NoisecleanerError(
                    f"Rows with a label of the fitted classes are required, but none of the {len(dataset)} rows "
                    f"can be scored (skipped: {dataset.skips()}).",
                    "Check --label-column, and that the labels are spelled as in the fitted data.",
                )
            data = Data(inputs.array, dataset.given, dataset.trusted, on)
            with progress.stage("Scoring", len(rows), "rows") as stage:
                return dataset, rows, read_new(networks, data, rows, stage)

    def _encoder(self, device: torch.device) -> Encoder | None:
        if self.shape.backbone is None:
            return None
        if self.shape.kind == "pixels":
            return pixel_encoder(self.shape.size or 0)
        backbone = build(self.shape.backbone, size=self.shape.size, pretrained=False, weights=None)
        load_weights(backbone, self._run.auditor / "backbone.safetensors")
        return feature_encoder(backbone, device)

    def _network(self, fold: int, device: torch.device) -> Network:
        path = self._run.auditor / f"fold-{fold}.safetensors"
        network = build_network(self.shape)
        try:
            network.load_state_dict({k: torch.from_numpy(v) for k, v in read_arrays(path)[0].items()})
        except RuntimeError as error:
            raise damaged(path, "its tensors do not fit") from error
        return network.to(device)

    def _check_kind(self, dataset: Manifest) -> None:
        vectors = isinstance(dataset.payload, VectorColumn)
        width = dataset.payload.width if isinstance(dataset.payload, VectorColumn) else None
        if vectors != (self.shape.backbone is None) or (vectors and width != self.shape.width):
            wanted = "images" if self.shape.backbone else f"vectors of {self.shape.width} numbers"
            found = f"vectors of {width} numbers" if vectors else "images"
            raise NoisecleanerError(
                f"This run was fitted on {wanted}, but the new rows bring {found}.",
                "Give rows of the same kind; name their column with --image-column or --embedding-column NAME.",
            )
