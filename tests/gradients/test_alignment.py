"""The primitive against autograd through the unrolled update, in float64."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from support.gradients import CLASSES, ROWS, agreement, batch_norm_net, batches, conv_net, dropout_net, mlp
from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.gradients.alignment import alignments, at, direction, directional_derivative
from noisecleaner.gradients.passes import with_spare_buffers
from noisecleaner.gradients.tangents import Dual


@pytest.fixture(params=[mlp, conv_net, batch_norm_net])
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    make: Callable[[], nn.Module] = request.param
    return make().double().train()


def unrolled(network: nn.Module, source: Tensor, trusted: Tensor, labels: Tensor) -> Tensor:
    """-d L_t(theta - sum eps_ic grad CE(z_i, c)) / d eps_ic at eps = 0, for every row and class."""
    parameters = dict(network.named_parameters())
    weights = torch.zeros(ROWS, CLASSES, dtype=torch.float64, requires_grad=True)
    losses = -functional.log_softmax(with_spare_buffers(network, source), dim=1)
    gradients = torch.autograd.grad((weights * losses).sum(), list(parameters.values()), create_graph=True)
    moved = {name: p - g for (name, p), g in zip(parameters.items(), gradients, strict=True)}
    target = functional.cross_entropy(with_spare_buffers(network, trusted, moved), labels)
    return -torch.autograd.grad(target, weights)[0]


def test_agreement_is_the_meta_gradient_for_every_class(network: nn.Module) -> None:
    source, trusted, labels = batches()
    expected = unrolled(network, source, trusted, labels)
    found, _ = agreement(network, source, trusted, labels)
    assert ((found - expected).norm() / expected.norm()).item() < 1e-9


def test_agreement_is_the_inner_product_of_gradients() -> None:
    torch.manual_seed(0)
    network = conv_net().double()
    source, trusted, labels = batches()
    along = direction(functional.cross_entropy(network(trusted), labels), dict(network.named_parameters()))
    found, _ = agreement(network, source, trusted, labels)
    for row in range(ROWS):
        for label in range(CLASSES):
            loss = functional.cross_entropy(network(source[row : row + 1]), torch.tensor([label]))
            own = direction(loss, dict(network.named_parameters()))
            product = sum((own[name] * along[name]).sum() for name in along)
            torch.testing.assert_close(found[row, label], product, rtol=1e-9, atol=1e-12)


def test_directional_derivative_agrees_with_finite_differences(network: nn.Module) -> None:
    source, _, _ = batches()
    parameters = dict(network.named_parameters())
    along = {name: torch.randn_like(p) for name, p in parameters.items()}
    step = 1e-6
    ahead, behind = (
        with_spare_buffers(network, source, {n: (p + sign * step * along[n]).detach() for n, p in parameters.items()})
        for sign in (1, -1)
    )
    moving = directional_derivative(network, source, along)
    logits, derivative = moving.value, moving.tangent
    torch.testing.assert_close(derivative, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(logits, with_spare_buffers(network, source))


def test_alignments_follow_the_softmax_and_sum_to_zero_under_it() -> None:
    logits, derivative = torch.randn(2, 5, CLASSES, dtype=torch.float64)
    found = alignments(Dual(value=logits, tangent=derivative))
    expected = torch.stack(
        [(logits.softmax(1) - functional.one_hot(torch.tensor(c), CLASSES)) @ derivative.T for c in range(CLASSES)]
    )
    torch.testing.assert_close(found, torch.stack([expected[c].diagonal() for c in range(CLASSES)], dim=1))
    torch.testing.assert_close((logits.softmax(1) * found).sum(1), torch.zeros(5, dtype=torch.float64))


def test_running_statistics_advance_as_in_a_plain_step() -> None:
    torch.manual_seed(0)
    network = batch_norm_net().double().train()
    source, trusted, labels = batches()
    plain = deepcopy(network)
    plain(source)
    agreement(network, source, trusted, labels)
    assert network.training
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, plain.state_dict()[name], msg=name)


def test_the_pass_draws_the_dropout_masks_of_a_plain_one() -> None:
    torch.manual_seed(0)
    network = dropout_net().double().train()
    source, _, _ = batches()
    along = {name: torch.ones_like(p) for name, p in network.named_parameters()}
    outcomes = []
    for call in (lambda: directional_derivative(network, source, along).value, lambda: network(source)):
        torch.manual_seed(3)
        outcomes.append((call(), torch.rand(1)))
    torch.testing.assert_close(outcomes[0][0], outcomes[1][0], rtol=1e-12, atol=1e-12)
    assert torch.equal(outcomes[0][1], outcomes[1][1])


def test_parameters_that_do_not_take_part_have_no_derivative() -> None:
    torch.manual_seed(0)
    network = mlp().double()
    source, _, _ = batches()
    last = {"3.bias": torch.arange(CLASSES, dtype=torch.float64)}
    derivative = directional_derivative(network, source, last).tangent
    assert torch.equal(derivative, last["3.bias"].expand(ROWS, CLASSES))
    unused = direction(network[1](source.flatten(1)).sum(), dict(network.named_parameters()))
    assert not unused["3.weight"].any()


def test_at_picks_one_class_a_row() -> None:
    values = torch.arange(6.0).view(2, 3)
    assert at(values, torch.tensor([2, 0])).tolist() == [2.0, 3.0]
