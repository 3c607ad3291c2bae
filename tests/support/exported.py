"""Datasets of every kind with scores that flag nothing or what a test wants, for exports of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from noisecleaner.ingest import Source, read_manifest
from support.exports import Row, write_scores


def scored(
    folder: Path, source: Source, *, suggested: Mapping[str, str] | None = None, classes: Sequence[str] | None = None
) -> Path:
    """Scores of a dataset that flag the rows for which a label is suggested."""
    manifest, suggested = read_manifest(source, tuple(classes) if classes else None), suggested or {}
    table = manifest.table.select(["sample_id", "given_label", "path"]).to_pylist()
    rows = [
        Row(
            line["sample_id"],
            line["given_label"],
            suggested.get(line["sample_id"]),
            quality=0.1 if line["sample_id"] in suggested else 0.9,
            flagged=line["sample_id"] in suggested,
            path=line["path"],
        )
        for line in table
    ]
    return write_scores(folder / "run", source, rows, manifest.classes)
