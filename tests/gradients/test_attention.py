"""Attention against PyTorch's dual numbers, in float64; and what transformers cost."""

from __future__ import annotations

import pytest
import torch
from support.gradients import CLASSES, Block, by_dual_numbers, drawn, transformer
from torch import Tensor
from torch.nn import functional
from torchvision.models.vision_transformer import VisionTransformer

from noisecleaner.bench._watch import Watch
from noisecleaner.gradients import attention as module
from noisecleaner.gradients.alignment import direction, directional_derivative, forward_mode
from noisecleaner.gradients.backward import weighted_pass
from noisecleaner.gradients.forward import ForwardMode, follow
from noisecleaner.gradients.forward_rules import RULES
from noisecleaner.gradients.passes import UnfollowedError, with_spare_buffers
from noisecleaner.gradients.tangents import Tangents

SEEN = torch.tensor([[True, False, True], [True, True, False], [True, True, True], [False, True, True]])
SHAPES = ((2, 3, 4, 5), (2, 3, 3, 5), (2, 3, 3, 6))


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"scale": 0.3},
        {"attn_mask": SEEN},
        {"attn_mask": torch.linspace(-1, 1, 12, dtype=torch.float64).view(4, 3)},
        {"attn_mask": torch.linspace(-1, 1, 72, dtype=torch.float64).view(2, 3, 4, 3)},
        {"is_causal": True},
    ],
    ids=["plain", "scaled", "seen", "biased", "biased rows", "causal"],
)
@pytest.mark.parametrize("parts", [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0)], ids=str)
@pytest.mark.parametrize("held", [2**27, 1], ids=["at once", "row by row"])
def test_attention_moves_as_dual_numbers_do(
    named: dict[str, object], parts: tuple[int, ...], held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SCORES", held)
    torch.manual_seed(0)
    moving = [drawn(*shape) for shape in SHAPES]
    along = [torch.randn_like(t) if part else None for t, part in zip(moving, parts, strict=True)]
    tangents, func = Tangents({}), functional.scaled_dot_product_attention
    for tensor, tangent in zip(moving, along, strict=True):
        tangents.put(tensor, tangent=tangent)
    output = RULES[func](tangents, func, *moving, **named)
    expected, tangent = by_dual_numbers(func, moving, along, **named)
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(tangents.of(output), tangent, rtol=1e-9, atol=1e-12)


def test_a_mask_moves_with_what_it_was_learned_as() -> None:
    torch.manual_seed(0)
    moving, mask = [drawn(*shape) for shape in SHAPES], drawn(3, 4, 3)
    along, func = drawn(3, 4, 3), functional.scaled_dot_product_attention
    tangents = Tangents({mask: along})
    output = RULES[func](tangents, func, *moving, attn_mask=mask)
    _, tangent = by_dual_numbers(lambda bias: func(*moving, attn_mask=bias), [mask], [along])
    torch.testing.assert_close(tangents.of(output), tangent, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("named", [{"enable_gqa": True}, {"dropout_p": 0.1}], ids=str)
def test_attention_of_another_kind_has_no_rule(named: dict[str, object]) -> None:
    query = drawn(2, 3, 4, 5)
    func = functional.scaled_dot_product_attention
    assert RULES[func](Tangents({query: drawn(2, 3, 4, 5)}), func, query, query, query, **named) is NotImplemented


@pytest.mark.parametrize(
    "named", [{}, {"dropout": 0.3}, {"weights": True}, {"other": True}, {"weights": True, "dropout": 0.3}], ids=str
)
def test_a_block_of_attention_has_the_derivative_and_the_gradient_of_dual_numbers(named: dict[str, object]) -> None:
    torch.manual_seed(0)
    network, inputs = Block(**named).double().train(), drawn(3, 5, 8)  # type: ignore[arg-type]  # its own words
    along = {n: torch.randn_like(p) for n, p in network.named_parameters()}
    torch.manual_seed(5)
    expected = forward_mode(network, inputs, along)
    torch.manual_seed(5)
    found = directional_derivative(network, inputs, along)
    torch.testing.assert_close(found.tangent, expected, rtol=1e-9, atol=1e-12)
    torch.manual_seed(5)
    gradients = [
        torch.autograd.grad(y.square().sum(), list(network.parameters())) for y in (found.value, network(inputs))
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_a_block_whose_weights_are_asked_for_is_not_weighed_sample_by_sample() -> None:
    network, inputs = Block(weights=True).double(), drawn(3, 5, 8)
    with pytest.raises(UnfollowedError, match="multi_head_attention_forward"):
        weighted_pass(network, inputs, weights=torch.ones(3), along={})


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_transformer_never_takes_the_generic_way(dropout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    generic = ForwardMode._by_dual_numbers

    def seen(mode: ForwardMode, func: object, *rest: object) -> object:
        asked.append(getattr(func, "__name__", ""))
        return generic(mode, func, *rest)  # type: ignore[arg-type]  # what it was asked

    monkeypatch.setattr(ForwardMode, "_by_dual_numbers", seen)
    network = transformer(dropout).double().train()
    follow(network, drawn(3, 3, 6, 6), {p: torch.ones_like(p) for p in network.parameters()})
    assert asked == []


def test_an_exact_step_of_a_transformer_multiplies_what_counting_passes_allows() -> None:
    """A plain step is a forward pass and twice that back. The trusted rows take one, the derivative two passes more.

    Separable as it is, the products come out of the backward pass at one pass more.
    """
    torch.manual_seed(0)
    network = VisionTransformer(32, 4, 2, 4, hidden_dim=32, mlp_dim=128, num_classes=CLASSES)
    inputs, labels = torch.randn(8, 3, 32, 32), torch.arange(8) % CLASSES
    kept, parameters = list(network.parameters()), dict(network.named_parameters())

    def plain() -> None:
        torch.autograd.grad(functional.cross_entropy(network(inputs), labels), kept)

    def along() -> dict[str, Tensor]:
        return direction(functional.cross_entropy(with_spare_buffers(network, inputs), labels), parameters)

    def forward() -> None:
        logits = directional_derivative(network, inputs, along()).value
        torch.autograd.grad(functional.cross_entropy(logits, labels), kept)

    def backward() -> None:
        logits, products = weighted_pass(network, inputs, weights=torch.ones(8), along=along())
        torch.autograd.grad(products.mean(functional.cross_entropy(logits, labels, reduction="none")), kept)

    counted = []
    for step in (plain, forward, backward):
        with Watch(kept) as watch:
            step()
        counted.append(watch.operations)
    assert 2.5 < counted[1] / counted[0] < 8 / 3 + 0.1
    assert 2.2 < counted[2] / counted[0] < 7 / 3 + 0.1
