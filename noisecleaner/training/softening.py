"""What each part's head learns: the labels of the other parts, made soft by discriminants that have not seen the row.

All parts are looked at side by side. For part k, the rows of another part h are predicted by a discriminant of what is
neither k nor h; one pass over the vectors of h makes its labels soft, and sums them up, for every such k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations

import numpy as np
from scipy.special import log_softmax

from noisecleaner.arrays import FloatArray, IntArray, SingleArray
from noisecleaner.quality.transition import Transition, VerifiedLabels
from noisecleaner.training.discriminant import ClassSums, LinearHead, Moments, Spread
from noisecleaner.training.neighbours import Space, Voters, some_of
from noisecleaner.training.parted import Rows
from noisecleaner.training.temperature import factors

#: Rows of a part that tell the temperature, at most.
_MOST_CERTAIN = 16_384


class View:
    """Some coordinates of the rows, how these spread in them, and the sums of their labels.

    Args:
        rows: whose.
        columns: which coordinates.

    Attributes:
        moments: of each item of `Rows.members`.
        mass: sums of labels as each part takes them over each item of `Rows.members`: [parts, members, classes].
        vectors: of vectors weighted with them, shape [parts, members, classes, width].
    """

    def __init__(self, rows: Rows, columns: slice) -> None:
        self.columns, width = columns, columns.stop - columns.start
        of_columns = [(block[:, columns] for _, block in rows.blocks(own)) for own in rows.members]
        self.moments = [Moments.of(blocks, width) for blocks in of_columns]
        # what a covariance of n rows is off by grows with width / n; choosing by the given labels' likelihood shrinks
        # far too much where many of them are wrong
        self._shrinkage = width / (width + sum(map(len, rows.members)))
        self._spreads = {pair: self._spread(pair) for pair in combinations(range(rows.parts), 2)}
        self.mass: FloatArray = np.zeros((rows.parts, len(rows.members), rows.classes))
        self.vectors: FloatArray = np.zeros((*self.mass.shape, width))

    def _others(self, without: Sequence[int]) -> list[int]:
        return [member for member in range(len(self.moments)) if member not in without]

    def _spread(self, without: Sequence[int]) -> Spread:
        return Spread(reduce(Moments.__add__, [self.moments[m] for m in self._others(without)]), self._shrinkage)

    def head(self, part: int, held: int | None = None) -> LinearHead:
        """The discriminant of what is not in a part, nor in one that is held out, as the part takes the labels."""
        without = (part,) if held is None else (min(part, held), max(part, held))
        spread = self._spread(without) if held is None else self._spreads[min(part, held), max(part, held)]
        others = self._others(without)
        return spread.head(
            ClassSums(mass=self.mass[part, others].sum(axis=0), vectors=self.vectors[part, others].sum(axis=0))
        )


@dataclass(frozen=True, kw_only=True)
class _Heads:
    """What predicts the rows of a part for each of the others, in each view; side by side.

    Args:
        parts: these others.
        heads: of each view, shape of the weight [width, others * classes].
    """

    parts: Sequence[int]
    heads: Sequence[LinearHead]

    @classmethod
    def of(cls, views: Sequence[View], held: int, parts: Sequence[int]) -> _Heads:
        """Make the discriminants that predict the rows of a part that is held out."""
        return cls(parts=parts, heads=[abreast([view.head(part, held) for part in parts]) for view in views])

    def scaled(self, factors: Sequence[Sequence[float]]) -> _Heads:
        """The same with logits that are so many times as large, for each part and view."""
        heads = []
        for view, head in enumerate(self.heads):
            each = np.array([factors[part][view] for part in self.parts])
            columns = np.repeat(each, len(head.bias) // len(each))
            heads.append(LinearHead(weight=head.weight * columns, bias=head.bias * columns))
        return _Heads(parts=self.parts, heads=heads)

    def logits(self, views: Sequence[View], block: SingleArray) -> list[SingleArray]:
        """Logits of vectors [n, width] by each view, shape [n, others, classes]."""
        count = len(self.parts)
        pairs = zip(views, self.heads, strict=True)
        return [head.logits(block[:, v.columns]).reshape(len(block), count, -1) for v, head in pairs]


def abreast(heads: Sequence[LinearHead]) -> LinearHead:
    """The head whose logits are those of several on the same vectors, one behind the other."""
    weight, bias = [head.weight for head in heads], [head.bias for head in heads]
    return LinearHead(weight=np.concatenate(weight, axis=1), bias=np.concatenate(bias))


class Ballot:
    """Rows that vote on the rows of a part.

    Args:
        rows: what is looked at.
        part: on whose rows they vote.
        space: where they are compared.
        columns: by which coordinates.
    """

    def __init__(self, rows: Rows, part: int, space: Space, columns: slice) -> None:
        chosen = some_of(np.flatnonzero(rows.used & (rows.part != part) & (rows.labels >= 0)))
        self._space, self._columns, self._places = space, columns, np.full(len(rows.given), -1, dtype=np.int32)
        self._places[chosen] = np.arange(len(chosen))
        self._placed = np.empty((len(chosen), space.basis.shape[1]), np.float32)
        self._labels = np.empty((len(chosen), rows.classes), np.float32)

    def take(self, rows: IntArray, *, vectors: SingleArray, labels: SingleArray) -> None:
        """Take those of some rows [n] that vote, of vectors [n, width], with their labels [n, classes]."""
        places = self._places[rows]
        there = np.flatnonzero(places >= 0)
        self._placed[places[there]] = self._space.place(vectors[there][:, self._columns])
        self._labels[places[there]] = labels[there]

    def voters(self) -> Voters:
        """All of them, with their labels."""
        return Voters(placed=self._placed, labels=self._labels)


class Softening:
    """Makes the labels soft that the head of each part learns.

    Args:
        rows: with known labels outside of each part.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows, self._parts = rows, range(rows.parts)
        self.views = [View(rows, columns) for columns in rows.columns]
        self._given_if = [self._transition(part) for part in self._parts]
        for number, member in enumerate(rows.members):  # all parts take the same labels of the others to begin with
            for some, block in rows.blocks(member):
                self._add(slice(None), number, labels=rows.hard(some), block=block)

    def _transition(self, part: int) -> SingleArray:
        """Logarithm of P(given | true) by the rows outside of a part, of the shape [given, true]."""
        rows = self._rows
        known = np.flatnonzero(rows.certain & (rows.part != part))
        verified = VerifiedLabels(true=rows.known[known], weights=np.ones(len(known)))
        matrix = Transition.fit(verified, given=rows.given[known], classes=rows.classes).matrix()
        return np.log(matrix.T.astype(np.float32))

    def _add(self, part: int | slice, member: int, *, labels: SingleArray, block: SingleArray) -> None:
        """Add labels [n, classes] of vectors [n, width] to the sums of a part, or of all."""
        for view in self.views:
            view.mass[part, member] += labels.sum(axis=0, dtype=np.float64)
            view.vectors[part, member] += labels.T @ block[:, view.columns]

    def soften(self, ballots: Sequence[Ballot] = ()) -> list[list[float]]:
        """Make labels soft by discriminants on what they were before.

        Args:
            ballots: of each part, which take the labels of the rows that vote on it.

        Returns:
            By what the logits of each part's last head are to be multiplied, in each view.
        """
        others = [[part for part in self._parts if part != held] for held in self._parts]
        heads = [_Heads.of(self.views, held, parts) for held, parts in enumerate(others)]
        found = self._factors(heads)
        for view in self.views:
            view.mass[:, : len(heads)] = view.vectors[:, : len(heads)] = 0
        for held, own in enumerate(heads):
            scaled = own.scaled(found)
            for some, block in self._rows.blocks(self._rows.members[held]):
                pooled = reduce(np.add, scaled.logits(self.views, block))
                for part, logits in zip(own.parts, pooled.swapaxes(0, 1), strict=True):
                    labels = self._posterior(some, logits, part)
                    self._add(part, held, labels=labels, block=block)
                    if ballots:
                        ballots[part].take(some, vectors=block, labels=labels)
        for some, block in self._rows.blocks(self._rows.members[-1]) if ballots else ():
            for ballot in ballots:
                ballot.take(some, vectors=block, labels=self._rows.hard(some))
        return found

    def _factors(self, heads: Sequence[_Heads]) -> list[list[float]]:
        """Find how sure each part's discriminants are, by the rows of the others whose true label is certain."""
        rows, seen, logits = self._rows, list[IntArray](), list[list[SingleArray]]()
        for member, own in zip(rows.members, heads, strict=False):
            certain = member[rows.certain[member]]
            seen.append(certain[:: len(certain) // _MOST_CERTAIN + 1])
            blocks = [own.logits(self.views, block) for _, block in rows.blocks(seen[-1])]
            nothing = [np.empty((0, len(own.parts), rows.classes), np.float32) for _ in self.views]
            logits.append([np.concatenate(of_view) for of_view in zip(nothing, *blocks, strict=True)])
        found = []
        for part in self._parts:
            outside = [held for held in self._parts if held != part]
            known = np.concatenate([seen[held] for held in outside])
            places = [heads[held].parts.index(part) for held in outside]
            of_views = [
                np.concatenate([logits[held][view][:, place] for held, place in zip(outside, places, strict=True)])
                for view in range(len(self.views))
            ]
            found.append(factors(of_views, rows.known[known], self._given_if[part][rows.given[known]]))
        return found

    def _posterior(self, some: IntArray, logits: SingleArray, part: int) -> SingleArray:
        """The labels of rows [n] as a part takes them, soft where nobody verified them; [n, classes] like logits."""
        rows, labels = self._rows, self._rows.hard(some)
        there = np.flatnonzero(rows.open[some])
        posterior = log_softmax(logits[there], axis=1) + self._given_if[part][rows.given[some[there]]]
        labels[there] = np.exp(log_softmax(posterior, axis=1))
        return labels
