"""Logits and given labels -> the few numbers of a row that label quality is made of, with numpy alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import IntArray

Arrays = dict[str, npt.NDArray[Any]]
Logits = npt.NDArray[np.float32]
#: Labels other than the given one that are kept for a row, most probable first.
CANDIDATES = 5


def summarise(logits: Logits, given: IntArray, scratch: Logits | None = None) -> Arrays:
    """Reduce logits [n, classes] to what the quality model uses; they are overwritten.

    A row without a label (-1) has neither margin nor probability, and every class is a candidate.

    Args:
        logits: best so few rows that they fit into the processor's cache, because each is passed over nine times.
        given: class index of the given label, shape [n].
        scratch: of the shape of `logits`, overwritten; fresh memory would take longer to get than to compute with.

    Returns:
        `predicted_margin` and `predicted_log_probability`, shape [n], `candidates` and `candidate_log_probabilities`,
        shape [n, k].
    """
    rows, labelled, label = np.arange(len(logits)), given >= 0, np.maximum(given, 0)
    normaliser = _log_sum_exp(logits, np.empty_like(logits) if scratch is None else scratch)
    own = logits[rows, label]
    logits[rows, label] = np.where(labelled, -np.inf, own)
    count = min(CANDIDATES, logits.shape[1] - 1)
    candidates = np.empty((len(logits), count), dtype=np.int32)
    values = np.empty((len(logits), count), dtype=np.float32)
    for place in range(count):  # five passes of argmax take a fifth of the time of a partial sort
        best = logits.argmax(axis=1)
        candidates[:, place], values[:, place] = best, logits[rows, best]
        logits[rows, best] = -np.inf
    unknown = np.float32(np.nan)
    return {
        "predicted_margin": np.where(labelled, own - values[:, 0], unknown),
        "predicted_log_probability": np.where(labelled, own - normaliser, unknown),
        "candidates": candidates,
        "candidate_log_probabilities": values - normaliser[:, None],
    }


def merge(parts: Iterable[Arrays]) -> Arrays:
    """Concatenate the arrays of several batches by name."""
    collected = list(parts)
    return {name: np.concatenate([part[name] for part in collected]) for name in (collected[0] if collected else {})}


def _log_sum_exp(logits: Logits, scratch: Logits) -> npt.NDArray[np.float32]:
    """Compute log sum exp of each row, shape [n], without overflow."""
    top = logits.max(axis=1)
    np.subtract(logits, top[:, None], out=scratch)
    return np.asarray(top + np.log(np.exp(scratch, out=scratch).sum(axis=1)))
