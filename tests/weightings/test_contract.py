"""One contract for every file of `weightings/` that trains one network; `test_pair.py` has that of two."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from support.datasets import embeddings
from support.packages import with_file
from support.transfers import NoTransfers
from support.weightings import (
    CLASSES,
    ROWS,
    SINGLES,
    SOURCE,
    TARGET,
    WIDTH,
    batch,
    deep_network,
    seeded,
    small_network,
    take,
)
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.vision_transformer import VisionTransformer

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.backbones import build as build_backbone
from noisecleaner.networks.backbones.preact_resnet18 import Block
from noisecleaner.networks.network import Batch, Network
from noisecleaner.registry import methods, names_in
from noisecleaner.settings import Layers, Meta
from noisecleaner.weightings import Weighting, build, check_options, weighting_class
from noisecleaner.weightings._coverage import covered
from noisecleaner.weightings._meta_gradient import MetaGradientWeighting, unit
from noisecleaner.weightings.bilevel import DeepBilevel

DROPPED_IN = '''"""Mine: every row counts alike, by half if nothing else is said."""

import torch
from torch.nn import functional

from noisecleaner.weightings import Step, Weighting


class Mine(Weighting):
    needs_trusted = False

    def __init__(self, rows, network, *, warmup: int = 0, share: float = 0.5):
        super().__init__(rows, network, warmup=warmup)
        self.share = share

    def step(self, network, source, target):
        alpha = torch.full_like(source.labels, self.share, dtype=torch.float32)
        self.record(source.rows, alpha)
        logits = network(source.inputs)
        losses = functional.cross_entropy(logits, source.labels, reduction="none")
        return Step(loss=(alpha * losses).mean(), logits=logits.detach())
'''


@pytest.fixture(params=SINGLES)
def rule(request: pytest.FixtureRequest) -> tuple[Weighting, Network]:
    network = small_network()
    return build(request.param, rows=ROWS, network=network).double(), network


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
    assert torch.equal(weighting.alignment().isfinite(), visited & isinstance(weighting, MetaGradientWeighting))


def test_the_share_of_visits_with_a_positive_weight_is_counted_for_each_row(rule: tuple[Weighting, Network]) -> None:
    weighting, network = rule
    weights = []
    for seed in range(2, 6):
        before = weighting.alpha_sum.clone()
        take(weighting, network, batch(SOURCE), batch(TARGET, seed=seed))
        weights.append(weighting.alpha_sum - before)
    expected = torch.stack([weight > 0 for weight in weights]).double().mean(dim=0)
    share = weighting.positive_share()
    torch.testing.assert_close(share[SOURCE], expected[SOURCE].to(share))
    assert share.isfinite().sum() == len(set(SOURCE))
    assert "positive" in weighting.state_dict()


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
    for name in SINGLES:
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
        signature = inspect.signature(weighting_class(method.name))
        written = {p.name: p.default for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}
        assert {name: method.options[name] for name in written} == {name: str(value) for name, value in written.items()}
        handed_on = method.options.keys() - written.keys()
        assert not handed_on or any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        check_options(method.name, {name: ast.literal_eval(method.options[name]) for name in handed_on})
        assert method.description


def test_adding_a_weighting_is_one_file(tmp_path: Path) -> None:
    """A copy of the package with one more file in `weightings/`, used from the command line."""
    package = with_file(tmp_path, "weightings/by_half.py", DROPPED_IN)
    embeddings(tmp_path / "data.parquet", rows=90)
    assert "by-half" in package.command("methods")
    words = ["--method", "by-half", "--option", "share=1", "--embedding-column", "embedding", "--epochs", "1"]
    package.command("fit", "data.parquet", "--out", "run", *words)
    trace = pq.read_table(tmp_path / "run" / "trace.parquet")
    assert trace["alpha"].to_pylist() == [1.0] * 90
    package.passes("weightings/test_contract.py", "by-half")


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


def test_kept_weights_are_means_over_visits() -> None:
    weighting = Weighting(4, small_network())
    weighting.record(torch.tensor([0, 1]), torch.tensor([1.0, 2.0]), beta=torch.tensor([0.0, 1.0]))
    weighting.record(torch.tensor([1]), torch.tensor([4.0]))
    assert weighting.alpha()[:2].tolist() == [1.0, 3.0]
    assert weighting.alpha()[2:].isnan().all()


def _name(weighting: Weighting) -> str:
    return type(weighting).__module__.rpartition(".")[2].replace("_", "-")


def test_weightings_that_transfer_give_the_target_a_classifier() -> None:
    for name in names_in("weightings"):
        network = small_network()
        weighting = build(name, rows=ROWS, network=network).double()
        if not weighting.transfers:
            with pytest.raises(NotImplementedError):
                weighting.for_target(network, 7)
            continue
        weighting.for_target(network, 7)
        target = batch(TARGET, seed=2)
        assert weighting.target_network(network)(target.inputs).shape == (len(TARGET), 7)
        labelled = Batch(inputs=target.inputs, labels=torch.arange(len(TARGET)) + 3, rows=target.rows)
        assert weighting.step(network, batch(SOURCE), labelled).loss.isfinite()


@pytest.mark.parametrize(("method", "head", "whole"), [("l2b", 1, 13), ("l2rw", 1, 13), ("soseleto", 0, 7)])
def test_with_a_backbone_weights_set_in_late_unless_asked_otherwise(method: str, head: int, whole: int) -> None:
    trunk = build_backbone("lenet", size=28, pretrained=False, weights=None)
    network = Network(trunk=trunk, head=nn.Linear(trunk.width, CLASSES))
    assert build(method, rows=ROWS, network=small_network()).plain_epochs(14) == head
    assert build(method, rows=ROWS, network=network).plain_epochs(14) == whole
    assert build(method, rows=ROWS, network=network, options={"warmup": 2}).plain_epochs(14) == 2
    assert build(method, rows=ROWS, network=network).plain_epochs(1) == 0  # the last epoch is never plain


def test_a_transfer_weighs_from_the_first_step_on() -> None:
    trunk = build_backbone("lenet", size=28, pretrained=False, weights=None)
    network = Network(trunk=trunk, head=nn.Linear(trunk.width, CLASSES))
    weighting = build("soseleto", rows=ROWS, network=network)
    weighting.for_target(network, 3)
    assert weighting.plain_epochs(14) == 0


def _pixels(name: str) -> tuple[Network, Batch, Batch]:
    """A network on pixels or vectors in float64, where no layer looks how large its numbers are, and two batches."""
    torch.manual_seed(0)
    labels, rows = torch.arange(16) % CLASSES, torch.arange(16)
    if name == "head":
        inputs = torch.randn(16, WIDTH, dtype=torch.float64)
        network = Network(trunk=nn.Identity(), head=nn.Linear(WIDTH, CLASSES))
    else:
        inputs = 255 * torch.rand(16, 3, 32, 32, dtype=torch.float64)
        small = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), Block(8, 8, 1), Block(8, 12, 2), nn.Flatten())
        trunk = {
            "preact": small,
            "cifar-quick": build_backbone("cifar-quick", size=32, pretrained=False, weights=None),
            "transformer": VisionTransformer(32, 8, 2, 2, hidden_dim=8, mlp_dim=12, num_classes=12),
        }[name]
        network = Network(trunk=trunk, head=nn.Linear(trunk(inputs.float()).shape[1], CLASSES))
    source = Batch(inputs=inputs, labels=labels, rows=rows)
    return network.double().train(), source, Batch(inputs=inputs[::2], labels=labels[::2], rows=rows[::2])


@pytest.mark.parametrize("network", ["preact", "cifar-quick", "transformer", "head"])
@pytest.mark.parametrize("meta", [Meta(), Meta(layers="last"), Meta(every=2, momentum=0.5)], ids=str)
@pytest.mark.parametrize("method", SINGLES)
def test_a_step_never_waits_for_the_device(
    method: str, meta: Meta, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one may: it looks how a network can be followed. Nor does a later one touch the random state."""
    trained, source, target = _pixels(network)
    try:
        weighting = build(method, rows=16, network=trained, meta=meta).double()
    except NoisecleanerError:
        pytest.skip("it takes no such meta step")
    for _ in range(2):
        take(weighting, trained, source, target)
    for asking in ("get_rng_state", "set_rng_state", "fork_rng"):
        monkeypatch.setattr(torch.random, asking, None)
        monkeypatch.setattr(torch, asking, None, raising=False)
    with NoTransfers():
        take(weighting, trained, source, target)


@pytest.mark.parametrize(
    "waits",
    [
        lambda x: float(x[0]),
        lambda x: bool(x.any()),
        lambda x: x[x > 0],
        lambda x: x.repeat_interleave(torch.ones(3, dtype=torch.int64)),
        lambda x: torch.tensor([1.0, 2.0]),
        lambda x: x.nonzero(),
    ],
)
def test_what_waits_for_the_device_is_noticed(waits: Callable[[Tensor], object]) -> None:
    with pytest.raises(AssertionError, match="must not wait"), NoTransfers():
        waits(torch.ones(3))
