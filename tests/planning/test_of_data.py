"""`plan_data`: a plain random sample of a dataset that nobody has fitted, and a table that tells nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import embeddings, image_folder

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source
from noisecleaner.planning import plan_data, read_form
from noisecleaner.tables import BLIND

VECTORS = Columns(embedding="embedding")


def rows_of(folder: Path, rows: int = 100, **columns: Any) -> Source:
    """A table of embeddings, with more columns or others."""
    path = folder / "data.parquet"
    embeddings(path, rows)
    table = pq.read_table(path)
    for name, values in columns.items():
        table = table.drop_columns([name]) if name in table.column_names else table
        table = table.append_column(name, pa.array(values))
    pq.write_table(table, path)
    return Source(str(path), columns=VECTORS)


def test_the_table_is_blind_and_knows_where_it_comes_from(tmp_path: Path) -> None:
    source, out = rows_of(tmp_path), tmp_path / "new" / "verify.parquet"
    drawn = plan_data(source, out, count=30)
    assert (drawn.new, drawn.known, drawn.rows, drawn.unreadable, drawn.telling) == (30, 0, 100, 0, 0)
    table = pq.read_table(out)
    assert table.schema.equals(BLIND)
    assert len(set(table["sample_id"].to_pylist())) == 30
    assert table["trusted_label"].null_count == 30
    assert set(table["sample_probability"].to_pylist()) == {0.3}
    origin = read_form(out).origin
    assert origin is not None
    assert (origin.source, origin.classes, origin.none_label, origin.run) == (
        source,
        ("blue", "green", "red"),
        "none",
        None,
    )


def test_every_row_is_drawn_as_often_and_stands_anywhere(tmp_path: Path) -> None:
    source, count = rows_of(tmp_path, 40), np.zeros(40)
    places = []
    for seed in range(200):
        out = tmp_path / f"{seed}.parquet"
        plan_data(source, out, count=10, seed=seed)
        rows = [int(name[1:]) for name in pq.read_table(out)["sample_id"].to_pylist()]
        count[rows] += 1
        places.append(rows[0])
    # binomial: 200 draws of probability 1/4, whose standard deviation is 6.1
    assert abs(count - 50).max() < 4 * 6.1
    assert 15 < np.mean(places) < 24


def test_the_same_seed_draws_the_same_rows(tmp_path: Path) -> None:
    source = rows_of(tmp_path)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        plan_data(source, tmp_path / f"{name}.parquet", count=20, seed=seed)
    first, again, other = (pq.read_table(tmp_path / f"{name}.parquet") for name in "abc")
    assert first.equals(again)
    assert not first.equals(other)


def test_rows_without_a_usable_label_are_not_drawn(tmp_path: Path) -> None:
    labels = ["blue", "red"] * 30 + [None] * 40
    source = rows_of(tmp_path, label=labels)
    drawn = plan_data(source, tmp_path / "all.parquet", count=60)
    assert drawn.rows == 60
    assert max(pq.read_table(tmp_path / "all.parquet")["sample_id"].to_pylist()) == "s00059"
    with pytest.raises(NoisecleanerError, match=r"nobody has verified yet, of which .+ has 60, but it is 61"):
        plan_data(source, tmp_path / "more.parquet", count=61)


@pytest.mark.parametrize("count", [0, -3, 101])
def test_as_many_rows_as_there_are_may_be_drawn(tmp_path: Path, count: int) -> None:
    source = rows_of(tmp_path)
    with pytest.raises(NoisecleanerError, match="has 100, but it is") as refusal:
        plan_data(source, tmp_path / "verify.parquet", count=count)
    assert "count=100" in refusal.value.hint
    assert not (tmp_path / "verify.parquet").exists()
    assert plan_data(source, tmp_path / "verify.parquet", count=100).rows == 100


def test_rows_that_are_verified_already_count_as_a_part_of_the_sample(tmp_path: Path) -> None:
    known = ["red" if row % 5 == 0 else None for row in range(100)]
    drawn = plan_data(rows_of(tmp_path, trusted_label=known), tmp_path / "verify.parquet", count=30)
    assert (drawn.new, drawn.known, drawn.rows) == (30, 20, 100)
    table = pq.read_table(tmp_path / "verify.parquet")
    assert len(set(table["sample_id"].to_pylist())) == 50
    assert set(table["sample_probability"].to_pylist()) == {0.5}
    labelled = table.filter(table["trusted_label"].is_valid())["sample_id"].to_pylist()
    assert sorted(labelled) == [f"s{row:05d}" for row in range(0, 100, 5)]


def test_verified_rows_of_an_earlier_plan_are_no_plain_sample(tmp_path: Path) -> None:
    known = ["red" if row % 5 == 0 else None for row in range(100)]
    drawn = [None if label is None else 0.1 + row / 200 for row, label in enumerate(known)]
    source = rows_of(tmp_path, trusted_label=known, sample_probability=drawn)
    with pytest.raises(NoisecleanerError, match="drew them with other probabilities"):
        plan_data(source, tmp_path / "verify.parquet", count=10)


def test_rows_that_were_verified_before_a_copy_was_made_are_never_drawn(tmp_path: Path) -> None:
    source = rows_of(tmp_path, nc_verified=[row % 2 == 0 for row in range(100)])
    assert plan_data(source, tmp_path / "verify.parquet", count=50).rows == 50
    assert all(int(name[1:]) % 2 for name in pq.read_table(tmp_path / "verify.parquet")["sample_id"].to_pylist())


def test_images_that_do_not_open_are_replaced(tmp_path: Path) -> None:
    names = list(image_folder(tmp_path / "images", 60))
    for name in names[:20]:
        (tmp_path / "images" / name).write_bytes(b"no image")
    drawn = plan_data(Source(str(tmp_path / "images")), tmp_path / "verify.csv", count=40)
    assert (drawn.new, drawn.rows, drawn.unreadable, drawn.telling) == (40, 40, 20, 40)
    assert sorted(read_form(tmp_path / "verify.csv").ids.to_pylist()) == sorted(names[20:])
    with pytest.raises(NoisecleanerError, match=r"has 40 \(20 more do not open\), but it is 41"):
        plan_data(Source(str(tmp_path / "images")), tmp_path / "more.csv", count=41)


def test_splits_are_drawn_from_together(tmp_path: Path) -> None:
    for split in ("train", "test"):
        image_folder(tmp_path / "images" / split, 30)
    drawn = plan_data(Source(str(tmp_path / "images")), tmp_path / "verify.parquet", count=40)
    splits = {name.split("/")[0] for name in pq.read_table(drawn.path)["sample_id"].to_pylist()}
    assert (drawn.rows, splits) == (60, {"train", "test"})


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    image_folder(tmp_path / "images", 6)
    (tmp_path / "flat").mkdir()
    for file in (tmp_path / "images").rglob("*.png"):
        shutil.move(file, tmp_path / "flat")
    with pytest.raises(NoisecleanerError, match="two classes"):
        plan_data(Source(str(tmp_path / "flat")), tmp_path / "verify.parquet", count=3)


def test_a_plan_is_no_part_of_the_dataset(tmp_path: Path) -> None:
    image_folder(tmp_path / "images", 12)
    with pytest.raises(NoisecleanerError, match="outside the dataset"):
        plan_data(Source(str(tmp_path / "images")), tmp_path / "images" / "verify.parquet", count=3)


def test_ids_that_a_spreadsheet_writes_otherwise_are_told(tmp_path: Path) -> None:
    source = rows_of(tmp_path, sample_id=[f"{row:04d}" for row in range(100)])
    (notice,) = plan_data(source, tmp_path / "verify.tsv", count=50).notices
    assert notice.code == "ids-respelled"
    assert plan_data(source, tmp_path / "verify.parquet", count=50).notices == ()
