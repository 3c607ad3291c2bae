"""The trace: what all folds found out, row by row; training writes it, scoring reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import FloatArray, IntArray
from noisecleaner.ingest import Manifest, Skip
from noisecleaner.quality.model import FITTED, Verified
from noisecleaner.quality.transition import Known
from noisecleaner.tables import TRACE

Arrays = Mapping[str, npt.NDArray[Any]]
_RECORDED = ("alpha", "beta", "alignment", "margin")
_PREDICTED = ("predicted_margin", "predicted_log_probability", "candidates", "candidate_log_probabilities")
_LISTS = ("candidates", "candidate_log_probabilities")


def collect(folds: Sequence[Arrays], given: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """Put the folds' arrays together.

    Args:
        folds: from `read_fold`.
        given: class index of the given label, -1 where there is none, shape [rows].

    Returns:
        Columns of shape [rows], NaN (candidates: -1) where no fold knows a row; `given` is one of them.
    """
    rows = len(given)
    columns: dict[str, npt.NDArray[Any]] = {}
    for fold in folds:
        for names, where in ((_RECORDED, fold["recorded"]), (_PREDICTED, fold["predicted"])):
            for name in names:
                if name in fold:
                    values = fold[name]
                    columns.setdefault(name, _empty(rows, values))[where] = values
    return {**_unknown(rows), **columns, "given": given}


def verified(
    columns: Arrays,
    dataset: Manifest,
    judging: npt.NDArray[np.bool_],
    folds: Sequence[Arrays],
    labels: npt.NDArray[np.int64],
) -> Verified:
    """Pick out what is known for certain.

    Args:
        columns: from `collect`.
        dataset: with its verified labels.
        judging: audited rows that steered nothing recorded about them, shape [rows].
        folds: the folds' arrays, which hold the clean-only rows' predictions.
        labels: verified labels of the clean-only rows, -1 where unusable, shape [clean-only rows].
    """
    rows = np.flatnonzero(judging & np.isfinite(columns["predicted_margin"]))
    known = [fold for fold in folds if len(fold["clean_only"])]
    probabilities = [fold["clean_only_log_probabilities"] for fold in known]
    return Verified(
        judging=rows,
        known=Known(dataset.trusted[rows], stands_for(dataset.sample_probability[rows])),
        clean_only=np.concatenate(probabilities) if known else np.empty((0, len(dataset.classes))),
        clean_only_labels=labels[np.concatenate([f["clean_only"] for f in known])] if known else np.empty(0, np.int64),
        classes=len(dataset.classes),
    )


def stands_for(probability: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Compute how many rows of the dataset a verified row stands for, on average 1, shape [rows]; NaN: like all."""
    weights = 1 / np.nan_to_num(probability.astype(np.float64), nan=1.0)
    return np.asarray(weights / weights.mean()) if len(weights) else weights


def to_table(
    dataset: Manifest,
    columns: Arrays,
    quality: npt.NDArray[np.float64],
    suggested: npt.NDArray[np.int64],
    confidence: npt.NDArray[np.float64],
    judging: npt.NDArray[np.bool_],
) -> pa.Table:
    """Make the table of `TRACE`; NaN becomes null, and so does a suggestion of -1."""
    table = {name: dataset.table[name] for name in ("sample_id", "path", "given_label", "trusted_label")}
    # rows without a label may have helped, but they get no score
    unlabelled = pc.if_else(pc.is_null(table["given_label"]), Skip.NO_LABEL.value, pa.scalar(None, pa.string()))
    table["skip_reason"] = pc.coalesce(dataset.table["skip_reason"], unlabelled)
    table |= {name: nullable(columns[name]) for name in (*_RECORDED, *_PREDICTED) if name not in _LISTS}
    table |= {name: _lists(columns[name], TRACE.field(name).type) for name in _LISTS}
    table |= {"label_quality": nullable(quality), "suggested_confidence": nullable(confidence)}
    table["suggested"] = pa.array(suggested, pa.int32(), mask=suggested < 0)
    table |= {"judging": pa.array(judging), "sample_probability": dataset.table["sample_probability"]}
    return pa.table({name: table[name] for name in TRACE.names}, schema=TRACE)


def nullable(values: npt.NDArray[Any]) -> pa.Array:
    """Make an Arrow column of float32 in which NaN is null."""
    return pa.array(values.astype(np.float32), pa.float32(), from_pandas=True)


def _unknown(rows: int) -> dict[str, npt.NDArray[Any]]:
    """The columns of rows that nothing was predicted of, as in a transfer."""
    nothing = np.full(rows, np.nan, np.float32)
    return {
        "predicted_margin": nothing,
        "predicted_log_probability": nothing,
        "candidates": np.full((rows, 1), -1, np.int32),
        "candidate_log_probabilities": nothing[:, None],
    }


def _empty(rows: int, like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    fill = np.nan if np.issubdtype(like.dtype, np.floating) else -1
    return np.full((rows, *like.shape[1:]), fill, like.dtype)


def _lists(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Make a list column in which a row of NaN (or -1) is null."""
    missing = np.isnan(values[:, 0]) if np.issubdtype(values.dtype, np.floating) else values[:, 0] < 0
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    flat = pa.array(values.reshape(-1), kind.value_type)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, mask=pa.array(missing)).cast(kind)


def trace_columns(trace: pa.Table) -> dict[str, npt.NDArray[Any]]:
    """Read the columns of a trace that label quality is made of, without `given`."""
    columns: dict[str, npt.NDArray[Any]] = {name: _floats(trace[name]) for name in FITTED if name in trace.column_names}
    columns["candidates"] = _matrix(trace["candidates"], -1).astype(np.int64)
    columns["candidate_log_probabilities"] = _matrix(trace["candidate_log_probabilities"], np.nan)
    return columns


def _matrix(lists: pa.ChunkedArray, fill: float) -> FloatArray:
    """Turn a list column of one length, null where a row has none, into an array [rows, length]."""
    column = lists.combine_chunks()
    width = int(pc.max(pc.list_value_length(column)).as_py() or 1)
    matrix = np.full((len(column), width), fill, dtype=np.float64)
    known = np.asarray(pc.is_valid(column))
    matrix[known] = np.asarray(column.drop_null().flatten(), dtype=np.float64).reshape(-1, width)
    return matrix


def _floats(column: pa.ChunkedArray) -> FloatArray:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _integers(column: pa.ChunkedArray) -> IntArray:
    return np.asarray(pc.fill_null(column, -1)).astype(np.int64)
