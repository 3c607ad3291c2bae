"""The networks that are trained: a backbone with a classifier, or a small head on vectors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from noisecleaner.arrays import RealArray
from noisecleaner.networks.backbones import Backbone, blank
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.networks.twins import TwinHead, Twins

#: A coordinate never changes where its deviation is this part of what others have, at most of 1; or this part of its
#: own mean, which single precision cannot tell from nothing.
_LEAST, _RESOLUTION = 1e-6, 1e-7
#: Times a weight of a head, it is still a number of single precision.
_MOST_SCALE = 3e37


class Standardise(nn.Module):
    """Shift and scale vectors coordinate by coordinate: (x - mean) * scale.

    Args:
        width: length of a vector.
        rooted: whether the square root is taken first, see `inputs/rooting.py`.
    """

    def __init__(self, width: int, *, rooted: bool = False) -> None:
        super().__init__()
        self._rooted = rooted
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def fit(self, *, mean: RealArray, deviation: RealArray) -> None:
        """Take the statistics of the data, each of shape [width]; a coordinate that never changes is switched off.

        All other coordinates have a deviation of 1 then, whatever the scale of the vectors is.
        """
        varying = deviation[deviation > 0]
        least = _LEAST * min(1.0, float(np.median(varying))) if len(varying) else 0.0
        changes = (deviation > least) & (deviation > _RESOLUTION * np.abs(mean))
        scale = np.divide(1.0, deviation, out=np.zeros(len(deviation)), where=changes)
        scale = np.minimum(scale, _MOST_SCALE)
        self.mean.copy_(torch.from_numpy(mean.astype(np.float32)))
        self.scale.copy_(torch.from_numpy(scale.astype(np.float32)))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the standardised vectors [n, width], in the same shape."""
        if self._rooted:
            vectors = vectors.abs().sqrt().copysign(vectors)
        return torch.addcmul(-self.mean * self.scale, vectors, self.scale)  # one pass over the batch

    def in_place(self, vectors: Tensor) -> Tensor:
        """Standardise vectors [n, width] where they are, and return them."""
        if self._rooted:
            vectors.copy_(vectors.abs().sqrt_().copysign_(vectors))
        return torch.addcmul(-self.mean * self.scale, vectors, self.scale, out=vectors)


class VectorScaling(nn.Module):
    """Recalibrate log probabilities with one scale and a shift for each class (Guo et al., 2017, section 4.2).

    Args:
        classes: number of classes.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.shift = nn.Parameter(torch.zeros(classes))

    def forward(self, log_probabilities: Tensor) -> Tensor:
        """Return logits of log probabilities [n, classes], in the same shape."""
        return self.scale * log_probabilities + self.shift


def build_network(shape: Shape, backbone: Backbone | None = None) -> Network:
    """Make a network.

    Args:
        shape: what to make.
        backbone: the trunk of a network on pixels; None builds a fresh one by name.

    Raises:
        NoisecleanerError: a backbone that is built by name is unknown, or does not take images of this size.
    """
    if shape.kind == "probabilities":
        return Network(trunk=nn.Identity(), head=VectorScaling(shape.classes))
    if shape.kind == "pixels":
        card = shape.cards[0] if shape.cards else None
        trunk = backbone or blank(str(shape.backbone), size=shape.size, card=card)
        if shape.networks == 1:
            return Network(trunk=trunk, head=nn.Linear(shape.width, shape.classes))
        twins = trunk if isinstance(trunk, Twins) else Twins.beside(trunk, str(shape.backbone), card)
        return Network(trunk=twins, head=TwinHead(shape.width, shape.classes))
    if shape.hidden:
        layers = [Standardise(shape.width, rooted=shape.rooted), nn.Linear(shape.width, shape.hidden), nn.ReLU()]
        return Network(trunk=nn.Sequential(*layers), head=nn.Linear(shape.hidden, shape.classes))
    head = nn.Linear(shape.width, shape.classes)
    nn.init.zeros_(head.weight)  # a linear model's loss is convex: every start is as good, and this one repeats
    return Network(trunk=nn.Sequential(Standardise(shape.width, rooted=shape.rooted)), head=head)


def set_classifier(network: Network, *, weight: RealArray, bias: RealArray) -> None:
    """Give a network a linear classifier that was found without descent.

    Args:
        network: whose head is `nn.Linear`, changed in place.
        weight: shape [width, classes].
        bias: shape [classes].
    """
    linear = network.head
    assert isinstance(linear, nn.Linear)  # noqa: S101  # a second round is for such heads alone
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(weight.T.astype(np.float32)))
        linear.bias.copy_(torch.from_numpy(bias.astype(np.float32)))


def standardise(network: Network, *, mean: RealArray, deviation: RealArray) -> None:
    """Give a head on vectors the statistics of its data, each of shape [width]."""
    for module in network.modules():
        if isinstance(module, Standardise):
            module.fit(mean=mean, deviation=deviation)
