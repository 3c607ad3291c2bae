"""Votes: what the labels of the rows that look most alike say of a row.

A discriminant draws flat borders; neighbours see what is local. Both are wrong about other rows, so that their mixture
tells more than either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import eigh
from scipy.sparse import csr_array

from noisecleaner.arrays import IntArray, SingleArray
from noisecleaner.training.discriminant import Moments

#: Principal directions in which rows are compared, and the share of the variance beyond which none is needed.
_DIRECTIONS, _VARIANCE = 256, 0.95
#: Neighbours that vote, and the difference in cosine that takes all but 1/e of a vote's weight.
_NEIGHBOURS, _REACH = 50, 0.05
#: Rows that may vote. On 15,000 rows of CIFAR-10N half of them told as much to 0.0003 of AUROC, and time grows with it.
MOST_VOTERS = 16_384
#: Rows that are compared at a time: what they say of the most voters stays in a processor's cache.
_BLOCK = 256
#: Voters of a group, of which the nearest stands for all.
_GROUP = 8


@dataclass(frozen=True, kw_only=True)
class Space:
    """Where rows are compared: principal directions of equal variance, on the unit sphere.

    Args:
        basis: shape [width, directions].
    """

    basis: SingleArray

    @classmethod
    def of(cls, moments: Moments) -> Space:
        """Find the directions of the most variance among vectors of the mean zero."""
        covariance = moments.products / moments.count
        width = len(covariance)
        values, vectors = eigh(covariance, subset_by_index=[max(0, width - _DIRECTIONS), width - 1])
        order = np.argsort(-values)
        values, vectors = values[order], vectors[:, order]
        enough = int(np.searchsorted(np.cumsum(values), _VARIANCE * np.trace(covariance))) + 1
        kept = slice(0, max(1, min(enough, int((values > np.finfo(np.float32).eps * values[0]).sum()))))
        scale = np.sqrt(np.maximum(values[kept], np.finfo(np.float32).tiny))
        return cls(basis=(vectors[:, kept] / scale).astype(np.float32))

    def place(self, vectors: SingleArray) -> SingleArray:
        """Place vectors [rows, width], shape [rows, directions]; the cosine of two is their product."""
        placed = vectors @ self.basis
        length = np.linalg.norm(placed, axis=1, keepdims=True)
        return np.asarray(placed / np.maximum(length, np.finfo(np.float32).tiny))


@dataclass(frozen=True, kw_only=True)
class Voters:
    """Rows that vote.

    Args:
        placed: where they are, shape [voters, directions].
        labels: probability of each class, shape [voters, classes].
    """

    placed: SingleArray
    labels: SingleArray

    def votes(self, placed: SingleArray) -> SingleArray:
        """Let the nearest ones vote on rows that are none of them.

        Args:
            placed: where these rows are, shape [rows, directions].

        Returns:
            Mean label of the nearest voters, weighted by how near each is, shape [rows, classes].
        """
        votes = np.empty((len(placed), self.labels.shape[1]), np.float32)
        cosines = np.empty((min(_BLOCK, len(placed)), len(self.placed)), np.float32)
        for first in range(0, len(placed), _BLOCK):
            some = placed[first : first + _BLOCK]
            of_all = np.matmul(some, self.placed.T, out=cosines[: len(some)])
            voters = nearest(of_all, _NEIGHBOURS)
            cosine = np.take_along_axis(of_all, voters, axis=1)
            weight = np.exp((cosine - cosine.max(axis=1, keepdims=True)) / np.float32(_REACH))
            weight /= weight.sum(axis=1, keepdims=True)
            votes[first : first + _BLOCK] = _weighted(weight, voters, self.labels)
        return votes


def nearest(cosines: SingleArray, count: int) -> IntArray:
    """Find the columns of the largest numbers of each row, in no order: [rows, columns] -> [rows, count].

    Columns are dealt into groups, and only those groups are looked into whose largest number is among the largest of
    groups: each of the largest numbers is in one of these, whether it leads its group or not.
    """
    columns = cosines.shape[1]
    groups = columns // _GROUP
    if groups <= count:
        return _largest(cosines, min(count, columns))
    dealt = cosines[:, : groups * _GROUP].reshape(len(cosines), _GROUP, groups)
    leading = _largest(torch.from_numpy(dealt).amax(dim=1).numpy(), count)
    inside = (leading[:, None] + groups * np.arange(_GROUP)[:, None]).reshape(len(cosines), -1)
    rest = np.broadcast_to(np.arange(groups * _GROUP, columns), (len(cosines), columns % _GROUP))
    candidates = np.concatenate([inside, rest], axis=1)
    best = _largest(np.take_along_axis(cosines, candidates, axis=1), count)
    return np.take_along_axis(candidates, best, axis=1)


def _largest(numbers: SingleArray, count: int) -> IntArray:
    """The columns of so many of the largest numbers of each row, in no order: [rows, columns] -> [rows, count]."""
    columns = numbers.shape[1]
    return np.argpartition(numbers, columns - count, axis=1)[:, columns - count :]


def _weighted(weight: SingleArray, voters: IntArray, labels: SingleArray) -> SingleArray:
    """Sum up labels [all voters, classes] of voters [rows, k] with their weights [rows, k]."""
    rows, count = weight.shape
    places = np.arange(0, rows * count + 1, count)
    matrix = csr_array((weight.ravel(), voters.ravel(), places), shape=(rows, len(labels)))
    return np.asarray(matrix @ labels)


def some_of(rows: IntArray) -> IntArray:
    """As many of the rows, shape [n], as may vote, evenly spaced: of a table in order of its classes some of each."""
    if len(rows) <= MOST_VOTERS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MOST_VOTERS).astype(np.int64)]


def mixed(log_probabilities: SingleArray, votes: SingleArray, share: float) -> SingleArray:
    """Mix what a head says with votes, both of shape [rows, classes]; the logarithm of the mixture."""
    with np.errstate(divide="ignore"):  # a class may have no vote
        by_votes = np.log(votes * np.float32(share))
    return np.asarray(np.logaddexp(log_probabilities + np.float32(np.log(1 - share)), by_votes))
