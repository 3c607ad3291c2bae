"""Folders of `save_to_disk` are read as Hugging Face reads them, file by file, without caches beside them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.datasets import Command, png
from support.field import VECTORS as VECTOR_OPTIONS
from support.sources import contents, labels, read, refusal, texts

datasets = pytest.importorskip("datasets")


def saved(folder: Path, **options: int) -> Path:
    rows = {
        "sample_id": [f"r{i}" for i in range(6)],
        "label": list("abcabc"),
        "embedding": [[float(i)] for i in range(6)],
    }
    data = datasets.Dataset.from_dict(rows).class_encode_column("label")
    data.save_to_disk(str(folder), **options)
    return folder


def test_a_dataset_is_read_in_its_order_with_its_class_names(tmp_path: Path) -> None:
    manifest = read(saved(tmp_path / "d", num_shards=3), embedding="embedding")
    assert labels(manifest) == {f"r{i}": "abcabc"[i] for i in range(6)}
    assert manifest.classes == ("a", "b", "c")


def test_a_cache_of_what_was_computed_is_no_part_of_it(tmp_path: Path) -> None:
    folder = saved(tmp_path / "d")
    shutil.copy(folder / "data-00000-of-00001.arrow", folder / "cache-0123456789abcdef.arrow")
    assert len(read(folder, embedding="embedding")) == 6


def test_all_splits_of_a_dictionary_are_read_and_one_alone(tmp_path: Path) -> None:
    rows = {"sample_id": ["x", "y"], "label": ["a", "b"], "embedding": [[1.0], [2.0]]}
    other = {**rows, "sample_id": ["v", "w"]}
    both = datasets.DatasetDict(train=datasets.Dataset.from_dict(rows), test=datasets.Dataset.from_dict(other))
    both.save_to_disk(str(tmp_path / "d"))
    assert texts(read(tmp_path / "d", embedding="embedding"), "sample_id") == ["x", "y", "v", "w"]
    assert texts(read(tmp_path / "d" / "test", embedding="embedding"), "sample_id") == ["v", "w"]


def test_images_come_out_as_they_went_in(tmp_path: Path) -> None:
    import numpy as np

    images = [png(row, np.random.default_rng(row), (8, 8)) for row in range(2)]
    rows = {"sample_id": ["x", "y"], "label": ["a", "b"], "image": [{"bytes": i, "path": None} for i in images]}
    data = datasets.Dataset.from_dict(rows).cast_column("image", datasets.Image(decode=False))
    data.save_to_disk(str(tmp_path / "d"))
    assert contents(read(tmp_path / "d")) == images


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("{", "names its files, but"),
        ("[]", "names its files, but"),
        ("{}", "names its files, but"),
        (json.dumps({"_data_files": [{"filename": "../secret.arrow"}]}), "names its files, but"),
        (json.dumps({"_data_files": [{}]}), "names its files, but"),
        (json.dumps({"_data_files": [], "_indices_data_files": [{"filename": "i.arrow"}]}), "flatten_indices()"),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path: Path, state: str, says: str) -> None:
    folder = saved(tmp_path / "d")
    (folder / "state.json").write_text(state)
    assert says in refusal(folder, embedding="embedding")


def test_it_can_be_fitted_and_exported(tmp_path: Path, command: Command) -> None:
    ids = [f"r{row}" for row in range(60)]
    rows = {"sample_id": ids, "label": ["a", "b"] * 30, "embedding": [[float(i % 2), 1.0] for i in range(60)]}
    datasets.Dataset.from_dict({**rows, "note": ids}).save_to_disk(str(tmp_path / "d"))
    fit = ["fit", tmp_path / "d", "--method", "uniform", "--out", tmp_path / "run", *VECTOR_OPTIONS]
    outcome = command(*fit, "--epochs", "2", "--folds", "3")
    assert outcome.code == 0, outcome.err
    assert command("score", tmp_path / "run").code == 0
    outcome = command("export-clean", tmp_path / "run", "--on-flag", "keep", "--out", tmp_path / "clean")
    assert outcome.code == 0, outcome.err
    assert texts(read(tmp_path / "clean", embedding="embedding"), "sample_id") == ids
