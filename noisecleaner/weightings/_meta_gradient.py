"""What weightings share that ask which way the trusted loss falls: v, for which parameters, and how often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from noisecleaner.gradients.alignment import Direction, direction, directional_derivative, softmax
from noisecleaner.gradients.passes import Rehearsals, with_spare_buffers
from noisecleaner.gradients.tangents import Dual
from noisecleaner.networks.backbones import Backbone
from noisecleaner.networks.network import Batch, Network
from noisecleaner.networks.stacked import StackedLinear, by_classifiers
from noisecleaner.settings import Meta
from noisecleaner.weightings import Weighting, mean_cross_entropy
from noisecleaner.weightings._coverage import covered

#: What v covers where a linear head is all that is trained, and with `layers` "last".
_CLASSIFIER = ("head.weight", "head.bias")


class MetaGradientWeighting(Weighting):
    """A weighting that compares the gradient of each source row with v, the gradient of the trusted loss.

    Args:
        rows: how many rows the run has.
        network: the network that will be trained.
        warmup: epochs of plain training first; None takes `early` where no backbone is trained, else a share, `late`.

    Attributes:
        early: epochs that make the head of a network give a direction that says something.
        covered: names of the network's parameters that v covers.
        momentum: share of the last v in the next one.
        rehearsals: which passes of the network could be followed.
    """

    early: ClassVar[int] = 1

    def __init__(self, rows: int, network: Network, *, warmup: int | None = None) -> None:
        if warmup is None and not isinstance(network.trunk, Backbone):
            warmup = self.early
        super().__init__(rows, network, warmup=warmup)
        self.covered: tuple[str, ...] = ()
        self.momentum = 0.0
        self.rehearsals = Rehearsals()
        self.cover(network, covered(network, "exact"))

    def approximate(self, network: Network, meta: Meta) -> None:
        """Let v cover fewer layers, serve for several steps, or be a mean: it is kept then, for a resumed run too."""
        if meta.every < 1:
            raise ValueError("`Meta.every` must be at least 1")
        if not 0 <= meta.momentum < 1:
            raise ValueError("`Meta.momentum` must be at least 0 and below 1")
        self.every, self.momentum = meta.every, meta.momentum
        self.cover(network, covered(network, meta.layers))

    @property
    def _keeps(self) -> bool:
        return self.every > 1 or self.momentum > 0

    def cover(self, network: Network, names: tuple[str, ...]) -> None:
        """Let v cover these parameters."""
        self.covered = names
        if self._keeps:
            kept = [torch.zeros_like(network.get_parameter(name).detach()).flatten() for name in names]
            self.kept: Tensor
            self.asked: Tensor
            self.register_buffer("kept", torch.cat(kept))
            self.register_buffer("asked", torch.zeros_like(self.kept[0]))

    def along(self, network: Network, target: Batch, loss: Callable[[Mapping[str, Tensor]], Tensor]) -> Direction:
        """Compute v, or take the last one where the step has no trusted batch.

        Args:
            network: what is trained.
            target: the trusted batch.
            loss: its loss as a function of the network's parameters by name; those that v does not cover come without
                a graph, so that nothing is recorded below the first covered layer. A scalar.

        Returns:
            v by parameter name, in the parameters' shapes.
        """
        if not len(target.rows):
            return self._last(network)
        parameters = network.named_parameters()
        values: dict[str, Tensor] = {n: p if n in self.covered else p.detach() for n, p in parameters}
        v = direction(loss(values), {name: values[name] for name in self.covered})
        return self._kept(network, whole(v, target))

    def along_trusted(self, network: Network, target: Batch) -> Direction:
        """Compute v of a trusted batch's mean cross-entropy, in closed form where it covers a linear classifier.

        Like `along`, it takes the last one where the step has no trusted batch.
        """
        if len(target.rows) and self.covered == _CLASSIFIER and isinstance(network.head, nn.Linear | StackedLinear):
            return self._kept(network, whole(classifier_direction(network, target), target))
        return self.along(network, target, lambda parameters: trusted_loss(network, target, parameters))

    def _kept(self, network: Network, v: Direction) -> Direction:
        """Take over the v of a trusted batch, and return the one that serves."""
        if not self._keeps:
            return v
        self.asked += 1
        # at first the mean of all so far, so that no zeros are in it
        share = (1 / self.asked).clamp(min=1 - self.momentum)
        self.kept.lerp_(torch.cat([part.flatten() for part in v.values()]), share)
        return self._last(network)

    def _last(self, network: Network) -> Direction:
        """The v that is kept, in the shapes of its parameters."""
        parameters = [network.get_parameter(name) for name in self.covered]
        parts = zip(self.covered, parameters, torch.split(self.kept, [p.numel() for p in parameters]), strict=True)
        return {name: part.view_as(parameter) for name, parameter, part in parts}

    def look_ahead(self, network: Network, source: Batch, target: Batch) -> Dual:
        """Compute the logits of a source batch, recorded, and how they move along v; both of shape [n, classes]."""
        return self.moving(network, source.inputs, self.along_trusted(network, target))

    def moving(self, network: Network, inputs: Tensor, along: Direction) -> Dual:
        """Compute the logits of inputs [n, ...], recorded, and how they move along v; both of shape [n, classes].

        Of several classifiers, both have the shape [folds, n, classes].
        """
        if not isinstance(network.head, StackedLinear):
            return directional_derivative(network, inputs, along, self.rehearsals, full_precision=self.full_precision)
        value, tangent = network.head.ahead(network.trunk(inputs), weight=along["head.weight"], bias=along["head.bias"])
        return Dual(value=value, tangent=tangent)


def trusted_loss(network: nn.Module, target: Batch, parameters: Mapping[str, Tensor]) -> Tensor:
    """The mean cross-entropy of trusted rows, for other values of a network's parameters; shape []."""
    return mean_cross_entropy(with_spare_buffers(network, target.inputs, parameters), target)


def whole(v: Direction, target: Batch) -> Direction:
    """The v of a whole batch, where several processes have each taken that of their part; shapes are v's."""
    if target.share is not None:
        target.share.ranks.add_up(list(v.values()))
    return v


@torch.no_grad()
def classifier_direction(network: Network, target: Batch) -> Direction:
    """The gradient of the mean trusted cross-entropy by a linear classifier: (p - y)^T f / n and its sum over rows.

    Args:
        network: with features f [n, width], whose classifier `nn.Linear` turns into logits with softmax p.
        target: n trusted rows with labels y.

    Returns:
        Slices of the shapes of the classifier's weight [classes, width] and bias [classes]; of several classifiers,
        both begin with [folds].
    """
    if target.folds is not None:
        features = network.trunk(target.inputs)
        slope = _slope(network.head(features), target.labels)
        slope *= (target.folds.counts.to(slope) / target.folds.size).unsqueeze(-1)
        weight, bias = by_classifiers(slope, features)
        return {"head.weight": weight, "head.bias": bias}
    weight = network.head.get_parameter("weight")
    features = with_spare_buffers(network.trunk, target.inputs)
    with torch.autocast(features.device.type, enabled=False):
        features = features.to(weight)
        slope = _slope(network.head(features), target.labels) / target.size
        return {"head.weight": slope.mT @ features, "head.bias": slope.sum(dim=-2)}


def _slope(logits: Tensor, labels: Tensor) -> Tensor:
    """The slope of each row's cross-entropy, p - y: logits [n, classes] and labels [n] -> [n, classes]."""
    slope, given = softmax(logits), labels.unsqueeze(-1)
    return slope.scatter_add_(-1, given, slope.new_full((), -1).expand(given.shape))


def normalised(*weights: Tensor, batch: Batch | None = None) -> tuple[Tensor, ...]:
    """Rectify weights of a batch, each of shape [n], and scale them so that all together sum to 1 (L2B, eq. 8 and 9).

    Those of shape [folds, n] sum to 1 in each fold, those of a batch that several processes share over all of it. Where
    no label of the batch agrees with the trusted rows, all weights are zero and stay zero.
    """
    positive = [w.relu() for w in weights]
    total = torch.stack([w.sum(dim=-1, keepdim=True) for w in positive]).sum(dim=0)
    total = total if batch is None else batch.total(total)
    scale = torch.where(total > 0, 1 / total, torch.zeros_like(total))
    return tuple(w * scale for w in positive)


def unit(agrees: Tensor, batch: Batch | None = None) -> Tensor:
    """Scale a(given) of a batch, shape [n], to the root mean square 1, so that batches compare; zeros stay zeros.

    Args:
        agrees: of several folds [folds, n], zero where a row does not count.
        batch: whose rows they are; None where they are all of it, and all count.
    """
    return over(agrees, _mean(agrees.square(), batch).sqrt())


def over(agrees: Tensor, size: Tensor) -> Tensor:
    """Divide a(c), shape [n] or [folds, n], by its size in the batch, [] or [folds, 1]; zeros stay zeros."""
    return torch.where(size > 0, agrees / size, torch.zeros_like(agrees))


def common_size(given: Tensor, pseudo: Tensor, batch: Batch) -> Tensor:
    """The root mean square of a(given) and a(pseudo), each of shape [n], together; of [folds, n], that of each fold."""
    return _mean((given.square() + pseudo.square()) / 2, batch).sqrt()


def _mean(squares: Tensor, batch: Batch | None) -> Tensor:
    """The mean over the rows of a batch that count, shape []; of several folds [folds, 1]."""
    if batch is None:
        return squares.mean()
    if batch.folds is None:
        return batch.total(batch.mean(squares))
    return squares.sum(dim=-1, keepdim=True) / batch.size
