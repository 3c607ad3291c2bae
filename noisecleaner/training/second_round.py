"""The second round: every row is predicted once more, by a discriminant on what the labels of other rows really are.

A head that is trained on noisy labels learns their noise. Here the labels are made soft first: with Bayes' rule and the
transition matrix of the verified rows, P(true | image, given) is proportional to P(true | image) P(given | true), where
the first factor comes from a discriminant that has not seen the row (`training/discriminant.py`). A last discriminant
is fitted on these, all in closed form; and what it predicts of a row is mixed with the soft labels of the row's
neighbours (`training/neighbours.py`).

Part k is predicted by a head and by neighbours that have seen neither its labels nor its verified ones: not in its own
rows, and not in the soft labels, the temperature or the transition matrix that these were made with.

Where vectors hold several views of a row side by side, each view gets discriminants of its own, whose logits are summed
up with weights in place of the one temperature (a logarithmic opinion pool; Heskes, 1998). These make verified labels
likeliest by Bayes' rule, beside the given ones: a view that knows nothing but these by heart weighs nothing. Neighbours
are those in the first view.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from noisecleaner.arrays import NO_CLASS, BoolArray, FloatArray, IntArray, SingleArray
from noisecleaner.inputs.rooting import root
from noisecleaner.quality.transition import Transition, VerifiedLabels
from noisecleaner.training.discriminant import ClassSums, LinearHead, Moments, Spread
from noisecleaner.training.neighbours import Space, Voters, mixed, some_of

#: Times that labels are made soft: those of the second time come from discriminants on those of the first.
_TIMES = 2
#: Logarithms between which the temperature is looked for: a shrunk Gaussian is sure of itself by far too much.
_TEMPERATURES = (-5.0, 2.0)
#: Where looking for several begins.
_START = -1.0
#: What neighbours weigh beside the discriminant. Of 0.2 to 0.8 the best for AUROC and F1 together on 15,000 rows of
#: CIFAR-10N, seed 0.
_VOTES = 0.4
#: Rows that are computed with at a time.
_BLOCK = 8_192
#: Verified rows without which nothing tells what is given in place of what.
LEAST_KNOWN = 20
#: Numbers of a view; their square, times some hundred bytes, is in memory at once.
MOST_WIDTH = 4_096


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What the second round looks at; arrays of the shape [rows].

    Args:
        vectors: of all rows, shape [rows, width].
        mean: subtracted from each, shape [width].
        scale: and multiplied with, shape [width].
        given: class index of the given label, -1 where there is none.
        known: class index of the label that is certain, below 0 where there is none; `NO_CLASS` trains nothing.
        part: the part that a row belongs to, 0 to parts - 1; -1 for rows that are no part, and only train.
        used: rows that train.
        classes: number of classes.
        rooted: whether the square root of vectors is taken before they are standardised.
        views: widths of the views that vectors hold side by side, which sum up to theirs; empty for a single one.
    """

    vectors: npt.NDArray[Any]
    mean: SingleArray
    scale: SingleArray
    given: IntArray
    known: IntArray
    part: IntArray
    used: BoolArray
    classes: int
    rooted: bool = False
    views: tuple[int, ...] = ()

    @cached_property
    def members(self) -> list[IntArray]:
        """The rows of each part that train, and behind them those that are no part, [n] each."""
        return [np.flatnonzero(self.used & (self.part == number)) for number in (*range(self.parts), -1)]

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return int(self.part.max()) + 1

    @property
    def columns(self) -> list[slice]:
        """The coordinates of each view."""
        ends = np.cumsum(self.views or (int(self.vectors.shape[1]),)).tolist()
        return [slice(first, last) for first, last in zip([0, *ends], ends, strict=False)]

    def blocks(self, rows: IntArray, columns: slice = slice(None)) -> Iterator[tuple[IntArray, SingleArray]]:
        """Yield rows, shape [n], and some of their standardised coordinates, shape [n, width], block by block."""
        for first in range(0, len(rows), _BLOCK):
            some = rows[first : first + _BLOCK]
            vectors = self.vectors[some, columns]
            vectors = root(vectors) if self.rooted else vectors.astype(np.float32)
            yield some, (vectors - self.mean[columns]) * self.scale[columns]

    def first_labels(self, without: int) -> SingleArray:
        """Labels to begin with: what is known for certain, but for a part's, else what is given; [rows, classes]."""
        label = np.where((self.known >= 0) & (self.part != without), self.known, self.given)
        soft = np.zeros((len(label), self.classes), np.float32)
        train = np.flatnonzero(self.used & (label >= 0) & (self.known != NO_CLASS))
        soft[train, label[train]] = 1
        return soft


@dataclass(frozen=True, kw_only=True)
class PartOutcome:
    """What the second round says of a part.

    Args:
        head: predicts its rows, and new ones; logits are those of calibrated probabilities.
        rows: of the part, in ascending order, shape [n].
        log_probabilities: of these rows, by the head and their neighbours together, shape [n, classes].
    """

    head: LinearHead
    rows: IntArray
    log_probabilities: SingleArray


def second_round(rows: Rows) -> Iterator[PartOutcome]:
    """Predict one part after the other.

    Args:
        rows: with at least `LEAST_KNOWN` known labels outside of each part.
    """
    views = [_View.of(rows, columns) for columns in rows.columns]
    columns, space = views[0].columns, Space.of(reduce(Moments.__add__, views[0].moments))
    for part in range(rows.parts):
        head, soft = _head(rows, views, part)
        voters = _voters(rows, space, soft, part)
        some, log_probabilities = rows.members[part], np.empty((len(rows.members[part]), rows.classes), np.float32)
        for block, vectors in rows.blocks(some):
            votes = voters.votes(space.place(vectors[:, columns]))
            log_probabilities[np.searchsorted(some, block)] = mixed(
                log_softmax(head.logits(vectors), axis=1), votes, _VOTES
            )
        yield PartOutcome(head=head, rows=some, log_probabilities=log_probabilities)


@dataclass(frozen=True, kw_only=True)
class _View:
    """Some coordinates of the rows.

    Args:
        rows: whose.
        columns: which.
        moments: of each item of `Rows.members`.
        shrinkage: see `Spread`.
    """

    rows: Rows
    columns: slice
    moments: Sequence[Moments]
    shrinkage: float

    @classmethod
    def of(cls, rows: Rows, columns: slice) -> _View:
        """Look at the rows."""
        width, members = columns.stop - columns.start, rows.members
        moments = [Moments.of((block for _, block in rows.blocks(some, columns)), width) for some in members]
        # what a covariance of n rows is off by grows with width / n; choosing by the given labels' likelihood shrinks
        # far too much where many of them are wrong
        shrinkage = width / (width + sum(map(len, members)))
        return cls(rows=rows, columns=columns, moments=moments, shrinkage=shrinkage)

    def spread(self, numbers: Sequence[int]) -> Spread:
        """How the rows of some parts spread."""
        return Spread(reduce(Moments.__add__, [self.moments[number] for number in numbers]), self.shrinkage)

    def sums(self, number: int, soft: SingleArray) -> ClassSums:
        """Sum up the soft labels of a part."""
        rows, width = self.rows, self.columns.stop - self.columns.start
        mass, vectors = np.zeros(rows.classes), np.zeros((rows.classes, width))
        for some, block in rows.blocks(rows.members[number], self.columns):
            mass += soft[some].sum(axis=0, dtype=np.float64)
            vectors += soft[some].T @ block
        return ClassSums(mass=mass, vectors=vectors)

    def crossed(self, soft: SingleArray, others: Sequence[int], spreads: Mapping[int, Spread]) -> SingleArray:
        """Logits of the rows of some parts, each part's by the discriminant of the others, shape [rows, classes]."""
        rows, sums = self.rows, {number: self.sums(number, soft) for number in others}
        logits = np.zeros_like(soft)
        for held, spread in spreads.items():
            head = spread.head(ClassSums.all(sums[number] for number in others if number != held))
            for some, block in rows.blocks(rows.members[held], self.columns):
                logits[some] = head.logits(block)
        return logits

    def head(self, soft: SingleArray, others: Sequence[int]) -> LinearHead:
        """The discriminant of all of some parts."""
        return self.spread(others).head(ClassSums.all(self.sums(number, soft) for number in others))


def _head(rows: Rows, views: Sequence[_View], part: int) -> tuple[LinearHead, SingleArray]:
    """Fit the head that predicts a part, and make the labels that it learns soft, shape [rows, classes]."""
    others = [number for number in range(len(rows.members)) if number != part]
    spreads = [{held: view.spread([p for p in others if p != held]) for held in others[:-1]} for view in views]
    known = np.flatnonzero((rows.known >= 0) & (rows.part != part) & (rows.part >= 0) & rows.used & (rows.given >= 0))
    verified = VerifiedLabels(true=rows.known[known], weights=np.ones(len(known)))
    given_if = Transition.fit(verified, given=rows.given[known], classes=rows.classes).matrix()
    soft, weights = rows.first_labels(part), [1.0]
    for _ in range(_TIMES):
        logits = [view.crossed(soft, others, own) for view, own in zip(views, spreads, strict=True)]
        of_known = [of_view[known] for of_view in logits]
        weights = _weights(of_known, rows.known[known], np.log(given_if).T[rows.given[known]])
        pooled = [of_view * np.float32(weight) for of_view, weight in zip(logits, weights, strict=True)]
        _soften(rows, soft, reduce(np.add, pooled), given_if, part)
    heads = [view.head(soft, others).scaled(weight) for view, weight in zip(views, weights, strict=True)]
    return LinearHead.beside(heads), soft


def _voters(rows: Rows, space: Space, soft: SingleArray, part: int) -> Voters:
    """Let rows outside a part vote that have a label, each with its soft one."""
    outside = np.flatnonzero(rows.used & (rows.part != part))
    chosen = some_of(outside[soft[outside].any(axis=1)])
    placed = [space.place(vectors) for _, vectors in rows.blocks(chosen, rows.columns[0])]
    return Voters(placed=np.concatenate(placed), labels=soft[chosen])


def _soften(rows: Rows, soft: SingleArray, logits: SingleArray, given_if: FloatArray, part: int) -> None:
    """Put the posterior of the true label in place of labels that nobody verified."""
    open_rows = rows.used & (rows.part >= 0) & (rows.part != part) & (rows.known < 0)
    places = np.flatnonzero(open_rows & (rows.known != NO_CLASS) & (rows.given >= 0))
    posterior = log_softmax(logits[places], axis=1) + np.log(given_if.astype(np.float32)).T[rows.given[places]]
    soft[places] = np.exp(log_softmax(posterior, axis=1))


def _weights(logits: Sequence[SingleArray], labels: IntArray, beside: FloatArray) -> list[float]:
    """Find the factors of logits that make labels likeliest.

    Args:
        logits: of each view, shape [rows, classes].
        labels: the verified ones, shape [rows].
        beside: logarithm of P(given | true), which several views are judged beside, shape [rows, classes].
    """
    if len(logits) == 1:
        return [_temperature(logits[0], labels)]
    stacked = np.stack(logits).astype(np.float64)
    start = np.full(len(stacked), _START - np.log(len(stacked)))
    found = minimize(
        lambda logs: _pooled_loss(stacked, labels, np.exp(logs), beside),
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[_TEMPERATURES] * len(stacked),
    )
    return [float(np.exp(log)) for log in found.x]


def _pooled_loss(
    logits: FloatArray, labels: IntArray, weights: FloatArray, beside: FloatArray
) -> tuple[float, FloatArray]:
    """Cross-entropy of labels [rows] under logits [views, rows, classes], and its slope by the weights' logarithms."""
    scores = log_softmax(np.tensordot(weights, logits, axes=1) + beside, axis=1)
    places, slope = np.arange(len(labels)), np.exp(scores)
    slope[places, labels] -= 1
    return -float(scores[places, labels].mean()), weights * np.einsum("rc,vrc->v", slope, logits) / len(labels)


def _temperature(logits: SingleArray, labels: IntArray) -> float:
    """Find the factor of the logits [rows, classes] that makes labels [rows] likeliest (Guo et al., 2017)."""
    found = minimize_scalar(
        lambda log: _loss(logits, labels, float(np.exp(log))), bounds=_TEMPERATURES, method="bounded"
    )
    return float(np.exp(found.x))


def _loss(logits: SingleArray, labels: IntArray, factor: float) -> float:
    there = labels >= 0
    scores = log_softmax(logits[there] * np.float32(factor), axis=1)
    return -float(scores[np.arange(len(scores)), labels[there]].mean(dtype=np.float64))
