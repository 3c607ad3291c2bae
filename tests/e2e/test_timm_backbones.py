"""`--backbone timm:NAME` from an image folder to new rows: alone, joined, trained end to end; without the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file
from support.datasets import Command, image_folder, write_trusted

timm = pytest.importorskip("timm", reason="the extra `timm` is not installed")

NAME = "timm:test_vit.r160_in1k"


@pytest.fixture
def fit(command: Command, tmp_path: Path) -> list[str]:
    write_trusted(tmp_path / "t.parquet", image_folder(tmp_path / "images", rows=90))
    torch.manual_seed(0)
    save_file(timm.create_model("test_vit").state_dict(), tmp_path / "model.safetensors")
    weights = ["--weights", f"{tmp_path}/model.safetensors"]
    # in a second round neighbours vote on fitted rows, but not on new ones
    short = ["--epochs", "2", "--folds", "3", "--rounds", "1", "--out", f"{tmp_path}/run"]
    return ["fit", f"{tmp_path}/images", "--trusted", f"{tmp_path}/t.parquet", *short, *weights, "--backbone"]


def check_that_new_rows_look_like_the_fitted_ones(command: Command, folder: Path) -> None:
    """Images of the fit, each judged by the network that has not seen it: the same as in the fit."""
    run = folder / "run"
    assert command("score", run).code == 0
    outcome = command("score", run, "--data", folder / "images", "--out", folder / "new")
    assert outcome.code == 0, outcome.err
    new, old = (pq.read_table(f / "scores.parquet").sort_by("sample_id") for f in (folder / "new", run))
    assert new["sample_id"].equals(old["sample_id"])
    np.testing.assert_allclose(new["label_quality"].to_numpy(), old["label_quality"].to_numpy(), atol=1e-3)


def card_of(folder: Path) -> dict[str, object]:
    (card,) = json.loads((folder / "run" / "auditor" / "auditor.json").read_text())["shape"]["cards"]
    return dict(card)


def test_new_rows_are_looked_at_as_the_fitted_ones_were(command: Command, tmp_path: Path, fit: list[str]) -> None:
    outcome = command(*fit, f"{NAME}@32", "--image-crop", "pad")
    assert outcome.code == 0, outcome.err
    assert "test_vit.r160_in1k at 32 px (padded), pretrained and frozen" in outcome.err
    assert f"The weights of {NAME} have the licence apache-2.0." in " ".join(outcome.err.split())
    card = card_of(tmp_path)
    assert (card["name"], card["package"], card["licence"]) == (NAME, f"timm {timm.__version__}", "apache-2.0")
    assert card["framing"] == {"size": 32, "crop": "pad", "share": 1.0, "interpolation": "bicubic"}
    assert np.load(tmp_path / "run" / "features.npy").shape == (90, 64)
    check_that_new_rows_look_like_the_fitted_ones(command, tmp_path)


def test_its_own_crop_is_the_default_and_its_size_comes_from_its_weights(
    command: Command, tmp_path: Path, fit: list[str]
) -> None:
    assert command(*fit, NAME).code == 0
    assert card_of(tmp_path)["framing"] == {"size": 160, "crop": "center", "share": 0.95, "interpolation": "bicubic"}


def test_it_trains_end_to_end(command: Command, tmp_path: Path, fit: list[str]) -> None:
    outcome = command(*fit, f"{NAME}@32", "--no-frozen", "--image-crop", "pad", "--folds", "1")
    assert outcome.code == 0, outcome.err
    assert card_of(tmp_path)["framing"] == {"size": 32, "crop": "pad", "share": 1.0, "interpolation": "bicubic"}
    outcome = command("score", tmp_path / "run", "--data", tmp_path / "images", "--out", tmp_path / "new")
    assert outcome.code == 0, outcome.err


def test_a_run_says_what_it_needs_where_the_package_is_missing(
    command: Command, tmp_path: Path, fit: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from noisecleaner.networks.backbones import timm as provider

    assert command(*fit, f"{NAME}@32").code == 0
    monkeypatch.setattr(provider, "installed", lambda: False)
    outcome = command("score", tmp_path / "run", "--data", tmp_path / "images", "--out", tmp_path / "new")
    assert outcome.code == 2
    assert "needs the extra 'timm', which is not installed" in " ".join(outcome.err.split())
    assert command("score", tmp_path / "run").code == 0  # of the fitted rows all is known


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--image-crop", "round"], "--image-crop round is unknown. Choose one of: squash, center, pad."),
        (["--image-size", "50"], "needs an --image-size that is a multiple of it, but it is 50"),
        (["--weights", "x.pth"], "--weights needs a safetensors file, but"),
    ],
)
def test_what_cannot_be_is_refused_in_the_words_of_the_terminal(
    command: Command, tmp_path: Path, fit: list[str], words: list[str], says: str
) -> None:
    outcome = command(*fit, NAME, *words)
    assert outcome.code == 2
    assert says in " ".join(outcome.err.split())
    assert not (tmp_path / "run").exists()


def test_embeddings_have_no_crop(command: Command, tmp_path: Path) -> None:
    from support.datasets import embeddings

    write_trusted(tmp_path / "t.parquet", embeddings(tmp_path / "e.parquet", rows=60))
    words = ["--embedding-column", "embedding", "--image-crop", "pad", "--out", tmp_path / "run"]
    outcome = command("fit", tmp_path / "e.parquet", "--trusted", tmp_path / "t.parquet", *words)
    assert outcome.code == 2
    assert "--image-crop would do nothing" in " ".join(outcome.err.split())
