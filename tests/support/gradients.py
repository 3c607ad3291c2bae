"""Small networks with every kind of operation, and batches for them, for the tests of gradients, in float64."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.vision_transformer import VisionTransformer

from noisecleaner.gradients.alignment import alignments, direction, directional_derivative
from noisecleaner.gradients.forward_rules import RULES
from noisecleaner.gradients.passes import with_derivatives, with_spare_buffers
from noisecleaner.gradients.tangents import Tangents

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


def transformer(dropout: float = 0.0) -> nn.Module:
    """Torchvision's, of two blocks with two heads, on images of 6 pixels in 4 patches."""
    network = VisionTransformer(
        image_size=6,
        patch_size=3,
        num_layers=2,
        num_heads=2,
        hidden_dim=8,
        mlp_dim=12,
        dropout=dropout,
        attention_dropout=dropout,
        num_classes=CLASSES,
    )
    nn.init.normal_(network.heads.head.weight)  # type: ignore[arg-type]  # it starts with zeros, which hide all below
    return network


def convnext() -> nn.Module:
    """Torchvision's, of two stages."""
    stages = [CNBlockConfig(8, 12, 1), CNBlockConfig(12, None, 1)]
    return nn.Sequential(
        nn.Upsample(16), ConvNeXt(stages, stochastic_depth_prob=0.5, layer_scale=0.5, num_classes=CLASSES)
    )


def batches() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    source = torch.randn(ROWS, 3, 6, 6, generator=generator, dtype=torch.float64)
    trusted = torch.randn(5, 3, 6, 6, generator=generator, dtype=torch.float64)
    return source, trusted, torch.randint(0, CLASSES, (5,), generator=generator)


def agreement(network: nn.Module, inputs: Tensor, trusted: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """a(c) of source samples against the cross-entropy of a trusted batch, and the logits, each [n, classes]."""
    loss = functional.cross_entropy(with_spare_buffers(network, trusted), labels)
    along = direction(loss, dict(network.named_parameters()))
    logits = directional_derivative(network, inputs, along)
    return alignments(logits), logits.value


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
        self.layer.dropout1.p = 0.0  # its mask depends on how PyTorch lays the tokens out, which a rule need not keep

    def forward(self, x: Tensor) -> Tensor:
        tokens: Tensor = self.layer(x.flatten(2).transpose(1, 2).unflatten(2, (3, 1)).flatten(2).repeat(1, 1, 4))
        return tokens.mean(1)


class Block(nn.Module):
    """Tokens that look at each other, and a mean of them."""

    def __init__(self, *, weights: bool = False, dropout: float = 0.0, other: bool = False) -> None:
        super().__init__()
        self.block = nn.MultiheadAttention(8, 2, dropout=dropout, batch_first=True)
        self.weights, self.other = weights, other

    def forward(self, x: Tensor) -> Tensor:
        seen: Tensor = self.block(x, x * 2 if self.other else x, x, need_weights=self.weights)[0]
        return seen.mean(1)


class Alias(nn.Module):
    """A view is changed behind its base's back."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)
        y.flatten(1).mul_(2)
        return y * 1


class Own(nn.Module):
    """A layer that has no rule."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


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
        "transformer": transformer,
        "convnext": convnext,
        "head": lambda: nn.Sequential(nn.Flatten(), nn.Linear(108, 7), nn.ReLU(), nn.Linear(7, CLASSES)),
        "alias": lambda: nn.Sequential(Alias(nn.Conv2d(3, 3, 1)), tail),
        "scripted": lambda: nn.Sequential(scripted, nn.ReLU(), tail),  # type: ignore[arg-type]
    }
    return networks[name]().double()


ZOO = [
    "residual",
    "grouped",
    "pools",
    "frozen norm",
    "batch norm",
    "dropout",
    "attention",
    "transformer",
    "convnext",
    "head",
]


Function = Callable[..., Tensor]


def drawn(*shape: int) -> Tensor:
    """Normal numbers in float64."""
    return torch.randn(shape, dtype=torch.float64)


def by_rule(func: Function, moving: list[Tensor], along: list[Tensor | None], **named: object) -> tuple[Tensor, Tensor]:
    """A function's output and its tangent, where the first arguments are tensors that move."""
    tangents = Tangents({})
    for tensor, tangent in zip(moving, along, strict=True):
        tangents.put(tensor, tangent=tangent)
    output = RULES[func](tangents, func, *moving, **named)
    tangent = tangents.of(output)
    assert tangent is not None
    return output, tangent


def by_dual_numbers(
    func: Function, moving: list[Tensor], along: list[Tensor | None], **named: object
) -> tuple[Tensor, Tensor]:
    """The same by PyTorch's forward mode."""
    with with_derivatives(), forward_ad.dual_level():
        duals = [t if v is None else forward_ad.make_dual(t, v) for t, v in zip(moving, along, strict=True)]
        output, tangent = forward_ad.unpack_dual(func(*duals, **named))
        return output.clone(), tangent.clone()
