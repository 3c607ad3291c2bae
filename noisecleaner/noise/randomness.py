"""Whether verified rows can be a random sample of the dataset: without that no rate can be trusted."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import BoolArray, IntArray, counted_by_class
from noisecleaner.notices import Notice, Severity

#: A sample as odd as one in a thousand random ones is called into question.
LEAST_P = 0.001
#: The notice that says that no rate stands on verified rows.
NOT_RANDOM = "not-random"
_DRAWS, _BLOCK = 9_999, 99
#: Rows of a sample up to which SciPy computes the p-value of Kolmogorov and Smirnov exactly; rows at a time above.
_EXACT, _ROWS = 10_000, 2**18


def random_sample_p_value(*, given: IntArray, sampled: IntArray, classes: int) -> float:
    """Compute how often a random sample has given labels at least as far from the dataset's, by chi-square distance.

    Args:
        given: class index of every row, below 0 where it has none, shape [rows].
        sampled: of the sampled rows, shape [sample].
        classes: number of classes.
    """
    everyone = counted_by_class(given, classes)
    present = everyone > 0
    expected = everyone[present] * len(sampled) / everyone.sum()
    rng = np.random.default_rng(0)
    seen = np.bincount(sampled, minlength=classes)[present]
    distance = ((seen - expected) ** 2 / expected).sum()
    further = 1
    for _ in range(_DRAWS // _BLOCK):
        draws = rng.multivariate_hypergeometric(everyone[present], len(sampled), _BLOCK)
        # what equals it in real numbers must not differ by rounding
        further += int((((draws - expected) ** 2 / expected).sum(axis=1) >= distance * (1 - 1e-9)).sum())
    return further / (_DRAWS + 1)


def picked_by_class(*, given: IntArray, verified: BoolArray, classes: int) -> str | None:
    """Test whether verified rows can be a random sample, by their given labels (chi-square, simulated).

    Args:
        given: class index of the given label, -1 where a row has none, shape [rows].
        verified: rows that shall be a random sample, shape [rows].
        classes: number of classes.

    Returns:
        What was found; None where they can be one.
    """
    sampled = verified & (given >= 0)
    if not sampled.any():
        return None
    p_value = random_sample_p_value(given=given, sampled=given[sampled], classes=classes)
    if p_value >= LEAST_P:
        return None
    return (
        f"The {int(sampled.sum()):,} verified rows cannot be a random sample: given labels as unevenly spread have a "
        f"p-value of {p_value:.1g} (simulated)."
    )


def picked_by_looks(quality: npt.NDArray[np.floating[Any]], verified: BoolArray) -> str | None:
    """Test whether verified rows can be a random sample, by how right their labels look (Kolmogorov and Smirnov).

    Args:
        quality: label quality or a margin, NaN where a row has none, shape [rows].
        verified: rows that shall be a random sample, shape [rows].

    Returns:
        What was found; None where they can be one.
    """
    from scipy import stats

    known = np.isfinite(quality)
    some, others = quality[known & verified], quality[known & ~verified]
    if not len(some) or not len(others):
        return None
    if max(len(some), len(others)) > _EXACT:
        p_value = _kolmogorov(some, others)
    else:
        with warnings.catch_warnings():
            # where the exact p-value is 1 but for rounding, SciPy takes the asymptotic one, and warns of it
            warnings.simplefilter("ignore", RuntimeWarning)
            p_value = float(stats.ks_2samp(some, others).pvalue)
    if p_value >= LEAST_P:
        return None
    side = "wrong" if np.median(some) < np.median(others) else "right"
    return (
        f"The {len(some):,} verified rows cannot be a random sample: they look {side} far more often than other rows "
        f"(p-value {p_value:.1g})."
    )


def _kolmogorov(some: npt.NDArray[np.floating[Any]], others: npt.NDArray[np.floating[Any]]) -> float:
    """The p-value that `scipy.stats.ks_2samp` has for many rows, without its copies of all of them.

    Between two values of one sample its distribution function stands still, so that both differ most at such a value,
    or just before one.

    Args:
        some: values of the first sample, at least one, shape [n].
        others: those of the second one, shape [m].
    """
    from scipy import stats

    values = np.unique(some)
    below, upto = np.zeros((2, len(values) + 1), dtype=np.int64)
    for first in range(0, len(others), _ROWS):
        block = others[first : first + _ROWS]
        below += np.bincount(np.searchsorted(values, block, side="right"), minlength=len(below))
        upto += np.bincount(np.searchsorted(values, block, side="left"), minlength=len(upto))
    own = np.sort(some)
    before = np.searchsorted(own, values, side="left") / len(own) - np.cumsum(below)[:-1] / len(others)
    there = np.searchsorted(own, values, side="right") / len(own) - np.cumsum(upto)[:-1] / len(others)
    most, least = sorted((float(len(some)), float(len(others))), reverse=True)
    rows = np.round(most * least / (most + least))
    return float(stats.kstwo.sf(min(float(np.abs([before, there]).max()), 1.0), rows))


def not_random(found: str) -> Notice:
    """Say that no rate stands on the verified rows.

    Args:
        found: how that came out.
    """
    return Notice(
        code=NOT_RANDOM,
        severity=Severity.VOID,
        message=f"{found} Noise rates and thresholds would be those of the rows that were picked. Draw rows at random, "
        "or with `plan()`, and pass those that you picked with `corrections=FILE`.",
    )
