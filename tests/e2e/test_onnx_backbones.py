"""`--backbone onnx:FILE` from an image folder to new rows, without the file; joined, resumed, refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, image_folder, write_trusted

pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
from support.onnx_files import saved


@pytest.fixture
def fit(command: Command, tmp_path: Path) -> list[str]:
    write_trusted(tmp_path / "t.parquet", image_folder(tmp_path / "images", rows=90))
    # in a second round neighbours vote on fitted rows, but not on new ones
    short = ["--epochs", "2", "--folds", "3", "--rounds", "1", "--out", f"{tmp_path}/run"]
    return ["fit", f"{tmp_path}/images", "--trusted", f"{tmp_path}/t.parquet", *short, "--backbone"]


def check_that_new_rows_look_like_the_fitted_ones(command: Command, folder: Path) -> None:
    run = folder / "run"
    assert command("score", run).code == 0
    outcome = command("score", run, "--data", folder / "images", "--out", folder / "new")
    assert outcome.code == 0, outcome.err
    new, old = (pq.read_table(f / "scores.parquet").sort_by("sample_id") for f in (folder / "new", run))
    np.testing.assert_allclose(new["label_quality"].to_numpy(), old["label_quality"].to_numpy(), atol=1e-3)


def test_a_run_scores_new_rows_without_the_file(command: Command, tmp_path: Path, fit: list[str]) -> None:
    path = saved(tmp_path / "m.onnx", outputs=("tokens",))
    outcome = command(*fit, f"onnx:{path}#tokens/mean@32", "--image-crop", "center")
    assert outcome.code == 0, outcome.err
    said = " ".join(outcome.err.split())
    assert "Backbone: onnx:m.onnx#tokens/mean at 32 px (center crop), pretrained and frozen" in said
    assert "Nothing says which pixels" in said
    path.unlink()
    check_that_new_rows_look_like_the_fitted_ones(command, tmp_path)
    shape = json.loads((tmp_path / "run" / "auditor" / "auditor.json").read_text())["shape"]
    assert shape["backbone"] == shape["cards"][0]["name"] == "onnx:m.onnx#tokens/mean"
    assert shape["cards"][0]["package"].startswith("onnxruntime ")


def test_its_features_stand_beside_those_of_others(command: Command, tmp_path: Path, fit: list[str]) -> None:
    one, other = saved(tmp_path / "a.onnx"), saved(tmp_path / "b.onnx", shape=("n", 3, 24, 24))
    outcome = command(*fit, f"onnx:{one}@32+onnx:{other}")
    assert outcome.code == 0, outcome.err
    assert np.load(tmp_path / "run" / "features.npy").shape == (90, 10)
    check_that_new_rows_look_like_the_fitted_ones(command, tmp_path)


def test_a_fit_goes_on_from_another_folder(
    command: Command, tmp_path: Path, fit: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path / "m.onnx")
    monkeypatch.chdir(tmp_path)
    assert command(*fit, "onnx:m.onnx@32").code == 0
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    outcome = command(*fit, "onnx:../m.onnx@32", "--resume")
    assert outcome.code == 0
    assert "holds a finished fit with these options already" in " ".join(outcome.err.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--no-frozen"], "--no-frozen trains a network end to end, but onnx:m.onnx can only give features"),
        (["--weights", "w.safetensors"], "--weights is for networks that PyTorch computes"),
        (["--image-size", "2"], "--image-size"),
    ],
)
def test_what_cannot_be_is_refused_in_the_words_of_the_terminal(
    command: Command, tmp_path: Path, fit: list[str], words: list[str], says: str
) -> None:
    outcome = command(*fit, f"onnx:{saved(tmp_path / 'm.onnx')}", "--image-size", "32", *words)
    assert outcome.code == 2
    assert says in " ".join(outcome.err.split())
    assert not (tmp_path / "run").exists()
