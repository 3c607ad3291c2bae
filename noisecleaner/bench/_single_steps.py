"""The cost of single steps on a batch: plain ones, and those of a method, by the clock and by counting."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from noisecleaner.bench._contract import Metrics, Row, Work
from noisecleaner.bench._datasets import scaled
from noisecleaner.bench._laps import Lap, ratios, wait_for
from noisecleaner.bench._subjects import edge_of, subject
from noisecleaner.bench._watch import Watch
from noisecleaner.gradients.passes import with_spare_buffers
from noisecleaner.networks.devices import autocast
from noisecleaner.networks.network import Batch
from noisecleaner.settings import Meta, Precision
from noisecleaner.training.descent import Descent
from noisecleaner.weightings import Weighting, build


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Multiplications of a step, and the most bytes that it holds at a time, with parameters and momentum."""

    operations: float
    peak: float


class SingleSteps:
    """A network, batches, and the steps on them.

    Args:
        row: the method, and how it asks.
        work: the run.
        precision: what layers compute in.
    """

    def __init__(self, row: Row, work: Work, precision: Precision) -> None:
        chosen = subject(str(row.setting["network"]))
        self.device, self.precision = work.device, chosen.precision(precision, work.device)
        count = scaled(chosen.alone, work.scale, least=8)
        self.network = chosen.network(work)
        edge = edge_of(self.network)
        self.source = chosen.batch(count, edge, work.device)
        self.target = chosen.batch(max(2, int(count * float(row.setting["trusted"]))), edge, work.device)
        self.nobody = Batch(inputs=self.target.inputs[:0], labels=self.target.labels[:0], rows=self.target.rows[:0])
        self.every = int(row.setting["every"])
        self.weighting: Weighting | None = None
        if row.method != "create_graph":
            meta = Meta(layers=str(row.setting["meta"]), every=self.every)  # type: ignore[arg-type]  # the table's own words
            self.weighting = build(row.method, rows=count, network=self.network, meta=meta).to(work.device)
        self.settle: Callable[[], None] = _nothing
        of_rule = [] if self.weighting is None else list(self.weighting.parameters())
        self.descent = Descent([*self.network.parameters(), *of_rule], momentum=0.9, weight_decay=5e-4)

    def measured(self, rounds: int) -> Metrics:
        """Time a step of the method beside a plain one, and count what both multiply and hold."""
        meta = self.weighted if self.weighting is not None else self.unrolled
        for step in (self.plain, meta):
            self.take(step)  # the first one allocates, chooses kernels, and looks whether samples see each other
        laps = [Lap(plain=self.seconds(self.plain), other=self.seconds(meta)) for _ in range(rounds)]
        of_plain, of_meta = self.watched(self.plain), self.watched(meta)
        return {
            **ratios("plain_steps", laps),
            "operations": of_meta.operations / of_plain.operations,
            "memory": of_meta.peak / of_plain.peak,
            "plain_milliseconds": 1000 * statistics.median(lap.plain for lap in laps),
        }

    def plain(self, number: int) -> Tensor:
        """The loss of a plain step."""
        return functional.cross_entropy(self.network(self.source.inputs), self.source.labels)

    def weighted(self, number: int) -> Tensor:
        """The loss of a method's step; what it settles afterwards is too little to be timed."""
        assert self.weighting is not None  # noqa: S101  # `create_graph` does not get here
        target = self.target if number % self.every == 0 else self.nobody
        step = self.weighting.step(self.network, self.source, target)
        self.settle = step.settle
        return step.loss

    def unrolled(self, number: int) -> Tensor:
        """L2B by autograd through the update (eq. 4 to 10)."""
        parameters: dict[str, Tensor] = dict(self.network.named_parameters())
        logits = with_spare_buffers(self.network, self.source.inputs)
        pseudo = logits.detach().argmax(dim=1)
        both = self._losses(logits, pseudo)
        weights = torch.zeros_like(both, requires_grad=True)
        gradients = torch.autograd.grad((weights * both).sum(), list(parameters.values()), create_graph=True)
        moved = {name: p - g for (name, p), g in zip(parameters.items(), gradients, strict=True)}
        buffers = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        outputs: Tensor = functional_call(self.network, {**buffers, **moved}, (self.target.inputs,))
        (slope,) = torch.autograd.grad(functional.cross_entropy(outputs, self.target.labels), weights)
        alpha_beta = (-slope).relu()
        both = self._losses(self.network(self.source.inputs), pseudo)
        return (alpha_beta / alpha_beta.sum().clamp(min=1e-12) * both).sum()

    def _losses(self, logits: Tensor, pseudo: Tensor) -> Tensor:
        """Cross-entropy with the given and with the pseudo labels, shape [2, n]."""
        losses = -functional.log_softmax(logits, dim=1)
        return torch.stack([losses.gather(1, c.unsqueeze(1)).squeeze(1) for c in (self.source.labels, pseudo)])

    def take(self, loss_of: Callable[[int], Tensor], number: int = 0) -> None:
        """Take one whole step."""
        self.settle = _nothing
        self.descent.clear()
        with autocast(self.device, self.precision):
            loss = loss_of(number)
        torch.autograd.backward(loss)
        self.settle()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.descent.step(1e-4)

    def seconds(self, loss_of: Callable[[int], Tensor]) -> float:
        """Mean time of the steps that one trusted batch serves for."""
        wait_for(self.device)
        started = time.perf_counter()
        for number in range(self.every):
            self.take(loss_of, number)
        wait_for(self.device)
        return (time.perf_counter() - started) / self.every

    def watched(self, loss_of: Callable[[int], Tensor]) -> Cost:
        """Of the steps that one trusted batch serves for: the mean of the operations, the most of the bytes."""
        kept = [*self.network.parameters(), *self.network.buffers(), self.source.inputs, self.target.inputs]
        momentum = sum(p.numel() * p.element_size() for p in self.network.parameters())
        self.descent.clear()
        with Watch(kept) as seen:
            for number in range(self.every):
                self.take(loss_of, number)
        held = seen.peak + momentum + sum(t.numel() * t.element_size() for t in kept)
        return Cost(operations=seen.operations / self.every, peak=float(held))


def _nothing() -> None:
    """A plain step leaves nothing to settle."""
