"""`Dataset` and `DatasetDict`: bytes, names, splits and the order of the rows."""

from __future__ import annotations

import io
import json
from pathlib import Path

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.memory import keep

FEATURES = datasets.Features(
    {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"]), "n": datasets.Value("int32")}
)


def jpeg(row: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(row).integers(0, 256, (8, 8, 3), np.uint8)).save(content, "JPEG")
    return content.getvalue()


def rows(count: int, *, first: int = 0) -> datasets.Dataset:
    numbers = range(first, first + count)
    columns = {"image": [{"bytes": jpeg(n)} for n in numbers], "label": [n % 2 for n in numbers], "n": list(numbers)}
    return datasets.Dataset.from_dict(columns, features=FEATURES)


def test_encoded_bytes_names_and_types_stay_and_datasets_reads_them(tmp_path: Path) -> None:
    dataset = rows(5)
    path = keep(dataset, tmp_path / "rows.parquet")
    assert [image["bytes"] for image in pq.read_table(path)["image"].to_pylist()] == [jpeg(n) for n in range(5)]
    again = datasets.Dataset.from_parquet(path, cache_dir=str(tmp_path / "cache"))
    assert again.features == FEATURES
    assert again["n"][:] == dataset["n"][:]


def test_rows_stand_as_they_were_shuffled_and_chosen(tmp_path: Path) -> None:
    dataset = rows(20).shuffle(seed=1).select(range(7)).with_format("numpy")
    table = pq.read_table(keep(dataset, tmp_path / "rows.parquet"))
    assert table["n"].to_pylist() == [int(n) for n in dataset["n"][:]]
    assert [image["bytes"] for image in table["image"].to_pylist()] == [jpeg(n) for n in table["n"].to_pylist()]


def test_files_that_rows_name_are_brought_in(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(jpeg(1))
    dataset = datasets.Dataset.from_dict({"image": [str(tmp_path / "1.jpg")]}).cast_column("image", datasets.Image())
    (image,) = pq.read_table(keep(dataset, tmp_path / "rows.parquet"))["image"].to_pylist()
    assert image == {"bytes": jpeg(1), "path": "1.jpg"}
    (tmp_path / "1.jpg").unlink()
    with pytest.raises(NoisecleanerError, match="one of column 'image' is not"):
        keep(dataset, tmp_path / "other.parquet")
    assert not (tmp_path / "other.parquet").exists()


def test_pictures_in_memory_are_encoded_without_loss(tmp_path: Path) -> None:
    picture = Image.open(io.BytesIO(jpeg(3))).convert("RGB")
    dataset = datasets.Dataset.from_dict({"image": [picture]})
    (image,) = pq.read_table(keep(dataset, tmp_path / "rows.parquet"))["image"].to_pylist()
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(image["bytes"]))), np.asarray(picture))


def test_splits_are_files_of_a_folder(tmp_path: Path) -> None:
    both = datasets.DatasetDict(train=rows(4), test=rows(2, first=4))
    folder = Path(keep(both, tmp_path / "rows"))
    assert sorted(file.name for file in folder.iterdir()) == [
        "test-00000-of-00001.parquet",
        "train-00000-of-00001.parquet",
    ]
    written = (folder / "test-00000-of-00001.parquet").stat().st_mtime_ns
    keep(both, folder)
    assert (folder / "test-00000-of-00001.parquet").stat().st_mtime_ns == written
    with pytest.raises(NoisecleanerError, match="holds other data"):
        keep(datasets.DatasetDict(train=rows(4)), folder)
    again = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {split: again[split]["n"][:] for split in again} == {"train": [0, 1, 2, 3], "test": [4, 5]}
    assert again["train"].features == FEATURES
    metadata = json.loads(pq.read_schema(folder / "train-00000-of-00001.parquet").metadata[b"huggingface"])
    assert metadata["info"]["features"]["label"]["names"] == ["cat", "dog"]


def test_a_stream_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="IterableDataset is a stream"):
        keep(rows(3).to_iterable_dataset(), tmp_path / "rows.parquet")
