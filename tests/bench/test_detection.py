"""Rows that `detect` and `coverage` share: how many, of which classes, under which networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from noisecleaner.bench import Work
from noisecleaner.bench._datasets import Datasets
from noisecleaner.bench._detection import audited_rows, task
from noisecleaner.bench._looks import Look
from noisecleaner.networks.backbones.efficientnet_lite import installed
from noisecleaner.progress import Interrupts, Progress

pytestmark = pytest.mark.skipif(not installed(), reason="features need the extra `pretrained`")
LOOK = Look(size=32)


def work(data: Path, out: Path, *, seed: int = 0) -> Work:
    """What a run works with."""
    return Work(
        seed=seed,
        scale=0.7,
        device=torch.device("cpu"),
        datasets=Datasets(data, out / "pixels", Progress()),
        checkpoint=out / "runs" / "one.safetensors",
        title="one",
        progress=Progress(),
        interrupts=Interrupts(),
    )


def test_classes_of_three_datasets_stand_side_by_side(pictures: Path, tmp_path: Path) -> None:
    data = task(work(pictures, tmp_path), "symmetric 0.4", LOOK, kind="classes")
    assert len(data.classes) == 3 + 10 + 10
    assert len(set(data.classes)) == 23
    assert len(data.true) == len(data.inputs) == 210
    assert np.histogram(data.true, [0, 3, 13, 23])[0].tolist() == [70] * 3


def test_classes_of_a_long_tail_are_ever_smaller(pictures: Path, tmp_path: Path) -> None:
    data = task(work(pictures, tmp_path), "symmetric 0.2", LOOK, kind="tail")
    sizes = np.bincount(data.true)
    assert sizes[0] > sizes[1] > sizes[2] >= 4
    assert sizes[0] / sizes[1] == pytest.approx(50**0.5, rel=0.2)


def test_features_of_several_networks_stand_side_by_side(pictures: Path, tmp_path: Path) -> None:
    here = work(pictures, tmp_path)
    one = task(here, "worse", LOOK)
    both = task(here, "worse", Look(backbone="efficientnet-lite0+efficientnet-lite2", size=32))
    assert both.inputs.shape == (210, 2_560)
    assert (both.inputs[:, :1280] == one.inputs).all()
    assert (both.given == one.given).all()
    kept = sorted(file.name for file in (tmp_path / "pixels").glob("features-*.npy"))
    assert kept == [f"features-cifar10-210-efficientnet-lite{n}-32.npy" for n in (0, 2)]


def test_rows_and_peoples_labels_are_the_same_for_every_seed(pictures: Path, tmp_path: Path) -> None:
    one, other = (task(work(pictures, tmp_path, seed=seed), "worse", LOOK) for seed in (0, 1))
    assert (one.given == other.given).all()
    assert (one.inputs == other.inputs).all()
    assert (audited_rows(0, 50, of=210) != audited_rows(1, 50, of=210)).any()
