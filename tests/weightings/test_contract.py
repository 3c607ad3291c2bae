"""One contract for every file of `weightings/`, and each paper's equations against autograd, in float64."""

from __future__ import annotations

import inspect
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from support.datasets import embeddings
from support.gradients import agreement
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

import noisecleaner.weightings as package
from noisecleaner.errors import NoisecleanerError
from noisecleaner.gradients.alignment import at
from noisecleaner.networks.backbones import build as build_backbone
from noisecleaner.networks.network import Batch, Network
from noisecleaner.registry import methods, names_in
from noisecleaner.settings import Layers, Meta
from noisecleaner.weightings import Step, Weighting, build, check_options
from noisecleaner.weightings._coverage import covered
from noisecleaner.weightings._meta_gradient import normalised, trusted_loss, unit
from noisecleaner.weightings.bilevel import DeepBilevel
from noisecleaner.weightings.l2b import LearningToBootstrap
from noisecleaner.weightings.l2rw import LearningToReweight
from noisecleaner.weightings.soseleto import Soseleto
from noisecleaner.weightings.uniform import Uniform

ROWS, CLASSES, WIDTH = 20, 3, 5

DROPPED_IN = '''"""Mine: keeps the first half of every batch."""

import torch
from torch.nn import functional

from noisecleaner.weightings import Step, Weighting


class Mine(Weighting):
    needs_trusted = False

    def __init__(self, rows, network, *, warmup: int = 0, share: float = 0.5):
        super().__init__(rows, network, warmup=warmup)
        self.share = share

    def step(self, network, source, target):
        count = len(source.rows)
        alpha = (torch.arange(count) < self.share * count).float()
        self.record(source.rows, alpha)
        logits = network(source.inputs)
        losses = functional.cross_entropy(logits, source.labels, reduction="none")
        return Step(loss=(alpha * losses).mean(), logits=logits.detach())
'''


def small_network(trunk: bool = True) -> Network:
    torch.manual_seed(0)
    features = nn.Sequential(nn.Linear(WIDTH, 7), nn.Tanh()) if trunk else nn.Identity()
    return Network(trunk=features, head=nn.Linear(7 if trunk else WIDTH, CLASSES)).double()


def batch(rows: list[int], seed: int = 1) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(ROWS, WIDTH, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, CLASSES, (ROWS,), generator=generator)
    index = torch.tensor(rows, dtype=torch.int64)
    return Batch(inputs=inputs[index], labels=labels[index], rows=index)


def soseleto(network: Network, **options: object) -> Soseleto:
    return Soseleto(ROWS, network, **options).double()  # type: ignore[arg-type]


@pytest.fixture(params=names_in("weightings"))
def rule(request: pytest.FixtureRequest) -> tuple[Weighting, Network]:
    network = small_network()
    return build(request.param, rows=ROWS, network=network).double(), network


def take(weighting: Weighting, network: Network, source: Batch, target: Batch) -> Step:
    """A whole step, as the training loop takes it, but for the optimiser."""
    step = weighting.step(network, source, target)
    torch.autograd.backward(step.loss)
    step.settle()
    return step


SOURCE, TARGET = [2, 3, 5, 7, 11, 13], [0, 1, 4, 6]


def test_a_step_gives_a_finite_loss_with_gradients_and_plain_logits(rule: tuple[Weighting, Network]) -> None:
    weighting, network = rule
    step = weighting.step(network, batch(SOURCE), batch(TARGET, seed=2))
    assert step.loss.shape == ()
    assert step.loss.isfinite()
    assert step.logits.shape == (len(SOURCE), CLASSES)
    assert not step.logits.requires_grad
    torch.testing.assert_close(step.logits, network(batch(SOURCE).inputs).detach())
    torch.autograd.backward(step.loss)
    gradients = [p.grad for p in network.parameters()]
    assert all(g is not None and g.isfinite().all() for g in gradients)
    assert any(g is not None and g.any() for g in gradients)


def test_a_step_alone_moves_no_parameter(rule: tuple[Weighting, Network]) -> None:
    weighting, network = rule
    before = [p.clone() for p in network.parameters()]
    take(weighting, network, batch(SOURCE), batch(TARGET, seed=2))
    assert all(torch.equal(p, b) for p, b in zip(network.parameters(), before, strict=True))


def test_alpha_and_beta_are_known_for_exactly_the_rows_that_were_visited(rule: tuple[Weighting, Network]) -> None:
    weighting, network = rule
    take(weighting, network, batch(SOURCE), batch(TARGET, seed=2))
    visited = torch.zeros(ROWS, dtype=torch.bool)
    visited[SOURCE] = True
    for values in (weighting.alpha(), weighting.beta()):
        if values is not None:
            assert torch.equal(values.isfinite(), visited)
            assert (values[visited] >= 0).all() or isinstance(weighting, DeepBilevel)
    assert torch.equal(weighting.alignment().isfinite(), visited & (not isinstance(weighting, Uniform)))


def test_the_order_of_a_batch_does_not_matter(rule: tuple[Weighting, Network]) -> None:
    weighting, network = rule
    if weighting.group > 1:
        pytest.skip("deals its rows to mini-batches at random")
    other = build(_name(weighting), rows=ROWS, network=network).double()
    step = take(weighting, network, batch(SOURCE), batch(TARGET, seed=2))
    turned = take(other, network, batch(SOURCE[::-1]), batch(TARGET[::-1], seed=2))
    torch.testing.assert_close(step.loss, turned.loss)
    torch.testing.assert_close(weighting.alpha(), other.alpha(), equal_nan=True)


def test_the_same_seed_gives_the_same_bits(rule: tuple[Weighting, Network]) -> None:
    weighting, network = rule
    other = build(_name(weighting), rows=ROWS, network=network).double()
    losses = []
    for one in (weighting, other):
        torch.manual_seed(7)
        losses.append(take(one, network, batch(SOURCE), batch(TARGET, seed=2)).loss)
    assert torch.equal(*losses)
    assert torch.equal(weighting.alpha().nan_to_num(-1), other.alpha().nan_to_num(-1))


def test_the_weights_survive_a_state_dict(rule: tuple[Weighting, Network]) -> None:
    weighting, network = rule
    take(weighting, network, batch(SOURCE), batch(TARGET, seed=2))
    other = build(_name(weighting), rows=ROWS, network=network).double()
    other.load_state_dict(weighting.state_dict())
    again = [seeded(w, network, batch(SOURCE[1:]), batch(TARGET, seed=3)).loss for w in (weighting, other)]
    assert torch.equal(*again)
    assert torch.equal(weighting.alpha().nan_to_num(-1), other.alpha().nan_to_num(-1))


def test_warm_up_is_plain_training_and_weighs_nothing(rule: tuple[Weighting, Network]) -> None:
    weighting, network = rule
    source = batch(SOURCE)
    torch.autograd.backward(weighting.warm_up(network, source, batch(TARGET, seed=2)).loss)
    plain = functional.cross_entropy(network(source.inputs), source.labels)
    for parameter, own in zip(
        network.parameters(), torch.autograd.grad(plain, list(network.parameters())), strict=True
    ):
        torch.testing.assert_close(parameter.grad, own)
    assert weighting.alpha().isnan().all() or not weighting.needs_trusted


def test_rows_that_disagree_with_the_trusted_ones_weigh_less() -> None:
    """The same inputs with the verified and with another label: every rule tells them apart."""
    network = small_network()
    trusted = batch(TARGET, seed=2)
    inputs = torch.cat([trusted.inputs, trusted.inputs])
    labels = torch.cat([trusted.labels, (trusted.labels + 1) % CLASSES])
    source = Batch(inputs=inputs, labels=labels, rows=torch.arange(8))
    for name in names_in("weightings"):
        weighting = build(name, rows=ROWS, network=network).double()
        take(weighting, network, source, trusted)
        alpha, alignment = weighting.alpha(), weighting.alignment()
        if alignment.isfinite().any():
            assert alignment[:4].mean() > alignment[4:8].mean(), name
        if weighting.needs_trusted:
            assert alpha[:4].mean() > alpha[4:8].mean(), name


def test_an_unknown_option_is_refused_with_the_valid_names(rule: tuple[Weighting, Network]) -> None:
    weighting, _ = rule
    with pytest.raises(NoisecleanerError, match=r"has no options|warmup"):
        check_options(_name(weighting), {"wramup": 1})


def test_an_option_out_of_range_is_refused() -> None:
    with pytest.raises(NoisecleanerError, match="warmup must not be negative"):
        build("l2b", rows=ROWS, network=small_network(), options={"warmup": -1})


def test_every_option_has_a_default_that_methods_shows() -> None:
    for method in methods():
        signature = inspect.signature(package.weighting_class(method.name))
        written = {p.name: p.default for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}
        assert method.options == {name: str(value) for name, value in written.items()}
        assert method.description


def test_adding_a_weighting_is_one_file(tmp_path: Path) -> None:
    """A copy of the package with one more file in `weightings/`, used from the command line."""
    shutil.copytree(Path(package.__file__).parents[1], tmp_path / "noisecleaner")
    (tmp_path / "noisecleaner" / "weightings" / "first_half.py").write_text(DROPPED_IN)
    embeddings(tmp_path / "data.parquet", rows=90)

    def noisecleaner(*words: str) -> str:
        command = [sys.executable, "-m", "noisecleaner", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "first-half" in noisecleaner("methods")
    words = ["--method", "first-half", "--option", "share=1", "--embedding-column", "embedding", "--epochs", "1"]
    noisecleaner("fit", "data.parquet", "--out", "run", *words)
    trace = pq.read_table(tmp_path / "run" / "trace.parquet")
    assert trace["alpha"].to_pylist() == [1.0] * 90


# The meta step: fewer layers, and a direction that serves for several steps.


def deep_network() -> Network:
    torch.manual_seed(0)
    block = nn.Sequential(nn.Sequential(nn.Linear(6, 6), nn.Tanh()), nn.Sequential(nn.Linear(6, 7), nn.Tanh()))
    trunk = nn.Sequential(nn.Linear(WIDTH, 6), nn.Tanh(), block)
    return Network(trunk=trunk, head=nn.Linear(7, CLASSES)).double()


def test_a_meta_step_covers_all_layers_the_last_block_or_the_classifier() -> None:
    names = [name for name, _ in deep_network().named_parameters()]
    assert covered(deep_network(), "exact") == tuple(names)
    assert covered(deep_network(), "block") == tuple(n for n in names if "2.1.0" in n or n.startswith("head"))
    assert covered(deep_network(), "last") == ("head.weight", "head.bias")
    assert covered(small_network(trunk=False), "block") == ("head.weight", "head.bias")


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("preact-resnet18", "trunk.layers.5.1.norm1.weight"),
        ("cifar-quick", "trunk.layers.11.weight"),
        ("resnet18", "trunk.network.layer4.1.conv1.weight"),
        ("vit_b_16", "trunk.network.encoder.layers.encoder_layer_11.ln_1.weight"),
    ],
)
def test_the_last_block_of_known_networks(name: str, first: str) -> None:
    with torch.device("meta"):
        trunk = build_backbone(name, size=None, pretrained=False, weights=None)
        assert covered(Network(trunk=trunk, head=nn.Linear(trunk.width, 2)), "block")[0] == first


@pytest.mark.parametrize("method", ["soseleto", "l2b", "l2rw", "bilevel"])
@pytest.mark.parametrize("layers", ["block", "last"])
def test_fewer_layers_give_the_inner_product_over_these_layers(method: str, layers: Layers) -> None:
    network, source, target = deep_network(), batch(SOURCE), batch(TARGET, seed=2)
    options = {"classifier": "shared"} if method == "soseleto" else {}
    weighting = build(method, rows=ROWS, network=network, options=options, meta=Meta(layers=layers)).double()
    parameters = [network.get_parameter(name) for name in covered(network, layers)]
    v = torch.autograd.grad(functional.cross_entropy(network(target.inputs), target.labels), parameters)
    expected = []
    for row in range(len(SOURCE)):
        own = functional.cross_entropy(network(source.inputs[row : row + 1]), source.labels[row : row + 1])
        expected.append(sum((g * h).sum() for g, h in zip(torch.autograd.grad(own, parameters), v, strict=True)))
    take(weighting, network, source, target)
    torch.testing.assert_close(weighting.alignment()[source.rows], unit(torch.stack(expected).detach()))


def test_the_direction_of_a_linear_classifier_is_that_of_autograd() -> None:
    network, target = small_network(), batch(TARGET, seed=2)
    network.trunk = nn.Sequential(network.trunk, nn.BatchNorm1d(7).double())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    weighting = LearningToBootstrap(ROWS, network)
    weighting.approximate(network, Meta(layers="last", every=2))
    found = weighting.double().along_trusted(network, target)
    expected = weighting.along(network, target, lambda parameters: trusted_loss(network, target, parameters))
    assert found.keys() == expected.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-12, atol=1e-14)
    again = weighting.along_trusted(network, batch([]))
    assert all(torch.equal(again[name], value) for name, value in expected.items())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("method", ["soseleto", "l2b", "l2rw"])
def test_between_two_trusted_batches_the_last_direction_serves(method: str) -> None:
    network, nobody = deep_network(), batch([])
    weighting = build(method, rows=ROWS, network=network, meta=Meta(every=3)).double()
    assert weighting.every == 3
    take(weighting, network, batch(SOURCE), batch(TARGET, seed=2))
    other = build(method, rows=ROWS, network=network, meta=Meta(every=3)).double()
    other.load_state_dict(weighting.state_dict())
    for one in (weighting, other):  # the one that a resumed run reads goes on alike
        take(one, network, batch([1, 4, 6]), nobody)
    assert torch.equal(weighting.alignment().nan_to_num(-1), other.alignment().nan_to_num(-1))
    fresh = build(method, rows=ROWS, network=network).double()
    fresh.load_state_dict({k: v for k, v in weighting.state_dict().items() if k not in {"kept", "asked"}})
    before = weighting.alignment_sum[[1, 4, 6]].clone()
    take(weighting, network, batch([1, 4, 6]), nobody)
    take(fresh, network, batch([1, 4, 6]), batch(TARGET, seed=2))
    # the network has not moved, so that the old direction is the right one
    torch.testing.assert_close(weighting.alignment_sum[[1, 4, 6]] - before, fresh.alignment_sum[[1, 4, 6]] - before)


@pytest.mark.parametrize("layers", ["exact", "last"])
@pytest.mark.parametrize("every", [1, 2])
def test_with_momentum_the_mean_of_the_last_directions_serves(layers: Layers, every: int) -> None:
    network = deep_network()
    weighting = LearningToBootstrap(ROWS, network)
    weighting.approximate(network, Meta(layers=layers, every=every, momentum=0.6))
    alone = LearningToBootstrap(ROWS, network)
    alone.approximate(network, Meta(layers=layers))
    expected: dict[str, Tensor] = {}
    weighting.double()
    for number, share in enumerate((1, 1 / 2, 0.4, 0.4)):  # three batches and more would say 1 / 3
        target = batch(TARGET, seed=number)
        for name, value in alone.along_trusted(network, target).items():
            expected[name] = share * value + (1 - share) * expected.get(name, torch.zeros_like(value))
        found = weighting.along_trusted(network, target)
        for again in (found, weighting.along_trusted(network, batch([]))):
            for name, value in again.items():
                torch.testing.assert_close(value, expected[name], rtol=1e-12, atol=1e-14)


def test_a_meta_step_that_a_method_cannot_take_is_refused() -> None:
    network = small_network()
    for method, options, meta, why in (
        ("uniform", {}, Meta(layers="last"), "no meta step"),
        ("bilevel", {}, Meta(every=2), "of its own"),
        ("bilevel", {}, Meta(momentum=0.5), "of its own"),
        ("uniform", {}, Meta(momentum=0.5), "no meta step"),
        ("l2b", {}, Meta(every=0), "at least 1"),
        ("l2b", {}, Meta(momentum=1.0), "below 1"),
        ("l2b", {}, Meta(momentum=math.nan), "below 1"),
        ("soseleto", {}, Meta(momentum=-0.1), "at least 0"),
        ("soseleto", {"classifier": "separate"}, Meta(layers="last"), "in common"),
    ):
        with pytest.raises(NoisecleanerError, match=why):
            build(method, rows=ROWS, network=network, options=options, meta=meta)
    with pytest.raises(NoisecleanerError, match=r"`Meta\.layers`"):
        build("l2b", rows=ROWS, network=network, meta=Meta(layers="first"))  # type: ignore[arg-type]
    assert build("soseleto", rows=ROWS, network=network, meta=Meta(layers="last")).target_head is None
    with pytest.raises(ValueError, match="in common"):
        build("soseleto", rows=ROWS, network=network, meta=Meta(layers="last")).for_target(network, 2)


# SOSELETO: Algorithm 1 and eq. 3 to 5.


def test_soseleto_moves_alpha_by_the_gradient_of_the_target_loss_after_the_step() -> None:
    """Eq. 5, with dL_t/dalpha taken by autograd through theta+ of eq. 3."""
    network = small_network()
    weighting = soseleto(network, lambda_alpha=0.3)
    source, target = batch(SOURCE), batch(TARGET, seed=2)
    before = torch.rand(ROWS, dtype=torch.float64)
    weighting.weight.copy_(before)
    alpha = before[source.rows].clone().requires_grad_()
    theta = {f"trunk.{k}": p for k, p in network.trunk.named_parameters()}
    losses = functional.cross_entropy(network(source.inputs), source.labels, reduction="none")
    rate = 1e-4  # eq. 4 is the derivative at theta, so the step through which autograd looks is a small one
    gradient = torch.autograd.grad((alpha * losses).sum(), list(theta.values()), create_graph=True)
    moved = {k.removeprefix("trunk."): p - rate * g for (k, p), g in zip(theta.items(), gradient, strict=True)}
    assert weighting.target_head is not None
    features = functional_call(network.trunk, moved, (target.inputs,))
    loss = functional.cross_entropy(weighting.target_head(features), target.labels)
    slope = torch.autograd.grad(loss, alpha)[0] / rate
    take(weighting, network, source, target)
    expected = (before[source.rows] - 0.3 * slope).clamp(0, 1.1)
    torch.testing.assert_close(weighting.alpha()[source.rows], expected, rtol=1e-4, atol=1e-6)
    untouched = [row for row in range(ROWS) if row not in SOURCE]
    assert torch.equal(weighting.weight[untouched], before[untouched])


def test_soseletos_alpha_step_is_exactly_q_transposed_times_the_target_gradient() -> None:
    network = small_network()
    weighting = soseleto(network, lambda_alpha=0.3)
    source, target = batch(SOURCE), batch(TARGET, seed=2)
    theta = list(network.trunk.parameters())
    assert weighting.target_head is not None
    target_loss = functional.cross_entropy(weighting.target_head(network.trunk(target.inputs)), target.labels)
    along = torch.autograd.grad(target_loss, theta)
    expected = []
    for row in range(len(SOURCE)):
        own = functional.cross_entropy(network(source.inputs[row : row + 1]), source.labels[row : row + 1])
        q = torch.autograd.grad(own, theta)
        product = sum(float((a * b).sum()) for a, b in zip(q, along, strict=True))
        expected.append(min(max(1 + 0.3 * product, 0.0), 1.1))
    take(weighting, network, source, target)
    found = weighting.alpha()[source.rows]
    assert (found - torch.tensor(expected, dtype=torch.float64)).abs().max() < 1e-9 * found.abs().max()


def test_the_target_reaches_soseletos_features_only_through_alpha() -> None:
    network = small_network()
    weighting = soseleto(network)
    source = batch(SOURCE)
    gradients = []
    for seed in (2, 3):
        weighting.weight.fill_(0.5)
        network.zero_grad()
        step = weighting.step(network, source, batch(TARGET, seed=seed))
        torch.autograd.backward(step.loss)
        gradients.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    assert weighting.target_head is not None
    assert all(p.grad is not None and p.grad.any() for p in weighting.target_head.parameters())
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_soseletos_target_classifier_waits_while_no_row_steers() -> None:
    network = small_network()
    nobody = batch(TARGET, seed=2)
    nobody = Batch(inputs=nobody.inputs[:0], labels=nobody.labels[:0], rows=nobody.rows[:0])
    loss = soseleto(network, classifier="separate").warm_up(network, batch(SOURCE), nobody).loss
    source = batch(SOURCE)
    torch.testing.assert_close(loss, functional.cross_entropy(network(source.inputs), source.labels))


def test_soseletos_target_classifier_learns_during_the_warm_up() -> None:
    network = small_network()
    weighting = soseleto(network, warmup=1)
    torch.autograd.backward(weighting.warm_up(network, batch(SOURCE), batch(TARGET, seed=2)).loss)
    assert weighting.target_head is not None
    assert all(p.grad is not None and p.grad.any() for p in weighting.target_head.parameters())


def test_soseletos_step_uses_the_old_alpha() -> None:
    network = small_network()
    weighting = soseleto(network)
    source = batch(SOURCE)
    weighting.weight.fill_(0.25)
    step = weighting.step(network, source, batch(TARGET, seed=2))
    torch.autograd.backward(step.loss)
    expected = torch.autograd.grad(
        0.25 * functional.cross_entropy(network(source.inputs), source.labels), list(network.parameters())
    )
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_soseletos_automatic_step_has_the_chosen_root_mean_square() -> None:
    network = small_network()
    weighting = soseleto(network, rate=0.05)
    weighting.weight.fill_(0.5)  # far from both ends, so that nothing is clipped
    take(weighting, network, batch(SOURCE), batch(TARGET, seed=2))
    moved = weighting.weight[SOURCE] - 0.5
    torch.testing.assert_close(moved.square().mean().sqrt(), torch.tensor(0.05, dtype=torch.float64))


def test_soseletos_alpha_stays_in_its_range() -> None:
    network = small_network()
    weighting = soseleto(network, lambda_alpha=1e6)
    take(weighting, network, batch(SOURCE), batch(TARGET, seed=2))
    assert set(weighting.alpha()[SOURCE].tolist()) <= {0.0, 1.1}


def test_soseleto_shares_the_classifier_where_there_are_no_features_to_train() -> None:
    network = small_network(trunk=False)
    assert soseleto(network).target_head is None
    with pytest.raises(NoisecleanerError, match=r"`Model\.hidden`"):
        build("soseleto", rows=ROWS, network=network, options={"classifier": "separate"})
    with pytest.raises(NoisecleanerError, match="'classifier': 'both'"):
        check_options("soseleto", {"classifier": "both"})


# L2B: Algorithm 1 and eq. 3 to 10.


def unrolled_weights(network: Network, source: Batch, target: Batch) -> tuple[Tensor, Tensor]:
    """Eq. 4 to 9 as they stand: one step from zero weights, the slope of the trusted loss, cut and normalised."""
    rate = 0.1
    parameters = dict(network.named_parameters())
    logits = network(source.inputs)
    pseudo = logits.argmax(dim=1)
    alpha = torch.zeros(len(source.rows), dtype=torch.float64, requires_grad=True)
    beta = torch.zeros(len(source.rows), dtype=torch.float64, requires_grad=True)
    given = functional.cross_entropy(logits, source.labels, reduction="none")
    own = functional.cross_entropy(logits, pseudo, reduction="none")
    gradient = torch.autograd.grad((alpha * given + beta * own).sum(), list(parameters.values()), create_graph=True)
    ahead = {name: p - rate * g for (name, p), g in zip(parameters.items(), gradient, strict=True)}
    loss = functional.cross_entropy(functional_call(network, ahead, (target.inputs,)), target.labels)
    slopes = torch.autograd.grad(loss, (alpha, beta))
    cut = [(-slope).clamp(min=0) for slope in slopes]
    total = cut[0].sum() + cut[1].sum()
    return cut[0] / total, cut[1] / total


def test_l2bs_weights_are_those_of_the_unrolled_step() -> None:
    network = small_network()
    weighting = LearningToBootstrap(ROWS, network).double()
    source, target = batch(SOURCE), batch(TARGET, seed=2)
    alpha, beta = unrolled_weights(network, source, target)
    take(weighting, network, source, target)
    kept_beta = weighting.beta()[source.rows] / len(SOURCE)
    assert (weighting.alpha()[source.rows] / len(SOURCE) - alpha).norm() < 1e-9 * alpha.norm()
    assert (kept_beta - beta).norm() < 1e-9 * beta.norm()


@pytest.mark.parametrize("weights", ["given", "pseudo", "convex"])
def test_l2bs_ablations_are_those_of_table_eight(weights: str) -> None:
    network = small_network()
    source, target = batch(SOURCE), batch(TARGET, seed=2)
    agrees, logits = agreement(network, source.inputs, target.inputs, target.labels)
    given, pseudo = at(agrees, source.labels).relu(), at(agrees, logits.argmax(dim=1)).relu()
    weighting = build("l2b", rows=ROWS, network=network, options={"weights": weights})
    assert isinstance(weighting, LearningToBootstrap)
    take(weighting.double(), network, source, target)
    alpha, beta = weighting.alpha()[source.rows], weighting.beta()[source.rows]
    if weights == "convex":
        torch.testing.assert_close(alpha + beta, torch.ones(len(SOURCE), dtype=torch.float64))
        known = given + pseudo > 0
        torch.testing.assert_close(alpha[known], (given / (given + pseudo))[known])
        assert (alpha[~known] == 0.5).all()
    else:
        kept, zero = (alpha, beta) if weights == "given" else (beta, alpha)
        used = given if weights == "given" else pseudo
        torch.testing.assert_close(kept, len(SOURCE) * used / used.sum())
        assert not zero.any()


def test_l2bs_loss_is_equation_ten() -> None:
    network = small_network()
    source, target = batch(SOURCE), batch(TARGET, seed=2)
    alpha, beta = unrolled_weights(network, source, target)
    logits = network(source.inputs)
    given = functional.cross_entropy(logits, source.labels, reduction="none")
    own = functional.cross_entropy(logits, logits.argmax(dim=1), reduction="none")
    step = LearningToBootstrap(ROWS, network).double().step(network, source, target)
    torch.testing.assert_close(step.loss, (alpha * given + beta * own).sum())


def test_l2rw_is_l2b_without_the_pseudo_label() -> None:
    network = small_network()
    weighting = LearningToReweight(ROWS, network).double()
    source, target = batch(SOURCE), batch(TARGET, seed=2)
    agrees, _ = agreement(network, source.inputs, target.inputs, target.labels)
    cut = at(agrees, source.labels).relu()
    take(weighting, network, source, target)
    torch.testing.assert_close(weighting.alpha()[source.rows], len(SOURCE) * cut / cut.sum())
    assert weighting.beta() is None


def test_normalised_weights_sum_to_one_or_are_all_zero() -> None:
    first, second = normalised(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([-1.0, 0.5, 0.5]))
    torch.testing.assert_close(first.sum() + second.sum(), torch.tensor(1.0))
    assert first[1] == 0
    (nothing,) = normalised(torch.tensor([-1.0, -2.0]))
    assert nothing.tolist() == [0.0, 0.0]


def test_kept_weights_are_means_over_visits() -> None:
    weighting = Weighting(4, small_network())
    weighting.record(torch.tensor([0, 1]), torch.tensor([1.0, 2.0]), beta=torch.tensor([0.0, 1.0]))
    weighting.record(torch.tensor([1]), torch.tensor([4.0]))
    assert weighting.alpha()[:2].tolist() == [1.0, 3.0]
    assert weighting.alpha()[2:].isnan().all()


# Deep Bilevel: eq. 10 and 11.


def gradient(loss: Tensor, network: Network) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(network.parameters()))])


def grouped() -> Batch:
    """Four rows of each class, so that four mini-batches have one label distribution."""
    made = batch(list(range(12)))
    return Batch(inputs=made.inputs, labels=torch.arange(12) % 3, rows=made.rows)


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("trusted", [True, False])
def test_bilevels_weights_and_step_are_equations_ten_and_eleven(trusted: bool, normalised: bool) -> None:
    network, source = small_network(), grouped()
    target = batch(TARGET if trusted else [], seed=2)
    weighting = DeepBilevel(ROWS, network, batches=4, lambda_hat=0.7, mu_hat=0.02, normalised=normalised).double()
    step = seeded(weighting, network, source, target)
    torch.manual_seed(7)
    parts = weighting._deal(source.labels)
    losses = [functional.cross_entropy(network(source.inputs[p]), source.labels[p]) for p in parts]
    validation = functional.cross_entropy(network(target.inputs), target.labels) if trusted else losses[0]
    losses, parts = (losses, parts) if trusted else (losses[1:], parts[1:])
    along = gradient(validation, network)
    own = [gradient(functional.cross_entropy(network(source.inputs[p]), source.labels[p]), network) for p in parts]
    omega = torch.stack([along @ g / (g @ g / 0.7 + 0.02) for g in own])
    omega = omega / omega.abs().sum() if normalised else omega
    expected = sum(w * g for w, g in zip(omega, own, strict=True))
    found = gradient(step.loss, network)
    assert ((found - expected).norm() / expected.norm()).item() < 1e-9
    for part, weight in zip(parts, omega, strict=True):
        kept = weighting.alpha()[source.rows[part]]
        assert (kept - len(parts) * weight).abs().max() < 1e-9
    held_back = 0 if trusted else 3
    assert int(weighting.alpha()[:12].isnan().sum()) == held_back


def test_bilevels_step_stays_finite_where_gradients_have_all_but_vanished() -> None:
    network, source = small_network().float(), grouped()
    with torch.no_grad():
        network.head.weight.mul_(1e-30)
        network.head.bias.copy_(torch.tensor([0.0, 48.0, 0.0]))
    certain = Batch(inputs=source.inputs.float(), labels=torch.ones(12, dtype=torch.int64), rows=source.rows)
    weighting = DeepBilevel(ROWS, network, batches=4)
    step = weighting.step(network, certain, batch([]))
    torch.autograd.backward(step.loss)
    assert step.loss.isfinite()
    assert weighting.alpha()[:12].nansum().isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_bilevels_mini_batches_have_one_label_distribution() -> None:
    weighting = DeepBilevel(ROWS, small_network(), batches=4)
    parts = weighting._deal(grouped().labels)
    assert sorted(torch.cat(parts).tolist()) == list(range(12))
    assert all(sorted(grouped().labels[part].tolist()) == [0, 1, 2] for part in parts)
    free = DeepBilevel(ROWS, small_network(), batches=4, equal_labels=False)
    assert free.group == 1
    assert any(sorted(grouped().labels[part].tolist()) != [0, 1, 2] for part in free._deal(grouped().labels))


def test_bilevel_refuses_what_it_cannot_deal() -> None:
    for options in ({"batches": 1}, {"mu_hat": 0.0}, {"lambda_hat": -1.0}):
        with pytest.raises(NoisecleanerError, match="must be"):
            check_options("bilevel", options)
    assert check_options("bilevel", {"batches": 16}).least_batch == 32


def seeded(weighting: Weighting, network: Network, source: Batch, target: Batch) -> Step:
    torch.manual_seed(7)
    return weighting.step(network, source, target)


def _name(weighting: Weighting) -> str:
    return type(weighting).__module__.rpartition(".")[2].replace("_", "-")
