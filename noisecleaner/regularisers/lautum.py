"""Lautum Regularization (Jakubovitz, Rodrigues, Giryes): outputs that tell much about unlabelled target rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from noisecleaner.arrays import IntArray
from noisecleaner.gradients.passes import with_spare_buffers
from noisecleaner.networks.network import Batch, Network
from noisecleaner.regularisers import Regulariser, Side


class Lautum(Regulariser):
    """Eq. 2: the loss on the source minus `weight` times the Lautum information L on unlabelled target rows.

    L is estimated as if the inputs and the network's outputs were jointly Gaussian (`lautum_information`). The inputs
    are first reduced by a fixed random projection; their joint covariance with the outputs is a running mean over the
    batches, through the newest of which the gradient flows. A ridge bounds L, which is infinite where an output is a
    linear function of the inputs. The second stage (eq. 3), plain training on labelled target rows, is a fit of its
    own, or SOSELETO's target classifier.

    Args:
        side: unlabelled rows of the target.
        network: the network that will be trained.
        weight: lambda of eq. 2.
        dimensions: numbers that the inputs are reduced to.
        ridge: added to the variances, as a share of their mean.
        momentum: weight of the past in the running covariance.
    """

    needs = "unlabelled"

    def __init__(
        self,
        side: Side,
        network: Network,
        *,
        weight: float = 0.3,
        dimensions: int = 32,
        ridge: float = 0.1,
        momentum: float = 0.9,
    ) -> None:
        super().__init__()
        if weight <= 0 or ridge <= 0:
            raise ValueError("weight and ridge must be above 0")
        if dimensions < 1 or not 0 <= momentum < 1:
            raise ValueError("dimensions must be at least 1, and momentum in [0, 1)")
        self.weight, self.dimensions, self.ridge, self.momentum = weight, dimensions, ridge, momentum
        self._rows = side.unlabelled
        self._projection: Tensor | None = None
        size = dimensions + _outputs(network)
        self.mean: Tensor
        self.moment: Tensor
        self.share: Tensor
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("moment", torch.zeros(size, size))
        self.register_buffer("share", torch.zeros(()))  # of all batches so far in the running means

    def draw(self, rng: np.random.Generator, size: int) -> tuple[IntArray, ...]:
        """Choose a batch of unlabelled rows, shape [batch]."""
        return (np.sort(rng.choice(self._rows, min(size, len(self._rows)), replace=False)),)

    def regularise(self, loss: Tensor, network: Network, source: Batch, drawn: Sequence[Tensor]) -> Tensor:
        """Subtract the weighted Lautum information (eq. 2) of `drawn[0]`, inputs of unlabelled rows; shape []."""
        outputs = with_spare_buffers(network, drawn[0])
        covariance = self._covariance(torch.cat([self._reduced(drawn[0]), outputs], dim=1))
        return loss - self.weight * lautum_information(ridged(covariance, self.dimensions, self.ridge), self.dimensions)

    def _reduced(self, inputs: Tensor) -> Tensor:
        """Project inputs [n, …] to [n, dimensions] by a Gaussian matrix that is the same in every run."""
        flat = inputs.flatten(1)
        if self._projection is None:  # drawn once; what is the same in every run need not be saved
            generator = torch.Generator().manual_seed(flat.shape[1])
            self._projection = torch.randn(flat.shape[1], self.dimensions, generator=generator).to(flat)
        return flat @ self._projection / math.sqrt(flat.shape[1])

    def _covariance(self, joint: Tensor) -> Tensor:
        """Bring the running mean and second moment up to date with a batch [n, d]; return the covariance [d, d]."""
        past, share = self.momentum, 1 - self.momentum
        mean = past * self.mean + share * joint.mean(dim=0)
        moment = past * self.moment + share * joint.T @ joint / len(joint)
        self.share = past * self.share + share
        self.mean, self.moment = mean.detach(), moment.detach()
        centre = mean / self.share  # as Adam corrects its moments for their start at zero
        return moment / self.share - torch.outer(centre, centre)


def lautum_information(covariance: Tensor, split: int) -> Tensor:
    """Compute the Lautum information of two jointly Gaussian vectors, in nats, as a scalar.

    With canonical correlations rho_i it is sum_i [rho_i^2 / (1 - rho_i^2) + 1/2 log(1 - rho_i^2)] (Palomar and
    Verdu, 2008). The rho_i^2 are the eigenvalues of C = B^-1 S_21 S_11^-1 S_12 B^-T with S_22 = B B^T, so that
    the sum is tr[(I - C)^-1] - dim + 1/2 log det(I - C): no eigenvector, whose gradient fails where two agree.

    Args:
        covariance: joint covariance of (x, y), positive definite, shape [d, d].
        split: numbers of x.
    """
    first, second = covariance[:split, :split], covariance[split:, split:]
    across = torch.linalg.solve_triangular(torch.linalg.cholesky(first), covariance[:split, split:], upper=False)
    scaled = torch.linalg.solve_triangular(torch.linalg.cholesky(second), across.T, upper=False)
    rest = torch.eye(len(second), dtype=covariance.dtype, device=covariance.device) - scaled @ scaled.T
    root = torch.linalg.cholesky(rest)
    information: Tensor = torch.cholesky_inverse(root).trace() - len(rest) + root.diagonal().log().sum()
    return information


def ridged(covariance: Tensor, split: int, ridge: float) -> Tensor:
    """Add a share of the mean variance to the variances of x and, likewise, of y; shape [x + y, x + y]."""
    variances = covariance.diagonal()
    sizes = torch.cat([part.mean().expand_as(part) for part in (variances[:split], variances[split:])])
    return covariance + torch.diag(ridge * sizes + 1e-12)


def _outputs(network: Network) -> int:
    """The number of classes: what the head returns."""
    layers = [module.out_features for module in network.head.modules() if isinstance(module, nn.Linear)]
    return layers[-1] if layers else next(p.numel() for p in network.head.parameters() if p.dim())
