"""The steps on a network's parameters: momentum SGD."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd

#: Where one kernel steps on all parameters, in half the time.
_FUSED = frozenset({"cpu", "cuda"})


class Descent(nn.Module):
    """Momentum SGD by PyTorch's function `sgd`, with momentum that starts at zero.

    The class `torch.optim.SGD` takes the same steps, but the first optimiser that a process makes imports PyTorch's
    compiler, which takes longer (1.5 s) than training on a few thousand vectors.

    Args:
        parameters: what is trained, on its device.
        momentum: share of a step that the next one goes on with.
        weight_decay: L2 penalty.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], *, momentum: float, weight_decay: float) -> None:
        super().__init__()
        self.momentum, self.weight_decay = momentum, weight_decay
        self._trained = list(parameters)  # a list, so that they are saved with the network alone
        for number, parameter in enumerate(self._trained):
            self.register_buffer(str(number), torch.zeros_like(parameter))

    def clear(self) -> None:
        """Drop all gradients."""
        for parameter in self._trained:
            parameter.grad = None

    def gradients(self) -> list[Tensor]:
        """The gradients that are there, in the shapes of their parameters."""
        return [parameter.grad for parameter in self._trained if parameter.grad is not None]

    @torch.no_grad()
    def step(self, rate: float | Tensor) -> None:
        """Take a step on the parameters that have a gradient.

        Args:
            rate: the learning rate, a number or a tensor of shape [] on the device of the parameters.
        """
        parameters: list[Tensor] = []
        gradients: list[Tensor] = []
        velocities: list[Tensor | None] = []
        for parameter, velocity in zip(self._trained, self.buffers(), strict=True):
            if parameter.grad is not None:
                parameters.append(parameter)
                gradients.append(parameter.grad)
                velocities.append(velocity)
        if parameters:
            sgd(
                parameters,
                gradients,
                velocities,
                fused=parameters[0].device.type in _FUSED,
                weight_decay=self.weight_decay,
                momentum=self.momentum,
                lr=rate,
                dampening=0.0,
                nesterov=False,
                maximize=False,
            )


class Rate:
    """The learning rate of a step, where the step can read it: a GPU does in a place that stays the same.

    Args:
        device: where steps are taken.
    """

    def __init__(self, device: torch.device) -> None:
        self._place = torch.zeros((), device=device) if device.type == "cuda" else None

    def of(self, rate: float) -> float | Tensor:
        """Set it, and return it for `Descent.step`: a number, or a tensor of shape []."""
        return rate if self._place is None else self._place.fill_(rate)
