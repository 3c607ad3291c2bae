"""Rows with their labels as a fit reads them, and their images in batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import embeddings, image_folder, png

from noisecleaner.embedding.rows import ImageRows, numbers_of
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source, read_manifest


def table(path: Path, **columns: object) -> Source:
    rng = np.random.default_rng(0)
    images = [png(row % 3, rng) for row in range(6)]
    ids = [f"r{row}" for row in range(6)]
    pq.write_table(pa.table({"sample_id": ids, "image": images, **columns}), path)
    return Source(str(path))


def test_a_folder_gives_its_paths_and_classes(tmp_path: Path) -> None:
    image_folder(tmp_path / "images", rows=12)
    source = Source(str(tmp_path / "images"))
    rows, manifest = ImageRows.read(source), read_manifest(source)
    assert rows.table.column_names == ["sample_id", "label"]
    assert rows.table["sample_id"].equals(manifest.table["sample_id"])
    assert rows.table["label"].equals(manifest.table["given_label"])


def test_labels_that_somebody_verified_come_along(tmp_path: Path) -> None:
    source = table(
        tmp_path / "t.parquet",
        label=["a", "b", "a", None, "n/a", "b"],
        trusted_label=["a", None, "b", None, None, None],
        sample_probability=[0.5, None, 0.5, None, None, None],
        nc_verified=[True, False, False, False, False, False],
    )
    rows = ImageRows.read(source).table
    assert rows.column_names == ["sample_id", "label", "trusted_label", "sample_probability", "nc_verified"]
    assert rows["label"].to_pylist() == ["a", "b", "a", None, None, "b"]


def test_an_order_of_the_classes_that_somebody_told_is_kept(tmp_path: Path) -> None:
    source = table(tmp_path / "t.parquet", label=[1, 0, 1, 0, 1, 0])
    assert ImageRows.read(source).names == ()
    told = Source(source.data, columns=Columns(label_names=("zebra", "ant")))
    assert ImageRows.read(told).names == ("zebra", "ant")
    assert ImageRows.read(told).table["label"].to_pylist() == ["ant", "zebra"] * 3


def test_rows_without_labels_will_do(tmp_path: Path) -> None:
    assert ImageRows.read(table(tmp_path / "t.parquet")).table.column_names == ["sample_id"]


def test_vectors_are_no_images(tmp_path: Path) -> None:
    embeddings(tmp_path / "e.parquet", rows=10)
    source = Source(str(tmp_path / "e.parquet"), columns=Columns(embedding="embedding"))
    with pytest.raises(NoisecleanerError, match="bring embeddings already"):
        ImageRows.read(source)


def test_another_label_is_another_fingerprint(tmp_path: Path) -> None:
    one = ImageRows.read(table(tmp_path / "a.parquet", label=["a", "b"] * 3)).fingerprint()
    assert one == ImageRows.read(table(tmp_path / "b.parquet", label=["a", "b"] * 3)).fingerprint()
    assert one != ImageRows.read(table(tmp_path / "c.parquet", label=["b", "b", "a", "b", "a", "b"])).fingerprint()


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        (range(200), [64, 64, 64, 8]),
        (range(64, 200), [64, 64, 8]),
        ([*range(64), *range(128, 200)], [64, 64, 8]),
        ([3, 5, 6], [1, 2]),
        ([], []),
    ],
)
def test_batches_begin_at_multiples_of_64_and_where_rows_are_missing(
    tmp_path: Path, rows: list[int], sizes: list[int]
) -> None:
    truth = image_folder(tmp_path / "images", rows=200)
    (tmp_path / "images" / sorted(truth)[5]).write_bytes(b"")
    read = ImageRows.read(Source(str(tmp_path / "images"))).reader
    found = list(read(np.array(rows, np.int64)))
    assert [batch.num_rows for batch in found] == sizes
    assert [row for batch in found for row in batch["row"].to_pylist()] == list(rows)
    reasons = {batch["row"][n].as_py(): batch["skip_reason"][n].as_py() for batch in found for n in range(len(batch))}
    assert {row: why for row, why in reasons.items() if why} == ({5: "empty_file"} if 5 in rows else {})


def test_the_last_shard_is_shorter() -> None:
    assert numbers_of(1, 64, 100).tolist() == list(range(64, 100))
