"""How much of the data is wrong: rates with intervals, from audited rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rate:
    """A share with its interval.

    Args:
        value: the estimate, None where nothing was seen.
        low: lower end of the 95 % interval, None where none was earned.
        high: upper end.
        seen: how many verified rows it rests on.
        hits: how many of them count.
    """

    value: float | None
    low: float | None
    high: float | None
    seen: int
    hits: int

    def to_json(self) -> dict[str, Any]:
        """Describe the rate as a JSON object."""
        return {
            "rate": self.value,
            "low": self.low,
            "high": self.high,
            "audited": self.seen,
            "errors": self.hits,
        }


def wilson(hits: int, seen: int) -> Rate:
    """Estimate a share from a random sample: Wilson's score interval at 95 % (Wilson, 1927).

    Args:
        hits: sampled rows that count.
        seen: sampled rows.
    """
    if not seen:
        return Rate(None, None, None, 0, 0)
    interval = stats.binomtest(hits, seen).proportion_ci(CONFIDENCE, method="wilson")
    return Rate(hits / seen, float(interval.low), float(interval.high), seen, hits)


@dataclass(frozen=True)
class Noise:
    """The noise of a dataset.

    Args:
        method: how the rate was made: `wilson` from audited rows; `planted` or `model`, the mean of
            1 - label quality, without an interval, where no audited row can measure it; `none` where label
            quality is not calibrated either, and there is no rate.
        overall: share of wrong labels.
        per_class: given class -> share of wrong labels in it.
        confusion: audited rows by true (row) and given (column) class, [classes, classes].
    """

    method: str
    overall: Rate
    per_class: dict[str, Rate]
    confusion: list[list[int]]

    def to_json(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """Describe the noise as a JSON object."""
        return {
            "method": self.method,
            "confidence": CONFIDENCE,
            "overall": self.overall.to_json(),
            "per_given_class": {name: rate.to_json() for name, rate in self.per_class.items()},
            "confusion": {"classes": list(classes), "audited_true_by_given": self.confusion},
        }


def measure(
    given: IntArray, trusted: IntArray, quality: npt.NDArray[np.float64], classes: tuple[str, ...], model: str
) -> Noise:
    """Measure the noise of a dataset.

    Args:
        given: class index of the given label, -1 where there is none or the row was skipped, shape [rows].
        trusted: class index of the verified label, -1 where there is none, shape [rows].
        quality: label quality, NaN where unknown, shape [rows].
        classes: the class names.
        model: how label quality was made, see `QualityModel.method`.
    """
    audited = (given >= 0) & (trusted >= 0)
    wrong = audited & (given != trusted)
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (trusted[audited], given[audited]), 1)
    if audited.any():
        per_class = {
            name: wilson(int((wrong & (given == c)).sum()), int((audited & (given == c)).sum()))
            for c, name in enumerate(classes)
        }
        return Noise("wilson", wilson(int(wrong.sum()), int(audited.sum())), per_class, confusion.tolist())
    if model in ("uncalibrated", "transfer"):
        unknown = wilson(0, 0)
        return Noise("none", unknown, dict.fromkeys(classes, unknown), confusion.tolist())
    method = "planted" if model == "planted" else "model"
    per_class = {name: _expected(quality[given == c]) for c, name in enumerate(classes)}
    return Noise(method, _expected(quality[given >= 0]), per_class, confusion.tolist())


def _expected(quality: npt.NDArray[np.float64]) -> Rate:
    known = quality[np.isfinite(quality)]
    return Rate(float((1 - known).mean()) if len(known) else None, None, None, 0, 0)
