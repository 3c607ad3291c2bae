"""One contract for every file of `regularisers/`; the closed form of Lautum, the steps of Purified Learning."""

from __future__ import annotations

import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from support.datasets import Command, embeddings, write_trusted
from torch import Tensor, nn
from torch.nn import functional

import noisecleaner.weightings as package
from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.network import Batch, Network
from noisecleaner.registry import names_in, regularisers
from noisecleaner.regularisers import Regulariser, Side, build, check_options
from noisecleaner.regularisers.lautum import Lautum, lautum_information, ridged
from noisecleaner.regularisers.purified import Purified
from noisecleaner.weightings import build as build_weighting

ROWS, CLASSES, WIDTH = 40, 3, 6
SOURCE = list(range(10))


def network() -> Network:
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Linear(WIDTH, 8), nn.BatchNorm1d(8), nn.Tanh())
    return Network(trunk=trunk, head=nn.Linear(8, CLASSES)).double()


def side() -> Side:
    camera = np.where(np.arange(ROWS) < 5, -1, np.arange(ROWS) % 2)
    return Side(np.arange(20, ROWS), camera, ("front", "rear"))


INPUTS = torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
LABELS = torch.arange(ROWS) % CLASSES


def batch(rows: list[int]) -> Batch:
    index = torch.tensor(rows)
    return Batch(inputs=INPUTS[index], labels=LABELS[index], rows=index)


def step(regulariser: Regulariser, trained: Network, number: int = 0) -> Tensor:
    """What the training loop does with a regulariser."""
    source = batch(SOURCE)
    drawn = [INPUTS[rows] for rows in regulariser.draw(np.random.default_rng(number), len(SOURCE))]
    loss = functional.cross_entropy(trained(source.inputs), source.labels)
    return regulariser.regularise(loss, trained, source, drawn)


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
    name = next(n for n in names_in("regularisers") if type(regulariser).__name__.lower() == n)
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


def test_unknown_options_and_wrong_types_are_refused() -> None:
    with pytest.raises(NoisecleanerError, match="colour is unknown"):
        check_options("lautum", {"colour": 1})
    with pytest.raises(NoisecleanerError, match="not of the type"):
        check_options("purified", {"critic_every": 2.5})
    with pytest.raises(NoisecleanerError, match="is unknown"):
        check_options("magic", {})
    for options in ({"weight": 0.0}, {"ridge": -1.0}, {"momentum": 1.0}, {"dimensions": 0}):
        with pytest.raises(NoisecleanerError, match="cannot work here"):
            build("lautum", side=side(), network=network(), options=options)
    for options in (
        {"critic_every": 0},
        {"critic_steps": 0},
        {"gradient_penalty": -1.0},
        {"critic_rate": 0.0},
        {"lambda_2": 0.0},
        {"label": "left"},
    ):
        with pytest.raises(NoisecleanerError, match="cannot work here"):
            build("purified", side=side(), network=network(), options=options)


def test_purified_needs_features_that_are_trained() -> None:
    head = Network(trunk=nn.Identity(), head=nn.Linear(WIDTH, CLASSES))
    with pytest.raises(NoisecleanerError, match=r"`Model\(frozen=False\)`"):
        build("purified", side=side(), network=head)


# Lautum information


def gaussian(correlations: list[float], width: int, seed: int) -> Tensor:
    """A joint covariance of two vectors with these canonical correlations, seen through random invertible maps."""
    generator = torch.Generator().manual_seed(seed)
    covariance = torch.eye(width + len(correlations), dtype=torch.float64)
    for i, rho in enumerate(correlations):
        covariance[i, width + i] = covariance[width + i, i] = rho
    maps = [torch.randn(n, n, generator=generator, dtype=torch.float64) for n in (width, len(correlations))]
    mixed = torch.block_diag(*maps)
    return mixed @ covariance @ mixed.T


@pytest.mark.parametrize("seed", range(5))
def test_lautum_information_is_that_of_the_canonical_correlations(seed: int) -> None:
    correlations = [0.9, 0.5, 0.3]
    expected = sum(r**2 / (1 - r**2) + 0.5 * np.log(1 - r**2) for r in correlations)
    found = lautum_information(gaussian(correlations, 5, seed), 5)
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_lautum_information_is_the_kl_divergence_of_the_product_from_the_joint() -> None:
    joint = gaussian([0.8, 0.4], 3, seed=7)
    apart = torch.block_diag(joint[:3, :3], joint[3:, 3:])
    distribution = torch.distributions.MultivariateNormal
    zero = torch.zeros(5, dtype=torch.float64)
    expected = torch.distributions.kl_divergence(distribution(zero, apart), distribution(zero, joint))
    assert lautum_information(joint, 3).item() == pytest.approx(expected.item(), rel=1e-9)


def test_lautum_information_of_samples_comes_near_the_closed_form() -> None:
    joint = gaussian([0.7, 0.2], 4, seed=3)
    distribution = torch.distributions.MultivariateNormal(torch.zeros(6, dtype=torch.float64), joint)
    torch.manual_seed(0)
    samples = distribution.sample((200_000,))
    found = lautum_information(torch.cov(samples.T), 4)
    assert found.item() == pytest.approx(lautum_information(joint, 4).item(), rel=0.03)


def test_the_gradient_of_lautum_information_is_that_of_finite_differences() -> None:
    joint = gaussian([0.8, 0.8, 0.1], 4, seed=1).requires_grad_()  # equal correlations have no eigenvector gradient

    def symmetric(covariance: Tensor) -> Tensor:
        return lautum_information((covariance + covariance.T) / 2, 4)

    assert torch.autograd.gradcheck(symmetric, joint)


def test_a_ridge_bounds_the_information_of_a_linear_output() -> None:
    joint = gaussian([0.999999999], 1, seed=0)
    assert lautum_information(ridged(joint, 1, 0.1), 1) < 10


def test_the_running_covariance_is_that_of_all_batches_when_they_are_alike() -> None:
    trained = network().eval()
    regulariser = Lautum(side(), trained, dimensions=4, momentum=0.5).double()
    joint = torch.cat([INPUTS[:, :4], INPUTS[:, :3]], dim=1)
    for _ in range(3):
        found = regulariser._covariance(joint)
    torch.testing.assert_close(found, torch.cov(joint.T, correction=0))


def test_more_lautum_information_is_a_lower_loss() -> None:
    trained = network()
    regulariser = Lautum(side(), trained, weight=2.0).double()
    (rows,) = regulariser.draw(np.random.default_rng(0), 16)
    assert set(rows) <= set(range(20, ROWS))
    zero = torch.zeros((), dtype=torch.float64)
    assert regulariser.regularise(zero, trained, batch(SOURCE), [INPUTS[rows]]) < 0


# Purified Learning


def test_the_critic_learns_every_third_step_and_stays_within_its_limit() -> None:
    trained = network()
    torch.manual_seed(0)
    regulariser = Purified(side(), trained).double()
    moved = []
    for number in range(7):
        before = [p.detach().clone() for p in regulariser.critic.parameters()]
        step(regulariser, trained, number)
        after = list(regulariser.critic.parameters())
        moved.append(any(not torch.equal(a, b) for a, b in zip(after, before, strict=True)))
    assert moved == [True, False, False, True, False, False, True]
    assert max(p.abs().max().item() for p in regulariser.critic.parameters()) <= 0.1


def test_a_has_the_fixed_label_and_b_has_any() -> None:
    regulariser = Purified(side(), network(), label="rear")
    fixed, mixed = regulariser.draw(np.random.default_rng(0), 100)
    camera = side().irrelevant
    assert set(camera[fixed]) == {1}
    assert set(camera[mixed]) == {0, 1}


def test_the_critic_climbs_to_where_it_tells_b_from_a() -> None:
    trained = network()
    torch.manual_seed(0)
    regulariser = Purified(side(), trained, critic_rate=0.01).double()
    shifted = INPUTS + 3 * torch.tensor(side().irrelevant == 1).unsqueeze(1)
    fixed, mixed = np.flatnonzero(side().irrelevant == 0), np.flatnonzero(side().irrelevant >= 0)

    def gap() -> float:
        with torch.no_grad():
            scores = regulariser.critic(trained.trunk(shifted))
        return float(scores[mixed].mean() - scores[fixed].mean())

    before = gap()
    for _ in range(60):
        regulariser._teach(trained, shifted[fixed], shifted[mixed])
    assert gap() > before + 1e-3


def test_the_step_adds_the_wasserstein_loss_of_equation_25_and_26() -> None:
    trained = network()
    regulariser = Purified(side(), trained, lambda_1=0.5, lambda_2=2.0).double()
    source = batch(SOURCE)
    loss = torch.tensor(3.0, dtype=torch.float64)
    found = regulariser.regularise(loss, trained, source, ())
    expected = 1.5 - 2 * regulariser.critic(trained.trunk(source.inputs)).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-9)


def test_b_is_moved_too_under_equation_21() -> None:
    trained = network()
    regulariser = Purified(side(), trained, both=True, critic_every=2, critic_steps=2).double()
    rng = np.random.default_rng(0)
    assert len(regulariser.draw(rng, 10)) == 5  # B, and A and B for each step of the critic
    zero = torch.zeros((), dtype=torch.float64)
    regulariser.regularise(zero, trained, batch(SOURCE), [INPUTS[rows] for rows in regulariser.draw(rng, 10)])
    (rows,) = regulariser.draw(rng, 10)
    found = regulariser.regularise(zero, trained, batch(SOURCE), [INPUTS[rows]])
    scores = [regulariser.critic(trained.trunk(inputs)).mean() for inputs in (INPUTS[rows], INPUTS[SOURCE])]
    assert found.item() == pytest.approx((scores[0] - scores[1]).item(), rel=1e-9)


def test_a_gradient_penalty_holds_the_critic_near_slope_1_in_place_of_the_limit() -> None:
    trained = network()
    torch.manual_seed(0)
    critics = [
        Purified(side(), trained, gradient_penalty=penalty, critic_every=1, critic_rate=0.01).double()
        for penalty in (10.0, 1e-9)
    ]
    for number in range(100):
        for regulariser in critics:
            step(regulariser, trained, number)
    inputs = trained.trunk(INPUTS).detach().requires_grad_()
    slopes = [torch.autograd.grad(r.critic(inputs).sum(), inputs)[0].norm(dim=1).mean().item() for r in critics]
    assert slopes[0] == pytest.approx(1, abs=0.3)
    assert slopes[1] > 2
    assert max(p.abs().max().item() for p in critics[0].critic.parameters()) > 0.1


def test_normalised_features_have_no_size() -> None:
    trained = network()
    trained.trunk = nn.Linear(WIDTH, 8, bias=False).double()
    regulariser = Purified(side(), trained, normalised=True).double()
    scores = [regulariser._score(trained, factor * INPUTS[:10]).item() for factor in (1000.0, 3000.0)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-4)


# From the command line


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


@pytest.mark.parametrize("method", names_in("weightings"))
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

from noisecleaner.regularisers import Regulariser


class Mine(Regulariser):
    needs = "unlabelled"

    def __init__(self, side, network, *, share: float = 0.5):
        super().__init__()
        self.share, self.rows = share, side.unlabelled

    def draw(self, rng, size):
        return (rng.choice(self.rows, size),)

    def regularise(self, loss, network, source, drawn):
        return loss + self.share * network(drawn[0]).square().mean()
'''


def test_a_file_that_is_dropped_in_is_a_regulariser(folder: Path) -> None:
    home = folder / "copy"
    shutil.copytree(Path(package.__file__).parent.parent, home / "noisecleaner")
    (home / "noisecleaner" / "regularisers" / "mine.py").write_text(DROPPED_IN)
    words = [sys.executable, "-m", "noisecleaner", *FIT, "--regulariser", "mine", "--option", "mine.share=2"]
    done = subprocess.run(
        [*words, "--folds", "1", "--out", "run"], cwd=folder, env={"PYTHONPATH": str(home), "PATH": ""}, check=False
    )
    assert done.returncode == 0
    assert (folder / "run" / "trace.parquet").exists()


def test_weightings_that_transfer_give_the_target_a_classifier() -> None:
    for name in names_in("weightings"):
        trained = network()
        weighting = build_weighting(name, rows=ROWS, network=trained).double()
        if not weighting.transfers:
            with pytest.raises(NotImplementedError):
                weighting.for_target(trained, 7)
            continue
        weighting.for_target(trained, 7)
        found = weighting.target_network(trained)
        assert found(INPUTS).shape == (ROWS, 7)
        target = Batch(inputs=INPUTS[20:28], labels=torch.arange(8) % 7, rows=torch.arange(20, 28))
        assert weighting.step(trained, batch(SOURCE), target).loss.isfinite()
