"""The primitive against autograd through the unrolled update, in float64."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from support.datasets import agreement
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from noisecleaner.gradients.alignment import alignments, at, direction, directional_derivative, forward_mode
from noisecleaner.gradients.forward import ForwardMode, follow
from noisecleaner.gradients.passes import UnfollowedError, with_spare_buffers
from noisecleaner.gradients.tangents import Dual, Tangents

CLASSES, ROWS = 4, 7


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 6, 9), nn.Tanh(), nn.Linear(9, CLASSES))


def conv_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 6, 2), nn.Flatten(), nn.Linear(6, CLASSES)
    )


def batch_norm_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 5, 3),
        nn.BatchNorm2d(5),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.BatchNorm1d(20),
        nn.Linear(20, CLASSES),
    )


def dropout_net() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(108, 30), nn.Dropout(0.5), nn.ReLU(), nn.Linear(30, CLASSES))


@pytest.fixture(params=[mlp, conv_net, batch_norm_net])
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    make: Callable[[], nn.Module] = request.param
    return make().double().train()


def batches() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    source = torch.randn(ROWS, 3, 6, 6, generator=generator, dtype=torch.float64)
    trusted = torch.randn(5, 3, 6, 6, generator=generator, dtype=torch.float64)
    return source, trusted, torch.randint(0, CLASSES, (5,), generator=generator)


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


def test_functional_call_needs_cloned_buffers() -> None:
    """The trap that `with_spare_buffers` avoids: a plain call in train mode changes the buffers."""
    network = batch_norm_net().double().train()
    before = network[1].running_mean.clone()
    functional_call(network, dict(network.named_parameters()), (batches()[0],))
    assert not torch.equal(network[1].running_mean, before)


# What the tangents follow: every kind of operation, against PyTorch's dual numbers, and the gradient of a plain pass.


class Residual(nn.Module):
    """Operations that change tensors in place, broadcast, split and join them."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.scale = nn.Parameter(torch.rand(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch(x)
        y += x * self.scale
        first, second = functional.relu(y, inplace=True).split([1, 2], dim=1)
        joined = torch.cat([second, (first * 2).add_(1)], dim=1).sigmoid() + 0.5
        joined[:, 0] = first[:, 0]
        return joined


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(12, 3, 20, dropout=0.2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        tokens: Tensor = self.layer(x.flatten(2).transpose(1, 2).unflatten(2, (3, 1)).flatten(2).repeat(1, 1, 4))
        return tokens.mean(1)


class Alias(nn.Module):
    """A view is changed behind its base's back."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)
        y.flatten(1).mul_(2)
        return y * 1


def zoo(name: str) -> nn.Module:
    torch.manual_seed(0)
    tail = nn.Sequential(nn.Flatten(), nn.Linear(108, CLASSES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripts are deprecated; users have them nevertheless
        scripted = torch.jit.script(nn.Conv2d(3, 3, 3, padding=1)) if name == "scripted" else None
    networks: dict[str, Callable[[], nn.Module]] = {
        "residual": lambda: nn.Sequential(Residual(nn.Conv2d(3, 3, 3, padding=1)), tail),
        "grouped": lambda: nn.Sequential(
            nn.Conv2d(3, 6, 3, 2, padding=1, groups=3, bias=False),
            nn.GroupNorm(2, 6),
            nn.SiLU(),
            nn.Flatten(),
            nn.LayerNorm(54),
            nn.Linear(54, CLASSES),
        ),
        "pools": lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, padding="same", padding_mode="reflect"),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, padding=1, ceil_mode=True),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16, CLASSES),
        ),
        "frozen norm": lambda: nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3).eval(), tail),
        "batch norm": lambda: nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, affine=False), nn.ReLU(), tail),
        "dropout": lambda: nn.Sequential(nn.Conv2d(3, 3, 1), nn.Dropout2d(), nn.PReLU(), tail),
        "attention": lambda: nn.Sequential(Attention(), nn.Linear(12, CLASSES)),
        "head": lambda: nn.Sequential(nn.Flatten(), nn.Linear(108, 7), nn.ReLU(), nn.Linear(7, CLASSES)),
        "alias": lambda: nn.Sequential(Alias(nn.Conv2d(3, 3, 1)), tail),
        "scripted": lambda: nn.Sequential(scripted, nn.ReLU(), tail),  # type: ignore[arg-type]
    }
    return networks[name]().double()


ZOO = ["residual", "grouped", "pools", "frozen norm", "batch norm", "dropout", "attention", "head"]


@pytest.mark.parametrize("name", [*ZOO, "alias", "scripted"])
def test_the_recorded_pass_carries_the_derivative_of_any_network(name: str) -> None:
    network, (source, _, labels) = zoo(name), batches()
    along = {n: torch.randn_like(p) for n, p in network.named_parameters()}
    labels = torch.arange(ROWS) % CLASSES
    torch.manual_seed(5)
    expected = forward_mode(network, source, along)
    loss = functional.cross_entropy(deepcopy(network)(source) if name != "scripted" else network(source), labels)
    torch.manual_seed(5)
    moving = directional_derivative(network, source, along)
    logits, derivative = moving.value, moving.tangent
    assert ((derivative - expected).norm() / expected.norm()).item() < 1e-12
    assert not derivative.requires_grad
    found = functional.cross_entropy(logits, labels)
    torch.testing.assert_close(found, loss)
    gradients = torch.autograd.grad(found, list(network.parameters()))
    torch.manual_seed(5)
    plain = torch.autograd.grad(functional.cross_entropy(network(source), labels), list(network.parameters()))
    for one, other in zip(gradients, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("padding", [0, 1])
def test_max_pooling_takes_the_same_pixels_of_the_derivative(layout: torch.memory_format, padding: int) -> None:
    torch.manual_seed(0)
    pool = nn.MaxPool2d(3, 2, padding=padding, ceil_mode=True)
    network = nn.Sequential(nn.Conv2d(3, 5, 3), pool, nn.Flatten(), nn.LazyLinear(CLASSES)).double()
    inputs = torch.randn(4, 3, 9, 8, dtype=torch.float64)
    network(inputs)  # gives the last layer its width
    network.to(memory_format=layout)  # type: ignore[call-overload]  # its hints leave this out
    inputs = inputs.to(memory_format=layout)
    along = {n: torch.randn_like(p) for n, p in network.named_parameters()}
    expected = forward_mode(network, inputs, along)
    derivative = directional_derivative(network, inputs, along).tangent
    assert ((derivative - expected).norm() / expected.norm()).item() < 1e-12
    assert network[0](inputs).is_contiguous(memory_format=layout)


@pytest.mark.parametrize("name", ["alias", "scripted"])
def test_what_cannot_be_followed_is_refused_and_leaves_no_trace(name: str) -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(), zoo(name)).double()
    source, _, _ = batches()
    before = {n: value.clone() for n, value in network.state_dict().items()}
    state = torch.get_rng_state()
    with pytest.raises(UnfollowedError):
        follow(network, source, {p: torch.ones_like(p) for p in network.parameters()})
    assert all(torch.equal(value, before[n]) for n, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", ZOO)
def test_the_derivative_of_some_layers_is_that_with_zeros_elsewhere(name: str) -> None:
    network, (source, _, _) = zoo(name), batches()
    chosen = {n: torch.randn_like(p) for n, p in list(network.named_parameters())[-2:]}
    padded = {n: chosen.get(n, torch.zeros_like(p)) for n, p in network.named_parameters()}
    torch.manual_seed(5)
    moving = directional_derivative(network, source, chosen)
    logits, some = moving.value, moving.tangent
    torch.manual_seed(5)
    torch.testing.assert_close(some, forward_mode(network, source, padded), rtol=1e-9, atol=1e-12)
    torch.manual_seed(5)
    gradients = [torch.autograd.grad(z.square().sum(), list(network.parameters())) for z in (logits, network(source))]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_the_recorded_pass_keeps_no_tangent_and_notices_what_autograd_would() -> None:
    network, (source, _, _) = zoo("pools"), batches()
    made: list[weakref.ref[Tensor]] = []
    put = Tangents.put

    def watched(tangents: Tangents, tensor: Tensor, *, tangent: Tensor | None) -> Tensor:
        if tangent is not None and not tensor.is_leaf:
            made.append(weakref.ref(tangent))
        return put(tangents, tensor, tangent=tangent)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tangents, "put", watched)
        most = []
        network[4].register_forward_hook(lambda *_: most.append(sum(ref() is not None for ref in made)))  # type: ignore[operator]
        follow(network, source, {p: torch.ones_like(p) for p in network.parameters()})
    assert len(made) > most[0] <= 2
    changing = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), Doubled()).double()
    along = {p: torch.ones_like(p) for p in changing.parameters()}
    logits = follow(changing, torch.ones(2, 4).double(), along).value
    with pytest.raises(RuntimeError, match="in place"):
        torch.autograd.backward(logits.sum())


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(2)


def test_tangents_do_not_outlive_their_tensors() -> None:
    layer = nn.Linear(3, 2)
    tangents = Tangents({p: torch.ones_like(p) for p in layer.parameters()})
    with ForwardMode(tangents):
        for _ in range(5):
            layer(torch.ones(1, 3)).relu()
    assert len(tangents._known) == len(list(layer.parameters()))
