"""SOSELETO: Algorithm 1 and eq. 3 to 5."""

from __future__ import annotations

import pytest
import torch
from support.gradients import Own, batches
from support.weightings import CLASSES, ROWS, SOURCE, TARGET, batch, small_network, take
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from noisecleaner.errors import NoisecleanerError
from noisecleaner.gradients.alignment import alignments, at, forward_mode
from noisecleaner.gradients.tangents import Dual
from noisecleaner.networks.network import Batch, Network
from noisecleaner.weightings import build, check_options
from noisecleaner.weightings._meta_gradient import trusted_loss
from noisecleaner.weightings.soseleto import Soseleto


def soseleto(network: Network, **options: object) -> Soseleto:
    return Soseleto(ROWS, network, **options).double()  # type: ignore[arg-type]


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


@pytest.mark.parametrize("layer", [nn.Identity(), nn.BatchNorm2d(3), nn.BatchNorm2d(3).eval(), Own()])
def test_soseleto_moves_alpha_alike_on_the_fast_and_on_the_slow_way(layer: nn.Module) -> None:
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), layer, nn.Tanh(), nn.Flatten())
    network = Network(trunk=trunk, head=nn.Linear(108, CLASSES)).double()
    inputs, _, _ = batches()
    rows = torch.arange(len(inputs))
    labels, weights = rows % CLASSES, torch.rand(len(inputs), dtype=torch.float64)
    weights[2] = 0
    source = Batch(inputs=inputs, labels=labels, rows=rows)
    target = Batch(inputs=inputs.flip(0) + 1, labels=labels, rows=rows)
    weighting = Soseleto(len(inputs), network, lambda_alpha=0.1, classifier="shared").double()
    weighting.weight.copy_(weights)
    along = weighting.along(network, target, lambda p: trusted_loss(network, target, p))
    derivative = forward_mode(network, inputs, along)
    logits = network(inputs)
    losses = functional.cross_entropy(logits, labels, reduction="none")
    expected = torch.autograd.grad((weights * losses).mean(), list(network.parameters()))
    agrees = at(alignments(Dual(value=logits, tangent=derivative)), labels)
    step = weighting.step(network, source, target)
    torch.autograd.backward(step.loss)
    step.settle()
    assert weighting._separable is isinstance(layer, (nn.Identity, Own))
    torch.testing.assert_close(weighting.alpha(), (weights + 0.1 * agrees).clamp(0, 1.1), rtol=1e-9, atol=1e-12)
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-9, atol=1e-12)


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


def test_a_transfer_needs_features_that_source_and_target_share() -> None:
    network = small_network(trunk=False)
    with pytest.raises(ValueError, match="needs features"):
        soseleto(network).for_target(network, 2)


def test_a_classifier_of_several_layers_starts_afresh_for_the_target() -> None:
    """Phi may be "possibly last few layers" of the network (section 3.1)."""
    network = small_network()
    network.head = nn.Sequential(nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, CLASSES)).double()
    weighting = soseleto(network)
    weighting.for_target(network, 5)
    head = weighting.target_network(network).head
    assert [tuple(p.shape) for p in head.parameters()] == [(6, 7), (6,), (5, 6), (5,)]
    assert not torch.equal(head.get_parameter("0.weight"), network.head.get_parameter("0.weight"))
    assert all(p.dtype == torch.float64 for p in head.parameters())


def test_source_labels_are_asked_of_the_source_network_where_there_is_no_transfer() -> None:
    network = small_network()
    assert soseleto(network, classifier="separate").target_network(network) is network


def test_in_a_transfer_alpha_moves_by_the_loss_of_the_targets_own_classes() -> None:
    network, source = small_network(), batch(SOURCE)
    weighting = soseleto(network, lambda_alpha=0.3)
    weighting.for_target(network, 2)
    inputs = batch(TARGET, seed=2).inputs
    target = Batch(inputs=inputs, labels=torch.arange(len(TARGET)) % 2, rows=torch.arange(len(TARGET)))
    theta = list(network.trunk.parameters())
    loss = functional.cross_entropy(weighting.target_network(network)(inputs), target.labels)
    along = torch.autograd.grad(loss, theta)
    losses = functional.cross_entropy(network(source.inputs), source.labels, reduction="none")
    products = []
    for own in losses:
        slopes = torch.autograd.grad(own, theta, retain_graph=True)
        products.append(torch.stack([(g * v).sum() for g, v in zip(slopes, along, strict=True)]).sum())
    expected = (1 + 0.3 * torch.stack(products)).clamp(0, 1.1)
    take(weighting, network, source, target)
    torch.testing.assert_close(weighting.alpha()[SOURCE], expected, rtol=1e-9, atol=1e-12)
