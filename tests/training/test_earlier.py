"""A fit goes on with the network of an earlier run: the same weights, another classifier, from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, embeddings, image_folder, png

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_arrays
from noisecleaner.fitting import fit
from noisecleaner.ingest import Columns, Source
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.run import Run
from noisecleaner.settings import Effort, Model
from noisecleaner.training.earlier import read_earlier

#: A step of 1e-30 changes no weight.
HELD = ("--method", "uniform", "--epochs", "1", "--learning-rate", "1e-30")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of three classes, a run of several folds on them (`first`), and images of two other classes (`target`)."""
    folder = tmp_path_factory.mktemp("earlier")
    image_folder(folder / "images", rows=30)
    rng = np.random.default_rng(3)
    for row in range(12):
        file = folder / "target" / ("dark", "light")[row % 2] / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(row % 2, rng))
    model = Model(backbone="lenet", image_size=28, image_crop="center")
    config = FitConfig(
        source=Source(str(folder / "images")), method="uniform", model=model, effort=Effort(epochs=1, folds=3)
    )
    fit(config, folder / "first")
    vectors = Source(str(folder / "v.parquet"), columns=Columns(embedding="embedding"))
    embeddings(folder / "v.parquet", rows=30, width=4)
    fit(FitConfig(source=vectors, method="uniform", effort=Effort(epochs=1, folds=1)), folder / "vectors")
    return folder


def trunk(run: Path, fold: int = 0) -> dict[str, np.ndarray]:
    tensors, _ = read_arrays(run / "auditor" / f"fold-{fold}.safetensors")
    return {name: tensor for name, tensor in tensors.items() if name.startswith("trunk.")}


def test_the_second_stage_begins_with_the_trunk_of_the_first_fold(
    home: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    outcome = command("fit", "target", "--weights", "first", *HELD, "--out", tmp_path / "second")
    assert outcome.code == 0, outcome.err
    assert "lenet at 28 px (center crop), trained end to end from the weights in first on" in outcome.err
    before, after = trunk(home / "first"), trunk(tmp_path / "second")
    assert before.keys() == after.keys()
    assert len(before) > 4
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert not np.array_equal(*(trunk(home / "first", fold)["trunk.layers.1.weight"] for fold in (0, 1)))
    assert json.loads((tmp_path / "second" / "run.json").read_text("utf-8"))["options"]["model"]["weights"] == "first"
    auditor = json.loads((tmp_path / "second" / "auditor" / "auditor.json").read_text("utf-8"))
    assert auditor["classes"] == ["dark", "light"]
    assert "has been trained on labels" not in outcome.err
    assert command("score", tmp_path / "second").code == 0


def test_without_steps_held_back_the_weights_move_on(
    home: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    words = ("--method", "uniform", "--epochs", "1", "--backbone", "lenet")
    assert command("fit", "target", "--weights", "first", *words, "--out", tmp_path / "second").code == 0
    before, after = trunk(home / "first"), trunk(tmp_path / "second")
    assert any(not np.array_equal(before[name], after[name]) for name in before)


def test_a_frozen_network_of_a_run_is_that_of_its_features(
    home: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    words = ("--method", "uniform", "--epochs", "1", "--folds", "1")
    outcome = command("fit", "target", "--weights", "first", "--frozen", *words, "--out", tmp_path / "frozen")
    assert outcome.code == 0, outcome.err
    kept, _ = read_arrays(tmp_path / "frozen" / "auditor" / "backbone.safetensors")
    before = trunk(home / "first")
    assert kept.keys() == {name.removeprefix("trunk.") for name in before}
    assert all(np.array_equal(kept[name.removeprefix("trunk.")], tensor) for name, tensor in before.items())
    again = read_earlier(Model(weights=tmp_path / "frozen"))
    assert again.frozen
    assert again.joined.parts[0].framing.crop == "center"
    outcome = command("embed", "target", "--weights", "first", "--out", tmp_path / "vectors")
    assert outcome.code == 0, outcome.err
    assert sum(len(pq.read_table(file)) for file in (tmp_path / "vectors").glob("*.parquet")) == 12


def test_who_fits_the_same_rows_again_is_warned_wherever_numbers_stand(
    home: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    outcome = command("fit", home / "images", "--weights", "first", *HELD, "--out", tmp_path / "again")
    assert outcome.code == 0, outcome.err
    assert "has been trained on labels" in " ".join(outcome.err.split())
    assert "seen-before" in (tmp_path / "again" / "run.json").read_text("utf-8")


REFUSED = {
    "another network": (("--weights", "first", "--backbone", "cifar-quick"), "but the run first holds lenet"),
    "another size": (("--weights", "first", "--image-size", "64"), "lenet cannot take images of 64 pixels"),
    "published ones, too": (("--weights", "first", "--pretrained"), "whose network has its own"),
    "a run on vectors": (("--weights", "vectors"), "brought vectors, so that it holds a head alone"),
    "a folder": (("--weights", "images"), "images holds no run.json"),
    "joined": (("--weights", "first", "--backbone", "lenet+cifar-quick"), "but the run first holds lenet"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    home: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(home)
    words, reason = REFUSED[case]
    outcome = command("fit", "target", *words, *HELD, "--out", tmp_path / "second")
    assert outcome.code == 2, outcome.err
    assert reason in " ".join(outcome.err.split())
    assert not (tmp_path / "second").exists()


def test_a_run_on_vectors_is_refused_before_anything_is_said_of_its_labels(
    home: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    seen = str(Run(home / "vectors").read_fitted().config.source.data)
    words = ("--embedding-column", "embedding", "--weights", "vectors", "--out", tmp_path / "second")
    outcome = command("fit", seen, *HELD, *words)
    assert outcome.code == 2
    assert "holds a head alone" in " ".join(outcome.err.split())
    assert "has been trained on labels" not in " ".join(outcome.err.split())


def test_a_run_is_not_written_over_by_the_fit_that_goes_on_with_it(
    home: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    kept = (home / "first" / "run.json").read_bytes()
    outcome = command("fit", "target", "--weights", "first", *HELD, "--out", home / "first", "--overwrite")
    assert outcome.code == 2
    assert "needs a directory of its own" in " ".join(outcome.err.split())
    assert (home / "first" / "run.json").read_bytes() == kept


def test_a_damaged_run_gives_no_network(home: Path, tmp_path: Path) -> None:

    shutil.copytree(home / "first", tmp_path / "broken")
    file = tmp_path / "broken" / "auditor" / "fold-0.safetensors"
    content = bytearray(file.read_bytes())
    content[-9] ^= 1
    file.write_bytes(content)
    with pytest.raises(NoisecleanerError, match="checksum"):
        read_earlier(Model(weights=tmp_path / "broken"))
