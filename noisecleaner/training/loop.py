"""The training loop: batches in, weights from the rule, steps on the network, history for every row."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.devices import autocast
from noisecleaner.networks.network import Batch, Network
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.training.checkpoints import restore, save
from noisecleaner.training.clean_set import CleanSet
from noisecleaner.training.descent import Descent
from noisecleaner.training.folds import Fold
from noisecleaner.training.sampling import Sampler
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.state import State

_CLIP = 5.0  # L2B, section 4.2: "gradient clipping is applied to stabilize training"
_SMALL = 300_000  # parameters of a network whose steps are too short to be shared out to threads


def train(
    state: State,
    data: Data,
    fold: Fold,
    schedule: Schedule,
    checkpoint: Path,
    title: str,
    progress: Progress,
    interrupts: Interrupts,
    until: float = 1.0,
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
        until: the share of all steps after which training stops, with a checkpoint to go on from.

    Raises:
        Interrupted: a signal arrived; the checkpoint has been written.
    """
    own, of_rule = list(state.network.parameters()), list(state.weighting.parameters())
    descent = Descent([*own, *of_rule], schedule.momentum, schedule.weight_decay)
    sampler = Sampler(
        fold.source, data.given, schedule.batch_size, schedule.trusted_batch, schedule.seed, state.weighting.group
    )
    per_epoch = sampler.steps
    total = per_epoch * schedule.epochs
    last = round(total * until)
    # the losses of a network that has learned nothing do not tell who is clean
    warmup = max(state.weighting.warmup, 0 if state.meta is None else 1)
    warmup = min(warmup, schedule.epochs - 1) * per_epoch
    saved = time.monotonic()
    losses: list[Tensor] = []
    kept = nn.ModuleDict({"state": state, "descent": descent})
    optimisers = [r.optimiser for r in state.regularisers if r.optimiser is not None]
    start = restore(checkpoint, kept, optimisers)
    with (
        torch.random.fork_rng(),
        few_threads(state.network, state.weighting),
        interrupts.deferred(),
        progress.stage(title, last, "steps", start) as stage,
    ):
        for number, source_rows in islice(sampler.source(start, schedule.epochs), max(0, last - start)):
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
            loss = _regularised(step.loss, state, data, source, (schedule.seed, 3, number))
            descent.clear()
            torch.autograd.backward(loss)
            step.settle()
            # apart, so that a rule's own parameters do not change the network's step
            for part in filter(None, (own, of_rule)):
                torch.nn.utils.clip_grad_norm_(part, _CLIP)
            descent.step(schedule.rate(number / total))
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
                save(checkpoint, kept, optimisers, number + 1)
                saved = time.monotonic()
                interrupts.raise_pending()
        if start < last < total:
            save(checkpoint, kept, optimisers, last)


@torch.no_grad()
def predict(network: Network, data: Data, rows: IntArray, batch_size: int) -> Iterator[tuple[IntArray, Tensor]]:
    """Yield (rows, logits [n, classes]) batch by batch, in evaluation mode, on the CPU."""
    network.eval()
    for first in range(0, len(rows), batch_size):
        batch = rows[first : first + batch_size]
        yield batch, network(data.inputs(batch)).float().cpu()


def _choose_meta_set(
    meta: CleanSet, network: Network, data: Data, fold: Fold, schedule: Schedule, progress: Progress
) -> None:
    logits = torch.cat([logits for _, logits in predict(network, data, fold.source, schedule.batch_size)])
    first = not len(meta.rows())
    lent = meta.choose(fold.source, logits, torch.from_numpy(data.given[fold.source]))
    if lent and first:
        progress.warn(
            f"{lent:,} of {len(meta.rows()):,} rows of the meta set have high losses, because some classes have too "
            "few rows of low loss; they may be wrong. Verified rows (--trusted FILE) steer better."
        )


def small(*modules: nn.Module) -> bool:
    """Whether steps are too short to be shared out to threads: those of a small head on the CPU.

    A convolution is no head: it has few parameters, and long to work on them.
    """
    parameters = [p for module in modules for p in module.parameters()]
    head = all(p.dim() <= 2 and p.device.type == "cpu" for p in parameters)
    return head and sum(p.numel() for p in parameters) < _SMALL


@contextmanager
def few_threads(*modules: nn.Module) -> Iterator[None]:
    """Use one thread for a small head: on a busy machine, waiting for a second one takes four times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if small(*modules) else before)
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
