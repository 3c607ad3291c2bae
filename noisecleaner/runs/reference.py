"""What an auditor keeps of the fitted rows, so that new rows can be compared with them: a file of the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from noisecleaner.arrays import Array, BoolArray, FloatArray, IntArray, RealArray, SingleArray
from noisecleaner.files import damaged, read_arrays, write_arrays
from noisecleaner.inputs.appearance import appearance
from noisecleaner.noise.likeness import MOST_ROWS, ComparedRows
from noisecleaner.quality.model import QualityModel
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.predictors import Predictors
from noisecleaner.runs.run import Run

Kind = Literal["pixels", "vectors", "probabilities"]
#: Numbers that are kept of a row: as many random projections, where it has more.
_WIDTH = 64
#: Rows that are looked at together: always so many, because sums are rounded by the shape of a product.
_BLOCK = 256
#: A coordinate that spreads less than a part of what others do is not blown up.
_LEAST_PART = 1 / 16
#: Nor one whose inverse single precision would not hold.
_LEAST = 1e-37
_FAR = 6e4  # half precision ends at 65,504
#: So large are the standardised numbers of a vector, in the root of their mean square, where no fitted row is like it.
_OUTSIDE = 1000.0


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Inputs -> the few numbers that are compared.

    They are random projections and no principal components: these would suit the rows that they were made from better
    than others, and like rows would look unlike.

    Args:
        kind: what the inputs are.
        centre: of their numbers, see `appearance`, shape [numbers].
        scale: what they are multiplied by, likewise.
        weights: shape [numbers, kept numbers]; None keeps them all.
    """

    kind: Kind
    centre: SingleArray
    scale: SingleArray
    weights: SingleArray | None

    @classmethod
    def like(cls, numbers: RealArray, kind: Kind) -> Projection:
        """Draw one that suits rows with such numbers, see `appearance`, shape [rows, numbers]."""
        numbers = numbers.astype(np.float64)
        spread = numbers.std(axis=0)
        # where most never change, the widest one tells the scale; where none does, any will do
        usual = float(np.median(spread)) or float(spread.max()) or 1.0
        spread = np.maximum(spread, max(usual * _LEAST_PART, _LEAST))
        width, weights = len(spread), None
        if width > _WIDTH:
            weights = (np.random.default_rng(0).normal(size=(width, _WIDTH)) / np.sqrt(width)).astype(np.float32)
        # powers of two, so that these very rows do not get a scale of their own to the last digit
        scale = 2.0 ** -np.round(np.log2(spread))
        return cls(
            kind=kind,
            centre=numbers.mean(axis=0).astype(np.float32),
            scale=scale.astype(np.float32),
            weights=weights,
        )

    def of(self, numbers: RealArray) -> RealArray:
        """Keep what is compared of numbers such as these; shape [n, kept numbers], in half precision."""
        if self.weights is None:
            return self._rounded((numbers - self.centre) * self.scale)
        kept = np.empty((len(numbers), self.weights.shape[1]), dtype=np.float16)
        for first in range(0, len(numbers), _BLOCK):
            part = (numbers[first : first + _BLOCK] - self.centre) * self.scale
            filled = np.zeros((_BLOCK, part.shape[1]), dtype=np.float32)
            filled[: len(part)] = part
            kept[first : first + _BLOCK] = self._rounded((filled @ self.weights)[: len(part)])
        return kept

    def far_outside(self, vectors: RealArray) -> BoolArray:
        """Find vectors so far from the fitted ones that these look the same beside them; [n, width] -> [n].

        Nothing is far where the inputs are of another kind, and none of the vectors that cannot be used is.
        """
        none = np.zeros(len(vectors), dtype=bool)
        if self.kind != "vectors" or not len(vectors):
            return none
        reach = float((_OUTSIDE / self.scale.astype(np.float64) - np.abs(self.centre)).min())
        # two fast looks; hardly ever is there more to do. In double precision, which holds any reach
        if float(vectors.max()) <= reach and float(vectors.min()) >= -reach:
            return none
        standard = (vectors.astype(np.float64) - self.centre) * self.scale
        far = np.einsum("rc,rc->r", standard, standard) > _OUTSIDE**2 * standard.shape[1]
        return np.asarray(far & np.isfinite(vectors[:, 0]))

    def _rounded(self, numbers: RealArray) -> RealArray:
        return np.asarray(np.clip(numbers, -_FAR, _FAR), dtype=np.float16)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A sample of the fitted rows as new rows would look, and what it takes to look at these in the same way.

    Args:
        projection: how inputs are looked at.
        rows: the sample, in the precision of the file. Margins are NaN where all networks have trained on all rows.
        counts: fitted rows of each given label, shape [classes].
        network: number of the network that did not train on a row of the dataset, -1 where there is none, shape [rows].
    """

    projection: Projection
    rows: ComparedRows
    counts: IntArray
    network: IntArray

    @classmethod
    def of(
        cls,
        inputs: Array,
        kind: Kind,
        *,
        predictions: Predictions,
        quality: QualityModel,
        network: IntArray,
        classes: int,
    ) -> Reference | None:
        """Draw the sample; None where no row was predicted.

        Args:
            inputs: of the rows of the dataset, perhaps of more behind them, shape [rows, …].
            kind: what they are.
            predictions: of the rows of the dataset.
            quality: how label quality of new rows is made.
            network: see the class.
            classes: number of classes.
        """
        known = np.flatnonzero(predictions.known)
        if not len(known):
            return None
        drawn = np.sort(np.random.default_rng(0).permutation(known)[:MOST_ROWS])
        # pixels of all of them at once would be too many
        blocks = [drawn[first : first + _BLOCK] for first in range(0, len(drawn), _BLOCK)]
        numbers = np.concatenate([appearance(np.asarray(inputs[block]), kind) for block in blocks])
        projection = Projection.like(numbers, kind)
        rows = _compared(predictions.take(drawn), projection.of(numbers), quality, known=network[drawn] >= 0)
        counts = np.bincount(predictions.given[known], minlength=classes)
        return cls(projection=projection, rows=rows, counts=counts, network=network)

    @property
    def tells_labels(self) -> bool:
        """Whether given labels can be compared: some network did not train on them."""
        return bool((self.network >= 0).any())

    def see(
        self,
        read: Callable[[IntArray], Array],
        predictors: Predictors,
        *,
        given: IntArray,
        network: IntArray,
        quality: QualityModel,
    ) -> ComparedRows:
        """Look at new rows as the sample was looked at: each is predicted by one network, which did not train on it.

        The mean of all networks, which new rows are judged by, is surer than any of them: it would look unlike.

        Args:
            read: places of rows -> their inputs.
            predictors: the networks.
            given: class index of the given label, shape [rows].
            network: the only network that did not train on a row, -1 where none did, shape [rows].
            quality: how label quality of new rows is made.
        """
        looks, margin, wrong = [], np.full(len(given), np.nan), np.full(len(given), np.nan)
        drawn = np.random.default_rng(0).integers(0, max(int(self.network.max()) + 1, 1), len(given))
        network = np.where(network >= 0, network, drawn)
        for first in range(0, len(given), _BLOCK):
            rows = slice(first, first + _BLOCK)
            inputs = read(np.arange(len(given))[rows])
            looks.append(self.projection.of(appearance(inputs, self.projection.kind)))
            if self.tells_labels:
                seen = predictors.predict(inputs, given[rows], network[rows])
                margin[rows], wrong[rows] = seen.margin, 1 - quality.quality_of_new(seen)
        return ComparedRows(given=given, looks=np.concatenate(looks), margin=margin, wrong=wrong)

    def write(self, run: Run) -> None:
        """Write it beside the networks."""
        projection, rows = self.projection, self.rows
        weights = {} if projection.weights is None else {"weights": projection.weights}
        # as small as the number of networks allows: there may be many millions of rows
        network = self.network.astype(np.min_scalar_type(-int(self.network.max(initial=1)) - 1))
        arrays: dict[str, Any] = {
            "centre": projection.centre,
            "scale": projection.scale,
            "given": rows.given,
            "looks": rows.looks,
            "margin": rows.margin.astype(np.float32),
            "wrong": rows.wrong.astype(np.float32),
            "counts": self.counts,
            "network": network,
        }
        write_arrays(run.reference, arrays | weights, {"kind": projection.kind})

    @classmethod
    def read(cls, run: Run) -> Reference | None:
        """Read it; None where an earlier version, or a transfer, wrote the run.

        Raises:
            NoisecleanerError: it is damaged.
        """
        if not run.reference.exists():
            return None
        arrays, content = read_arrays(run.reference)
        try:
            projection = Projection(
                kind=content["kind"],
                centre=arrays["centre"],
                scale=arrays["scale"],
                weights=arrays.get("weights"),
            )
            rows = ComparedRows(
                given=arrays["given"],
                looks=arrays["looks"],
                margin=arrays["margin"].astype(np.float64),
                wrong=arrays["wrong"].astype(np.float64),
            )
            network = arrays["network"].astype(np.int64)
            return cls(projection=projection, rows=rows, counts=arrays["counts"], network=network)
        except KeyError as error:
            raise damaged(run.reference, f"it holds no {error}") from error


def _compared(predictions: Predictions, looks: RealArray, quality: QualityModel, *, known: Array) -> ComparedRows:
    margin, wrong = predictions.margin, 1 - quality.quality_of_new(predictions)
    margin, wrong = (_single(np.where(known, values, np.nan)) for values in (margin, wrong))
    return ComparedRows(given=predictions.given, looks=looks, margin=margin, wrong=wrong)


def _single(values: FloatArray) -> FloatArray:
    """Round as the file does."""
    return values.astype(np.float32).astype(np.float64)
