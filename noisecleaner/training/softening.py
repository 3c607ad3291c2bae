"""What each part's head learns: the labels of the other parts, made soft by discriminants that have not seen the row.

All parts are looked at side by side. For part k, the rows of another part h are predicted by a discriminant of what is
neither k nor h; one pass over the vectors of h makes its labels soft, and sums them up, for every such k.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import combinations

import numpy as np
import torch

from noisecleaner.arrays import FloatArray, IntArray, SingleArray
from noisecleaner.quality.transition import Transition, VerifiedLabels
from noisecleaner.training.discriminant import ClassSums, LinearHead, Moments, Spread
from noisecleaner.training.neighbours import Space, Voters, some_of
from noisecleaner.training.parted import Rows, in_blocks
from noisecleaner.training.temperature import factors
from noisecleaner.training.threads import ALONE, Team

#: Rows of a part that tell the temperature, at most.
_MOST_CERTAIN = 16_384


class View:
    """Some coordinates of the rows, how these spread in them, and the sums of their labels.

    Args:
        rows: whose; all parts take the same labels of the others to begin with.
        columns: which coordinates.
        team: computes with blocks of rows.

    Attributes:
        moments: of each item of `Rows.members`.
        mass: sums of labels as each part takes them over each item of `Rows.members`: [parts, members, classes].
        vectors: of vectors weighted with them, shape [parts, members, classes, width].
    """

    def __init__(self, rows: Rows, columns: slice, team: Team) -> None:
        self._rows, self.columns, width = rows, columns, columns.stop - columns.start
        self.mass: FloatArray = np.zeros((rows.parts, len(rows.members), rows.classes))
        self.vectors: FloatArray = np.zeros((*self.mass.shape, width))
        blocks = (team.over(self._look, in_blocks(member)) for member in rows.members)
        self.moments = [Moments.all(self._noted(number, own), width) for number, own in enumerate(blocks)]
        # what a covariance of n rows is off by grows with width / n; choosing by the given labels' likelihood shrinks
        # far too much where many of them are wrong
        self._shrinkage = width / (width + sum(map(len, rows.members)))
        pairs = list(combinations(range(rows.parts), 2))
        self._spreads = dict(zip(pairs, team.over(self._spread, pairs), strict=True))

    def _look(self, some: IntArray) -> tuple[Moments, ClassSums]:
        """What is summed up of some rows [n] before any label is soft."""
        block = self._rows.standardised(some)[:, self.columns]
        return Moments.of_block(block), ClassSums.of(self._rows.hard(some), block)

    def _noted(self, member: int, blocks: Iterable[tuple[Moments, ClassSums]]) -> Iterator[Moments]:
        """Take the labels of blocks, and pass their moments on."""
        for moments, sums in blocks:
            self.add(slice(None), member, sums)
            yield moments

    def add(self, parts: Sequence[int] | slice, member: int, sums: ClassSums) -> None:
        """Add labels as some parts take them, or all parts alike, to what there is of an item of `Rows.members`."""
        self.mass[parts, member] += sums.mass
        self.vectors[parts, member] += sums.vectors

    def _others(self, without: Sequence[int]) -> list[int]:
        return [member for member in range(len(self.moments)) if member not in without]

    def _spread(self, without: Sequence[int]) -> Spread:
        width = self.columns.stop - self.columns.start
        return Spread(Moments.all([self.moments[m] for m in self._others(without)], width), self._shrinkage)

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


class Ballots:
    """Rows that vote on the rows of each part.

    Args:
        rows: what is looked at.
        space: where they are compared.
        columns: by which coordinates.
    """

    def __init__(self, rows: Rows, space: Space, columns: slice) -> None:
        self._space, self._columns = space, columns
        voting = rows.used & (rows.labels >= 0)
        chosen = [some_of(np.flatnonzero(voting & (rows.part != part))) for part in range(rows.parts)]
        self._places = np.full((rows.parts, len(rows.given)), -1, dtype=np.int32)
        for places, some in zip(self._places, chosen, strict=True):
            places[some] = np.arange(len(some))
        self._placed = [np.empty((len(some), space.basis.shape[1]), np.float32) for some in chosen]
        self._labels = [np.empty((len(some), rows.classes), np.float32) for some in chosen]

    def take(self, rows: IntArray, *, parts: Sequence[int], vectors: SingleArray, labels: SingleArray) -> None:
        """Take those of some rows [n] that vote on parts, of vectors [n, width]; labels are [n, parts, classes].

        Threads may do so at once, each with rows of its own.
        """
        places = self._places[:, rows][list(parts)]
        asked = np.flatnonzero((places >= 0).any(axis=0))
        placed = self._space.place(vectors[asked][:, self._columns])
        for kind, (part, own) in enumerate(zip(parts, places[:, asked], strict=True)):
            there = np.flatnonzero(own >= 0)
            self._placed[part][own[there]] = placed[there]
            self._labels[part][own[there]] = labels[asked[there], kind]

    def voters(self, part: int) -> Voters:
        """All that vote on the rows of a part, with their labels."""
        return Voters(placed=self._placed[part], labels=self._labels[part])


class Softening:
    """Makes the labels soft that the head of each part learns.

    Args:
        rows: with known labels outside of each part.
        team: computes with blocks of rows.
    """

    def __init__(self, rows: Rows, team: Team = ALONE) -> None:
        self._rows, self._parts, self._team = rows, range(rows.parts), team
        self.views = [View(rows, columns, team) for columns in rows.columns]
        self._given_if = np.stack([self._transition(part) for part in self._parts])

    def _transition(self, part: int) -> SingleArray:
        """Logarithm of P(given | true) by the rows outside of a part, of the shape [given, true]."""
        rows = self._rows
        known = np.flatnonzero(rows.certain & (rows.part != part))
        verified = VerifiedLabels(true=rows.known[known], weights=np.ones(len(known)))
        matrix = Transition.fit(verified, given=rows.given[known], classes=rows.classes).matrix()
        return np.log(matrix.T.astype(np.float32))

    def soften(self, ballots: Ballots | None = None) -> list[list[float]]:
        """Make labels soft by discriminants on what they were before.

        Args:
            ballots: take the labels of the rows that vote.

        Returns:
            By what the logits of each part's last head are to be multiplied, in each view.
        """
        others = [[part for part in self._parts if part != held] for held in self._parts]
        heads = [_Heads.of(self.views, held, parts) for held, parts in enumerate(others)]
        found = self._factors(heads)
        for view in self.views:
            view.mass[:, : len(heads)] = view.vectors[:, : len(heads)] = 0
        for held, own in enumerate(heads):
            softened = partial(self._softened, own.scaled(found), ballots)
            for of_views in self._team.over(softened, in_blocks(self._rows.members[held])):
                for view, sums in zip(self.views, of_views, strict=True):
                    view.add(own.parts, held, sums)
        if ballots is not None:
            self._take_hard(ballots)
        return found

    def _take_hard(self, ballots: Ballots) -> None:
        """Let the rows of no part vote on all parts."""
        for some, block in self._rows.blocks(self._rows.members[-1]):
            labels = np.repeat(self._rows.hard(some)[:, None], len(self._parts), axis=1)
            ballots.take(some, parts=self._parts, vectors=block, labels=labels)

    def _softened(self, own: _Heads, ballots: Ballots | None, some: IntArray) -> list[ClassSums]:
        """Make the labels of rows [n] of a part soft, for each of the others; sum them up in each view."""
        block = self._rows.standardised(some)
        labels = self._posterior(some, reduce(np.add, own.logits(self.views, block)), own.parts)
        if ballots is not None:
            ballots.take(some, parts=own.parts, vectors=block, labels=labels)
        return [ClassSums.of(labels, block[:, view.columns]) for view in self.views]

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

    def _posterior(self, some: IntArray, logits: SingleArray, parts: Sequence[int]) -> SingleArray:
        """The labels of rows [n] as parts take them, soft where nobody verified them; [n, parts, classes] like logits.

        By Bayes' rule, P(true | given, x) is proportional to P(true | x) P(given | true).
        """
        rows, labels = self._rows, np.repeat(self._rows.hard(some)[:, None], len(parts), axis=1)
        there = np.flatnonzero(rows.open[some])
        posterior = logits[there] + self._given_if[list(parts)][:, rows.given[some[there]]].swapaxes(0, 1)
        labels[there] = torch.from_numpy(posterior).softmax(dim=-1).numpy()
        return labels
