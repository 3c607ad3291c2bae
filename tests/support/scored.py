"""Scored runs that are made up: what `score` writes, without a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from noisecleaner.files import write_json
from noisecleaner.ingest import Source
from noisecleaner.noise.estimate import wilson
from noisecleaner.noise.rate import UNKNOWN, Rate
from noisecleaner.noise.rates import Noise
from noisecleaner.runs.metadata import Metadata
from noisecleaner.tables import SCORES, write_table


def sampled(events: int, size: int) -> Rate:
    """What a plain random sample tells."""
    if not size:
        return UNKNOWN
    return Rate.around(wilson(events / size, size=size), sample_size=size, events=events, method="wilson")


def scores_table(**columns: Any) -> pa.Table:
    """Rows of scores.parquet; columns that are not given are null."""
    rows = len(next(iter(columns.values())))
    values = {"sample_id": [f"r{row:05d}" for row in range(rows)], **columns}
    arrays = {f.name: pa.array(values.get(f.name, [None] * rows), f.type, from_pandas=True) for f in SCORES}
    return pa.table(arrays, schema=SCORES)


def metadata_of(classes: Sequence[str], **changes: Any) -> Metadata:
    """Metadata of rows that were cut at one half."""
    facts: dict[str, Any] = {
        "run": Path("run"),
        "source": Source("data.parquet"),
        "classes": tuple(classes),
        "by": "label_quality",
        "threshold": 0.5,
        "quality": "audited",
        "goal": None,
        "versions": {"noisecleaner": "0"},
        "weighted": False,
        "kept_noise": UNKNOWN,
        "judged": 0,
    }
    return Metadata(**{**facts, **changes})


def noise_of(classes: Mapping[str, Rate], overall: Rate) -> Noise:
    """Noise of which nobody knows the pairs: where a label is wrong, no class is right."""
    right = np.diag([rate.sample_size - rate.events for rate in classes.values()])
    return Noise(
        overall=overall,
        per_class=classes,
        pairs={},
        confusion=tuple(map(tuple, right.tolist())),
        no_class=tuple(rate.events for rate in classes.values()),
    )


def make_run(
    folder: Path,
    *,
    rows: Mapping[str, tuple[int, int]] | None = None,
    audited: Mapping[str, tuple[int, int]] | None = None,
    interval: bool = True,
    skipped: Sequence[tuple[str | None, str]] = ((None, "no_label"),),
    images: Path | None = None,
    **metadata: Any,
) -> Path:
    """Write a run of which rows, flags and noise are known.

    Args:
        folder: where.
        rows: class -> rows that are kept, and rows that are flagged.
        audited: class -> wrong labels, and audited rows.
        interval: whether the rates have one.
        skipped: given label and reason of each row without a score; they come last.
        images: folder of the dataset, in which the flagged rows get a file, `7.png`; None for rows of a table.
        metadata: what differs from `metadata_of`.
    """
    rows = rows or {"cat": (450, 50), "dog": (400, 100)}
    audited = audited if audited is not None else {"cat": (5, 150), "dog": (25, 150)}
    labels = [name for name, (kept, flagged) in rows.items() for _ in range(kept + flagged)]
    flags = [flag for kept, flagged in rows.values() for flag in [False] * kept + [True] * flagged]
    verified = sum(seen for _, seen in audited.values())
    scored, gone = len(labels), [None] * len(skipped)
    if images is not None:
        metadata = {"source": Source(str(images)), **metadata}
        images.mkdir(parents=True, exist_ok=True)
        for row in np.flatnonzero(flags):
            (images / f"{row}.png").touch()
    table = scores_table(
        path=[None if images is None else f"{row}.png" for row in range(scored + len(gone))],
        sample_id=[str(row) for row in range(scored + len(gone))],
        given_label=[*labels, *(label for label, _ in skipped)],
        trusted_label=[*(label if row < verified else None for row, label in enumerate(labels)), *gone],
        label_quality=[*np.where(flags, 0.25, 0.75), *gone],
        flagged=[*flags, *gone],
        skip_reason=[*[None] * scored, *(reason for _, reason in skipped)],
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "scores.parquet", [table], SCORES, metadata_of(list(rows), **metadata).to_json())
    per_class = {name: sampled(*audited.get(name, (0, 0))) for name in rows}
    overall = sampled(sum(wrong for wrong, _ in audited.values()), verified)
    if not interval:
        per_class = {name: Rate.expected(rate.value, "model") for name, rate in per_class.items()}
        overall = Rate.expected(overall.value, "model")
    content = noise_of(per_class, overall).to_json()
    write_json(folder / "noise.json", {**content, "quality": "audited", "calibration": None})
    return folder
