"""Parquet: the owner's columns, the images, and what Hugging Face reads off them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from support.datasets import CLASSES, Command
from support.exports import (
    Row,
    ScoredData,
    by_hand,
    expect,
    picture,
    write_scores,
)

from noisecleaner.ingest import Columns, Source


def test_other_columns_are_copied(tmp_path: Path, command: Command) -> None:
    rows = [Row(str(i), "ab"[i % 2]) for i in range(5)]
    scored = by_hand(tmp_path, rows, note=list("vwxyz"), size=pa.array([[i] for i in range(5)], pa.list_(pa.int8())))
    assert command("export-clean", scored.run, "--out", tmp_path / "out").code == 0
    table = pq.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
    assert table.column_names[:5] == ["sample_id", "note", "size", "image", "label"]
    assert table["note"].to_pylist() == list("vwxyz")
    assert table.schema.field("size").type == pa.list_(pa.int8())


def test_images_beside_embeddings_are_copied_too(tmp_path: Path, command: Command) -> None:
    rows = [Row(str(i), "ab"[i % 2], flagged=i == 2) for i in range(4)]
    by_hand(tmp_path, rows, vector=[[float(i)] for i in range(4)])
    source = Source(str(tmp_path / "data.parquet"), columns=Columns(embedding="vector"))
    write_scores(tmp_path / "run", source, rows)
    assert command("export-clean", tmp_path / "run", "--out", tmp_path / "out").code == 0
    table = pq.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
    assert [row["bytes"] for row in table["image"].to_pylist()] == [picture(i) for i in (0, 1, 3)]
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}


def test_hugging_face_datasets_opens_exported_embeddings(
    tmp_path: Path, vectors: ScoredData, command: Command, load_dataset: Callable[..., Any]
) -> None:
    assert command("export-clean", vectors.run, "--out", tmp_path / "out").code == 0
    loaded = load_dataset(str(tmp_path / "out"))
    assert loaded.features["label"].dtype == "string"  # as it was
    assert set(loaded["label"][:]) == set(CLASSES)
    assert len(loaded[0]["embedding"]) == 16
    assert loaded["sample_id"][:] == list(expect(vectors.rows, "drop").labels)
