"""New rows are judged block by block: what comes out does not depend on the blocks, and is what the networks say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from support.datasets import CLASSES, Command, embeddings, image_folder, write_trusted

from noisecleaner.files import read_arrays
from noisecleaner.ingest.vectors import columns as vectors
from noisecleaner.networks.heads import build_network
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.auditor import Auditor
from noisecleaner.runs.linear import is_linear
from noisecleaner.runs.predictors import open_predictors
from noisecleaner.runs.run import Run


def files(folder: Path, rows: int, seed: int = 0) -> dict[str, str]:
    """Write a table with labels, the same with list columns, and .npy files; return sample id -> true class."""
    folder.mkdir(exist_ok=True)
    truth = embeddings(folder / "lists.parquet", rows, seed=seed)
    table = pq.read_table(folder / "lists.parquet")
    logits = np.random.default_rng(seed + 7).normal(size=(rows, 3))
    logits[np.arange(rows), [CLASSES.index(label) for label in truth.values()]] += 3
    found = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    np.save(folder / "probabilities.npy", found)
    vectors = np.stack(table["embedding"].to_pylist()).astype(np.float32)
    np.save(folder / "embedding.npy", vectors)
    pq.write_table(table.select(["sample_id", "label"]), folder / "data.parquet")
    listed = pa.FixedSizeListArray.from_arrays(pa.array(found.reshape(-1)), 3)
    pq.write_table(table.append_column("probabilities", listed), folder / "lists.parquet")
    write_trusted(folder / "trusted.parquet", truth, every=4)
    return truth


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    files(folder / "old", 600)
    files(folder / "new", 700, seed=5)
    return folder


@pytest.fixture(params=["embedding", "probabilities"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fit(command: Command, folder: Path, out: Path, name: str, vectors: object, *more: object) -> None:
    words = ["fit", folder / name, "--trusted", folder / "trusted.parquet", "--out", out, "--folds", "3"]
    outcome = command(*words, "--epochs", "2", *column(vectors), *more)
    assert outcome.code == 0, outcome.err


def column(vectors: object) -> tuple[str, object]:
    """The option that names a column or a file."""
    return f"--{Path(str(vectors)).stem}-column", vectors


def scores(command: Command, run: Path, out: Path, data: Path, vectors: object) -> pa.Table:
    outcome = command("score", run, "--data", data, "--out", out, *column(vectors))
    assert outcome.code == 0, outcome.err
    return pq.read_table(out / "scores.parquet")


def test_a_file_of_vectors_gives_what_the_same_numbers_in_a_column_give(
    command: Command, made: Path, tmp_path: Path, kind: str
) -> None:
    fit(command, made / "old", tmp_path / "file", "data.parquet", made / "old" / f"{kind}.npy")
    fit(command, made / "old", tmp_path / "list", "lists.parquet", kind)
    traces = [pq.read_table(tmp_path / name / "trace.parquet") for name in ("file", "list")]
    assert traces[0].equals(traces[1])
    file = scores(
        command, tmp_path / "file", tmp_path / "1", made / "new" / "data.parquet", made / "new" / f"{kind}.npy"
    )
    listed = scores(command, tmp_path / "file", tmp_path / "2", made / "new" / "lists.parquet", kind)
    assert file.equals(listed)
    assert 0.2 < np.mean(file["flagged"].to_numpy(zero_copy_only=False)) < 0.45
    assert not list(tmp_path.glob(".noisecleaner-*"))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("numbers", [1, 100, 10**9])
def test_scores_do_not_depend_on_how_many_rows_are_looked_at_together(
    command: Command, made: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, numbers: int, threads: int
) -> None:
    fit(command, made / "old", tmp_path / "run", "data.parquet", made / "old" / f"{kind}.npy")
    new = (made / "new" / "data.parquet", made / "new" / f"{kind}.npy")
    usual = scores(command, tmp_path / "run", tmp_path / "usual", *new)
    monkeypatch.setattr(vectors, "_BLOCK_NUMBERS", numbers)
    monkeypatch.setattr("noisecleaner.runs.predictors.cores", lambda: threads)
    other = scores(command, tmp_path / "run", tmp_path / "other", *new)
    assert usual.equals(other)
    names = ["report.parquet", "noise.json"]
    assert pq.read_table(tmp_path / "usual" / names[0]).equals(pq.read_table(tmp_path / "other" / names[0]))
    assert (tmp_path / "usual" / names[1]).read_bytes() == (tmp_path / "other" / names[1]).read_bytes()


def test_a_file_is_neither_copied_nor_changed(command: Command, made: Path, tmp_path: Path, kind: str) -> None:
    path = made / "old" / f"{kind}.npy"
    before = path.read_bytes()
    words = ["fit", made / "old" / "data.parquet", "--trusted", made / "old" / "trusted.parquet", "--epochs", "1"]
    assert command(*words, "--out", tmp_path / "run", *column(path)).code == 0
    assert path.read_bytes() == before
    assert not list(tmp_path.rglob("*.npy"))


@pytest.mark.parametrize("options", [("--hidden", "8"), ()])
def test_new_rows_get_the_mean_of_all_networks(
    command: Command, made: Path, tmp_path: Path, options: tuple[str, ...], kind: str
) -> None:
    if options and kind == "probabilities":
        pytest.skip("probabilities have no hidden layer")
    fit(command, made / "old", tmp_path / "run", "data.parquet", made / "old" / f"{kind}.npy", *options)
    vectors = np.load(made / "new" / f"{kind}.npy")
    given = np.random.default_rng(0).integers(-1, 3, len(vectors))
    auditor = Auditor(Run(tmp_path / "run"))
    assert is_linear(auditor.shape) == (not options)
    predictors = open_predictors(Run(tmp_path / "run"), auditor.shape, 3, "cpu")
    inputs = torch.from_numpy(np.log(np.maximum(vectors, 1e-12)) if kind == "probabilities" else vectors)
    logits = torch.stack([network(tmp_path / "run", auditor.shape, fold)(inputs) for fold in range(3)]).mean(dim=0)
    wanted = Predictions.from_logits(logits.detach().numpy(), given=given)
    for name, values in vars(predictors.predict(vectors, given, np.full(len(given), -1))).items():
        np.testing.assert_allclose(values, getattr(wanted, name), rtol=1e-4, atol=1e-4)


def test_images_may_come_with_a_file_of_vectors_and_are_exported(command: Command, tmp_path: Path) -> None:
    truth = image_folder(tmp_path / "images", 120)
    names = sorted(truth)
    vectors = np.eye(3, 8)[[CLASSES.index(truth[name]) for name in names]]
    np.save(tmp_path / "v.npy", vectors + 0.3 * np.random.default_rng(0).normal(size=vectors.shape))
    trusted = write_trusted(tmp_path / "trusted.parquet", truth)
    fit = ["fit", tmp_path / "images", "--trusted", trusted, "--out", tmp_path / "run", "--folds", "3"]
    outcome = command(*fit, "--embedding-column", tmp_path / "v.npy")
    assert outcome.code == 0, outcome.err
    assert command("score", tmp_path / "run").code == 0
    found = pq.read_table(tmp_path / "run" / "scores.parquet").to_pylist()
    assert [row["sample_id"] for row in found] == names
    wrong = {row["sample_id"] for row in found if row["flagged"]}
    assert len(wrong ^ {name for name in names if name.partition("/")[0] != truth[name]}) < 10
    assert command("export-clean", tmp_path / "run", "--out", tmp_path / "clean").code == 0
    assert len(list((tmp_path / "clean").rglob("*.png"))) > 60


def network(run: Path, shape: Shape, fold: int) -> Network:
    built = build_network(shape)
    weights = read_arrays(run / "auditor" / f"fold-{fold}.safetensors")[0]
    built.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return built.eval()
