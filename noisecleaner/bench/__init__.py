"""Benchmarks: one file = one paper's experiment = one `bench PAPER`. Drop a file in, and it is there.

An experiment lists the rows of the paper's table and runs one of them with one seed. This file finds it, repeats each
row for every seed, keeps what is done, and puts the paper's numbers beside ours.
"""

from __future__ import annotations

import json
import statistics
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import torch

from noisecleaner.bench._datasets import Datasets, find
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_record, sweep, write_record
from noisecleaner.networks.devices import choose_device
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.registry import check_types, class_in
from noisecleaner.runs.run import versions
from noisecleaner.tables import write_table

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
    paper: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return ", ".join([self.method, *(f"{name} {value}" for name, value in self.setting.items())])


@dataclass(frozen=True)
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

    Attributes:
        rows: the rows of the paper's table.
        files: what it needs below `--data`, as globs.
        scale: share of the paper's size that takes a run no longer than about 20 minutes on two CPU cores.
        backbone: the network that is trained, for the table; None where it is the experiment's own.
    """

    rows: ClassVar[tuple[Row, ...]]
    files: ClassVar[tuple[str, ...]] = ()
    scale: ClassVar[float] = 1.0
    backbone: ClassVar[str | None] = None

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


@dataclass(frozen=True)
class Line:
    """One number of the paper beside ours.

    Args:
        row: the row of the paper's table.
        metric: what was measured.
        values: one for each seed.
    """

    row: Row
    metric: str
    values: tuple[float, ...]

    @property
    def paper(self) -> float | None:
        """The paper's number, None where it gives none."""
        return self.row.paper.get(self.metric)

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the seeds (n - 1), None for a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


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
    paper: str,
    out: Path,
    *,
    data: Path | None = None,
    seeds: int = 3,
    scale: float | None = None,
    device: str = "auto",
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    interrupts: Interrupts | None = None,
) -> Benchmark:
    """Rerun a paper's experiment; runs that `out` holds already are not repeated.

    Args:
        paper: a file of `bench/`.
        out: the output directory: `PAPER.parquet` (a row for every run), `runs/` (records and checkpoints), `pixels/`.
        data: the directory with the datasets, for experiments on images.
        seeds: how often each row is run, with seeds 0, 1, ….
        scale: share of the paper's size, in (0, 1]; None takes the experiment's own.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, …
        options: the experiment's own: keyword-only arguments of its constructor.
        progress: is told what happens; silent by default.
        interrupts: holds signals back while a step runs.

    Raises:
        NoisecleanerError: the name, a number, the data or the device cannot be used.
        Interrupted: a signal arrived; the same call goes on from the last checkpoint.
    """
    made, options = experiment_class(paper), dict(options or {})
    check_types(made, options, parameter="bench", name=paper)
    experiment = made(**options)
    scale = experiment.scale if scale is None else scale
    _check(seeds, scale)
    told, signals, on = progress or Progress(), interrupts or Interrupts(), choose_device(device)
    files = find(paper, data, experiment.files)
    runs = out / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    for folder in (out, runs):
        sweep(folder)
    datasets = Datasets(data, out / "pixels", told)
    backbone = experiment.backbone_on(on)
    fixed = {"experiment": paper, "scale": scale, "device": on.type, "backbone": backbone, "files": files}
    fixed |= {"options": options} if options else {}
    table, done = out / f"{paper}.parquet", []
    for seed in range(seeds):
        for row in experiment.rows:
            identity = {**fixed, "row": {**row.setting, "method": row.method}, "seed": seed}
            record = runs / _name(identity)
            checkpoint = record.with_suffix(".safetensors")
            work = Work(seed, scale, on, datasets, checkpoint, f"{row}, seed {seed}", told, signals)
            done.append((row, _once(experiment, row, work, identity, record)))
            write_table(table, *_table(paper, experiment, runs))
    lines = tuple(_lines(experiment, done))
    return Benchmark(paper, scale, on.type, backbone, lines, table, sum(content["seconds"] for _, content in done))


def _check(seeds: int, scale: float) -> None:
    if seeds < 1:
        raise NoisecleanerError(f"--seeds must be at least 1, but it is {seeds}.", "Leave --seeds out for 3.")
    if not 0 < scale <= 1:
        raise NoisecleanerError(
            f"--scale is a share of the paper's size and must lie in (0, 1], but it is {scale}.",
            "Leave --scale out for one that suits two CPU cores, or give 1 for the paper's size.",
        )


def _name(identity: Mapping[str, Any]) -> str:
    """Name a record after all that the run depends on, so that no other scale or data is taken for it."""
    mark = zlib.crc32(json.dumps(identity, sort_keys=True).encode())
    return f"{identity['experiment']}-{identity['row']['method']}-{identity['seed']}-{mark:08x}.json"


def _once(experiment: Experiment, row: Row, work: Work, identity: Mapping[str, Any], record: Path) -> Mapping[str, Any]:
    """Read the record of a run, or run and record it."""
    if record.exists():
        try:
            return read_record(record)
        except NoisecleanerError as error:
            work.progress.warn(f"{error.message} That run is repeated.")
    started = time.monotonic()
    metrics = experiment.run(row, work)
    seconds = round(time.monotonic() - started, 2)
    content = {**identity, "metrics": metrics, "seconds": seconds, "versions": versions()}
    write_record(record, content)
    for checkpoint in record.parent.glob(f"{record.stem}*.safetensors"):
        checkpoint.unlink()
    return content


def _table(paper: str, experiment: Experiment, runs: Path) -> tuple[list[pa.Table], pa.Schema, Mapping[str, Any]]:
    """Make the table of all runs of an experiment that are recorded: batches, schema, metadata."""
    records = []
    for path in sorted(runs.glob(f"{paper}-*.json")):
        try:
            records.append(read_record(path))
        except NoisecleanerError:  # a damaged record is repeated when its turn comes
            continue
    records = [record for record in records if record["experiment"] == paper]
    metrics = list(dict.fromkeys(name for record in records for name in record["metrics"]))
    settings = {
        name: pa.string() if isinstance(value, str) else pa.float64()
        for name, value in experiment.rows[0].setting.items()
    }
    kinds = {
        "experiment": pa.string(),
        **settings,
        "method": pa.string(),
        "seed": pa.int64(),
        "scale": pa.float64(),
        "device": pa.string(),
        "backbone": pa.string(),
        "seconds": pa.float64(),
        **dict.fromkeys(metrics, pa.float64()),
    }
    schema = pa.schema(list(kinds.items()))
    rows = [{**record, **record["row"], **record["metrics"]} for record in records]
    plain = [{name: row.get(name) for name in schema.names} for row in rows]
    return [pa.Table.from_pylist(plain, schema=schema)], schema, {"experiment": paper, **versions()}


def _lines(experiment: Experiment, done: list[tuple[Row, Mapping[str, Any]]]) -> Iterator[Line]:
    """Put the runs of each row together, metric by metric."""
    for row in experiment.rows:
        found = [content["metrics"] for other, content in done if other is row]
        for metric in found[0]:
            yield Line(row, metric, tuple(metrics[metric] for metrics in found))
