"""The training loop: batches in, weights from the rule, steps on the network, history for every row."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from noisecleaner.alignment import at
from noisecleaner.augment import augment
from noisecleaner.checkpoints import restore, save
from noisecleaner.errors import NoisecleanerError
from noisecleaner.folds import Fold
from noisecleaner.ingest.manifest import IntArray
from noisecleaner.metaset import MetaSet
from noisecleaner.precision import autocast
from noisecleaner.probabilities import logarithms
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.regularisers import Regulariser, Side
from noisecleaner.sampling import Sampler
from noisecleaner.weightings import Batch, Network, Weighting

_CLIP = 5.0  # L2B, section 4.2: "gradient clipping is applied to stabilize training"
_SMALL = 300_000  # parameters of a network whose steps are too short to be shared out to threads


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train (momentum SGD, cosine annealing as in L2B, section 4.2).

    Args:
        epochs: passes over the source rows.
        batch_size: source rows in a step.
        trusted_batch: trusted rows in a step.
        learning_rate: at the start; it falls to zero along a half cosine.
        weight_decay: L2 penalty.
        momentum: of SGD.
        seed: of every random number.
        checkpoint_seconds: least time between two checkpoints.
        precision: what the network's layers compute in.
    """

    epochs: int
    batch_size: int
    trusted_batch: int
    learning_rate: float
    weight_decay: float
    momentum: float = 0.9
    seed: int = 0
    checkpoint_seconds: float = 30.0
    precision: torch.dtype = torch.float32

    def rate(self, done: float) -> float:
        """The learning rate when the share `done` of all steps lies behind."""
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def optimiser(self, parts: Sequence[Sequence[nn.Parameter]]) -> torch.optim.SGD:
        """Make the optimiser of parameters that are on their device; of each part, all have a gradient or none."""
        groups = [{"params": list(part)} for part in parts if part]
        return torch.optim.SGD(
            groups,
            self.learning_rate,
            self.momentum,
            weight_decay=self.weight_decay,
            fused=parts[0][0].device.type in {"cpu", "cuda"},  # half the time of a step on many parameters
        )


@dataclass(frozen=True)
class Data:
    """What batches are made of.

    Args:
        array: inputs of all rows, shape [rows, …]: uint8 pixels [rows, size, size, 3] or vectors [rows, width].
        given: class index of the given label, -1 where there is none, shape [rows].
        trusted: class index of the verified label, -1 where there is none, shape [rows].
        device: where the network is.
        augmented: whether source pixels are augmented.
        flips: whether a mirrored image keeps its label.
        side: what regularisers look at.
        probabilities: whether the vectors are class probabilities, of which networks take the logarithms.
    """

    array: npt.NDArray[Any]
    given: IntArray
    trusted: IntArray
    device: torch.device
    augmented: bool = False
    flips: bool = True
    side: Side = field(default_factory=lambda: Side(np.empty(0, np.int64), np.empty(0, np.int64)))
    probabilities: bool = False

    def source(self, rows: IntArray) -> Batch:
        """Make a batch of source rows, augmented if asked for."""
        inputs = self.inputs(rows)
        return self._batch(augment(inputs, self.flips) if self.augmented else inputs, self.given, rows)

    def target(self, rows: IntArray) -> Batch:
        """Make a batch of trusted rows with their verified labels; those of a meta set have only the given one."""
        return self._batch(self.inputs(rows), np.where(self.trusted >= 0, self.trusted, self.given), rows)

    def inputs(self, rows: IntArray) -> Tensor:
        """Bring rows to the device: pixels [n, 3, size, size], vectors or log probabilities [n, width], as float32."""
        picked = self.array[rows]
        return inputs_of(logarithms(picked) if self.probabilities else picked, self.device)

    def _batch(self, inputs: Tensor, labels: IntArray, rows: IntArray) -> Batch:
        on_device = [torch.from_numpy(values).to(self.device) for values in (labels[rows], rows)]
        return Batch(inputs, *on_device)


def inputs_of(values: npt.NDArray[Any], device: torch.device) -> Tensor:
    """Bring pixels [n, size, size, 3] (as [n, 3, size, size]) or vectors [n, width] to a device, as float32."""
    picked = torch.from_numpy(values).to(device)
    return (picked.permute(0, 3, 1, 2) if picked.dim() == 4 else picked).float()


class History(nn.Module):
    """The margin of every row, averaged over its visits (the area under the margin of Pleiss et al., 2020).

    Args:
        rows: how many rows the run has.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.margin_sum: Tensor
        self.visits: Tensor
        self.register_buffer("margin_sum", torch.zeros(rows))
        self.register_buffer("visits", torch.zeros(rows))

    def add(self, batch: Batch, logits: Tensor) -> None:
        """Add one visit."""
        self.margin_sum.index_add_(0, batch.rows, margins(logits, batch.labels))
        self.visits.index_add_(0, batch.rows, torch.ones_like(logits[:, 0]))

    def margin(self) -> Tensor:
        """The mean margin, NaN where a row was never visited. Shape [rows]."""
        return self.margin_sum / self.visits


class State(nn.Module):
    """All that a training run changes, in named parts, so that a checkpoint is one `state_dict`.

    Args:
        network: what is trained.
        weighting: the rule, with the weights of every row.
        rows: how many rows the run has.
        averaged: keep the mean of the network over the epochs. For a linear head its logits are the mean
            logits, which rank wrong labels better than those of the last epoch.
        meta: choose the rows that steer by their losses.
        regularisers: what changes the weighting's loss, in this order.
    """

    def __init__(
        self,
        network: Network,
        weighting: Weighting,
        rows: int,
        averaged: bool,
        meta: bool = False,
        regularisers: Sequence[Regulariser] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.weighting = weighting
        self.history = History(rows)
        self.average = AveragedModel(network) if averaged else None
        self.meta = MetaSet(rows) if meta else None
        self.regularisers: Sequence[Regulariser] = torch.nn.ModuleList(regularisers)  # type: ignore[assignment]  # it is one

    def outcome(self) -> Network:
        """The network to keep: the average over the epochs if there is one; in a transfer the target's."""
        outcome = self.weighting.target_network(self.network) if self.average is None else self.average.module
        assert isinstance(outcome, Network)  # noqa: S101  # narrows the type that AveragedModel hides
        return outcome


def placed(state: State, device: torch.device) -> State:
    """Bring a state to a device, its convolutions in the layout of the pixels, channels last: that is faster."""
    return state.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Logit of the label minus the best other logit: [n, classes] and [n] -> [n]."""
    others = logits.scatter(1, labels.unsqueeze(1), -torch.inf)
    return at(logits, labels) - others.amax(dim=1)


def train(
    state: State,
    data: Data,
    fold: Fold,
    schedule: Schedule,
    checkpoint: Path,
    title: str,
    progress: Progress,
    interrupts: Interrupts,
) -> None:
    """Train one fold, or go on from its checkpoint.

    Every random number comes from (seed, step), so a resumed run takes the same steps as one never interrupted.

    Args:
        state: changed in place.
        data: what batches are made of.
        fold: which rows train and which steer.
        schedule: how long and how fast.
        checkpoint: the file to resume from and to write to.
        title: of the progress bar.
        progress: is told about every step, and at the end of an epoch about loss, trusted accuracy and mean alpha.
        interrupts: asked between steps.

    Raises:
        Interrupted: a signal arrived; the checkpoint has been written.
    """
    own, of_rule = list(state.network.parameters()), list(state.weighting.parameters())
    optimiser = schedule.optimiser([own, of_rule])
    sampler = Sampler(
        fold.source, data.given, schedule.batch_size, schedule.trusted_batch, schedule.seed, state.weighting.group
    )
    per_epoch = sampler.steps
    total = per_epoch * schedule.epochs
    # the losses of a network that has learned nothing do not tell who is clean
    warmup = max(state.weighting.warmup, 0 if state.meta is None else 1)
    warmup = min(warmup, schedule.epochs - 1) * per_epoch
    saved = time.monotonic()
    losses: list[Tensor] = []
    optimisers = [optimiser, *(r.optimiser for r in state.regularisers if r.optimiser is not None)]
    start = restore(checkpoint, state, optimisers)
    with (
        torch.random.fork_rng(),
        _few_threads([*own, *of_rule]),
        interrupts.deferred(),
        progress.stage(title, total, "steps", start) as stage,
    ):
        for number, source_rows in sampler.source(start, schedule.epochs):
            if state.meta is not None and number >= warmup and number % per_epoch == 0:
                _choose_meta_set(state.meta, state.network, data, fold, schedule, progress)
            pool = fold.steering if state.meta is None else state.meta.rows()
            _seed(_mixed(schedule.seed, number), data.device)
            # between two trusted batches the last one's direction serves
            asked = pool if number < warmup or (number - warmup) % state.weighting.every == 0 else pool[:0]
            source, target = data.source(source_rows), data.target(sampler.target(number, asked))
            state.network.train()
            rule = state.weighting.warm_up if number < warmup else state.weighting.step
            with autocast(data.device, schedule.precision):
                step = rule(state.network, source, target)
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate(number / total)
            loss = _regularised(step.loss, state, data, source, (schedule.seed, 3, number))
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            step.settle()
            # apart, so that a rule's own parameters do not change the network's step
            for part in filter(None, (own, of_rule)):
                torch.nn.utils.clip_grad_norm_(part, _CLIP)
            optimiser.step()
            state.history.add(source, step.logits.float())
            losses.append(loss.detach())
            if (number + 1) % per_epoch == 0:
                if state.average is not None:
                    state.average.update_parameters(state.network)
                stage.advance(1, **_epoch_numbers(state, data, fold, schedule, losses))
                losses.clear()
            else:
                stage.advance(1)
            if interrupts.pending() or time.monotonic() - saved > schedule.checkpoint_seconds:
                save(checkpoint, state, optimisers, number + 1)
                saved = time.monotonic()
                interrupts.raise_pending()


@torch.no_grad()
def predict(network: Network, data: Data, rows: IntArray, batch_size: int) -> Iterator[tuple[IntArray, Tensor]]:
    """Yield (rows, logits [n, classes]) batch by batch, in evaluation mode, on the CPU."""
    network.eval()
    for first in range(0, len(rows), batch_size):
        batch = rows[first : first + batch_size]
        yield batch, network(data.inputs(batch)).float().cpu()


def _choose_meta_set(
    meta: MetaSet, network: Network, data: Data, fold: Fold, schedule: Schedule, progress: Progress
) -> None:
    logits = torch.cat([logits for _, logits in predict(network, data, fold.source, schedule.batch_size)])
    first = not len(meta.rows())
    lent = meta.choose(fold.source, logits, torch.from_numpy(data.given[fold.source]))
    if lent and first:
        progress.warn(
            f"{lent:,} of {len(meta.rows()):,} rows of the meta set have high losses, because some classes have too "
            "few rows of low loss; they may be wrong. Verified rows (--trusted FILE) steer better."
        )


@contextmanager
def _few_threads(parameters: Sequence[Tensor]) -> Iterator[None]:
    """Train a small head with one thread: on a busy machine, waiting for a second one takes four times as long."""
    before = torch.get_num_threads()
    small = sum(p.numel() for p in parameters) < _SMALL and all(p.device.type == "cpu" for p in parameters)
    torch.set_num_threads(1 if small else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _epoch_numbers(state: State, data: Data, fold: Fold, schedule: Schedule, losses: list[Tensor]) -> dict[str, float]:
    numbers = {"loss": float(torch.stack(losses).mean())}
    if not math.isfinite(numbers["loss"]):
        raise NoisecleanerError(
            f"Training must converge, but the loss is {numbers['loss']} after steps of {schedule.learning_rate:g}.",
            "Give a smaller --learning-rate, or leave it out.",
        )
    if len(fold.checked):
        correct = [
            logits.argmax(dim=1).numpy() == data.trusted[rows]
            for rows, logits in predict(state.network, data, fold.checked, schedule.batch_size)
        ]
        numbers["trusted accuracy"] = float(np.concatenate(correct).mean())
    alpha = state.weighting.alpha()[torch.from_numpy(fold.source).to(data.device)]
    if alpha.isfinite().any():
        numbers["mean α"] = float(alpha.nanmean())
    return numbers


def _regularised(loss: Tensor, state: State, data: Data, source: Batch, seed: tuple[int, ...]) -> Tensor:
    """Let the regularisers change the loss of a step."""
    if not state.regularisers:
        return loss
    rng = np.random.default_rng(seed)
    for regulariser in state.regularisers:
        drawn = [data.source(rows).inputs for rows in regulariser.draw(rng, len(source.rows))]
        loss = regulariser.regularise(loss, state.network, source, drawn)
    return loss


def _seed(seed: int, device: torch.device) -> None:
    """Seed what a step draws from; `manual_seed` takes longer on the CPU than a step, as it prepares every device."""
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


def _mixed(seed: int, number: int) -> int:
    """A seed for one step that no other step of this or a nearby seed has."""
    return int(np.random.SeedSequence((seed, 0, number)).generate_state(1, np.uint64)[0] >> np.uint64(1))
