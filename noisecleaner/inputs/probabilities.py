"""Class probabilities of the user's own model: checked, and as the logarithms that networks take."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import IntArray, RealArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest import Manifest
from noisecleaner.ingest.vectors.orders import NamedProbabilities
from noisecleaner.notices import Notice
from noisecleaner.quality.column_order import other_order

#: What a probability of zero counts as, so that its logarithm is finite.
LEAST = 1e-12


def check_width(width: int, classes: int) -> None:
    """Refuse probabilities of other classes.

    Raises:
        NoisecleanerError: there is not one for each class.
    """
    if width != classes:
        raise NoisecleanerError(
            f"Class probabilities need one number for each of the {classes} classes, but the rows hold {width}.",
            "Give probabilities in the order of the sorted class names (or of the ClassLabel names). Where the model "
            "knows other classes or another order, name its columns in their order: `Columns(label_names=FILE)`.",
        )


def check_order(columns: IntArray, dataset: Manifest) -> tuple[Notice, ...]:
    """Look whether the columns stand in the order of the classes: the labels would show another one.

    Args:
        columns: the likeliest column of each row, -1 where a row has no probabilities, shape [rows of the dataset].
        dataset: the rows, with their given and verified labels.

    Returns:
        A warning where the columns bear the names of the classes, and so are not confused but odd.

    Raises:
        NoisecleanerError: they bear none, and the labels fit another order far better.
    """
    classes = dataset.classes
    found = other_order(columns, given=dataset.given, verified=dataset.trusted, classes=len(classes))
    if found is None:
        return ()
    named = dataset.payload if isinstance(dataset.payload, NamedProbabilities) else None
    places = named.order if named else range(len(classes))
    now = dict(zip(places, classes, strict=True))
    likely = dict(sorted(zip(places, (classes[index] for index in found.classes), strict=True)))
    moved = [f"column {place} is {name}" for place, name in likely.items() if name != now[place]]
    message = (
        f"Class probabilities must stand in the order of the classes ({listed(list(classes))}), or of the names that "
        f"they were given, but the labels fit another order far better: {listed(moved)}. Of the rows for which "
        f"these columns are likeliest {found.agreeing:,} carry that label in this order, and {found.before:,} as it is."
    )
    if named and named.told_by_itself:
        return (Notice(code="probabilities-in-other-order", message=message),)
    raise NoisecleanerError(
        message,
        "Name the columns in their order with `Columns(label_names=FILE)`, most likely "
        f"{listed(list(likely.values()))}; or bring a column of structs whose fields are called like the classes.",
    )


def likeliest(block: RealArray) -> IntArray:
    """Find the column of the greatest probability in each row, -1 where there is no usable vector, shape [rows].

    Args:
        block: shape [rows, classes].
    """
    missing = ~np.isfinite(block[:, 0])
    return np.where(missing, -1, np.argmax(block, axis=1)).astype(np.int64)


def check(block: RealArray) -> None:
    """Refuse rows that are no distribution; where there is no usable vector, a row is left alone.

    Args:
        block: shape [rows, classes].

    Raises:
        NoisecleanerError: a number lies outside [0, 1], or the sum of a row is not 1.
    """
    values = block.astype(np.float32, copy=False)
    if not (there := np.isfinite(values[:, 0])).all():
        values = values[there]
    if not len(values):
        return
    total = values.sum(axis=1)
    wrong = np.abs(total - 1) > 0.01
    if not (np.fmin.reduce(values, axis=None) >= 0 and np.fmax.reduce(values, axis=None) <= 1):
        wrong |= ((values < 0) | (values > 1)).any(axis=1)
    if wrong.any():
        raise NoisecleanerError(
            "Class probabilities must lie in [0, 1] and sum to 1, but a row has the sum "
            f"{total[np.argmax(wrong)]:.3f}.",
            "Apply softmax first, or pass logits with `Columns.embedding`.",
        )


def logarithms(block: RealArray, out: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.float32]:
    """Compute log probabilities of numbers in [0, 1], in the same shape, into `out` if it is given."""
    values = np.clip(block, LEAST, 1, out=out, dtype=np.float32)
    return np.asarray(np.log(values, out=values))
