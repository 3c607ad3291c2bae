"""The cost of steps in a loop: those of the learner, as `fit` takes them, and of a minimal loop of PyTorch alone."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.bench._contract import Metrics, Row, Work
from noisecleaner.bench._laps import Lap, ratios, wait_for
from noisecleaner.bench._subjects import Subject, edge_of, subject
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.devices import autocast
from noisecleaner.regularisers import Side
from noisecleaner.settings import Meta, Precision
from noisecleaner.training.folds import Fold
from noisecleaner.training.recipe import Recipe, make_learner
from noisecleaner.training.schedule import Schedule

#: Seconds that a lap takes at least, and steps that it takes at most.
_LAP, _MOST = 0.3, 200
#: Trusted batches before anything is timed, on a GPU and elsewhere: steps choose kernels, allocate, and are captured.
_WARM, _WARM_ON_CPU = 8, 1
#: So small that random labels are not learned by heart.
_RATE = 1e-4


class _Loop(Protocol):
    """Something that takes steps of `rows` rows, one after the other."""

    rows: int

    def step(self) -> None:
        """Take the next step."""
        ...


class MinimalLoop:
    """What training costs at least: data on the device, random batches, fused SGD with momentum, and nothing else.

    Args:
        chosen: what is trained.
        work: the run.
        precision: what layers compute in.
    """

    def __init__(self, chosen: Subject, work: Work, precision: torch.dtype) -> None:
        self.rows, self._device, self._precision = chosen.rows_of_loop(work), work.device, precision
        self._network = chosen.network(work)
        data = chosen.data(work, edge_of(self._network))
        kept = int((data.given >= 0).sum())
        self._inputs = torch.from_numpy(data.array[:kept]).to(work.device)
        self._labels = torch.from_numpy(data.given[:kept]).to(work.device)
        fused = work.device.type in ("cpu", "cuda")
        self._optimiser = torch.optim.SGD(
            self._network.parameters(), lr=_RATE, momentum=0.9, weight_decay=5e-4, fused=fused
        )

    def step(self) -> None:
        """Draw a batch, and take a step of momentum SGD."""
        drawn = torch.randint(0, len(self._labels), (self.rows,), device=self._device)
        inputs = self._inputs[drawn]
        if inputs.dim() == 4:
            inputs = inputs.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        with autocast(self._device, self._precision):
            loss: Tensor = functional.cross_entropy(self._network(inputs), self._labels[drawn])
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self._optimiser.step()


class LearnerLoop:
    """The steps of a learner, with all that `training.loop` does in an epoch except to save and to tell.

    Args:
        row: the method, and how it asks.
        chosen: what is trained.
        work: the run.
        precision: what layers compute in.
    """

    def __init__(self, row: Row, chosen: Subject, work: Work, precision: torch.dtype) -> None:
        network = chosen.network(work)
        data = chosen.data(work, edge_of(network))
        self.rows, self._number = chosen.rows_of_loop(work), 0
        self._learner = make_learner(
            _recipe(row), network, data, side=Side(), fold=_fold(data), schedule=self._schedule(row, precision), seed=0
        )

    def _schedule(self, row: Row, precision: torch.dtype) -> Schedule:
        return Schedule(
            epochs=1_000_000,
            batch_size=self.rows,
            trusted_batch=max(2, int(self.rows * float(row.setting["trusted"]))),
            learning_rate=_RATE,
            weight_decay=5e-4,
            precision=precision,
        )

    def session(self) -> Any:
        """What holds while steps are taken."""
        return self._learner.session()

    def step(self) -> None:
        """Take the next step, and what belongs to the start and the end of an epoch."""
        epoch, position = divmod(self._number, self._learner.steps_per_epoch)
        if position == 0:
            self._learner.begin_epoch(epoch)
        self._learner.step(self._number)
        if position == self._learner.steps_per_epoch - 1:
            self._learner.end_epoch()
        self._number += 1


def _recipe(row: Row) -> Recipe:
    if row.method == "uniform":
        return Recipe("uniform")
    meta = Meta(layers=str(row.setting["meta"]), every=int(row.setting["every"]))  # type: ignore[arg-type]  # the table's own words
    return Recipe(row.method, options={"warmup": 0}, meta=meta)


def _fold(data: Data) -> Fold:
    return Fold(source=np.flatnonzero(data.given >= 0), steering=np.flatnonzero(data.trusted >= 0))


def measured(row: Row, work: Work, *, precision: Precision, rounds: int, plain: Row) -> Metrics:
    """Time a method's loop beside that of plain training, or plain training beside a minimal loop.

    Args:
        row: what is measured.
        work: the run.
        precision: what layers compute in.
        rounds: of laps in turn.
        plain: the row of plain training.
    """
    chosen = subject(str(row.setting["network"]))
    computed = chosen.precision(precision, work.device)
    loop = LearnerLoop(row, chosen, work, computed)
    if row.method == plain.method:
        minimal = MinimalLoop(chosen, work, computed)
        laps = _race(minimal, loop, row, work, rounds=rounds)
        inverse = [Lap(plain=lap.other, other=lap.plain) for lap in laps]
        return {
            **_speed("", loop, [lap.other for lap in laps]),
            **_speed("minimal_", minimal, [lap.plain for lap in laps]),
            **ratios("of_minimal", inverse),
        }
    beside = LearnerLoop(plain, chosen, work, computed)
    laps = _race(beside, loop, row, work, rounds=rounds)
    return {**ratios("plain_steps", laps), **_speed("", loop, [lap.other for lap in laps])}


def _speed(name: str, loop: _Loop, seconds: list[float]) -> Metrics:
    step = statistics.median(seconds)
    return {f"{name}images_per_second": loop.rows / step, f"{name}milliseconds": 1000 * step}


def _race(plain: _Loop, other: _Loop, row: Row, work: Work, *, rounds: int) -> list[Lap]:
    """Let two loops take their laps in turn."""
    every = int(row.setting["every"])
    with ExitStack() as stack:
        for loop in (plain, other):
            if isinstance(loop, LearnerLoop):
                stack.enter_context(loop.session())
        of_plain, of_other = (_lap(loop, every, work.device) for loop in (plain, other))
        return [Lap(plain=of_plain(), other=of_other()) for _ in range(rounds)]


def _lap(loop: _Loop, every: int, device: torch.device) -> Callable[[], float]:
    """Warm a loop up; return what takes a lap of whole rounds of its trusted batches, and gives seconds a step."""
    warm = _WARM if device.type == "cuda" else _WARM_ON_CPU
    _seconds(loop, every * warm, device)
    once = _seconds(loop, every, device)
    steps = every * max(1, min(_MOST // every, math.ceil(_LAP / (once * every))))
    return lambda: _seconds(loop, steps, device)


def _seconds(loop: _Loop, steps: int, device: torch.device) -> float:
    """Mean seconds of some steps."""
    wait_for(device)
    started = time.perf_counter()
    for _ in range(steps):
        loop.step()
    wait_for(device)
    return (time.perf_counter() - started) / steps
