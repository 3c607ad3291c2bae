"""Ray Data: a cluster, or all cores and GPUs of this machine; extra `ray`. What is done is not done again.

Consecutive batches are a task, and a task is one row of the datasets here: its number, and its results as Arrow writes
them. So it is mapped, written and checkpointed as a whole, and its batches are those of every other engine.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.arrays import IntArray
from noisecleaner.engines import ROW, Map, Work
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import replacing
from noisecleaner.progress import Stage

#: What is mapped is mapped in other processes, perhaps on other machines.
ELSEWHERE = True
#: The columns of tasks; the first is how Ray Data calls numbers.
_TASK, _RESULT = "id", "result"
#: Batches of a task at least, and tasks at most.
_BATCHES, _TASKS = 32, 20_000
#: Seconds between two looks at what is done.
_LOOK = 1.0


def run(work: Work, rows: IntArray, *, scratch: Path, stage: Stage) -> Iterator[pa.RecordBatch]:
    """Map rows (their numbers of shape [n]) on a Ray cluster, see `Engine.run`.

    The cluster is that of `RAY_ADDRESS` or of this process, else one that ends with this call. Its machines must see
    `scratch` and what is read under the same paths.
    """
    if not len(rows):
        return
    tasks = Tasks(rows, _span(scratch, int(rows[-1]) + 1, work.batch))
    parts = scratch / "parts"
    with _cluster() as ray, _told(parts, tasks, stage):
        _map(ray, work, tasks, scratch)
    yield from _in_order(parts, tasks)


@dataclass(frozen=True)
class Tasks:
    """Rows in tasks: the rows of a task begin at a multiple of `span`.

    Args:
        rows: their numbers, ascending, shape [n].
        span: row numbers of a task.
    """

    rows: IntArray
    span: int

    def __len__(self) -> int:
        return int(self.rows[-1]) // self.span + 1

    def of(self, task: int) -> IntArray:
        """The rows of a task, shape [rows of the task]; of some tasks there are none."""
        first, end = np.searchsorted(self.rows, (task * self.span, (task + 1) * self.span))
        return self.rows[first:end]


def _span(scratch: Path, rows: int, batch: int) -> int:
    """Choose how many rows are a task: the same ones as in an earlier run that this one goes on with."""
    noted = scratch / "span"
    if not noted.exists():
        scratch.mkdir(parents=True, exist_ok=True)
        with replacing(noted) as temporary:
            temporary.write_text(str(batch * max(_BATCHES, -(-rows // (batch * _TASKS)))))
    return int(noted.read_text())


def _map(ray: Any, work: Work, tasks: Tasks, scratch: Path) -> None:
    """Map those tasks that earlier runs have not committed to the checkpoint."""
    share = Share.of(ray.cluster_resources(), work.on_gpu)
    checkpoint = ray.data.checkpoint.CheckpointConfig(
        id_column=_TASK, checkpoint_path=str(scratch / "checkpoint"), delete_checkpoint_on_success=False
    )
    with _settings(ray.data.DataContext.get_current(), checkpoint):
        # numbering and writing take next to nothing, and must not wait for cores that compute
        numbers = ray.data.read_datasource(_numbering(len(tasks)), override_num_blocks=len(tasks), num_cpus=0)
        mapped = numbers.map_batches(
            Mapper,
            fn_constructor_args=(work, tasks, share.cores),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=share.processes),
            num_cpus=share.cores,
            num_gpus=share.gpus,
        )
        try:
            mapped.write_parquet(str(scratch / "parts"), ray_remote_args={"num_cpus": 0}, mode="append")
        except Exception as error:
            raise _cause(error) from error


def _numbering(count: int) -> Any:
    """Make what Ray Data reads the numbers of tasks from, each in a block of its own."""
    from ray.data import Datasource, ReadTask
    from ray.data.block import BlockAccessor

    def read_tasks(source: Any, parallelism: int, *_: Any, **__: Any) -> list[Any]:
        blocks = [pa.table({_TASK: [task]}) for task in range(count)]
        return [ReadTask(partial(list, [block]), BlockAccessor.for_block(block).get_metadata()) for block in blocks]

    methods = {"get_read_tasks": read_tasks, "estimate_inmemory_data_size": lambda source: 8 * count}
    numbers: Any = type("Numbers", (Datasource,), methods)  # a class whose base is there only with the extra
    return numbers()


@contextmanager
def _settings(context: Any, checkpoint: Any) -> Iterator[None]:
    """Let Ray Data keep what is done, pass on what goes wrong, and tell nothing else, while the block runs."""
    wanted = {"checkpoint_config": checkpoint, "enable_progress_bars": False, "raise_original_map_exception": True}
    before = {name: getattr(context, name) for name in wanted}
    for name, value in wanted.items():
        setattr(context, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)


@dataclass(frozen=True)
class Share:
    """What each process gets of a cluster, and how many there are at most."""

    processes: int
    cores: int
    gpus: int

    @classmethod
    def of(cls, resources: Mapping[str, float], on_gpu: bool | None) -> Share:
        """Give each process a GPU and its share of the cores, or one core.

        Args:
            resources: of the cluster, by Ray's names.
            on_gpu: whether the map needs a GPU; None takes those that there are.

        Raises:
            NoisecleanerError: it needs one, and there is none.
        """
        gpus, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
        if on_gpu and not gpus:
            raise NoisecleanerError(
                "`device='cuda'` needs GPUs, but the Ray cluster has none.", "Give auto or cpu, or another cluster."
            )
        if gpus and on_gpu is not False:
            return cls(processes=gpus, cores=max(1, cores // gpus), gpus=1)
        return cls(processes=max(1, cores), cores=1, gpus=0)


class Mapper:
    """The map in a process of its own: it is opened once.

    Args:
        work: what is done.
        tasks: which rows are whose.
        threads: how many cores it has.
    """

    def __init__(self, work: Work, tasks: Tasks, threads: int) -> None:
        self._work, self._tasks, self._threads = work, tasks, threads

    @cached_property
    def _map(self) -> Map:
        """Made at the first task, because Ray keeps to itself what goes wrong before that."""
        return self._work.open(self._threads)

    def __call__(self, numbers: pa.Table) -> pa.Table:
        """Do tasks, one a row."""
        results = [_packed(self._map(self._work.read(self._tasks.of(task)))) for task in numbers[_TASK].to_pylist()]
        return pa.table({_TASK: numbers[_TASK], _RESULT: pa.array(results, pa.large_binary())})


def _packed(batches: Iterator[pa.RecordBatch]) -> bytes:
    """Write batches as a stream of Arrow; nothing where there are none."""
    sink, writer = pa.BufferOutputStream(), None
    for batch in batches:
        writer = writer or pa.ipc.new_stream(sink, batch.schema)
        writer.write_batch(batch)
    if writer is not None:
        writer.close()
    return bytes(sink.getvalue())


def _in_order(parts: Path, tasks: Tasks) -> Iterator[pa.RecordBatch]:
    """Read the results in the order of the tasks, and of the rows that are asked for now."""
    where = {task: path for path in parts.glob("*.parquet") for task in _numbers(path)}
    for task in range(len(tasks)):
        if len(wanted := tasks.of(task)):
            table = pq.read_table(where[task], filters=[(_TASK, "=", task)], partitioning=None)
            with pa.ipc.open_stream(table[_RESULT][0].as_py()) as batches:
                # an earlier run may have been asked for more
                yield from (batch for batch in batches if batch[ROW][0].as_py() in wanted)


def _numbers(path: Path) -> list[int]:
    return list(pq.read_table(path, columns=[_TASK], partitioning=None)[_TASK].to_pylist())


@contextmanager
def _cluster() -> Iterator[Any]:
    """Connect to a cluster, or start one that ends with the block.

    Raises:
        NoisecleanerError: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere that nobody asked for
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it warns of how Ray Data itself starts processes
    try:
        import ray
        import ray.data
        import ray.data.checkpoint
    except ImportError as error:
        raise NoisecleanerError(
            f"`engine='ray'` needs Ray Data, but it is not installed ({error}).",
            "Install it: pip install 'noisecleaner[ray]'.",
        ) from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells of each dataset
    if ray.is_initialized():
        yield ray
        return
    with _own_signals():
        ray.init(log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what signals do, which the block would change: Ray lets SIGTERM abort the process."""
    here = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)} if here else {}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@contextmanager
def _told(parts: Path, tasks: Tasks, stage: Stage) -> Iterator[None]:
    """Tell now and then how many rows are done, while the block runs, and all of them at its end."""
    ended, seen = threading.Event(), set[Path]()

    def look() -> None:
        fresh = set(parts.glob("*.parquet")) - seen
        if rows := sum(len(tasks.of(task)) for path in fresh for task in _numbers(path)):
            stage.advance(rows)
        seen.update(fresh)

    def now_and_then() -> None:
        while not ended.wait(_LOOK):
            with suppress(OSError, pa.ArrowException):  # a file that is not whole yet
                look()

    watcher = threading.Thread(target=now_and_then, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    look()


def _cause(error: BaseException) -> BaseException:
    """Find what was raised in another process, if it is meant for a person."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, NoisecleanerError):
            return NoisecleanerError(found.message, found.hint)
        found = getattr(found, "cause", None) or found.__cause__
    return error
