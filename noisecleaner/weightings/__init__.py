"""Weightings: one file = one paper's rule = one `--method`. Drop a file in, and it is there.

A weighting decides how much each row's given label (alpha) and, where the paper has it, its pseudo label (beta)
counts in a training step. The learner (`training/learner.py`) hands it a source batch and a trusted batch; it returns
the loss to step on, and keeps alpha and beta for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.errors import NoisecleanerError
from noisecleaner.gradients.alignment import at, log_softmax, with_gradient
from noisecleaner.networks.network import Batch, Network
from noisecleaner.registry import check_choice, check_types, class_in
from noisecleaner.settings import Layers, Meta


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a weighting made of a batch.

    Args:
        loss: scalar; the optimiser steps on it.
        logits: of the source batch, without a graph, shape [n, classes].
        settle: what is left to do when the loss has been propagated back.
    """

    loss: Tensor
    logits: Tensor
    settle: Callable[[], None] = lambda: None


class Weighting(nn.Module):
    """The contract of a weighting. Subclasses write `step`; the state of every row lives in buffers.

    Args:
        rows: how many rows the run has.
        network: the network that will be trained, for rules that need parameters of their own.

    Attributes:
        needs_trusted: whether `step` needs a trusted batch.
        transfers: whether trusted rows may have classes of their own, see `for_target`.
        networks: how many networks it trains together. Of two, each teaches the other; see `weightings/_pair.py`.
        stacks: whether `step` takes the classifiers of several folds at once (`networks/stacked.py`): what it says of
            a row then has the shape [folds, n], and of rows that a fold does not count (`Batch.folds`) it says nothing.
        shareable: whether `step` may look at a part of a batch that several processes share (`Batch.share`).
        of_rows: names of the buffers of shape [rows], which change at a row's visits alone.
        warmup: epochs of plain training before the rule sets in; None leaves it to `late`.
        late: share of the epochs that are plain then.
        group: see `training.sampling.Sampler`.
        least_batch: rows that a batch needs.
        every: steps from one trusted batch to the next; the steps between get an empty one.
        full_precision: whether derivatives keep all digits of float32; see `gradients/bilinear.py`.
    """

    needs_trusted: ClassVar[bool] = True
    transfers: ClassVar[bool] = False
    networks: ClassVar[int] = 1
    stacks: ClassVar[bool] = False
    shareable: ClassVar[bool] = False
    of_rows: ClassVar[tuple[str, ...]] = ("alpha_sum", "beta_sum", "alignment_sum", "positive", "visits")
    late: ClassVar[float] = 0.0
    group: int = 1
    least_batch: int = 2
    every: int = 1
    full_precision: bool = False

    def __init__(self, rows: int, network: Network, *, warmup: int | None = 0) -> None:
        super().__init__()
        if warmup is not None and warmup < 0:
            raise ValueError("warmup must not be negative")
        self.warmup = warmup
        self.alpha_sum: Tensor
        self.beta_sum: Tensor
        self.alignment_sum: Tensor
        self.positive: Tensor
        self.visits: Tensor
        for name in Weighting.of_rows:
            self.register_buffer(name, torch.zeros(rows))

    def plain_epochs(self, epochs: int) -> int:
        """How many of so many epochs are plain; the last one never is."""
        return min(round(self.late * epochs) if self.warmup is None else self.warmup, epochs - 1)

    def step(self, network: Network, source: Batch, target: Batch) -> Step:
        """Weight one source batch.

        Args:
            network: in train mode; the optimiser steps on its parameters afterwards.
            source: rows with given labels.
            target: trusted rows; empty for rules that need none, and in the steps between two trusted batches.

        Returns:
            The loss, and what the network says of the source rows.
        """
        raise NotImplementedError

    def warm_up(self, network: Network, source: Batch, target: Batch) -> Step:
        """Train plainly: the mean cross-entropy on the given labels."""
        logits = network(source.inputs)
        return Step(loss=mean_cross_entropy(logits, source), logits=logits.detach())

    def approximate(self, network: Network, meta: Meta) -> None:
        """Ask less exactly which way the trusted loss falls, before training; for rules that ask (`_meta_gradient.py`).

        Raises:
            ValueError: the rule does not work that way.
        """
        raise ValueError("this method takes no meta step")

    def for_target(self, network: Network, classes: int) -> None:
        """Give the trusted rows a classifier for classes of their own, before training; for rules that transfer.

        Raises:
            NotImplementedError: the rule does not transfer.
            ValueError: the network shares nothing that the target could reach.
        """
        raise NotImplementedError

    def target_network(self, network: Network) -> Network:
        """The network that classifies the target."""
        return network

    def alpha(self) -> Tensor:
        """Mean weight of each row's given label over its visits; NaN where it was never weighted. Shape [rows]."""
        return self.alpha_sum / self.visits

    def alpha_of(self, fold: int) -> Tensor:
        """What `alpha` says of the rows that a fold records, where several share the rule; shape [rows]."""
        alpha = self.alpha()
        return alpha if alpha.dim() == 1 else alpha[fold]

    def beta(self) -> Tensor | None:
        """Weight of each row's pseudo label on the same scale; None for rules without one. Shape [rows]."""
        return None

    def alignment(self) -> Tensor:
        """Mean a(given) of each row, in units of its batch's root mean square; NaN where unknown. Shape [rows]."""
        return self.alignment_sum / self.visits

    def positive_share(self) -> Tensor:
        """Share of each row's visits with a weight of the given label above zero; NaN without any. Shape [rows]."""
        return self.positive / self.visits

    def record(
        self, rows: Tensor, alpha: Tensor, *, beta: Tensor | None = None, alignment: Tensor | None = None
    ) -> None:
        """Add one visit, each argument of shape [n].

        Args:
            rows: numbers of the rows; a row may occur twice.
            alpha: weights of the given labels, scaled so that 1 is an average row.
            beta: weights of the pseudo labels, likewise.
            alignment: a(given) with the root mean square 1 in its batch; None for rules that do not compute it.
        """
        self._add(rows, torch.ones_like(alpha), alpha=alpha, beta=beta, alignment=alignment)

    def record_batch(
        self, source: Batch, alpha: Tensor, *, beta: Tensor | None = None, alignment: Tensor | None = None
    ) -> None:
        """Add one visit of a batch; arguments are those of `record`, of several folds in the shape [folds, n]."""
        folds = source.folds
        if folds is None:
            self.record(source.rows, alpha, beta=beta, alignment=alignment)
            return
        seen = (None if said is None else folds.picked(said) * folds.recorded for said in (beta, alignment))
        alpha, (beta, alignment) = folds.picked(alpha) * folds.recorded, seen
        self._add(source.rows, folds.recorded, alpha=alpha, beta=beta, alignment=alignment)

    def _add(
        self, rows: Tensor, visits: Tensor, *, alpha: Tensor, beta: Tensor | None, alignment: Tensor | None
    ) -> None:
        self.alpha_sum.index_add_(0, rows, alpha.to(self.alpha_sum))
        self.positive.index_add_(0, rows, (alpha > 0).to(self.positive))
        self.visits.index_add_(0, rows, visits.to(self.visits))
        if beta is not None:
            self.beta_sum.index_add_(0, rows, beta.to(self.beta_sum))
        unknown = torch.full_like(alpha, torch.nan)
        self.alignment_sum.index_add_(0, rows, (unknown if alignment is None else alignment).to(self.alignment_sum))


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of each row: logits [n, classes] and labels [n] -> [n]."""
    return functional.cross_entropy(logits, labels, reduction="none")


def mean_cross_entropy(logits: Tensor, batch: Batch) -> Tensor:
    """The mean over the rows of a batch, a scalar; of several folds, with logits [folds, n, classes], their sum.

    See `Batch.mean` for a batch that several processes share.
    """
    if batch.folds is not None:
        return weighted_loss(logits, (batch.labels, batch.folds.counts.to(logits) / batch.folds.size))
    if batch.share is None:
        return functional.cross_entropy(logits, batch.labels)
    return batch.mean(cross_entropies(logits, batch.labels))


def weighted_loss(logits: Tensor, *weighted: tuple[Tensor, Tensor]) -> Tensor:
    """The sum of weighted cross-entropies with one or more labels of each row, a scalar.

    Its slope by the logits, sum of w (p - e_c), is written down for several folds: in place of a graph of as many small
    operations as it has terms.

    Args:
        logits: [n, classes], or of several folds [folds, n, classes].
        weighted: labels and their weights, both of shape [n], or [folds, n].
    """
    if logits.dim() == 2:
        losses = -log_softmax(logits)
        return torch.stack([weights * at(losses, labels) for labels, weights in weighted]).sum(dim=0).sum()
    with torch.no_grad():
        slope = log_softmax(logits)
        values = torch.stack([(weights * at(slope, labels)).sum() for labels, weights in weighted]).sum()
        slope = slope.exp_().mul_(torch.stack([weights for _, weights in weighted]).sum(dim=0).unsqueeze(-1))
        for labels, weights in weighted:
            slope.scatter_add_(-1, labels.unsqueeze(-1), -weights.unsqueeze(-1))
    return with_gradient(-values, parameters={"logits": logits}, gradient={"logits": slope})


def weighting_class(method: str) -> type[Weighting]:
    """Import the weighting that a file of this folder defines.

    Raises:
        NoisecleanerError: there is no such file.
    """
    return class_in("weightings", method, Weighting, parameter="`method`")


def check_options(method: str, options: Mapping[str, Any], meta: Meta | None = None) -> Weighting:
    """Check a method's options, before anything is computed, and return a specimen of the weighting.

    Args:
        method: a file of this folder.
        options: the method's own.
        meta: how exact its meta step is.

    Raises:
        NoisecleanerError: the method has no such option, or its value has another type or is out of range.
    """
    check_types(weighting_class(method), options, parameter="`method`", name=method)
    network = Network(trunk=nn.Linear(1, 1), head=nn.Linear(1, 1))
    return build(method, rows=1, network=network, options=options, meta=meta)


def build(
    method: str, *, rows: int, network: Network, options: Mapping[str, Any] | None = None, meta: Meta | None = None
) -> Weighting:
    """Make a weighting with its options.

    Args:
        method: a file of this folder.
        rows: how many rows the run has.
        network: the network that will be trained.
        options: the method's own; those left out have their defaults.
        meta: how exact its meta step is; None and the default are exact.

    Raises:
        NoisecleanerError: an option is out of range, or does not suit the network.
    """
    meta = meta or Meta()
    check_choice(meta.layers, get_args(Layers), parameter="`Meta.layers`")
    try:
        weighting = weighting_class(method)(rows, network, **(options or {}))
    except ValueError as error:
        raise NoisecleanerError(
            f"An `options` of `{method=}` has a wrong value: {error}.", "See `methods()`."
        ) from error
    try:
        if meta != Meta():
            weighting.approximate(network, meta)
    except ValueError as error:
        raise NoisecleanerError(
            f"`{method=}` cannot take `Meta(layers={meta.layers!r}, every={meta.every}, momentum={meta.momentum:g})` "
            f"here: {error}.",
            "Leave these options out for the exact step.",
        ) from error
    return weighting
