"""What no label has touched: patches of the images themselves, whitened, as filters of one layer (Coates et al., 2011).

A network that is trained end to end on wrong labels learns them by heart, and few images teach it little besides. These
features need neither labels nor training.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.arrays import FloatArray

#: Edge length that larger images are shrunk to, and that of a patch in them.
_IMAGE, _PATCH = 32, 6
#: Filters, and cells along an edge of the grid in which the answer of each is averaged.
_FILTERS, _GRID = 128, 3
#: Pixels from one place of a filter to the next; each one costs half as much as every pixel, and loses nothing.
_STRIDE = 2
#: Patches whose covariance whitens.
_DRAWN = 20_000
#: What is added to variances: of a patch's pixels, on the 0 to 255 scale, and of standardised ones (section 3.1.1).
_CONTRAST, _WHITENING = 10.0, 0.1
#: An answer below this is none (a soft threshold: Coates and Ng, 2011).
_THRESHOLD = 0.5


class Patches(nn.Module):
    """Pixels -> features: the rectified answer of each filter, averaged in the cells of a grid; the square root of it.

    Args:
        edge: edge length of the images.
    """

    def __init__(self, edge: int) -> None:
        super().__init__()
        self.size = min(_PATCH, edge)
        self.filters: Tensor
        self.offset: Tensor
        self.register_buffer("filters", torch.zeros(_FILTERS, 3, self.size, self.size))
        self.register_buffer("offset", torch.zeros(_FILTERS))

    @property
    def width(self) -> int:
        """Number of features."""
        return _FILTERS * _GRID**2

    def fit(self, pixels: Tensor, rng: np.random.Generator) -> None:
        """Draw the filters from images.

        Args:
            pixels: of some images, best shrunk already, shape [n, 3, size, size], on the CPU.
            rng: draws the patches.
        """
        drawn = _standardised(_drawn(shrunk(pixels).numpy(), self.size, rng))
        mean = drawn.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov((drawn - mean).T))
        whitening = (vectors / np.sqrt(np.maximum(values, 0) + _WHITENING)) @ vectors.T
        filters = (drawn[rng.integers(0, len(drawn), _FILTERS)] - mean) @ whitening
        filters /= np.maximum(np.linalg.norm(filters, axis=1, keepdims=True), 1e-12)
        filters = filters @ whitening
        self.filters.copy_(torch.from_numpy(filters).view_as(self.filters))
        self.offset.copy_(torch.from_numpy(-filters @ mean))

    def forward(self, pixels: Tensor) -> Tensor:
        """Turn pixels of shape [n, 3, size, size], 0 to 255, into features [n, width]."""
        pixels = shrunk(pixels)
        even = torch.full_like(self.filters[:1], 1 / self.filters[0].numel())
        mean = functional.conv2d(pixels, even, stride=_STRIDE)
        variance = functional.conv2d(pixels.square(), even, stride=_STRIDE) - mean.square()
        answers = functional.conv2d(pixels, self.filters, stride=_STRIDE)
        answers -= mean * self.filters.sum(dim=(1, 2, 3))[:, None, None]
        answers /= (variance.clamp(min=0) + _CONTRAST).sqrt()
        answers += (self.offset - _THRESHOLD)[:, None, None]
        # square roots, because most are near zero: a Gaussian says more of these
        return functional.adaptive_avg_pool2d(answers.relu_(), _GRID).flatten(1).sqrt()


def shrunk(pixels: Tensor) -> Tensor:
    """Make large images [n, 3, size, size] as small as the patches are for, in the same shape but for the size."""
    return functional.adaptive_avg_pool2d(pixels, _IMAGE) if pixels.shape[-1] > _IMAGE else pixels


def _drawn(images: FloatArray, size: int, rng: np.random.Generator) -> FloatArray:
    """Draw patches, shape [patches, 3 * size * size]."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(2, 3))
    image = rng.integers(0, len(images), _DRAWN)
    down, right = rng.integers(0, windows.shape[2], (2, _DRAWN))
    return windows[image, :, down, right].reshape(_DRAWN, -1).astype(np.float64)


def _standardised(patches: FloatArray) -> FloatArray:
    """Take brightness and contrast out of patches [n, pixels]."""
    centred = patches - patches.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.sqrt(centred.var(axis=1, keepdims=True) + _CONTRAST))
