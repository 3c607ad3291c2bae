"""All folds of a head in one step: their classifiers stand side by side, and see the same batches.

On a CPU a second thread takes half of each large product, and gathers the rows of the next step. PyTorch's own threads
share out every single operation and wait for each other after it, which on a busy machine takes several times as long
as one thread alone; here nobody waits for what has not begun. All small operations are one thread's: two that take
turns with the interpreter lost as much as they gained. Halves are the same on every machine, and so are the bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from noisecleaner.arrays import IntArray
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.captured import CapturedCalls
from noisecleaner.networks.network import Batch
from noisecleaner.networks.stacked import StackedLinear
from noisecleaner.threads import UNAIDED, Partner
from noisecleaner.training.clean_set import CleanSet, lent_warning
from noisecleaner.training.descent import Descent, Rate
from noisecleaner.training.folds import Fold
from noisecleaner.training.gathering import Gathering
from noisecleaner.training.learner import mean_loss, slow_steps
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.sharing import Draw, Part, SharedSampler
from noisecleaner.training.state import State
from noisecleaner.training.threads import small

#: Rows that are looked at together, outside of steps.
_BLOCK = 512
#: What a step looks at: features, row numbers and parts of the source, and perhaps of the target; on the device.
_Drawn = tuple[Tensor, ...]


class HeadGroup:
    """Folds whose classifiers are stacked, and what steps on them.

    Args:
        state: with stacked classifiers on features, and a rule that `stacks`; changed in place.
        numbers: which folds of the assignment they are.
        schedule: how fast.
    """

    def __init__(self, state: State, numbers: Sequence[int], schedule: Schedule) -> None:
        self.state, self.numbers = state, list(numbers)
        trained, self._norm = list(state.network.parameters()), schedule.clip
        self._descent = Descent(trained, momentum=schedule.momentum, weight_decay=schedule.weight_decay)
        self.kept = nn.ModuleDict({"state": state, "descent": self._descent})

    def step(self, source: Batch, target: Batch, *, plain: bool, rate: float | Tensor) -> Tensor:
        """Weigh, propagate back, settle, descend, record, as `WeightingLearner` does.

        Returns:
            The sum of the losses of all folds, shape [].
        """
        weighting, network = self.state.weighting, self.state.network.train()
        weighted = (weighting.warm_up if plain else weighting.step)(network, source, target)
        self._descent.clear()
        torch.autograd.backward(weighted.loss)
        weighted.settle()
        if self._norm:
            self._clip()
        self._descent.step(rate)
        self.state.history.add(source, weighted.logits)
        return weighted.loss.detach()

    @torch.no_grad()
    def _clip(self) -> None:
        """Clip the gradient of each fold by its own norm, as `clip_grad_norm_` clips that of a lone network."""
        gradients = self._descent.gradients()
        norms = [torch.linalg.vector_norm(gradient.flatten(1), dim=1) for gradient in gradients]
        shrink = (self._norm / (torch.linalg.vector_norm(torch.stack(norms), dim=0) + 1e-6)).clamp_(max=1)
        for gradient in gradients:
            gradient.mul_(shrink.view(-1, *[1] * (gradient.dim() - 1)))


class HeadsLearner:
    """Trains the heads of several folds; see `learner.Learner` for the contract.

    Each fold takes the steps that it would take alone on those rows of a batch that it counts.

    Args:
        groups: of folds, whose states are on the device of the data.
        trunk: makes features of vectors, on that device.
        data: what batches are made of.
        folds: all folds of the assignment.
        schedule: how long and how fast.
        low_loss: choose the rows that steer by their losses.
        aided: whether a second thread helps; the results are the same.
    """

    def __init__(
        self,
        groups: Sequence[HeadGroup],
        trunk: nn.Module,
        data: Data,
        folds: Sequence[Fold],
        *,
        schedule: Schedule,
        low_loss: bool = False,
        aided: bool = False,
    ) -> None:
        self.groups, self.data, self.schedule, self._trunk = groups, data.on_device(), schedule, trunk
        numbers = [group.numbers for group in groups]
        self.folds = [folds[number] for own in numbers for number in own]
        self._sampler = SharedSampler(folds=folds, groups=numbers, data=data, schedule=schedule)
        self._gathering = Gathering(self.data, trunk)
        self._clean_sets = [CleanSet(len(data.given)).to(data.device) for _ in self.folds] if low_loss else []
        self._kept = nn.ModuleList([*(group.kept for group in groups), *self._clean_sets])
        self.epochs, self.steps_per_epoch = schedule.epochs, self._sampler.steps
        # the losses of a network that has learned nothing do not tell who is clean
        warmup = max(groups[0].state.weighting.plain_epochs(self.epochs), 1 if low_loss else 0)
        self._warmup = min(warmup, self.epochs - 1) * self.steps_per_epoch
        self._losses: list[Tensor] = []
        self._rate, self._steps = Rate(data.device), CapturedCalls(data.device)
        self._epoch, self._source, self._target = -1, list[Draw](), list[Draw]()
        self._aided, self._partner = aided, UNAIDED
        self._ahead: tuple[int, Callable[[], _Drawn]] | None = None

    @contextmanager
    def session(self) -> Iterator[None]:
        """Threads run, each of which computes alone where heads are small; steps draw no random numbers of PyTorch."""
        before = torch.get_num_threads()
        each = 1 if small(self.groups[0].state.network) else max(1, before // 2)
        with ExitStack() as stack:
            stack.callback(torch.set_num_threads, before)
            torch.set_num_threads(each)
            stack.enter_context(self._steps.running())
            stack.callback(self._help_by, UNAIDED)
            if self._aided:
                pool = ThreadPoolExecutor(1, "heads", torch.set_num_threads, (each,))
                self._help_by(Partner(stack.enter_context(pool)))
            yield

    def _help_by(self, partner: Partner) -> None:
        """Let a thread help from now on."""
        self._partner, self._ahead = partner, None
        for group in self.groups:
            head = group.state.network.head
            assert isinstance(head, StackedLinear)  # noqa: S101  # `make_heads` has stacked them
            head.partner = partner

    def begin_epoch(self, epoch: int) -> list[str]:
        """Choose clean sets anew, where rows of low loss stand in for trusted ones, and draw all batches."""
        chosen = bool(self._clean_sets) and epoch * self.steps_per_epoch >= self._warmup
        warnings = [*slow_steps(self._steps), *(self._choose_clean_sets() if chosen else [])]
        self._draw(epoch)
        return warnings

    def _choose_clean_sets(self) -> list[str]:
        warnings, data = [], self.data
        rows = np.unique(np.concatenate([fold.source for fold in self.folds]))
        for fold, clean_set, logits in zip(self.folds, self._clean_sets, self._logits(rows), strict=True):
            first, source = not len(clean_set.rows()), fold.source
            given = np.where(np.isin(source, fold.overridden), data.trusted[source], data.given[source])
            own = logits[torch.from_numpy(np.searchsorted(rows, source))]
            lent = clean_set.choose(source, logits=own, given=torch.from_numpy(given))
            if lent and first:
                warnings.append(lent_warning(lent, of=len(clean_set.rows())))
        return warnings

    @torch.no_grad()
    def _logits(self, rows: IntArray) -> Tensor:
        """What each fold's head says of rows [n], on the CPU, shape [folds, n, classes]."""
        networks, blocks = [group.state.network.eval() for group in self.groups], []
        for first in range(0, len(rows), _BLOCK):
            features = self._trunk(self.data.inputs(rows[first : first + _BLOCK]))
            blocks.append(torch.cat([network(features) for network in networks]).float().cpu())
        return torch.cat(blocks, dim=1)

    def _draw(self, epoch: int) -> None:
        """Draw the batches of an epoch, unless they are there."""
        if epoch == self._epoch:
            return
        self._epoch, self._source, self._target = epoch, self._sampler.source(epoch), []
        if (epoch + 1) * self.steps_per_epoch <= self._warmup or not self.groups[0].state.weighting.needs_trusted:
            return
        if self._clean_sets:
            self._target = self._sampler.target_apart(epoch, [clean_set.rows() for clean_set in self._clean_sets])
        else:
            self._target = self._sampler.target(epoch)

    def step(self, number: int) -> None:
        """Take the step of `WeightingLearner.step` for all folds: gather, weigh, propagate back, settle, descend."""
        self._draw(number // self.steps_per_epoch)  # a resumed run begins within an epoch
        rate = self._rate.of(self.schedule.rate(number / (self.epochs * self.steps_per_epoch)))
        plain, ahead = number < self._warmup, self._ahead
        drawn = ahead[1]() if ahead is not None and ahead[0] == number else self._drawn(number)
        following = number + 1
        # what comes after an epoch has not been drawn
        self._ahead = None
        if following % self.steps_per_epoch:
            self._ahead = (following, self._partner.begin(partial(self._drawn, following)))
        self._losses.append(self._steps.call(plain, drawn, lambda drawn: self._take(drawn, plain, rate)))

    def _drawn(self, number: int) -> _Drawn:
        """What a step looks at; in place of features the row numbers once more, where the device gathers."""
        position, every = number % self.steps_per_epoch, self.groups[0].state.weighting.every
        asked = bool(self._target) and number >= self._warmup and (number - self._warmup) % every == 0
        draws = [self._source[position], *([self._target[position]] if asked else [])]
        drawn: list[Tensor] = []
        for place, draw in enumerate(draws):
            held, slot = self.data.held is not None, 2 * (number % 2) + place
            inputs = draw.rows if held else self._gathering.from_host(draw.rows, slot)
            drawn += [inputs, draw.rows, *(tensor for part in draw.parts for tensor in part.tensors)]
        return tuple(drawn)

    def _take(self, drawn: _Drawn, plain: bool, rate: float | Tensor) -> Tensor:
        """Take a step on what is on the device already, and return its loss, a scalar; nothing here asks the host."""
        half = 2 + Part.TENSORS * len(self.groups)
        sources = self._batches(drawn[:half])
        targets = self._batches(drawn[half:]) if len(drawn) > half else [_nobody(source) for source in sources]

        losses = [
            group.step(source, target, plain=plain, rate=rate)
            for group, source, target in zip(self.groups, sources, targets, strict=True)
        ]
        return torch.stack(losses).sum() / len(self.folds)

    def _batches(self, drawn: _Drawn) -> list[Batch]:
        """The batch of each group."""
        inputs, rows, *tensors = drawn
        features = inputs if self.data.held is None else self._gathering.on_device(rows)
        size = Part.TENSORS
        parts = [Part.of(tensors[first : first + size]) for first in range(0, len(tensors), size)]
        return [part.batch(features, rows) for part in parts]

    def end_epoch(self) -> dict[str, float]:
        """Show, of all folds together, mean loss, accuracy on trusted rows that do not steer, and mean alpha."""
        states = [group.state for group in self.groups]
        for state in states:
            if state.average is not None:
                state.average.update_parameters(state.network)
        numbers = {"loss": mean_loss(self._losses, self.schedule)}
        if any(len(fold.checked) for fold in self.folds):
            numbers["trusted accuracy"] = self._accuracy()
        alphas = [state.weighting.alpha_of(place) for state, place in self._places()]
        recorded = [torch.from_numpy(fold.recorded).to(self.data.device) for fold in self.folds]
        alpha = torch.cat([own[rows] for own, rows in zip(alphas, recorded, strict=True)])
        if alpha.isfinite().any():
            numbers["mean α"] = float(alpha.nanmean())
        return numbers

    def _accuracy(self) -> float:
        rows = np.unique(np.concatenate([fold.checked for fold in self.folds]))
        labels = self._logits(rows).max(dim=-1).indices.numpy()
        places = [np.searchsorted(rows, fold.checked) for fold in self.folds]
        right = [own[at] == self.data.trusted[rows[at]] for own, at in zip(labels, places, strict=True)]
        return float(np.concatenate(right).mean())

    def _places(self) -> Iterator[tuple[State, int]]:
        """For each fold the state that holds it, and its place there."""
        yield from ((group.state, place) for group in self.groups for place in range(len(group.numbers)))

    def state_dict(self) -> dict[str, Tensor]:
        """Parameters, momentum, what rules keep, and what is known of each row."""
        return dict(self._kept.state_dict())

    def load_state_dict(self, tensors: Mapping[str, Tensor], /) -> None:
        """Go on where `state_dict` was taken."""
        self._epoch, self._ahead = -1, None
        self._kept.load_state_dict(dict(tensors))


def _nobody(source: Batch) -> Batch:
    """A batch without rows."""
    return Batch(inputs=source.inputs[:0], labels=source.labels[..., :0], rows=source.rows[:0])
