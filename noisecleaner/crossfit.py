"""All folds of a plan, one after the other: train, save the network, read out; a finished fold is never repeated."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from noisecleaner.backbones import Backbone
from noisecleaner.files import read_arrays, write_arrays
from noisecleaner.folds import Fold, Plan
from noisecleaner.inputs import statistics
from noisecleaner.networks import Shape, build_network, standardise
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.readout import Arrays, read_fold
from noisecleaner.runs import Run
from noisecleaner.training import Data, Schedule, State, train
from noisecleaner.weightings import Network, build


@dataclass(frozen=True)
class Task:
    """What every fold does.

    Args:
        shape: the network.
        trunk: the backbone that every fold starts from; None for a head on vectors.
        method: a file of `weightings/`.
        options: the method's own options.
        schedule: how long and how fast to train.
        meta: take rows of low loss for trusted ones.
    """

    shape: Shape
    trunk: Backbone | None
    method: str
    options: Mapping[str, Any]
    schedule: Schedule
    meta: bool = False


def train_folds(
    run: Run, plan: Plan, data: Data, task: Task, rows: int, progress: Progress, interrupts: Interrupts
) -> list[Arrays]:
    """Train what is not trained yet, and return what each fold found out (see `read_fold`).

    Args:
        run: where networks (`auditor/fold-K`) and results (`checkpoint/fold-K`) are kept.
        plan: which rows train, steer and judge in each fold.
        data: what batches are made of.
        task: what every fold does.
        rows: rows of the dataset, without the clean-only ones behind them.
        progress: is told about every step.
        interrupts: asked between steps.
    """
    network = _initial(task, data)
    results = []
    for number, fold in enumerate(plan.folds):
        result = run.checkpoint / f"fold-{number}.safetensors"
        if not result.exists():
            title = "Training" if len(plan.folds) == 1 else f"Training, fold {number + 1} of {len(plan.folds)}"
            weighting = build(task.method, rows, network, task.options)
            averaged = task.trunk is None  # a network with batch norm has no use for averaged weights
            state = State(deepcopy(network), weighting, rows, averaged, task.meta).to(data.device)
            schedule = replace(task.schedule, seed=task.schedule.seed * len(plan.folds) + number)
            checkpoint = run.checkpoint / f"state-{number}.safetensors"
            train(state, data, fold, schedule, checkpoint, title, progress, interrupts)
            _keep(run, number, state, data, fold, rows, progress)
            checkpoint.unlink(missing_ok=True)
        results.append(read_arrays(result)[0])
    return results


def _initial(task: Task, data: Data) -> Network:
    """Make the network that every fold starts from."""
    with torch.random.fork_rng():
        torch.manual_seed(task.schedule.seed)
        network = build_network(task.shape, task.trunk)
    if task.shape.kind == "vectors":
        standardise(network, *statistics(data.array, np.flatnonzero(data.given >= 0)))
    return network


def _keep(run: Run, number: int, state: State, data: Data, fold: Fold, rows: int, progress: Progress) -> None:
    """Write a fold's network and, last, its results: their file says that the fold is done."""
    with progress.stage("Reading out", len(fold.predicted), "rows") as stage:
        arrays = read_fold(state, data, fold, rows, stage)
    weights = {name: tensor.cpu().numpy() for name, tensor in state.outcome().state_dict().items()}
    write_arrays(run.auditor / f"fold-{number}.safetensors", weights, {})
    write_arrays(run.checkpoint / f"fold-{number}.safetensors", arrays, {})
