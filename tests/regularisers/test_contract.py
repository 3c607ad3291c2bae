"""One contract for every file of `regularisers/`, also from the command line."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from support.datasets import Command, embeddings, write_trusted
from support.packages import with_file
from support.regularisers import INPUTS, SOURCE, batch, network, side, step
from support.transfers import NoTransfers
from support.weightings import SINGLES
from torch.nn import functional

from noisecleaner.networks.network import Network
from noisecleaner.registry import names_in, regularisers
from noisecleaner.regularisers import Regulariser, build


@pytest.fixture(params=names_in("regularisers"))
def made(request: pytest.FixtureRequest) -> tuple[Regulariser, Network]:
    trained = network()
    return build(request.param, side=side(), network=trained).double(), trained


def test_the_loss_is_a_finite_scalar_that_reaches_the_features(made: tuple[Regulariser, Network]) -> None:
    regulariser, trained = made
    loss = step(regulariser, trained)
    assert loss.shape == ()
    torch.autograd.backward(loss)
    gradients = [p.grad for p in trained.trunk.parameters()]
    assert all(g is not None and g.isfinite().all() for g in gradients)


def test_a_step_never_waits_for_the_device_and_nothing_is_drawn_twice(
    made: tuple[Regulariser, Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    regulariser, trained = made
    step(regulariser, trained)
    monkeypatch.setattr(torch, "randn", None)
    drawn = [INPUTS[rows] for rows in regulariser.draw(np.random.default_rng(1), len(SOURCE))]
    source = batch(SOURCE)
    with NoTransfers():
        regulariser.regularise(trained(source.inputs).mean(), trained, source, drawn)
        regulariser.draw(np.random.default_rng(2), len(SOURCE))


def test_what_is_drawn_goes_on_where_it_was_saved(made: tuple[Regulariser, Network]) -> None:
    regulariser, trained = made
    other = build(_name(regulariser), side=side(), network=trained).double()
    for number in range(4):
        other.load_state_dict(regulariser.state_dict())
        drawn = [each.draw(np.random.default_rng(number), 5) for each in (regulariser, other)]
        assert len(drawn[0]) == len(drawn[1])
        assert all(np.array_equal(a, b) for a, b in zip(*drawn, strict=True))
        step(regulariser, trained, number)


def _name(regulariser: Regulariser) -> str:
    return type(regulariser).__module__.rpartition(".")[2].replace("_", "-")


def test_it_changes_the_gradient_but_neither_parameters_nor_running_statistics(
    made: tuple[Regulariser, Network],
) -> None:
    regulariser, trained = made
    source = batch(SOURCE)
    plain = functional.cross_entropy(trained(source.inputs), source.labels)
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    drawn = [INPUTS[rows] for rows in regulariser.draw(np.random.default_rng(0), len(SOURCE))]
    changed = regulariser.regularise(plain, trained, source, drawn)
    assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())
    parameters = list(trained.trunk.parameters())
    first = torch.autograd.grad(plain, parameters, retain_graph=True)
    second = torch.autograd.grad(changed, parameters)
    assert any(not torch.allclose(a, b) for a, b in zip(first, second, strict=True))


def test_no_gradient_reaches_a_regularisers_own_parameters(made: tuple[Regulariser, Network]) -> None:
    regulariser, trained = made
    loss = step(regulariser, trained)
    own = list(regulariser.parameters())
    for parameter in own:
        parameter.grad = None
    torch.autograd.backward(loss)
    assert all(parameter.grad is None for parameter in own)


def test_a_state_that_is_put_back_goes_on_with_the_same_losses(made: tuple[Regulariser, Network]) -> None:
    regulariser, trained = made
    for number in range(4):
        step(regulariser, trained, number)
    kept = {name: value.clone() for name, value in regulariser.state_dict().items()}
    slots = deepcopy(regulariser.optimiser.state_dict()) if regulariser.optimiser else {}
    name = type(regulariser).__module__.rpartition(".")[2].replace("_", "-")
    again = build(name, side=side(), network=trained)
    again.double().load_state_dict(kept)
    if again.optimiser:
        again.optimiser.load_state_dict(slots)
    for number in range(4, 9):
        assert torch.equal(step(again, trained, number), step(regulariser, trained, number))


def test_every_option_is_described_as_its_constructor_has_it() -> None:
    for method in regularisers():
        trained = network()
        regulariser = build(method.name, side=side(), network=trained)
        for option, text in method.options.items():
            value = getattr(regulariser, option, None)
            assert value is None or str(value) == text, (method.name, option)
        assert method.description


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Embeddings with a camera column and some rows without a label."""
    truth = embeddings(tmp_path / "data.parquet", rows=240)
    write_trusted(tmp_path / "trusted.parquet", truth)
    table = pq.read_table(tmp_path / "data.parquet")
    cameras = pa.array(["front" if row % 3 else "rear" for row in range(len(table))])
    labels = pa.array([None if row % 8 == 7 else label for row, label in enumerate(table["label"].to_pylist())])
    table = table.append_column("camera", cameras)
    pq.write_table(table.set_column(1, "label", labels), tmp_path / "data.parquet")
    return tmp_path


FIT = ("fit", "data.parquet", "--trusted", "trusted.parquet", "--embedding-column", "embedding", "--epochs", "4")


@pytest.mark.parametrize("method", SINGLES)
def test_regularisers_compose_with_every_weighting(
    folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.chdir(folder)
    chosen = ("--regulariser", "lautum", "--irrelevant-column", "camera", "--hidden", "8")
    outcome = command(*FIT, *chosen, "--method", method, "--out", "run", "--folds", "1")
    assert outcome.code == 0, outcome.err
    trace = pq.read_table(folder / "run" / "trace.parquet")
    assert trace["skip_reason"].to_pylist().count("no_label") == 30
    assert trace["alpha"].null_count == 30


def test_a_regulariser_changes_what_is_learned(folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    chosen = {
        "plain": (),
        "purified": ("--irrelevant-column", "camera"),
        "harder": ("--irrelevant-column", "camera", "--option", "purified.lambda_2=5"),
        "lautum": ("--regulariser", "lautum"),
    }
    margins = {}
    for name, words in chosen.items():
        assert command(*FIT, "--hidden", "8", "--folds", "1", *words, "--out", name).code == 0
        margins[name] = pq.read_table(folder / name / "trace.parquet")["margin"].to_pylist()
    assert len({tuple(values) for values in margins.values()}) == len(chosen)


def test_side_tables_are_read_and_their_labels_are_not_looked_at(
    folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    table = pq.read_table("data.parquet")
    ids = pa.array([f"other{row}" for row in range(len(table))])
    elsewhere = table.set_column(0, "sample_id", ids).set_column(1, "label", pa.array(["elephant"] * len(table)))
    pq.write_table(elsewhere, "elsewhere.parquet")
    pq.write_table(table.drop_columns(["camera"]).filter(table["label"].is_valid()), "data.parquet")
    pq.write_table(table.select(["sample_id", "camera"]), "cameras.parquet")
    words = ("--hidden", "8", "--folds", "1", "--unlabelled", "elsewhere.parquet")
    for irrelevant in ("elsewhere.parquet", "cameras.parquet"):
        chosen = (*words, "--irrelevant", irrelevant, "--irrelevant-column", "camera", "--out", irrelevant[:4])
        outcome = command(*FIT, *chosen)
        assert outcome.code == 0, outcome.err
        assert len(pq.read_table(folder / irrelevant[:4] / "trace.parquet")) == 210


REFUSED = {
    "one value": (("--irrelevant-column", "same"), "at least two values"),
    "mostly nulls": (("--irrelevant-column", "sparse"), "must be filled for most rows"),
    "no such column": (("--irrelevant-column", "lens"), "at least two values"),
    "no column named": (("--regulariser", "purified"), "no column is named"),
    "a head alone": (("--irrelevant-column", "camera"), "--no-frozen, or --hidden"),
    "unknown regulariser": (("--regulariser", "magic"), "magic is unknown"),
    "unknown option": (("--regulariser", "lautum", "--option", "lautum.colour=1"), "colour is unknown"),
    "option of another": (("--option", "lautum.weight=1"), "was not chosen"),
    "no verified rows": (("--regulariser", "lautum", "--method", "uniform"), "verified label"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_and_nothing_is_written(
    folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(folder)
    table = pq.read_table("data.parquet")
    table = table.append_column("same", pa.array(["x"] * len(table)))
    sparse = pa.array(["ab"[row % 2] if row < 80 else None for row in range(len(table))])
    pq.write_table(table.append_column("sparse", sparse), "data.parquet")
    words, reason = REFUSED[case]
    fit = FIT if case != "no verified rows" else [word for word in FIT if word not in ("--trusted", "trusted.parquet")]
    outcome = command(*fit, *words, "--out", "run")
    assert outcome.code == 2, outcome.err
    assert reason in outcome.err
    assert not (folder / "run").exists()


def test_unlabelled_rows_are_asked_for_where_there_are_none(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    truth = embeddings(tmp_path / "data.parquet", rows=60)
    write_trusted(tmp_path / "trusted.parquet", truth)
    outcome = command(*FIT, "--regulariser", "lautum", "--out", "run")
    assert outcome.code == 2
    assert "--unlabelled PATH" in outcome.err


DROPPED_IN = '''"""Mine: holds the logits back."""

from noisecleaner.gradients.passes import with_spare_buffers
from noisecleaner.regularisers import Regulariser


class Mine(Regulariser):
    needs = "unlabelled"

    def __init__(self, side, network, *, share: float = 0.5):
        super().__init__()
        self.share, self.rows = share, side.unlabelled

    def draw(self, rng, size):
        return (rng.choice(self.rows, size),)

    def regularise(self, loss, network, source, drawn):
        return loss + self.share * with_spare_buffers(network, drawn[0]).square().mean()
'''


def test_a_file_that_is_dropped_in_is_a_regulariser(folder: Path) -> None:
    package = with_file(folder, "regularisers/held_back.py", DROPPED_IN)
    assert "held-back" in package.command("methods")
    words = ("--regulariser", "held-back", "--option", "held-back.share=2", "--folds", "1", "--out", "run")
    package.command(*FIT, *words)
    assert (folder / "run" / "trace.parquet").exists()
    package.passes("regularisers/test_contract.py", "held-back")
