"""What an experiment is, and what one run of it has to work with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import torch

from noisecleaner.bench._datasets import Datasets
from noisecleaner.progress import Interrupts, Progress

#: What a run measured: finite numbers by name.
Metrics = dict[str, float]


@dataclass(frozen=True)
class Row:
    """One row of a paper's table.

    Args:
        method: what is compared.
        setting: what else tells the row from others: the same names in every row of an experiment.
        paper: metric -> the paper's number, where it gives one.
    """

    method: str
    setting: Mapping[str, str | float] = field(default_factory=dict)
    paper: Mapping[str, float] = field(default_factory=dict, kw_only=True)

    def __str__(self) -> str:
        return ", ".join([self.method, *(f"{name} {value}" for name, value in self.setting.items())])


@dataclass(frozen=True, kw_only=True)
class Work:
    """What one run has to work with.

    Args:
        seed: of every random number: data, noise, first weights, batches.
        scale: share of the paper's size, in (0, 1].
        device: where networks are trained.
        datasets: reads what the experiment names in `files`.
        checkpoint: the file that training resumes from; removed at the end of the run.
        title: of the progress bar.
        progress: is told what happens.
        interrupts: holds signals back while a step runs.
    """

    seed: int
    scale: float
    device: torch.device
    datasets: Datasets
    checkpoint: Path
    title: str
    progress: Progress
    interrupts: Interrupts


class Experiment:
    """The contract of an experiment. The docstring of a subclass tells what `scale` changes.

    The keyword-only arguments of its constructor are its options.

    Attributes:
        rows: the rows of the paper's table.
        files: what it needs below the data directory, as globs.
        scale: share of the paper's size that takes a run no longer than about 20 minutes on two CPU cores.
        backbone: the network that is trained, for the table; None where it is the experiment's own.
        choosing: options that choose rows, and change no run: what is done with others of them is not repeated.
    """

    rows: ClassVar[tuple[Row, ...]]
    files: ClassVar[tuple[str, ...]] = ()
    scale: ClassVar[float] = 1.0
    backbone: ClassVar[str | None] = None
    choosing: ClassVar[frozenset[str]] = frozenset()

    def chosen(self) -> Sequence[Row]:
        """The rows to run; overridden where options choose among them."""
        return self.rows

    def backbone_on(self, device: torch.device) -> str | None:
        """The network that is trained on a device; overridden where the paper's is too slow without a GPU."""
        return self.backbone

    def run(self, row: Row, work: Work) -> Metrics:
        """Run one row with one seed; return finite numbers by metric, the same metrics for every seed.

        Args:
            row: one of `rows`; its `paper` names metrics that are returned.
            work: what the run has to work with.
        """
        raise NotImplementedError
