"""ScoredData runs that several tests export."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.datasets import image_folder, png, write_trusted
from support.exports import (
    ScoredData,
    read_scores,
    run,
)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> ScoredData:
    """An image folder with two broken images, fitted for one epoch and scored so that half of the rows are flagged."""
    folder = tmp_path_factory.mktemp("images")
    truth = image_folder(folder / "data", rows=90)
    write_trusted(folder / "trusted.parquet", truth, every=2)
    (folder / "data" / "red" / "text.png").write_text("this is no image")
    (folder / "data" / "blue" / "cut.png").write_bytes(png(2, np.random.default_rng(0))[:-100])
    run(
        *("fit", folder / "data", "--trusted", folder / "trusted.parquet", "--out", folder / "run"),
        *("--backbone", "cifar-quick", "--no-frozen", "--epochs", 1, "--folds", 1),
    )
    run("score", folder / "run")
    quality = [row["label_quality"] for row in read_scores(folder / "run") if row["label_quality"] is not None]
    run("score", folder / "run", "--threshold", float(np.median(quality)))
    return ScoredData(folder / "data", folder / "run")


@pytest.fixture(scope="session")
def vectors(fitted: Path, tmp_path_factory: pytest.TempPathFactory) -> ScoredData:
    """The fitted embeddings, scored in a copy of the run."""
    copy = tmp_path_factory.mktemp("vectors") / "run"
    shutil.copytree(fitted / "run", copy)
    run("score", copy)
    return ScoredData(fitted / "data.parquet", copy)


@pytest.fixture
def load_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets: Any = pytest.importorskip("datasets")

    def load(*words: str, **options: str) -> Any:
        return datasets.load_dataset(*words, cache_dir=str(tmp_path / "cache"), split="train", **options)

    return load
