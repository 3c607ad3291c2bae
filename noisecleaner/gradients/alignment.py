"""The one primitive of every weighting: how well a sample's gradient agrees with that of the trusted rows.

Let L_t be the loss on a trusted mini-batch, v = grad L_t, z the logits of a source sample, p = softmax(z) and
t = J_z v the derivative of its logits along v. For any label c,

    a(c) = <grad CE(z, c), v> = (p - e_c) . t

A step on (sample, c) lowers L_t, to first order, in proportion to a(c). One forward-mode pass gives t, and t gives
a(c) for every class: no per-sample backward pass, no second-order graph. L2B (eq. 7) and L2RW differentiate
through an update at zero weights, where the updated parameters are the current ones, so this is their exact
meta-gradient (for plain SGD); SOSELETO's Q^T dL_t/dtheta (eq. 4) is a(given).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from noisecleaner.gradients.forward import follow
from noisecleaner.gradients.passes import (
    Rehearsals,
    UnfollowedError,
    same_random_state,
    with_derivatives,
    with_spare_buffers,
)
from noisecleaner.gradients.tangents import Dual

Direction = dict[str, Tensor]


def direction(loss: Tensor, parameters: Mapping[str, Tensor], *, keep_graph: bool = False) -> Direction:
    """Return v = grad loss for the named parameters; zeros where the loss does not depend on one.

    Args:
        loss: scalar.
        parameters: what to differentiate by; v has their names and shapes.
        keep_graph: leave the graph of `loss` for a later backward pass.
    """
    # a backward pass computes in the formats of its forward pass, and needs no casts of its own
    with torch.autocast(loss.device.type, enabled=False):
        gradients = torch.autograd.grad(
            loss, list(parameters.values()), retain_graph=keep_graph, allow_unused=True, materialize_grads=True
        )
    return dict(zip(parameters, gradients, strict=True))


class _KnownGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: Sequence[Tensor], *parameters: Tensor) -> Tensor:
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        return None, None, *(outer[0] * gradient for gradient in ctx.gradients)


def with_gradient(value: Tensor, *, parameters: Mapping[str, Tensor], gradient: Direction) -> Tensor:
    """Make a loss, a scalar, whose gradient is known, so that no backward pass through the network is needed.

    Args:
        value: the loss, a scalar without a graph.
        parameters: by name.
        gradient: of the loss, by the same names and in the same shapes.
    """
    loss: Tensor = _KnownGradient.apply(value, [gradient[name] for name in parameters], *parameters.values())
    return loss


def directional_derivative(
    network: nn.Module,
    inputs: Tensor,
    along: Direction,
    rehearsals: Rehearsals | None = None,
    *,
    full_precision: bool = False,
) -> Dual:
    """Compute logits z and t = J_z v in the one pass that a training step makes anyway.

    Args:
        network: any module; in train mode its batch statistics take part in the derivative.
        inputs: a batch of n samples.
        along: v by parameter name; parameters left out have the derivative zero.
        rehearsals: of earlier passes through the network; a run of many steps keeps them.
        full_precision: whether t keeps all digits of float32, rather than half of them in less time; see `bilinear.py`.

    Returns:
        z, recorded by autograd where that is on, with t, both of shape [n, classes].
    """
    parameters = dict(network.named_parameters())
    try:
        moving: dict[Tensor, Tensor] = {parameters[name]: v for name, v in along.items()}
        return follow(network, inputs, moving, rehearsals, full_precision=full_precision)
    except UnfollowedError:
        derivative = forward_mode(network, inputs, along)
        return Dual(value=network(inputs), tangent=derivative)


@torch.no_grad()
def forward_mode(network: nn.Module, inputs: Tensor, along: Direction) -> Tensor:
    """Compute t = J_z v, shape [n, classes], with PyTorch's dual numbers, in a pass of its own.

    The random state is put back afterwards: a step that calls the network next draws the same dropout masks.
    """
    parameters = dict(network.named_parameters())
    with same_random_state(parameters.values()), with_derivatives(), forward_ad.dual_level():
        duals: dict[str, Tensor] = {
            name: forward_ad.make_dual(parameters[name].detach(), v)  # type: ignore[no-untyped-call]
            for name, v in along.items()
        }
        outputs = with_spare_buffers(network, inputs, duals)
        logits, derivative = forward_ad.unpack_dual(outputs)  # type: ignore[no-untyped-call]
    return torch.zeros_like(logits) if derivative is None else derivative


def alignments(logits: Dual) -> Tensor:
    """Compute a(c) for every class, without a graph, from z and t; all three have the shape [n, classes].

    Like what follows here, of several networks at once, in shapes that begin with [networks].
    """
    derivative = logits.tangent
    return (softmax(logits.value.detach()) * derivative).sum(dim=-1, keepdim=True) - derivative


def softmax(logits: Tensor) -> Tensor:
    """Probabilities of logits [n, classes], in the same shape."""
    if logits.dim() == 2:
        return logits.softmax(dim=1)
    # along few classes PyTorch's own takes ten times as long as over rows that lie side by side
    return logits.mT.softmax(dim=-2).mT


def log_softmax(logits: Tensor) -> Tensor:
    """Logarithms of the probabilities of logits [n, classes], in the same shape."""
    if logits.dim() == 2:
        return logits.log_softmax(dim=1)
    return logits.mT.log_softmax(dim=-2).mT


def entropies(logits: Tensor) -> Tensor:
    """The entropy of each row's softmax, in nats: [..., n, classes] -> [..., n]."""
    logs = log_softmax(logits)
    return -(logs.exp() * logs).sum(dim=-1)


def at(values: Tensor, labels: Tensor) -> Tensor:
    """Pick one class a row: values [n, classes] and labels [n] -> [n]."""
    return values.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
