"""EfficientNet-Lite for inference on the CPU: batch norm folded into the weights, ReLU6 and oneDNN's own layout.

The results are those of the plain network up to float32's rounding; the weights are copied, so that what is saved
stays as it is. Why: eager PyTorch reads and writes each map again for batch norm, for ReLU6 and for the padding, and
its convolutions are slow in either of its layouts. In oneDNN's blocked one they are about twice as fast.

PyTorch does not promise to keep that convolution, nor the wheel the names of its layers: `folded` tries the network on
one image, and the plain one stays where the two differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights


@dataclass(frozen=True)
class Convolution:
    """A convolution, its batch norm, and ReLU6 where it is `active`, in one call.

    Args:
        weight: shape [outputs, inputs / groups, edge, edge].
        bias: shape [outputs].
        stride: in both directions.
        padding: zeros on each side.
        groups: of channels.
        active: whether ReLU6 follows.
    """

    weight: Tensor
    bias: Tensor
    stride: int
    padding: int
    groups: int
    active: bool

    def __call__(self, maps: Tensor) -> Tensor:
        """Map [batch, inputs, h, w] to [batch, outputs, h / stride, w / stride], in and out in oneDNN's layout."""
        then: tuple[Any, ...] = ("hardtanh", [0.0, 6.0], "") if self.active else ("none", [], "")
        both = ([self.padding] * 2, [self.stride] * 2, [1, 1])
        made: Tensor = torch.ops.mkldnn._convolution_pointwise(maps, self.weight, self.bias, *both, self.groups, *then)
        return made


def supported() -> bool:
    """Whether this machine is of the kind that it was measured on."""
    onednn = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
    return onednn and torch.backends.cpu.get_cpu_capability().startswith("AVX")


@torch.inference_mode()
def folded(plain: Callable[[Tensor], Tensor], normalise: nn.Module, network: Any, size: int) -> FoldedLite | None:
    """Fold a network; None where this machine, PyTorch or the wheel is not of the kind that it was written for.

    Args:
        plain: pixels of shape [n, 3, size, size] -> the features, [n, width], that the folded network has to find, too.
        normalise: pixels -> what the network wants.
        network: `efficientnet_lite_pytorch.EfficientNet`, on the CPU, in float32.
        size: edge length of the images.
    """
    pixels = torch.linspace(0, 255, 3 * size * size).view(1, 3, size, size)
    try:
        found = FoldedLite(normalise, network) if supported() else None
        features = None if found is None else found(pixels)
    except (AttributeError, TypeError, RuntimeError, NotImplementedError):
        return None
    if features is None or not torch.allclose(features, plain(pixels), rtol=1e-3, atol=1e-3):
        return None
    return found


class FoldedLite:
    """What `EfficientNetLite.features` computes, with the weights that the network has now.

    Args:
        normalise: pixels -> what the network wants.
        network: `efficientnet_lite_pytorch.EfficientNet`, on the CPU, in float32.
    """

    def __init__(self, normalise: nn.Module, network: Any) -> None:
        self._normalise = normalise
        stem = network._conv_stem
        self._border = stem.static_padding.padding
        self._stem = _fold(stem, network._bn0, active=True, border=(0, 0, 0, 0))
        self._blocks = [_block(block) for block in network._blocks]
        self._head = _fold(network._conv_head, network._bn1, active=True)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Turn pixels [batch, 3, size, size], 0 to 255, into features [batch, 1280]."""
        # padded before the layout changes: three channels are cheap, and a larger kernel as in `_fold` would not be
        padded = functional.pad(self._normalise(pixels), self._border)
        maps = self._stem(padded.contiguous().to_mkldnn())
        for layers, shortcut in self._blocks:
            before = maps
            for layer in layers:
                maps = layer(maps)
            if shortcut:
                maps = maps + before
        return functional.adaptive_avg_pool2d(self._head(maps), 1).to_dense().flatten(1)


def _block(block: Any) -> tuple[list[Convolution], bool]:
    """Fold an inverted bottleneck: its layers, and whether its input is added to its output."""
    shape = block._block_args
    layers = [_fold(block._expand_conv, block._bn0, active=True)] if shape.expand_ratio != 1 else []
    layers.append(_fold(block._depthwise_conv, block._bn1, active=True))
    layers.append(_fold(block._project_conv, block._bn2, active=False))
    same = shape.stride in (1, [1]) and shape.input_filters == shape.output_filters
    return layers, block.id_skip and same


@torch.no_grad()
def _fold(
    convolution: Any, norm: nn.BatchNorm2d, *, active: bool, border: tuple[int, int, int, int] | None = None
) -> Convolution:
    """Fold a batch norm into the convolution before it.

    TensorFlow pads a strided convolution by one more on the right and at the bottom, which oneDNN's call cannot say. A
    leading row and column of zeros in the kernel and as many zeros on the left and at the top are the same.
    """
    assert norm.running_mean is not None  # noqa: S101  # as trained
    assert norm.running_var is not None  # noqa: S101
    weight, bias = fuse_conv_bn_weights(
        convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    padding = getattr(convolution.static_padding, "padding", (0, 0, 0, 0)) if border is None else border
    left, right, top, bottom = padding
    grown = functional.pad(weight.detach(), (right - left, 0, bottom - top, 0)).contiguous()
    return Convolution(grown, bias.detach(), convolution.stride[0], right, convolution.groups, active)
