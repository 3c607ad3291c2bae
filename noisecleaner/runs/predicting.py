"""The folds' networks applied with torch: to images, and to vectors where they are not linear or on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from noisecleaner.arrays import IntArray, RealArray
from noisecleaner.files import damaged, read_arrays
from noisecleaner.images.framing import Framing
from noisecleaner.ingest import Manifest
from noisecleaner.inputs import probabilities
from noisecleaner.inputs.batches import inputs_of
from noisecleaner.inputs.encoders import Encoder, feature_encoder, pixel_encoder
from noisecleaner.inputs.prepare import Inputs, prepare_images
from noisecleaner.networks.devices import choose_device
from noisecleaner.networks.heads import build_network
from noisecleaner.networks.joined import Joined
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.networks.views import load_added, with_views
from noisecleaner.progress import Progress
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.run import Run
from noisecleaner.settings import Decoding

_BATCH = 512


class Networks:
    """The networks of all folds.

    Args:
        run: a finished run.
        shape: of each network.
        folds: how many there are.
        device: where to compute.

    Raises:
        NoisecleanerError: a file is missing or damaged, or the device is not there.
    """

    def __init__(self, run: Run, shape: Shape, folds: int, device: str) -> None:
        self._run, self._shape, self._device = run, shape, choose_device(device)
        self._networks = [self._load(run.auditor / f"fold-{fold}.safetensors") for fold in range(folds)]

    def alone(self, number: int) -> Networks:
        """One of the networks, as if there were no other."""
        one = copy(self)
        one._networks = [self._networks[number]]
        return one

    def decode(self, dataset: Manifest, folder: Path, decoding: Decoding, progress: Progress) -> Inputs:
        """Decode the images of a dataset into an array in a folder."""
        return prepare_images([dataset], encoder=self._encoder(), folder=folder, decoding=decoding, progress=progress)

    def batches(
        self, array: npt.NDArray[Any], *, given: IntArray, rows: IntArray
    ) -> Iterator[tuple[IntArray, Predictions]]:
        """Yield rows and their predictions, batch by batch.

        Args:
            array: inputs of all rows.
            given: class index of the given label, -1 where there is none, shape [all rows].
            rows: those to predict, shape [n].
        """
        for first in range(0, len(rows), _BATCH):
            batch = rows[first : first + _BATCH]
            yield batch, Predictions.from_logits(self._logits(array[batch]), given=given[batch])

    def predict(self, vectors: RealArray, given: IntArray) -> Predictions:
        """Predict rows.

        Args:
            vectors: shape [n, width], at least one.
            given: class index of the given label, -1 where there is none, shape [n].
        """
        if self._shape.kind == "probabilities":
            probabilities.check(vectors)
            vectors = probabilities.logarithms(vectors)
        return Predictions.concat([p for _, p in self.batches(vectors, given=given, rows=np.arange(len(vectors)))])

    @torch.no_grad()
    def _logits(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Compute the mean logits of all folds, shape [n, classes]."""
        inputs = inputs_of(values, self._device)
        logits = [network.eval()(inputs).float() for network in self._networks]
        return torch.stack(logits).mean(dim=0).cpu().numpy()

    def _encoder(self) -> Encoder:
        if self._shape.kind == "pixels":
            cards = self._shape.cards
            return pixel_encoder(cards[0].framing if cards else Framing(self._shape.size or 0))
        joined = Joined.restore(self._shape, self._run.auditor / "backbone.safetensors")
        return feature_encoder(joined.parts, self._device)

    def _load(self, path: Path) -> Network:
        network = build_network(self._shape)
        try:
            network.load_state_dict({k: torch.from_numpy(v) for k, v in read_arrays(path)[0].items()})
        except RuntimeError as error:
            raise damaged(path, "its tensors do not fit") from error
        return (self._with_views(network) if self._shape.views else network).to(self._device)

    def _with_views(self, network: Network) -> Network:
        """The network with the head of its second round."""
        path, more = self._run.views, with_views(network)
        try:
            load_added(more, {k: torch.from_numpy(v) for k, v in read_arrays(path)[0].items()})
        except RuntimeError as error:
            raise damaged(path, "its tensors do not fit") from error
        return more
