"""New rows are judged block by block: what comes out does not depend on the blocks, and is what the networks say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from support.datasets import CLASSES, Command, embeddings, image_folder, write_trusted

from noisecleaner.arrays import Array
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_arrays
from noisecleaner.gradients.alignment import at
from noisecleaner.ingest import vectors
from noisecleaner.networks.heads import build_network, standardise
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.quality.signals import merge, summarise
from noisecleaner.runs.auditor import Auditor
from noisecleaner.runs.linear import is_linear, mean_map, summarise_with
from noisecleaner.runs.run import Run
from noisecleaner.threads import in_threads
from noisecleaner.training.state import margins


def probabilities(rows: int, classes: int, seed: int = 0) -> Array:
    logits = 3 * np.random.default_rng(seed).normal(size=(rows, classes))
    return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), dtype=np.float32)


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
    monkeypatch.setattr("noisecleaner.runs.auditor.cores", lambda: threads)
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
    predict, _ = auditor._predictor("cpu")
    inputs = torch.from_numpy(np.log(np.maximum(vectors, 1e-12)) if kind == "probabilities" else vectors)
    logits = torch.stack([network(tmp_path / "run", auditor.shape, fold)(inputs) for fold in range(3)]).mean(dim=0)
    found, wanted = predict(vectors, given), summarise(logits.detach().numpy(), given)
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-4)


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


@pytest.mark.parametrize(
    "shape",
    [Shape(kind="probabilities", classes=7, width=7), Shape(kind="vectors", classes=7, width=5)],
    ids=lambda s: s.kind,
)
def test_one_linear_map_is_the_mean_of_networks(shape: Shape) -> None:
    networks, rng = [build_network(shape) for _ in range(4)], np.random.default_rng(0)
    for one in networks:
        for parameter in one.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        standardise(one, 100 + rng.normal(size=5), np.array([0.5, 1.0, 2.0, 3.0, 0.0]))
    vectors = probabilities(300, 7) if shape.kind == "probabilities" else 100 + rng.normal(size=(300, 5))
    inputs = torch.from_numpy(np.log(vectors) if shape.kind == "probabilities" else vectors.astype(np.float32))
    mean = torch.stack([one(inputs) for one in networks]).mean(dim=0).detach().numpy()
    given = rng.integers(0, 7, 300)
    by = mean_map(shape, [{name: value.numpy() for name, value in one.state_dict().items()} for one in networks])
    found, wanted = summarise_with(by, vectors, given), summarise(mean.copy(), given)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-4)


def test_weights_that_do_not_fit_are_refused() -> None:
    shape = Shape(kind="probabilities", classes=3, width=3)
    with pytest.raises(ValueError, match=r"head\.scale"):
        mean_map(shape, [{"head.shift": np.zeros(3)}])
    with pytest.raises(ValueError, match=r"head\.shift"):
        mean_map(shape, [{"head.scale": np.ones(()), "head.shift": np.zeros(4)}])


@pytest.mark.parametrize("classes", [2, 4, 60])
def test_a_summary_is_what_a_softmax_says(classes: int) -> None:
    rng = np.random.default_rng(classes)
    logits = torch.from_numpy(5 * rng.normal(size=(200, classes)).astype(np.float32))
    given = rng.integers(-1, classes, 200)
    found = summarise(logits.numpy().copy(), given)
    labelled, label = given >= 0, torch.from_numpy(np.maximum(given, 0))
    logarithms = logits.log_softmax(dim=1)
    own = found["predicted_log_probability"]
    np.testing.assert_allclose(own[labelled], at(logarithms, label).numpy()[labelled], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        found["predicted_margin"][labelled], margins(logits, label).numpy()[labelled], rtol=1e-4, atol=1e-4
    )
    assert np.isnan(own[~labelled]).all()
    assert np.isnan(found["predicted_margin"][~labelled]).all()
    others = logarithms.clone()
    others[torch.from_numpy(labelled), label[torch.from_numpy(labelled)]] = -torch.inf
    values, candidates = others.topk(min(5, classes - 1), dim=1)
    np.testing.assert_array_equal(found["candidates"], candidates.numpy())
    np.testing.assert_allclose(found["candidate_log_probabilities"], values.numpy(), rtol=1e-5, atol=1e-5)


def test_a_summary_does_not_depend_on_the_rows_beside() -> None:
    rng = np.random.default_rng(1)
    logits, given = rng.normal(size=(90, 33)).astype(np.float32), rng.integers(-1, 33, 90)
    whole = summarise(logits.copy(), given)
    parts = merge(summarise(logits[first : first + 7].copy(), given[first : first + 7]) for first in range(0, 90, 7))
    for name, values in whole.items():
        np.testing.assert_array_equal(parts[name], values)


def test_results_come_in_the_order_of_the_items_and_few_are_taken_ahead() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    found = []
    for result in in_threads(lambda number: number * number, items(), threads=2, ahead=4, name="test"):
        found.append(result)
        assert len(taken) <= len(found) + 5
    assert found == [number * number for number in range(50)]


def test_an_error_in_a_thread_is_the_callers() -> None:
    def refuse(number: int) -> int:
        raise NoisecleanerError(f"No {number}.", "Mend it.")

    with pytest.raises(NoisecleanerError, match="No 0"):
        list(in_threads(refuse, range(9), threads=3, ahead=6, name="test"))
