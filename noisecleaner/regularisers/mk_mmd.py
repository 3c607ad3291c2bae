"""Multi-kernel maximum mean discrepancy (Gretton et al., 2012): features of both kinds of rows look alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from noisecleaner.arrays import IntArray
from noisecleaner.gradients.passes import with_spare_buffers
from noisecleaner.networks.network import Batch, Network
from noisecleaner.regularisers import Regulariser, Side, some_of

#: Variances of the 19 Gaussian kernels, as Bousmalis et al. (Domain Separation Networks, 2016) list them.
VARIANCES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 5, 10, 15, 20, 25, 30, 35, 100, 1e3, 1e4, 1e5, 1e6)


class MkMmd(Regulariser):
    """The loss plus `weight` times the squared discrepancy between features of the source and of unlabelled rows.

    It is what Lautum Regularization is compared with (Jakubovitz et al., Table 1): both look at unlabelled rows of the
    target while the source is learned.

    Args:
        side: unlabelled rows of the target.
        network: the network that will be trained.
        weight: of the discrepancy, a mean over the kernels, from 0 to 2.
    """

    needs = "unlabelled"

    def __init__(self, side: Side, network: Network, *, weight: float = 1.0) -> None:
        super().__init__()
        if weight <= 0:
            raise ValueError("weight must be above 0")
        if not network.trains_features:
            raise ValueError("the features must be trained: pass `Model(frozen=False)`, or `Model(hidden=128)`")
        self.weight = weight
        self._rows = side.unlabelled

    def draw(self, rng: np.random.Generator, size: int) -> tuple[IntArray, ...]:
        """Choose a batch of unlabelled rows, shape [batch]."""
        return (some_of(self._rows, size, rng),)

    def regularise(self, loss: Tensor, network: Network, source: Batch, drawn: Sequence[Tensor]) -> Tensor:
        """Add the weighted discrepancy between the source and `drawn[0]`, inputs of unlabelled rows; shape []."""
        features = [with_spare_buffers(network.trunk, inputs) for inputs in (source.inputs, drawn[0])]
        return loss + self.weight * discrepancy(*features)


def discrepancy(first: Tensor, second: Tensor) -> Tensor:
    """Squared MMD of samples [n, width] and [m, width] under the mean of the kernels: its biased estimate, a scalar.

    It is the squared distance of the samples' means in the space of the kernel, so that it is never below zero
    (Gretton et al., 2012, A Kernel Two-Sample Test, eq. 5).
    """
    joint = torch.cat([first, second])
    squares = joint.square().sum(dim=1)
    distances = (squares[:, None] + squares - 2 * joint @ joint.T).clamp(min=0)
    kernel = torch.stack([torch.exp(distances / (-2 * variance)) for variance in VARIANCES]).mean(dim=0)
    n = len(first)
    found: Tensor = kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()
    return found
