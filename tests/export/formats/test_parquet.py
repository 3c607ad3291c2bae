"""Parquet: the owner's columns, the images, and what Hugging Face reads off them."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from support.datasets import CLASSES, Command
from support.exported import scored as scored_as
from support.exports import (
    Row,
    ScoredData,
    by_hand,
    expect,
    picture,
    write_scores,
)
from support.sources import vectors as vectors_table

from noisecleaner.ingest import Columns, Source


def test_other_columns_are_copied(tmp_path: Path, command: Command) -> None:
    rows = [Row(str(i), "ab"[i % 2]) for i in range(5)]
    scored = by_hand(tmp_path, rows, note=list("vwxyz"), size=pa.array([[i] for i in range(5)], pa.list_(pa.int8())))
    assert command("export-clean", scored.run, "--out", tmp_path / "out").code == 0
    table = pq.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
    assert table.column_names[:5] == pq.read_schema(scored.data).names  # in the owner's order
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


def test_a_copy_has_the_files_of_the_dataset_also_those_that_lost_all_rows(tmp_path: Path, command: Command) -> None:
    names = [*(f"train-{file:05d}-of-00003" for file in range(3)), "test-0"]
    for name in names:
        rows = [Row(f"{name} {row}", "ab"[row % 2]) for row in range(4)]
        by_hand(tmp_path, rows)
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "data.parquet").rename(tmp_path / "in" / f"{name}.parquet")
    lost = {f"{names[1]} {row}": "b" for row in range(4)} | {f"{names[2]} 0": "b"}
    run = scored_as(tmp_path / "scores", Source(str(tmp_path / "in")), suggested=lost)
    assert command("export-clean", run, "--out", tmp_path / "out").code == 0
    made = {path.name: pq.read_table(path) for path in sorted((tmp_path / "out" / "data").iterdir())}
    assert {
        name: [text.rpartition(" ")[2] for text in rows["sample_id"].to_pylist()] for name, rows in made.items()
    } == {
        "test-00000-of-00001.parquet": list("0123"),
        "train-00000-of-00003.parquet": list("0123"),
        "train-00001-of-00003.parquet": [],
        "train-00002-of-00003.parquet": list("123"),
    }
    assert len({str(rows.schema) for rows in made.values()}) == 1


def test_more_files_than_can_be_open_at_once(tmp_path: Path, command: Command) -> None:
    for number in range(40):
        vectors_table(tmp_path / "in" / f"{number:02d}.parquet", ["a", "b"], sample_id=[f"{number} a", f"{number} b"])
    run = scored_as(tmp_path, Source(str(tmp_path / "in"), columns=Columns(embedding="embedding")))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, hard))
    try:
        outcomes = [
            command("export-clean", run, "--out", tmp_path / format, "--format", format).code
            for format in ("parquet", "csv", "jsonl")
        ]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert outcomes == [0, 0, 0]
    assert [len(list((tmp_path / format).rglob("*[0-9].*"))) for format in ("parquet", "csv", "jsonl")] == [40, 40, 40]
