"""Effective noise against threshold, and the summary that a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import BoolArray, FloatArray, IntArray
from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.rate import Rate
from noisecleaner.noise.rates import Noise
from noisecleaner.noise.thresholds import Goal
from noisecleaner.quality.calibration import Reliability
from noisecleaner.tables import REPORT


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
        goal: what it was chosen to reach, None where it was given.
        noise: of the whole dataset.
        kept_noise: of the rows that are kept.
        model: how label quality was made, see `QualityModel.method`.
        reliability: how well it is calibrated, measured on the rows that judge; None where none does.
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
    goal: Goal | None
    noise: Noise
    kept_noise: Rate
    model: str
    reliability: Reliability | None
    judged: int
    classes: list[ClassLine]
    confusions: list[Confusion]
    suspects: list[Suspect]


def flag(values: FloatArray, threshold: float) -> BoolArray:
    """Flag the rows below a threshold, shape [rows]; a row without a value is not flagged."""
    return np.asarray(values < threshold)


def report(by: str, cut: Cut) -> pa.Table:
    """Make the rows of report.parquet for one column.

    Args:
        by: the name of the column.
        cut: the rows in its order.
    """
    count, lines = len(cut.values), []
    for threshold in _thresholds(cut.values):
        kept_rows = cut.rows(threshold).kept
        cut_rates = cut.rates(threshold)
        rates = {"effective_noise": cut_rates.noise, "precision": cut_rates.precision, "recall": cut_rates.recall}
        line: dict[str, object] = {"by": by, "threshold": float(threshold), "kept": kept_rows}
        line["kept_fraction"] = kept_rows / count if count else 0.0
        for name, rate in rates.items():
            line |= {name: rate.value, f"{name}_low": rate.low, f"{name}_high": rate.high}
        lines.append(line)
    return pa.Table.from_pylist(lines, schema=REPORT)


def worst_classes(
    given: IntArray, flagged: BoolArray, noise: Noise, classes: Sequence[str], most: int = 5
) -> list[ClassLine]:
    """List the classes with the largest share of flagged rows."""
    labelled = given >= 0
    rows, out = (np.bincount(given[part], minlength=len(classes)).tolist() for part in (labelled, labelled & flagged))
    lines = [ClassLine(name, rows[c], out[c], noise.per_class[name]) for c, name in enumerate(classes)]
    return sorted(lines, key=lambda line: -line.flagged / max(line.rows, 1))[:most]


def likely_confusions(
    given: IntArray, suggested: IntArray, flagged: BoolArray, classes: Sequence[str], most: int = 5
) -> list[Confusion]:
    """List the most frequent pairs of given and suggested label among flagged rows that have both."""
    both = flagged & (given >= 0) & (suggested >= 0)
    pairs, counts = np.unique(given[both] * len(classes) + suggested[both], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:most]
    found = [(*divmod(int(pairs[i]), len(classes)), int(counts[i])) for i in order]
    return [Confusion(classes[one], classes[other], count) for one, other, count in found]


def _thresholds(values: FloatArray) -> FloatArray:
    grid = np.round(np.arange(101) / 100, 2)
    return np.unique(np.concatenate([grid, np.quantile(values, grid)])) if len(values) else grid
