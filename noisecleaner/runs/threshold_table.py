"""report.parquet: what each threshold would flag and keep, and how wrong both would be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import FloatArray, RealArray
from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.rate import Interval, holds
from noisecleaner.noise.running import quantiles
from noisecleaner.runs.frames import to_frame
from noisecleaner.runs.scored import By
from noisecleaner.tables import REPORT

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class ThresholdLine:
    """One threshold.

    Args:
        by: the column that it cuts.
        threshold: rows below it are flagged.
        kept: rows at or above it.
        kept_fraction: their part of all rows with a value.
        effective_noise: share of wrong labels among the kept rows; None where nobody can tell.
        precision: share of wrong labels among the flagged rows, likewise.
        recall: share of the wrong labels that is flagged, likewise.
    """

    by: By
    threshold: float
    kept: int
    kept_fraction: float
    effective_noise: Interval | None
    precision: Interval | None
    recall: Interval | None


@dataclass(frozen=True)
class ThresholdTable:
    """Every hundredth and every percentile of one column or more, in ascending order of each."""

    lines: tuple[ThresholdLine, ...]

    @classmethod
    def of(cls, by: By, cut: Cut) -> ThresholdTable:
        """Measure the thresholds of one column.

        Args:
            by: the name of the column.
            cut: the rows in its order.
        """
        return cls(tuple(_line(by, cut, float(threshold)) for threshold in _thresholds(cut.values)))

    def to_table(self) -> pa.Table:
        """Make the rows of report.parquet."""
        return pa.Table.from_pylist([dict(_cells(line)) for line in self.lines], schema=REPORT)

    def to_pandas(self) -> pd.DataFrame:
        """Make the same rows as a DataFrame.

        Raises:
            NoisecleanerError: pandas is not installed.
        """
        return to_frame(self.to_table())

    @classmethod
    def from_table(cls, table: pa.Table) -> ThresholdTable:
        """Read the rows of report.parquet.

        Raises:
            ValueError: a share lies outside of [0, 1], or of its interval.
        """
        return cls(tuple(_from_cells(cells) for cells in table.to_pylist()))


_RATES = ("effective_noise", "precision", "recall")


def _line(by: By, cut: Cut, threshold: float) -> ThresholdLine:
    kept, count, rates = cut.rows(threshold).kept, len(cut.values), cut.rates(threshold)
    return ThresholdLine(
        by=by,
        threshold=threshold,
        kept=kept,
        kept_fraction=kept / count if count else 0.0,
        effective_noise=rates.noise.interval,
        precision=rates.precision.interval,
        recall=rates.recall.interval,
    )


def _cells(line: ThresholdLine) -> Iterator[tuple[str, object]]:
    yield from {"by": line.by, "threshold": line.threshold, "kept": line.kept}.items()
    yield "kept_fraction", line.kept_fraction
    for name in _RATES:
        interval: Interval | None = getattr(line, name)
        if interval is not None:
            yield from {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}.items()


def _from_cells(cells: dict[str, Any]) -> ThresholdLine:
    return ThresholdLine(
        by=cells["by"],
        threshold=cells["threshold"],
        kept=cells["kept"],
        kept_fraction=cells["kept_fraction"],
        effective_noise=_interval(cells, "effective_noise"),
        precision=_interval(cells, "precision"),
        recall=_interval(cells, "recall"),
    )


def _interval(cells: dict[str, Any], name: str) -> Interval | None:
    value, low, high = (cells[name + end] for end in ("", "_low", "_high"))
    if value is None and low is None and high is None:
        return None
    if value is None or low is None or high is None or not (low >= 0 and high <= 1 and holds(low, value, high)):
        raise ValueError(f"{name} is {value}, with an interval from {low} to {high}")
    return Interval(value=value, low=low, high=high)


def _thresholds(values: RealArray) -> FloatArray:
    grid = np.round(np.arange(101) / 100, 2)
    return np.unique(np.concatenate([grid, quantiles(values, grid)])) if len(values) else grid
