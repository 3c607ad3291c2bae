"""How rows are predicted: by the mean of all networks, or each by one of them. torch only where numpy does not do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from noisecleaner.arrays import Array, IntArray
from noisecleaner.files import damaged, read_arrays
from noisecleaner.networks.shapes import Shape
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.linear import Map, is_linear, mean_map
from noisecleaner.runs.linear import predict as predict_with
from noisecleaner.runs.run import Run
from noisecleaner.runs.zero_shot import ZeroShot
from noisecleaner.threads import cores

if TYPE_CHECKING:
    from noisecleaner.runs.predicting import Networks

#: Inputs [n, …], at least one, and given labels [n] -> predictions of these rows.
Predict = Callable[[Array, IntArray], Predictions]


class Predictors:
    """The networks of a run.

    Args:
        together: predicts by the mean of all.
        alone: makes what predicts by one of them, from its number.
        threads: in how many threads to predict at once.
        zero_shot: what vectors of the classes add; None where there are none.
    """

    def __init__(
        self,
        together: Predict,
        alone: Callable[[int], Predict],
        *,
        threads: int,
        zero_shot: ZeroShot | None = None,
    ) -> None:
        self._together, self._alone, self.threads = together, cache(alone), threads
        self._zero_shot = zero_shot

    @classmethod
    def of(cls, networks: Networks, zero_shot: ZeroShot | None = None) -> Predictors:
        """Predict with torch, which has threads of its own."""
        return cls(networks.predict, lambda number: networks.alone(number).predict, threads=1, zero_shot=zero_shot)

    def predict(self, inputs: Array, given: IntArray, network: IntArray) -> Predictions:
        """Predict rows.

        Args:
            inputs: shape [n, …], at least one.
            given: class index of the given label, -1 where there is none, shape [n].
            network: which network predicts a row, -1 where all do, shape [n].
        """
        predictions = self._by_networks(inputs, given, network)
        if self._zero_shot is None:
            return predictions
        return predictions.with_zero_shot(self._zero_shot.predict(inputs, given))

    def _by_networks(self, inputs: Array, given: IntArray, network: IntArray) -> Predictions:
        if (network < 0).all():
            return self._together(inputs, given)
        parts = []
        for number in np.unique(network).tolist():
            places = np.flatnonzero(network == number)
            predict = self._together if number < 0 else self._alone(number)
            parts.append((places, predict(inputs[places], given[places])))
        return Predictions.spread(parts, len(given))


def open_predictors(run: Run, shape: Shape, folds: int, device: str, *, zero_shot: bool = False) -> Predictors:
    """Choose how vectors are predicted.

    Args:
        run: a finished run.
        shape: of each network.
        folds: how many there are.
        device: where to compute.
        zero_shot: whether there are vectors of the classes.

    Raises:
        NoisecleanerError: a file is missing or damaged, or the device is not there.
    """
    beside = ZeroShot.read(run) if zero_shot else None
    if is_linear(shape) and _on_cpu(shape, device):
        together = partial(predict_with, _map(run, shape, range(folds)))

        def alone(number: int) -> Predict:
            return partial(predict_with, _map(run, shape, [number]))

        return Predictors(together, alone, threads=cores(), zero_shot=beside)
    return Predictors.of(open_networks(run, shape, folds, device), beside)


def open_networks(run: Run, shape: Shape, folds: int, device: str) -> Networks:
    """Open the networks with torch, see `open_predictors`."""
    from noisecleaner.runs.predicting import Networks

    return Networks(run, shape, folds, device)


def _on_cpu(shape: Shape, device: str) -> bool:
    # a GPU would only wait for probabilities, with which next to nothing is computed
    if device == "cpu" or (device == "auto" and shape.kind == "probabilities"):
        return True
    from noisecleaner.networks.devices import choose_device

    return choose_device(device).type == "cpu"


def _map(run: Run, shape: Shape, folds: Iterable[int]) -> Map:
    paths = [run.auditor / f"fold-{fold}.safetensors" for fold in folds]
    try:
        return mean_map(shape, [read_arrays(path)[0] for path in paths])
    except ValueError as error:
        raise damaged(run.auditor, error) from error
