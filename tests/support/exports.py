"""Datasets with scores, and what an export of them should hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noisecleaner.cli import main
from noisecleaner.ingest import Source
from noisecleaner.ingest.labels.cells import class_names
from noisecleaner.notices import Notice
from noisecleaner.tables import SCORES, write_table
from support.datasets import png
from support.scored import metadata_of, scores_table

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
NOTES = ("given_label", "label_quality", "alpha", "beta", "suggested_label", "suggested_confidence")


def run(*words: object) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert stop.value.code == 0


def state(path: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and modification time of a file or of all files of a folder."""
    files = [path] if path.is_file() else [p for p in sorted(path.rglob("*")) if p.is_file()]
    return {str(file): (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def read_scores(scored: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(scored / "scores.parquet").to_pylist()
    return rows


#: What the console says of them.
REASONS = {
    "no_suggestion": "without a suggestion",
    "suggestion_less_likely": "whose suggestion is less likely than the given label",
    "suggestion_unsure": "whose suggestion is less certain than asked for",
}


@dataclass(frozen=True)
class Expected:
    """What an export should hold: sample id -> label, and the counts it should report."""

    labels: dict[str, str]
    counts: dict[str, int]

    def line(self, verb: str, rows: int, out: Path, format: str) -> str:
        c = self.counts
        told = [f"{c[reason]} {words}" for reason, words in REASONS.items() if c.get(reason)]
        why = f" ({', '.join(told)})" if told else ""
        return (
            f"{verb} {len(self.labels)} of {rows} rows to {out} ({format}): {c['dropped']} dropped{why}, "
            f"{c['relabelled']} relabelled, {c['verified']} with their verified label, "
            f"{c['skipped']} without a score left out."
        )


def expect(
    rows: Sequence[Mapping[str, Any]], on_flag: str, threshold: float | None = None, min_confidence: float = 0
) -> Expected:
    """Decide row by row, as the manual tells it."""
    labels: dict[str, str] = {}
    counts = dict.fromkeys(("dropped", "relabelled", "verified", "skipped"), 0)
    for row in rows:
        flagged = row["flagged"] if threshold is None else row["label_quality"] and row["label_quality"] < threshold
        label = row["given_label"]
        if row["skip_reason"]:
            counts["skipped"] += 1
            continue
        if row["trusted_label"]:
            counts["verified"] += 1
            label = row["trusted_label"]
        elif flagged and on_flag == "relabel" and row["suggested_confidence"] >= max(min_confidence, bar(row)):
            counts["relabelled"] += 1
            label = row["suggested_label"]
        elif flagged and on_flag != "keep":
            counts["dropped"] += 1
            reason = why_dropped(row) if on_flag == "relabel" else "flagged"
            counts[reason] = counts.get(reason, 0) + 1
            continue
        labels[row["sample_id"]] = label
    return Expected(labels, counts)


def why_dropped(row: Mapping[str, Any]) -> str:
    """Why a flagged row does not get its suggestion."""
    if row["suggested_label"] is None:
        return "no_suggestion"
    return "suggestion_less_likely" if row["suggested_confidence"] < bar(row) else "suggestion_unsure"


def bar(row: Mapping[str, Any]) -> float:
    """A suggestion must be more likely than the label it replaces."""
    return float(np.nextafter(np.float32(row["label_quality"]), np.float32(2)))


def named(table: pa.Table) -> list[str]:
    """The label column as names, those of a ClassLabel as Hugging Face would read them."""
    classes = class_names(table.schema, "label")
    return [classes[label] if classes else str(label) for label in table["label"].to_pylist()]


def written(out: Path) -> dict[str, str]:
    """Sample id -> label of an export of either format."""
    (file,) = out.rglob("*.parquet")
    table = pq.read_table(file)
    return dict(zip(table["sample_id"].to_pylist(), named(table), strict=True))


@dataclass(frozen=True)
class ScoredData:
    """A dataset and its scores."""

    data: Path
    run: Path

    @property
    def rows(self) -> list[dict[str, Any]]:
        return read_scores(self.run)


@dataclass(frozen=True)
class Row:
    """One row of scores made by hand."""

    sample_id: str
    given: str
    suggested: str | None = "b"
    quality: float | None = 0.9
    confidence: float | None = 0.8
    flagged: bool | None = False
    trusted: str | None = None
    skip: str | None = None
    path: str | None = None


ROWS = [
    Row("good", "a"),
    Row("bad", "a", quality=0.1, flagged=True),
    Row("bad and unsure", "a", quality=0.2, confidence=0.3, flagged=True),
    Row("bad but verified right", "a", quality=0.1, flagged=True, trusted="a"),
    Row("bad and verified wrong", "a", quality=0.1, flagged=True, trusted="c"),
    Row("good but verified wrong", "b", "a", trusted="c"),
    Row("at the limit", "c", quality=0.5),
    Row("unreadable", "a", None, None, None, None, skip="unreadable"),
    Row("without label", "a", None, None, None, None, skip="no_label", trusted="b"),
]


def write_scores(
    folder: Path,
    source: Source,
    rows: Sequence[Row],
    classes: Sequence[str] = "abc",
    notices: tuple[Notice, ...] = (),
) -> Path:
    """Write scores.parquet alone: it is all that an export reads."""
    table = scores_table(
        sample_id=[r.sample_id for r in rows],
        path=[r.path for r in rows],
        given_label=[r.given for r in rows],
        trusted_label=[r.trusted for r in rows],
        alpha=[row / 10 for row in range(len(rows))],
        label_quality=[r.quality for r in rows],
        suggested_label=[r.suggested for r in rows],
        suggested_confidence=[r.confidence for r in rows],
        flagged=[r.flagged for r in rows],
        skip_reason=[r.skip for r in rows],
    )
    folder.mkdir(parents=True, exist_ok=True)
    metadata = replace(metadata_of(classes, source=source), notices=notices)
    write_table(folder / "scores.parquet", [table], SCORES, metadata.to_json())
    return folder


def picture(row: int) -> bytes:
    return png(row % 3, np.random.default_rng(row), (8, 8))


def by_hand(folder: Path, rows: Sequence[Row] = ROWS, classes: Sequence[str] = "abc", **more: Any) -> ScoredData:
    """A Parquet file with images, and scores for its rows."""
    structs = [{"bytes": picture(i), "path": row.path} for i, row in enumerate(rows)]
    columns = {
        "sample_id": [r.sample_id for r in rows],
        "label": [r.given for r in rows],
        "image": pa.array(structs, IMAGE),
        **more,
    }
    pq.write_table(pa.table(columns), folder / "data.parquet")
    source = Source(str(folder / "data.parquet"))
    return ScoredData(folder / "data.parquet", write_scores(folder / "run", source, rows, classes))


def with_files(folder: Path, rows: int = 20) -> ScoredData:
    """A table that names image files, and scores that keep every row."""
    (folder / "data").mkdir()
    made = [Row(f"{row:02d}.png", "abc"[row % 3], path=f"{row:02d}.png") for row in range(rows)]
    for index, row in enumerate(made):
        (folder / "data" / row.sample_id).write_bytes(picture(index))
    columns = {"image": [r.path for r in made], "label": [r.given for r in made]}
    pq.write_table(pa.table(columns), folder / "data" / "data.parquet")
    source = Source(str(folder / "data" / "data.parquet"))
    return ScoredData(folder / "data" / "data.parquet", write_scores(folder / "run", source, made))


ON_FLAG = pytest.mark.parametrize("on_flag", ["drop", "relabel", "keep"])
FORMAT = pytest.mark.parametrize("format", ["folder", "parquet"])
