"""What vectors of the classes say of rows: cosines to each class, as probabilities. They have seen no label."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import optimize

from noisecleaner.arrays import Array, FloatArray, IntArray, RealArray, SingleArray
from noisecleaner.files import damaged, read_arrays, write_arrays
from noisecleaner.quality.calibration import sigmoid
from noisecleaner.quality.signals import Predictions, Signals
from noisecleaner.runs.linear import Linear, predict
from noisecleaner.runs.run import Run

#: Cosines that the temperature is fitted on at most.
_MOST_NUMBERS = 4_000_000
_ROWS, _BLOCK_NUMBERS = 256, 2**22
#: Standard deviations of the prior of log scale, log odds of noise, and the shift of each class; and their bounds.
_PRIOR_SCALE, _PRIOR_NOISE, _PRIOR_SHIFT, _BOUND = 2.0, 2.0, 1.0, 6.0


@dataclass(frozen=True, kw_only=True)
class ZeroShot:
    """P(class | row) is proportional to exp(scale * cosine + shift of the class) (Radford et al., 2021, section 3.1).

    Args:
        vectors: of the classes, of length one, shape [classes, width].
        scale: of the cosines, one over the temperature.
        shift: of each class, shape [classes].
    """

    vectors: SingleArray
    scale: float
    shift: SingleArray

    @classmethod
    def fit(cls, vectors: RealArray, embeddings: Array, given: IntArray) -> ZeroShot:
        """Fit scale and shifts on given labels, of which an unknown share is any class.

        No verified label has a part in it, so that no row is judged by what saw its own.

        Args:
            vectors: of the classes, shape [classes, width].
            embeddings: shape [rows of the array, width].
            given: class index of the given label, -1 where a row has none or is not to be used, shape [rows].
        """
        plain = cls(vectors=unit(vectors), scale=1.0, shift=np.zeros(len(vectors), np.float32))
        rows = np.flatnonzero(given >= 0)
        most = max(2000, _MOST_NUMBERS // len(vectors))
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:most])
        cosines = np.concatenate([plain._cosines(np.asarray(embeddings[part])) for part in _parts(rows, embeddings)])
        usual = float(cosines.std(axis=1).mean()) or 1.0
        loss = _Likelihood(cosines / usual, given[rows])
        start = np.concatenate([[0.0, -1.0], np.zeros(len(vectors))])
        bounds = [(-_BOUND, _BOUND)] * len(start)
        found = optimize.minimize(loss.at, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        return cls(vectors=plain.vectors, scale=float(np.exp(found[0]) / usual), shift=found[2:].astype(np.float32))

    def predict(self, embeddings: Array, given: IntArray) -> Predictions:
        """Predict rows, in the same way however many they are.

        Args:
            embeddings: shape [n, width].
            given: class index of the given label, -1 where there is none, shape [n].
        """
        if not len(given):
            return Predictions.none()
        parts = _parts(np.arange(len(given)), embeddings)
        return Predictions.concat([predict(self._map, unit(np.asarray(embeddings[p])), given[p]) for p in parts])

    @cached_property
    def _map(self) -> Linear:
        weight = np.ascontiguousarray(self.vectors.T * np.float32(self.scale))
        centre = np.zeros(self.vectors.shape[1], np.float32)
        return Linear(centre=centre, weight=weight, bias=self.shift, rows=_ROWS)

    def _cosines(self, embeddings: RealArray) -> FloatArray:
        return (unit(embeddings) @ self.vectors.T).astype(np.float64)

    def write(self, run: Run) -> None:
        """Write it beside the networks."""
        scale = np.array([self.scale])
        write_arrays(run.zero_shot, {"vectors": self.vectors, "shift": self.shift, "scale": scale}, {})

    @classmethod
    def read(cls, run: Run) -> ZeroShot:
        """Read it.

        Raises:
            NoisecleanerError: it is missing or damaged.
        """
        arrays = read_arrays(run.zero_shot)[0]
        try:
            return cls(vectors=arrays["vectors"], scale=float(arrays["scale"][0]), shift=arrays["shift"])
        except KeyError as error:
            raise damaged(run.zero_shot, f"it holds no {error}") from error


def with_zero_shot(signals: Signals, class_vectors: RealArray | None, embeddings: Array, run: Run) -> Signals:
    """Add what the classes' vectors say of rows that networks predicted, and write it down for new rows.

    Args:
        signals: of the rows of the dataset.
        class_vectors: shape [classes, width]; None adds nothing.
        embeddings: of the rows, perhaps of more behind them, shape [rows of the array, width].
        run: where it is written.
    """
    if class_vectors is None:
        return signals
    predictions, array = signals.predictions, embeddings[: len(signals)]
    given = np.where(predictions.known, predictions.given, -1)
    zero_shot = ZeroShot.fit(class_vectors, array, given)
    zero_shot.write(run)
    return replace(signals, predictions=predictions.with_zero_shot(zero_shot.predict(array, given)))


class _Likelihood:
    """Of given labels, a share of which is any class.

    Args:
        cosines: over their usual deviation in a row, shape [n, classes].
        given: class index, shape [n].
    """

    def __init__(self, cosines: FloatArray, given: IntArray) -> None:
        self._cosines, self._given = cosines, given
        spread = [_PRIOR_SCALE, _PRIOR_NOISE, *[_PRIOR_SHIFT] * cosines.shape[1]]
        self._spread = np.array(spread)

    def at(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        """Penalised negative log likelihood of log scale, log odds of noise and shifts, and its gradient."""
        scale, noise = np.exp(parameters[0]), float(sigmoid(parameters[1:2])[0])
        rows, classes = np.arange(len(self._given)), self._cosines.shape[1]
        scores = scale * self._cosines + parameters[2:]
        scores -= scores.max(axis=1, keepdims=True)
        chances = np.exp(scores)
        chances /= chances.sum(axis=1, keepdims=True)
        own = chances[rows, self._given]
        likely = (1 - noise) * own + noise / classes
        of_noise = -((1 / classes - own) / likely).sum() * noise * (1 - noise)
        chances[rows, self._given] -= 1
        chances *= ((1 - noise) * own / likely)[:, None]
        of_scale = scale * (chances * self._cosines).sum()
        gradient = np.concatenate([[of_scale, of_noise], chances.sum(axis=0)])
        loss = -np.log(likely).sum() + ((parameters / self._spread) ** 2).sum() / 2
        return float(loss), gradient + parameters / self._spread**2


def _parts(rows: IntArray, embeddings: Array) -> list[IntArray]:
    """Cut rows into parts that memory holds easily."""
    step = max(1, _BLOCK_NUMBERS // embeddings.shape[1] // _ROWS) * _ROWS
    return [rows[first : first + step] for first in range(0, max(len(rows), 1), step)]


def unit(vectors: RealArray) -> SingleArray:
    """Scale vectors to length one in single precision, shape [n, width]; zero stays zero."""
    values = vectors.astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = values / np.abs(values).max(axis=1, keepdims=True)  # squares of large numbers would overflow
        values = values / np.sqrt(np.einsum("rc,rc->r", values, values))[:, None]
    return np.asarray(np.nan_to_num(values))
