"""The cost of a meta step: its time and memory over those of a plain SGD step on the same network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._datasets import scaled
from noisecleaner.bench._learning import new_network
from noisecleaner.bench._watch import Watch
from noisecleaner.gradients.passes import with_spare_buffers
from noisecleaner.networks.devices import autocast, choose_precision
from noisecleaner.networks.heads import build_network
from noisecleaner.networks.network import Batch, Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.settings import Meta
from noisecleaner.training.descent import Descent
from noisecleaner.weightings import Weighting, build

_CLASSES, _WIDTH, _ROUNDS = 10, 1280, 7


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """A network, and the batch that is its size at `scale` 1.

    Args:
        batch: source rows in a step.
        size: edge length of its images; None for vectors.
    """

    batch: int
    size: int | None = None


_SUBJECTS = {
    "cifar-quick": _Subject(batch=512, size=32),
    "preact-resnet18": _Subject(batch=128, size=32),
    "resnet18": _Subject(batch=32, size=224),
    "head": _Subject(batch=512),
}
#: Layers, share of the source batch that a trusted batch has, and steps for which it serves.
_WAYS = (
    *(("soseleto", layers, share, 1) for layers in ("exact", "block", "last") for share in (1.0, 0.25)),
    *(("l2b", layers, share, 1) for layers in ("exact", "block", "last") for share in (1.0, 0.25)),
    ("l2b", "exact", 1.0, 4),
    ("l2rw", "exact", 1.0, 1),
    ("bilevel", "exact", 1.0, 1),
    ("create_graph", "exact", 1.0, 1),
)


class MetaStep(Experiment):
    """Random inputs; CIFAR-10 Quick, PreActResNet-18, torchvision's resnet18 at 224 pixels, and a head on vectors.

    `plain_steps` is the median, over seven interleaved rounds, of a method's step over a plain one in the same round,
    with its `lower` and `upper` quartile. Both take forward and backward pass, clipping and momentum SGD. `operations`
    is the ratio of their multiplications in layers and convolutions, which no other work on the machine disturbs;
    `memory` that of the most bytes they hold, parameters and momentum included. `create_graph` is L2B's Algorithm 1
    written down as it stands: an update from zero weights, and autograd through it. The head is one hidden layer of
    128 units on 1,280 numbers.

    `scale` is the share of batches of 512 (cifar-quick, head), 128 (preact-resnet18) and 32 (resnet18).

    Args:
        precision: what layers compute in, in both steps.
    """

    rows = tuple(
        Row(method, {"network": network, "meta": layers, "trusted": share, "every": every})
        for network in _SUBJECTS
        for method, layers, share, every in _WAYS
    )
    scale = 0.25

    def __init__(self, *, precision: Literal["float32", "bfloat16"] = "float32") -> None:
        self.precision = choose_precision(precision, torch.device("cpu"), convolutions=True)

    def run(self, row: Row, work: Work) -> Metrics:
        """Time a step of one method beside a plain one."""
        bench = _Bench(row, work, self.precision)
        plain, meta = bench.plain, bench.unrolled if row.method == "create_graph" else bench.weighted
        for step in (plain, meta):
            bench.take(step)  # the first one allocates, chooses kernels, and looks whether samples see each other
        rounds = [_Round(plain=bench.seconds(plain), meta=bench.seconds(meta)) for _ in range(_ROUNDS)]
        lower, middle, upper = statistics.quantiles((each.meta / each.plain for each in rounds), n=4)
        of_plain, of_meta = bench.watched(plain), bench.watched(meta)
        return {
            "plain_steps": middle,
            "lower": lower,
            "upper": upper,
            "operations": of_meta.operations / of_plain.operations,
            "memory": of_meta.peak / of_plain.peak,
            "plain_milliseconds": 1000 * statistics.median(each.plain for each in rounds),
        }


@dataclass(frozen=True, kw_only=True)
class _Round:
    """Seconds that a plain step and a meta step took, one right after the other."""

    plain: float
    meta: float


@dataclass(frozen=True, kw_only=True)
class _Cost:
    """Multiplications of a step, and the most bytes that it holds at a time, with parameters and momentum."""

    operations: float
    peak: float


class _Bench:
    """A network, batches, and the steps on them."""

    def __init__(self, row: Row, work: Work, precision: torch.dtype) -> None:
        name = str(row.setting["network"])
        subject, self.device, self.precision = _SUBJECTS[name], work.device, precision
        count = scaled(subject.batch, work.scale, least=8)
        torch.manual_seed(work.seed)
        self.network = _network(name, subject, work)
        self.network.to(device=work.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.source = _batch(count, subject, work.device)
        self.target = _batch(max(2, int(count * float(row.setting["trusted"]))), subject, work.device)
        self.nobody = Batch(inputs=self.target.inputs[:0], labels=self.target.labels[:0], rows=self.target.rows[:0])
        self.every = int(row.setting["every"])
        self.weighting: Weighting | None = None
        if row.method != "create_graph":
            meta = Meta(layers=str(row.setting["meta"]), every=self.every)  # type: ignore[arg-type]  # the table's own words
            self.weighting = build(row.method, rows=count, network=self.network, meta=meta).to(work.device)
        self.settle: Callable[[], None] = _nothing
        of_rule = [] if self.weighting is None else list(self.weighting.parameters())
        self.descent = Descent([*self.network.parameters(), *of_rule], momentum=0.9, weight_decay=5e-4)

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
        self._wait()
        started = time.perf_counter()
        for number in range(self.every):
            self.take(loss_of, number)
        self._wait()
        return (time.perf_counter() - started) / self.every

    def watched(self, loss_of: Callable[[int], Tensor]) -> _Cost:
        """Of the steps that one trusted batch serves for: the mean of the operations, the most of the bytes."""
        kept = [*self.network.parameters(), *self.network.buffers(), self.source.inputs, self.target.inputs]
        momentum = sum(p.numel() * p.element_size() for p in self.network.parameters())
        self.descent.clear()
        with Watch(kept) as seen:
            for number in range(self.every):
                self.take(loss_of, number)
        held = seen.peak + momentum + sum(t.numel() * t.element_size() for t in kept)
        return _Cost(operations=seen.operations / self.every, peak=float(held))

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def _nothing() -> None:
    """A plain step leaves nothing to settle."""


def _network(name: str, subject: _Subject, work: Work) -> Network:
    if subject.size is None:
        return build_network(Shape(kind="vectors", classes=_CLASSES, width=_WIDTH, hidden=128))
    return new_network(name, size=subject.size, classes=_CLASSES, seed=work.seed)


def _batch(count: int, subject: _Subject, device: torch.device) -> Batch:
    if subject.size is None:
        inputs = torch.randn(count, _WIDTH)
    else:  # with the channels last, as decoded images come
        inputs = 255 * torch.rand(count, subject.size, subject.size, 3).permute(0, 3, 1, 2)
    labels, rows = torch.randint(0, _CLASSES, (count,)), torch.arange(count)
    return Batch(inputs=inputs.to(device), labels=labels.to(device), rows=rows.to(device))
