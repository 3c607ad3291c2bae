"""Where a map over numbered rows runs: one file = one engine = one `--engine`. See `Engine` and `Work`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import pyarrow as pa

from noisecleaner.arrays import IntArray
from noisecleaner.progress import Stage
from noisecleaner.registry import module_in

#: The column that numbers the rows of a batch, ascending.
ROW = "row"
#: Batches -> batches of the same rows in the same order. Spark's `mapInArrow` takes such a function, too.
Map = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True, kw_only=True)
class Work:
    """A map over numbered rows. It is sent to other processes, so it holds nothing that only this one has.

    Args:
        read: yields batches of the rows asked for, shape [n], ascending, with a column `row`.
        open: makes the map, once in each process that maps, for so many threads; None leaves that to the map.
        batch: rows of a batch: every batch begins at a multiple of them, so that each engine forms the same ones.
        on_gpu: whether each process that maps needs a GPU for itself; None: where there are some.
    """

    read: Callable[[IntArray], Iterator[pa.RecordBatch]]
    open: Callable[[int | None], Map]
    batch: int
    on_gpu: bool | None = None


class Engine(Protocol):
    """What a file of this folder offers; `ELSEWHERE = True` on top where it maps in other processes."""

    def run(self, work: Work, rows: IntArray, *, scratch: Path, stage: Stage) -> Iterator[pa.RecordBatch]:
        """Map rows, and yield the results in the order of the rows.

        Args:
            work: what is done.
            rows: their numbers, ascending, shape [n].
            scratch: a folder for what is done already; another run with the same work goes on from it.
            stage: is told about rows.

        Raises:
            NoisecleanerError: the engine is not there.
        """
        ...


def engine_of(name: str) -> Engine:
    """Find an engine by its name.

    Raises:
        NoisecleanerError: there is none of that name.
    """
    return cast(Engine, module_in("engines", name, parameter="`engine`"))


def is_elsewhere(name: str) -> bool:
    """Whether an engine maps in other processes, perhaps on other machines with other devices."""
    return bool(getattr(engine_of(name), "ELSEWHERE", False))
