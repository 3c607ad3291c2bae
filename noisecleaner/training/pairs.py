"""The learner of two networks that teach each other: either trains for an epoch on rows that the other has divided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from noisecleaner.arrays import IntArray
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.devices import autocast
from noisecleaner.networks.network import Batch
from noisecleaner.networks.twins import members
from noisecleaner.training.clean_set import CleanSet, clean_probability, lent_warning
from noisecleaner.training.descent import Descent
from noisecleaner.training.evaluation import accuracy, predict
from noisecleaner.training.folds import Fold
from noisecleaner.training.learner import mean_loss
from noisecleaner.training.sampling import Sampler
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.state import State
from noisecleaner.training.streams import Stream, forked, generator, seed_device
from noisecleaner.training.threads import few_threads
from noisecleaner.weightings import cross_entropies
from noisecleaner.weightings._pair import Divided, PairWeighting


class PairLearner:
    """Trains two networks by a rule that divides rows (`weightings/_pair.py`): Algorithm 1 of DivideMix.

    An epoch is two halves: in the first the one network takes its steps, in the second the other. Which rows are right
    is asked once, before both.

    Args:
        state: what is trained, on the device of the data; changed in place.
        rule: its weighting.
        data: what batches are made of.
        fold: which rows train and which steer.
        schedule: how long and how fast.
    """

    def __init__(self, state: State, rule: PairWeighting, data: Data, fold: Fold, schedule: Schedule) -> None:
        self.state, self.rule, self.data, self.fold, self.schedule = state, rule, data.on_device(), fold, schedule
        self._members = members(state.network)
        self._descents = [
            Descent(list(one.parameters()), momentum=schedule.momentum, weight_decay=schedule.weight_decay)
            for one in self._members
        ]
        self._clean_sets = [CleanSet(len(data.given)).to(data.device) for _ in self._members]
        descents, clean_sets = nn.ModuleList(self._descents), nn.ModuleList(self._clean_sets)
        self._kept = nn.ModuleDict({"state": state, "descents": descents, "clean_sets": clean_sets})
        self._sampler = Sampler.of_fold(fold, data.given, schedule)
        self.epochs, self.steps_per_epoch = schedule.epochs, 2 * self._sampler.steps
        self._warmup = rule.plain_epochs(self.epochs)
        self._losses: list[Tensor] = []
        self._dealt: tuple[int, list[tuple[IntArray, IntArray]]] = (-1, [])

    @contextmanager
    def session(self) -> Iterator[None]:
        """Leave the caller's random numbers alone, and take one thread for a small network."""
        with forked(self.data.device), few_threads(self.state.network):
            yield

    def begin_epoch(self, epoch: int) -> list[str]:
        """Let each network divide the rows for the other, once it has learned something."""
        if epoch < self._warmup:
            return []
        rows, lent = self.fold.source, 0
        place = torch.from_numpy(rows).to(self.data.device)
        given = torch.from_numpy(self.data.given[rows])
        said = [torch.cat([logits for _, logits in predict(one, self.data, rows)]) for one in self._members]
        for number, logits in enumerate(said):
            right = clean_probability(cross_entropies(logits, given).double().numpy())
            self.rule.divide(number, place, torch.from_numpy(right).float().to(place.device))
            lent += self._clean_sets[number].choose(rows, logits=logits, given=given)
        both = torch.stack(said).mean(dim=0).to(place.device)
        self.state.history.add(Batch(inputs=both, labels=given.to(place.device), rows=place), both)
        self._dealt = (-1, [])
        if not (lent and epoch == self._warmup and self.rule.steered and not len(self.fold.steering)):
            return []
        return [lent_warning(lent, of=sum(len(clean_set.rows()) for clean_set in self._clean_sets))]

    def step(self, number: int) -> None:
        """Train one of the networks, plainly or on what the other has divided, and descend."""
        seed_device(self.schedule.seed, number, self.data.device)
        half, position = divmod(number, self._sampler.steps)
        epoch, member = divmod(half, 2)
        descent, own = self._descents[member], self._members[member]
        with autocast(self.data.device, self.schedule.precision):
            if epoch < self._warmup:
                loss = self._warm_up(number, member)
            else:
                divided = self._divided(number, since=epoch + position / self._sampler.steps - self._warmup)
                loss = self.rule.teach(member, own, self._members[1 - member], divided)
        descent.clear()
        torch.autograd.backward(loss)
        if self.schedule.clip:
            torch.nn.utils.clip_grad_norm_(own.parameters(), self.schedule.clip)
        descent.step(self.schedule.rate(number / (self.epochs * self.steps_per_epoch)))
        self._losses.append(loss.detach())

    def _warm_up(self, number: int, member: int) -> Tensor:
        """The loss of a plain step, a scalar; a row's margin is recorded."""
        source = self.data.source(self._sampler.source(number))
        nobody = self.data.target(self.fold.steering[:0])
        step = self.rule.warm_up(self._members[member].train(), source, nobody)
        self.state.history.add(source, step.logits.float())
        return step.loss

    def _divided(self, number: int, *, since: float) -> Divided:
        """What the step looks at."""
        half, position = divmod(number, self._sampler.steps)
        labelled, unlabelled = self._rows(half)[position]
        pool = self.fold.steering if len(self.fold.steering) else self._clean_sets[1 - half % 2].rows()
        target = self._sampler.target(number, pool if self.rule.steered else pool[:0])
        views = range(self.rule.views)
        return Divided(
            labelled=[self.data.source(labelled) for _ in views],
            unlabelled=[self.data.source(unlabelled) for _ in views],
            target=self.data.target(target),
            since=since,
        )

    def _rows(self, half: int) -> list[tuple[IntArray, IntArray]]:
        """The labelled and the unlabelled rows of each step of half an epoch: of one network."""
        if self._dealt[0] != half:
            rows, steps = self.fold.source, self._sampler.steps
            place = torch.from_numpy(rows).to(self.data.device)
            right = self.rule.labelled(half % 2, place).cpu().numpy()
            size = max(2, len(rows) // steps // 2)
            rng = generator(self.schedule.seed, Stream.DIVISION, half)
            parts = (dealt(part, steps, size, rng) for part in (rows[right], rows[~right]))
            self._dealt = (half, list(zip(*parts, strict=True)))
        return self._dealt[1]

    def end_epoch(self) -> dict[str, float]:
        """Show the mean loss, both networks' accuracy on the trusted rows that do not steer, and the mean alpha."""
        numbers, checked, data = {"loss": mean_loss(self._losses, self.schedule)}, self.fold.checked, self.data
        if len(checked):
            network, labels = self.state.network, data.trusted[checked]
            numbers["trusted accuracy"] = accuracy(network, data, rows=checked, labels=labels)
        alpha = self.rule.alpha()[torch.from_numpy(self.fold.source).to(data.device)]
        if alpha.isfinite().any():
            numbers["mean α"] = float(alpha.nanmean())
        return numbers

    def state_dict(self) -> dict[str, Tensor]:
        """State, the momentum of both networks, and the rows that steer."""
        return dict(self._kept.state_dict())

    def load_state_dict(self, tensors: Mapping[str, Tensor], /) -> None:
        """Go on where `state_dict` was taken."""
        self._dealt = (-1, [])
        self._kept.load_state_dict(dict(tensors))


def dealt(rows: IntArray, steps: int, size: int, rng: np.random.Generator) -> list[IntArray]:
    """Deal rows into batches, as often as it takes: all come once before one comes again.

    Args:
        rows: shape [n]; of none, all batches are empty.
        steps: number of batches.
        size: rows of each, at most n.
        rng: draws the order.

    Returns:
        Sorted numbers of rows for each step, none twice in a batch, shape [size].
    """
    size = min(size, len(rows))
    if not size:
        return [rows] * steps
    order, batches = rows[:0], list[IntArray]()
    for _ in range(steps):
        if len(order) < size:
            again = rng.permutation(rows)
            # what is left comes first, and not once more in the same batch
            again = np.concatenate([again[~np.isin(again, order)], again[np.isin(again, order)]])
            order = np.concatenate([order, again])
        batches.append(np.sort(order[:size]))
        order = order[size:]
    return batches
