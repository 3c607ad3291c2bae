"""Training runs on several processes: whole ones dealt out, or the batches of one that all of them train.

A process that trains a whole run takes the steps that it would take alone, bit for bit. Where all train one network,
each looks at its part of every batch, and the sums over the batch are taken over all of them (`training/learner.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import torch
from torch import nn

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.network import Network
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.ranks.group import Ranks
from noisecleaner.ranks.tasks import AgreedInterrupts, together
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.run import Run
from noisecleaner.training.parts import NORMS
from noisecleaner.training.recipe import Recipe

#: Trains runs, and leaves their results in files that the leader can read; it can be pickled.
Work = Callable[[Sequence[int], Progress, Interrupts], None]
#: Trains a run from where it was left to its end, with all processes.
Common = Callable[[int, Ranks, Progress, Interrupts], None]
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
#: Steps from one question whether to stop to the next: on a GPU the host is ahead of the device, and shall stay so.
_ASKED_ON_GPU = 8


def refuse_unshared(recipe: Recipe, folds: int | None, ranks: Ranks) -> None:
    """Refuse, before anything is computed, to train one network with several processes where that is another method.

    Args:
        recipe: what is done with the network, which is trained end to end.
        folds: training runs, None for the one that is usual then.
        ranks: the processes.

    Raises:
        NoisecleanerError: says what can be done instead.
    """
    if ranks.alone or recipe.shareable or (folds or 1) > 1:
        return
    what = f"`method={recipe.method!r}` compares whole mini-batches"
    if recipe.regularisers:
        what = f"{', '.join(f'`regularisers={{{name!r}: …}}`' for name in recipe.regularisers)} looks at whole batches"
    raise NoisecleanerError(
        f"{ranks.size} processes that train one network each look at a part of every batch, but {what}.",
        "Start one process, or let each train whole runs: `Effort(folds=5)`.",
    )


def with_precision(config: FitConfig, resumed: Run | None, ranks: Ranks) -> FitConfig:
    """Settle in what a network is trained where that was left open: on CPUs several processes shall find what one does.

    Whatever is rounded depends on how batches are split, and what bfloat16 or the faster derivative of layers rounds
    (`gradients/bilinear.py`) reaches the third digit of a row's weight. A run that is gone on with has settled it.

    Args:
        config: what was asked, with the device that is taken.
        resumed: the run to go on with, which may not be there yet.
        ranks: the processes.
    """
    effort, on_cpu = config.effort, torch.device(config.device).type == "cpu"
    if effort.precision != "auto":
        return config
    if resumed is not None and resumed.record.exists():
        effort = replace(effort, precision=resumed.read().config.effort.precision)
    elif on_cpu and not ranks.alone:
        effort = replace(effort, precision="float32")
    return replace(config, effort=effort)


def told(network: Network, ranks: Ranks) -> str:
    """Say what it means for a network that several processes train it together."""
    said = f"{ranks.size} processes train one network: each looks at its part of every batch."
    layers = {type(module) for module in network.modules()}
    if any(issubclass(layer, NORMS) for layer in layers):
        said += (
            " Batch norm is not synchronised: each process normalises its part by itself, as with batches of "
            f"1/{ranks.size} of the size, and running statistics are averaged."
        )
    if any(issubclass(layer, DROPOUTS) for layer in layers):
        said += " Dropout is drawn by each process for its part."
    return said


def deal(work: Work, numbers: Sequence[int], *, ranks: Ranks, progress: Progress, interrupts: Interrupts) -> None:
    """Let each process train whole runs.

    Args:
        work: what a process does with its lot of them.
        numbers: of all runs; they are about equally long.
        ranks: the processes.
        progress: is told what happens.
        interrupts: asked between steps.

    Raises:
        NoisecleanerError: the work failed somewhere.
        Interrupted: a signal arrived, or a process is gone.
    """
    together(partial(_own, work, numbers), ranks=ranks, progress=progress, interrupts=interrupts)


def lots(numbers: Sequence[int], count: int) -> list[Sequence[int]]:
    """Share out numbers, in their order, evenly to so many."""
    size, more = divmod(len(numbers), count)
    starts = [lot * size + min(lot, more) for lot in range(count + 1)]
    return [numbers[first:last] for first, last in pairwise(starts)]


def _own(work: Work, numbers: Sequence[int], ranks: Ranks, progress: Progress, interrupts: Interrupts) -> None:
    lot = lots(numbers, ranks.size)[ranks.rank]
    if lot:
        work(lot, progress, interrupts)


def in_common(
    work: Common, numbers: Sequence[int], *, ranks: Ranks, progress: Progress, interrupts: Interrupts
) -> None:
    """Let all processes train the same runs, one after the other; arguments are those of `deal`."""
    for number in numbers:
        together(partial(_one, work, number), ranks=ranks, progress=progress, interrupts=interrupts)


def _one(work: Common, number: int, ranks: Ranks, progress: Progress, interrupts: Interrupts) -> None:
    every = _ASKED_ON_GPU if ranks.device is not None and ranks.device.type == "cuda" else 1
    # what one says all would say
    work(number, ranks, progress if ranks.leads else Progress(), AgreedInterrupts(interrupts, ranks, every))
