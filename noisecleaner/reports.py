"""Effective noise against threshold, and the summary that a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from noisecleaner.noise import BoolArray, IntArray, Noise, Rate, wilson
from noisecleaner.tables import REPORT

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClassLine:
    """One class in the summary: rows that carry its label, how many are flagged, and the noise audited there."""

    name: str
    rows: int
    flagged: int
    noise: Rate


@dataclass(frozen=True)
class Confusion:
    """Flagged rows that carry one label and look like another."""

    given: str
    suggested: str
    rows: int


@dataclass(frozen=True)
class Suspect:
    """A row at the bottom of the ranking."""

    sample_id: str
    given: str
    suggested: str
    value: float


@dataclass(frozen=True)
class Summary:
    """What `score` tells.

    Args:
        rows: all rows of the dataset.
        skipped: rows without a score, by reason.
        flagged: rows below the threshold, and those without a label.
        unlabelled: how many have none.
        kept: rows at or above it.
        by: the column that the threshold cuts.
        threshold: where it cuts.
        noise: of the whole dataset.
        kept_noise: of the rows that are kept, on the audited rows among them.
        model: how label quality was made, see `QualityModel.method`.
        judged: audited rows that it was measured on.
        classes: the worst classes, largest share of flagged rows first.
        confusions: the most frequent pairs of given and suggested label among flagged rows.
        suspects: the rows with the lowest values.
    """

    rows: int
    skipped: dict[str, int]
    flagged: int
    unlabelled: int
    kept: int
    by: str
    threshold: float
    noise: Noise
    kept_noise: Rate
    model: str
    judged: int
    classes: list[ClassLine]
    confusions: list[Confusion]
    suspects: list[Suspect]


def flag(values: FloatArray, threshold: float) -> BoolArray:
    """Flag the rows below a threshold, shape [rows]; a row without a value is not flagged."""
    return np.asarray(values < threshold)


def report(by: str, values: FloatArray, judging: BoolArray, wrong: BoolArray) -> pa.Table:
    """Make the rows of report.parquet for one column.

    Args:
        by: the name of the column.
        values: its values, NaN where a row has none, shape [rows].
        judging: the audited rows that measure it, shape [rows].
        wrong: whether their given label is wrong, shape [rows].
    """
    known = np.isfinite(values)
    thresholds = _thresholds(values[known])
    ranked = np.sort(values[known])
    judged = known & judging
    bad, good = np.sort(values[judged & wrong]), np.sort(values[judged & ~wrong])
    lines = []
    for threshold in thresholds:
        kept = len(ranked) - int(np.searchsorted(ranked, threshold))
        flagged_bad, flagged_good = (int(np.searchsorted(part, threshold)) for part in (bad, good))
        kept_bad, kept_good = len(bad) - flagged_bad, len(good) - flagged_good
        rates = {
            "effective_noise": wilson(kept_bad, kept_bad + kept_good),
            "precision": wilson(flagged_bad, flagged_bad + flagged_good),
            "recall": wilson(flagged_bad, len(bad)),
        }
        share = kept / len(ranked) if len(ranked) else 0.0
        line: dict[str, object] = {
            "by": by,
            "threshold": float(threshold),
            "kept": kept,
            "kept_fraction": share,
        }
        for name, rate in rates.items():
            line |= {name: rate.value, f"{name}_low": rate.low, f"{name}_high": rate.high}
        lines.append(line)
    return pa.Table.from_pylist(lines, schema=REPORT)


def worst_classes(
    given: IntArray, flagged: BoolArray, noise: Noise, classes: Sequence[str], most: int = 5
) -> list[ClassLine]:
    """List the classes with the largest share of flagged rows."""
    lines = [
        ClassLine(name, int((given == c).sum()), int((flagged & (given == c)).sum()), noise.per_class[name])
        for c, name in enumerate(classes)
    ]
    return sorted(lines, key=lambda line: -line.flagged / max(line.rows, 1))[:most]


def likely_confusions(
    given: IntArray, suggested: IntArray, flagged: BoolArray, classes: Sequence[str], most: int = 5
) -> list[Confusion]:
    """List the most frequent pairs of given and suggested label among flagged rows that have both."""
    both = flagged & (given >= 0) & (suggested >= 0)
    pairs, counts = np.unique(np.stack([given[both], suggested[both]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:most]
    return [Confusion(classes[pairs[0, i]], classes[pairs[1, i]], int(counts[i])) for i in order]


def _thresholds(values: FloatArray) -> FloatArray:
    grid = np.round(np.arange(101) / 100, 2)
    return np.unique(np.concatenate([grid, np.quantile(values, grid)])) if len(values) else grid
