"""Repeat each row of an experiment for every seed, and keep what is done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from noisecleaner.bench._contract import Experiment, Row, Work
from noisecleaner.bench._datasets import Datasets, find
from noisecleaner.bench._records import Conditions, Record, all_records, record_path
from noisecleaner.bench._table import Line, lines_of, write_runs
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, located, sweep
from noisecleaner.networks.devices import choose_device
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.registry import check_types, class_in


@dataclass(frozen=True)
class BenchConfig:
    """What to rerun, and at which size.

    Args:
        paper: a file of `bench/`, with hyphens.
        data: the directory with the datasets, for experiments on images.
        seeds: how often each row is run, with seeds 0, 1, ….
        scale: share of the paper's size, in (0, 1]; None takes the experiment's own.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, …
        options: the experiment's own: keyword-only arguments of its constructor.
    """

    paper: str
    data: Path | None = field(default=None, kw_only=True)
    seeds: int = field(default=3, kw_only=True)
    scale: float | None = field(default=None, kw_only=True)
    device: str = field(default="auto", kw_only=True)
    options: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    def experiment(self) -> Experiment:
        """Make the experiment with its options.

        Raises:
            NoisecleanerError: there is no such file, or it has no such option.
        """
        kind, options = experiment_class(self.paper), dict(self.options)
        check_types(kind, options, parameter="bench", name=self.paper)
        return kind(**options)

    def check(self) -> None:
        """Refuse numbers that make no sense.

        Raises:
            NoisecleanerError: no seed, or a scale outside (0, 1].
        """
        if self.seeds < 1:
            raise NoisecleanerError(f"`seeds` must be at least 1, but it is {self.seeds}.", "Leave `seeds` out for 3.")
        if self.scale is not None and not 0 < self.scale <= 1:
            raise NoisecleanerError(
                f"`scale` is a share of the paper's size and must lie in (0, 1], but it is {self.scale}.",
                "Leave `scale` out for one that suits two CPU cores, or give 1 for the paper's size.",
            )


@dataclass(frozen=True)
class Benchmark:
    """What `bench` measured.

    Args:
        paper: the experiment.
        scale: share of the paper's size.
        device: where networks were trained.
        backbone: which ones; None where they are the experiment's own.
        lines: the paper's numbers beside ours, row by row.
        table: the Parquet file with every run of this experiment in the output directory, of any scale.
        seconds: wall-clock time of all runs behind `lines`.
    """

    paper: str
    scale: float
    device: str
    backbone: str | None
    lines: tuple[Line, ...]
    table: Path
    seconds: float


def experiment_class(paper: str) -> type[Experiment]:
    """Import the experiment that a file of this folder defines.

    Raises:
        NoisecleanerError: there is no such file.
    """
    return class_in("bench", paper, Experiment, parameter="The benchmark")


def bench(
    config: BenchConfig, out: AnyPath, *, progress: Progress | None = None, interrupts: Interrupts | None = None
) -> Benchmark:
    """Rerun a paper's experiment; runs that `out` holds already are not repeated.

    Args:
        config: what to rerun.
        out: the output directory: `PAPER.parquet` (a row for every run), `runs/` (records and checkpoints), `pixels/`.
        progress: is told what happens; silent by default.
        interrupts: holds signals back while a step runs.

    Raises:
        NoisecleanerError: the name, a number, the data or the device cannot be used.
        Interrupted: a signal arrived; the same call goes on from the last checkpoint.
    """
    out = located(out)
    runs = _Runs(config, out, progress or Progress(), interrupts or Interrupts())
    runs.folder.mkdir(parents=True, exist_ok=True)
    for folder in (out, runs.folder):
        sweep(folder, progress)
    table, rows = out / f"{config.paper}.parquet", runs.experiment.chosen()
    done: list[tuple[Row, Record]] = []
    for seed in range(config.seeds):
        for row in rows:
            done.append((row, runs.once(row, seed)))
            write_runs(table, config.paper, list(all_records(runs.folder, config.paper)), rows[0])
    lines = [line for row in rows for line in lines_of(row, [record for other, record in done if other is row])]
    seconds = sum(record.seconds for _, record in done)
    conditions = runs.conditions
    return Benchmark(
        config.paper, conditions.scale, conditions.device, conditions.backbone, tuple(lines), table, seconds
    )


class _Runs:
    """The runs of one experiment in one output directory.

    Args:
        config: what to rerun.
        out: the output directory; nothing is written here.
        progress: is told what happens.
        interrupts: holds signals back.
    """

    def __init__(self, config: BenchConfig, out: Path, progress: Progress, interrupts: Interrupts) -> None:
        self.experiment, self.folder = config.experiment(), out / "runs"
        config.check()
        self._device = choose_device(config.device)
        self.conditions = Conditions(
            experiment=config.paper,
            scale=self.experiment.scale if config.scale is None else config.scale,
            device=self._device.type,
            backbone=self.experiment.backbone_on(self._device),
            files=find(config.paper, config.data, self.experiment.files),
            options={name: value for name, value in config.options.items() if name not in self.experiment.choosing},
        )
        self._datasets = Datasets(config.data, out / "pixels", progress)
        self._progress, self._interrupts = progress, interrupts

    def once(self, row: Row, seed: int) -> Record:
        """Read the record of a run, or run and record it."""
        identity = self.conditions.of_run(row, seed)
        path = record_path(self.folder, identity)
        if path.exists():
            try:
                return Record.read(path)
            except NoisecleanerError as error:
                self._progress.warn(f"{error.message} That run is repeated.")
        started = time.monotonic()
        metrics = self.experiment.run(row, self._work(row, seed, path.with_suffix(".safetensors")))
        record = Record(identity, metrics, round(time.monotonic() - started, 2))
        record.write(path)
        for checkpoint in self.folder.glob(f"{path.stem}*.safetensors"):
            checkpoint.unlink()
        return record

    def _work(self, row: Row, seed: int, checkpoint: Path) -> Work:
        return Work(
            seed=seed,
            scale=self.conditions.scale,
            device=self._device,
            datasets=self._datasets,
            checkpoint=checkpoint,
            title=f"{row}, seed {seed}",
            progress=self._progress,
            interrupts=self._interrupts,
        )
