"""Lautum Regularization (Jakubovitz, Rodrigues, Giryes): outputs that tell much about unlabelled target rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.arrays import IntArray
from noisecleaner.gradients.passes import with_spare_buffers
from noisecleaner.networks.network import Batch, Network
from noisecleaner.regularisers import Regulariser, Side, some_of

#: Edge length that images are averaged to before their principal directions are looked for.
_EDGE = 16


class Lautum(Regulariser):
    """Eq. 2: the loss on the source minus `weight` times the Lautum information L on unlabelled target rows.

    L is estimated as if the inputs and the network's outputs were jointly Gaussian (`lautum_information`), from the
    covariance of a batch of unlabelled rows, through all of which the gradient flows: that of a running covariance
    belongs to networks of the past, and its gradient has little to do with that of all rows. The inputs are first
    reduced to the principal directions of the first batch. A ridge bounds L, which is infinite where an output is a
    linear function of the inputs. The second stage (eq. 3), plain training on labelled target rows, is a fit of its
    own (`Model.weights`), or SOSELETO's target classifier.

    Args:
        side: unlabelled rows of the target.
        network: the network that will be trained.
        weight: lambda of eq. 2.
        dimensions: numbers that the inputs are reduced to: the more, the noisier is the gradient.
        ridge: added to the variances, as a share of their mean.
        times: unlabelled rows of a step, in batches of the source.
    """

    needs = "unlabelled"

    def __init__(
        self,
        side: Side,
        network: Network,
        *,
        weight: float = 0.03,
        dimensions: int = 16,
        ridge: float = 0.1,
        times: int = 2,
    ) -> None:
        super().__init__()
        if weight <= 0 or ridge <= 0:
            raise ValueError("weight and ridge must be above 0")
        if dimensions < 1 or times < 1:
            raise ValueError("dimensions and times must be at least 1")
        self.weight, self.dimensions, self.ridge, self.times = weight, dimensions, ridge, times
        self._rows = side.unlabelled
        self.directions: Tensor  # their number depends on the first batch, so they travel as the extra state
        self.register_buffer("directions", torch.empty(0, 0), persistent=False)

    def draw(self, rng: np.random.Generator, size: int) -> tuple[IntArray, ...]:
        """Choose a batch of unlabelled rows, shape [times * batch], or all where there are fewer."""
        return (some_of(self._rows, self.times * size, rng),)

    def regularise(self, loss: Tensor, network: Network, source: Batch, drawn: Sequence[Tensor]) -> Tensor:
        """Subtract the weighted Lautum information (eq. 2) of `drawn[0]`, inputs of unlabelled rows; shape []."""
        return loss - self.weight * self.information(drawn[0], with_spare_buffers(network, drawn[0]))

    def information(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Estimate the Lautum information of inputs [n, …] and outputs [n, classes], in nats, as a scalar."""
        reduced = self._reduced(inputs).to(outputs)
        joint = torch.cat([reduced, outputs], dim=1)
        centred = joint - joint.mean(dim=0)
        covariance = centred.T @ centred / len(joint)
        return lautum_information(ridged(covariance, reduced.shape[1], self.ridge), reduced.shape[1])

    @torch.no_grad()
    def _reduced(self, inputs: Tensor) -> Tensor:
        """Project inputs [n, …] on the principal directions of the first batch: [n, at most dimensions]."""
        small = inputs
        if inputs.dim() == 4 and inputs.shape[-1] > _EDGE:  # photographs are smooth, and all of their pixels take long
            small = functional.adaptive_avg_pool2d(inputs, _EDGE)
        flat = small.flatten(1)
        if not self.directions.numel():
            self.directions = _principal(flat, self.dimensions)
        return flat @ self.directions

    def get_extra_state(self) -> Tensor:
        """The directions, shape [numbers of an input, dimensions]; empty before the first step."""
        return self.directions

    def set_extra_state(self, state: Tensor) -> None:
        """Take what `get_extra_state` gave, in that shape."""
        self.directions = state.to(self.directions, copy=True)


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


def _principal(inputs: Tensor, count: int) -> Tensor:
    """The directions of largest variance of inputs [n, width], one in a column: [width, at most count]."""
    centred = inputs - inputs.mean(dim=0)
    directions: Tensor = torch.linalg.svd(centred, full_matrices=False).Vh[:count].T
    return directions.contiguous()
