"""What a step of training is, what an epoch has to show, what is kept: the contract, and the learner of weightings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import torch
from torch import Tensor, nn

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.captured import CapturedCalls
from noisecleaner.networks.devices import autocast
from noisecleaner.networks.network import Batch
from noisecleaner.ranks.group import ALONE, Ranks
from noisecleaner.training.checkpoints import Kept
from noisecleaner.training.clean_set import lent_warning
from noisecleaner.training.descent import Descent, Rate
from noisecleaner.training.evaluation import accuracy
from noisecleaner.training.feeds import Drawn, feed_of
from noisecleaner.training.folds import Fold
from noisecleaner.training.parts import Parts
from noisecleaner.training.sampling import Sampler
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.state import State, load_optimiser, optimiser_tensors
from noisecleaner.training.streams import Stream, forked, generator, seed_device
from noisecleaner.training.threads import few_threads
from noisecleaner.weightings import Step


class Learner(Kept, Protocol):
    """What the loop knows of a learner; two networks, several processes or a captured step fit behind it.

    A step depends on its number and on what the steps before it left in `state_dict`, and on nothing else.
    """

    @property
    def epochs(self) -> int:
        """Passes over the data."""
        ...

    @property
    def steps_per_epoch(self) -> int:
        """Steps of each."""
        ...

    def session(self) -> AbstractContextManager[None]:
        """What holds while steps are taken, and is as before afterwards: threads, random numbers, processes."""
        ...

    def begin_epoch(self, epoch: int) -> Sequence[str]:
        """Prepare an epoch that has no step behind it; return what may make the result worse than it looks."""
        ...

    def step(self, number: int) -> None:
        """Take one step, number 0 to epochs * steps_per_epoch - 1, without waiting for the device."""
        ...

    def end_epoch(self) -> Mapping[str, float]:
        """Conclude an epoch; return the numbers that it has to show.

        Raises:
            NoisecleanerError: training diverges.
        """
        ...


class WeightingLearner:
    """Trains one network on rows that a weighting weighs.

    Args:
        state: what is trained, on the device of the data; changed in place.
        data: what batches are made of.
        fold: which rows train and which steer.
        schedule: how long and how fast.
        ranks: the processes that take each step together.
    """

    def __init__(self, state: State, data: Data, fold: Fold, schedule: Schedule, ranks: Ranks = ALONE) -> None:
        self.state, self.data, self.fold, self.schedule = state, data.on_device(), fold, schedule
        # apart, so that a rule's own parameters do not change how the network's step is clipped
        groups = [list(module.parameters()) for module in (state.network, state.weighting)]
        self._clipped = [parameters for parameters in groups if parameters]
        trained = [parameter for parameters in groups for parameter in parameters]
        self._descent = Descent(trained, momentum=schedule.momentum, weight_decay=schedule.weight_decay)
        self._kept = nn.ModuleDict({"state": state, "descent": self._descent})
        self._optimisers = [r.optimiser for r in state.regularisers if r.optimiser is not None]
        self._sampler = Sampler.of_fold(fold, data.given, schedule, group=state.weighting.group)
        self._parts = Parts(ranks, state, self._sampler.source)
        self.epochs, self.steps_per_epoch = schedule.epochs, self._sampler.steps
        # the losses of a network that has learned nothing do not tell who is clean
        warmup = max(state.weighting.plain_epochs(self.epochs), 0 if state.clean_set is None else 1)
        self._warmup = min(warmup, self.epochs - 1) * self.steps_per_epoch
        self._losses: list[Tensor] = []
        self._rate = Rate(data.device)
        self._feed = feed_of(self.data, self._rows, epoch=self.steps_per_epoch)
        # what regularisers look at is chosen on the host
        self._steps = CapturedCalls(data.device, allowed=not state.regularisers)

    @contextmanager
    def session(self) -> Iterator[None]:
        """Leave the caller's random numbers alone, and take one thread for a small head."""
        device, modules = self.data.device, (self.state.network, self.state.weighting)
        with forked(device), few_threads(*modules), self._steps.running(), self._feed.running():
            yield

    def begin_epoch(self, epoch: int) -> list[str]:
        """Choose the clean set anew, where rows of low loss stand in for trusted ones."""
        return [*slow_steps(self._steps), *self._choose_clean_set(epoch)]

    def _choose_clean_set(self, epoch: int) -> list[str]:
        clean_set, rows = self.state.clean_set, self.fold.source
        if clean_set is None or epoch * self.steps_per_epoch < self._warmup:
            return []
        logits = self._parts.logits(self.data, rows, self.schedule.batch_size)
        given = torch.from_numpy(self.data.given[rows])
        first = not len(clean_set.rows())
        lent = clean_set.choose(rows, logits=logits, given=given)
        self._feed.forget()
        if not (lent and first):
            return []
        return [lent_warning(lent, of=len(clean_set.rows()))]

    def step(self, number: int) -> None:
        """Draw, weigh, regularise, propagate back, settle, descend, record: Algorithm 1 of all papers of `weightings/`.

        What a paper's own lines are, its rule's `step` says; `settle` is what it does with the step's gradients
        (SOSELETO moves alpha, eq. 5).
        """
        seed_device(self.schedule.seed, number, self.data.device)
        rate = self._rate.of(self.schedule.rate(number / (self.epochs * self.steps_per_epoch)))

        drawn = self._feed.drawn(number)
        sizes = self._parts.begin(number)

        def take(drawn: Drawn) -> Tensor:
            return self._take(number, self._feed.batches(drawn, self._parts.shares(sizes)), rate)

        self._losses.append(self._steps.call((number < self._warmup, sizes), drawn, take))

    def _take(self, number: int, batches: tuple[Batch, Batch], rate: float | Tensor) -> Tensor:
        """Take a step on what is on the device already, and return its loss, a scalar; nothing here asks the host."""
        source, target = batches
        weighted = self._weigh(number, source, target)
        loss = self._regularise(number, source, weighted.loss)
        self._descent.clear()
        torch.autograd.backward(loss)
        weighted.settle()
        self._parts.add_up(self._descent.gradients(), source.share)
        self._descend(rate)
        self.state.history.add(source, weighted.logits.float())
        return loss.detach()

    def _rows(self, number: int) -> tuple[IntArray, IntArray]:
        """The rows of a source batch, and of a trusted batch, which is empty where the last one's direction serves.

        Of several processes, each looks at its part of both.
        """
        clean_set, every = self.state.clean_set, self.state.weighting.every
        pool = self.fold.steering if clean_set is None else clean_set.rows()
        asked = number < self._warmup or (number - self._warmup) % every == 0
        target = self._sampler.target(number, pool if asked else pool[:0])
        return self._parts.own(number, self._sampler.source(number), target)

    def _weigh(self, number: int, source: Batch, target: Batch) -> Step:
        """Let the rule make a loss of the batches; plainly in the first epochs, if it says so."""
        weighting, network = self.state.weighting, self.state.network
        rule = weighting.warm_up if number < self._warmup else weighting.step
        network.train()
        with autocast(self.data.device, self.schedule.precision):
            return rule(network, source, target)

    def _regularise(self, number: int, source: Batch, loss: Tensor) -> Tensor:
        """Let the regularisers change the loss."""
        if not self.state.regularisers:
            return loss
        rng = generator(self.schedule.seed, Stream.REGULARISERS, number)
        for regulariser in self.state.regularisers:
            drawn = [self.data.source(rows).inputs for rows in regulariser.draw(rng, len(source.rows))]
            loss = regulariser.regularise(loss, self.state.network, source, drawn)
        return loss

    def _descend(self, rate: float | Tensor) -> None:
        """Step on the clipped gradients."""
        if self.schedule.clip:
            for parameters in self._clipped:
                torch.nn.utils.clip_grad_norm_(parameters, self.schedule.clip)
        self._descent.step(rate)

    def end_epoch(self) -> dict[str, float]:
        """Show the mean loss, the accuracy on the trusted rows that do not steer, and the mean alpha."""
        self._parts.merge()
        state, data, checked = self.state, self.data, self.fold.checked
        if state.average is not None:
            state.average.update_parameters(state.network)
        numbers = {"loss": mean_loss(self._losses, self.schedule, self._parts.ranks)}
        if len(checked):
            numbers["trusted accuracy"] = accuracy(
                state.network, data, rows=checked, labels=data.trusted[checked], batch_size=self.schedule.batch_size
            )
        alpha = state.weighting.alpha()[torch.from_numpy(self.fold.source).to(data.device)]
        if alpha.isfinite().any():
            numbers["mean α"] = float(alpha.nanmean())
        return numbers

    def state_dict(self) -> dict[str, Tensor]:
        """State, momentum, and what the regularisers' own optimisers remember; asked by all processes at once."""
        self._parts.merge()
        tensors: dict[str, Tensor] = {f"kept.{name}": tensor for name, tensor in self._kept.state_dict().items()}
        for number, optimiser in enumerate(self._optimisers):
            tensors |= {f"optimiser.{number}.{name}": t for name, t in optimiser_tensors(optimiser).items()}
        return tensors

    def load_state_dict(self, tensors: Mapping[str, Tensor], /) -> None:
        """Go on where `state_dict` was taken."""
        self._feed.forget()
        self._kept.load_state_dict({n.removeprefix("kept."): t for n, t in tensors.items() if n.startswith("kept.")})
        for number, optimiser in enumerate(self._optimisers):
            own = f"optimiser.{number}."
            load_optimiser(optimiser, {n.removeprefix(own): t for n, t in tensors.items() if n.startswith(own)})


def slow_steps(steps: CapturedCalls) -> list[str]:
    """Say why steps are not captured."""
    said = "Training is slower than it could be, as its steps cannot be captured"
    return [f"{said}: {refusal}." for refusal in steps.refusals()]


def mean_loss(losses: list[Tensor], schedule: Schedule, ranks: Ranks = ALONE) -> float:
    """The mean of the losses of an epoch, each of shape []; the list is empty then. Of several processes, their sum.

    Raises:
        NoisecleanerError: training diverges.
    """
    mean = float(ranks.total(torch.stack(losses).mean()))
    losses.clear()
    if not math.isfinite(mean):
        raise NoisecleanerError(
            f"Training must converge, but the loss is {mean} after steps of {schedule.learning_rate:g}.",
            "Give a smaller `Effort.learning_rate`, or leave it out.",
        )
    return mean
