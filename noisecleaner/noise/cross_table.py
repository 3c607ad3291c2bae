"""Rows by two labels: how far these agree, and how far beyond chance."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from noisecleaner.arrays import FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class CrossTable:
    """Rows by two labels; the arrays have the shape [rows].

    Args:
        labels: class index.
        others: that of the other label.
        weights: how many rows each stands for.
    """

    labels: IntArray
    others: IntArray
    weights: FloatArray

    @classmethod
    def of(cls, labels: IntArray, others: IntArray) -> CrossTable:
        """Make a table of rows that count alike; both labels have the shape [rows]."""
        return cls(labels=labels, others=others, weights=np.ones(len(labels)))

    @property
    def size(self) -> float:
        """All rows."""
        return float(self.weights.sum())

    @property
    def agreeing(self) -> float:
        """Share of the rows in which both are the same; there must be a row."""
        return float(self.weights @ (self.labels == self.others)) / self.size

    @property
    def by_chance(self) -> float:
        """Share that would agree if both were independent; there must be a row."""
        rows, columns = self._shares()
        return float(rows @ columns)

    @property
    def chance_error(self) -> float:
        """Standard error of the share that agrees if both are independent (Fleiss, Cohen and Everitt, 1969, eq. 9)."""
        rows, columns = self._shares()
        chance = float(rows @ columns)
        return math.sqrt(max(chance + chance**2 - float((rows * columns) @ (rows + columns)), 0.0) / self.size)

    def _shares(self) -> tuple[FloatArray, FloatArray]:
        """The share of each label, and of each other one, both of shape [labels]."""
        length = 1 + int(max(self.labels.max(), self.others.max()))
        rows, columns = (np.bincount(part, self.weights, length) / self.size for part in (self.labels, self.others))
        return rows, columns

    def compact(self) -> tuple[IntArray, CrossTable]:
        """Number the labels that occur anew: what each stands for, rising, shape [numbers], and the table."""
        names, places = np.unique(np.concatenate([self.labels, self.others]), return_inverse=True)
        rows, columns = np.split(places, 2)
        return names, replace(self, labels=rows, others=columns)

    def counts(self) -> FloatArray:
        """Count the rows of each pair of labels, shape [labels, labels] up to the highest; see `compact`."""
        length = 1 + int(max(self.labels.max(), self.others.max()))
        counts = np.zeros((length, length))
        np.add.at(counts, (self.labels, self.others), self.weights)
        return counts

    @property
    def kappa(self) -> float:
        """Cohen's kappa (1960): agreement beyond chance, 1 where both are the same and 0 where independent."""
        return (self.agreeing - self.by_chance) / (1 - self.by_chance) if self.by_chance < 1 else 1.0

    @property
    def kappa_error(self) -> float:
        """Standard error of kappa (Cohen, 1960, eq. 7)."""
        if self.by_chance >= 1:
            return math.inf
        return math.sqrt(self.agreeing * (1 - self.agreeing) / self.size) / (1 - self.by_chance)

    def reordered(self) -> tuple[CrossTable, dict[int, int]]:
        """Rename the first labels so that as many rows as can be agree.

        Returns:
            The table with other labels, and what each label that changes stands for.
        """
        from scipy.optimize import linear_sum_assignment

        seen, compact = self.compact()
        counts = compact.counts()
        _, best = linear_sum_assignment(-counts)
        moved = {int(seen[row]): int(seen[column]) for row, column in enumerate(best) if counts[row, column]}
        return replace(self, labels=seen[best][compact.labels]), {
            row: column for row, column in moved.items() if row != column
        }
