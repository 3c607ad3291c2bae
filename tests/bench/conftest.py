"""Data directories in the layout of the real ones, tiny."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import png


@pytest.fixture(scope="session")
def cifar10(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in the layout of the real one: 300 rows in three files, labels 0 to 2."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "cifar10").mkdir()
    rng = np.random.default_rng(0)
    for part in range(3):
        rows = np.arange(part * 100, part * 100 + 100)
        images = [{"bytes": png(int(row) % 3, rng), "path": f"train_{row:05d}.png"} for row in rows]
        columns = {"image": images, "label": rows % 3, "index": rows.astype(np.int32)}
        name = f"train-{part:05d}-of-00003.parquet"
        pq.write_table(pa.table(columns), folder / "cifar10" / name)
    people = np.arange(300) % 3
    flipped = rng.random(300) < 0.3
    people[flipped] = (people[flipped] + 1) % 3
    named = {"index": np.arange(300), "worse_label": people, "random_label1": people}
    pq.write_table(pa.table(named), folder / "cifar10" / "human_labels.parquet")
    return folder


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with ten classes of 28 pixels under each of the names that the experiments ask for."""
    folder = tmp_path_factory.mktemp("digits")
    rng = np.random.default_rng(1)
    for number, name in enumerate(("mnist/train", "mnist/test", "mnist_m/train", "mnist_m/test", "notmnist/small")):
        rows = np.arange(300 if "train" in name or "small" in name else 60)
        images = [{"bytes": png(int(row + number) % 3, rng, (28, 28)), "path": f"{row}.png"} for row in rows]
        file = folder / f"{name}-00000-of-00001.parquet"
        file.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"image": images, "label": rows % 10, "index": rows}), file)
    return folder


@pytest.fixture(scope="session")
def pictures(cifar10: Path, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with everything that `bench detect` asks for."""
    folder = tmp_path_factory.mktemp("pictures")
    for part in (cifar10 / "cifar10", digits / "mnist", digits / "notmnist"):
        shutil.copytree(part, folder / part.name)
    return folder
