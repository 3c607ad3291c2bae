"""What came out of the runs: the paper's numbers beside ours, and a Parquet file with every run."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from noisecleaner.bench._contract import Row
from noisecleaner.bench._records import Record
from noisecleaner.runs.record import versions
from noisecleaner.tables import write_table


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


def lines_of(row: Row, records: Sequence[Record]) -> Iterator[Line]:
    """Put the runs of a row together, metric by metric.

    Args:
        row: the row.
        records: its runs, one for each seed; at least one.
    """
    for metric in records[0].metrics:
        yield Line(row, metric, tuple(record.metrics[metric] for record in records))


def write_runs(path: Path, experiment: str, records: Sequence[Record], setting: Row) -> None:
    """Write the table of all runs of an experiment, one row for each.

    Args:
        path: the Parquet file.
        experiment: its name.
        records: the runs; their metrics become columns, null where a run has no such metric.
        setting: any row of the experiment; what tells it from others becomes columns, too.
    """
    schema = _schema(records, setting)
    rows = [{**record.identity, **record.identity["row"], "seconds": record.seconds} for record in records]
    plain = [
        {name: {**row, **record.metrics}.get(name) for name in schema.names}
        for row, record in zip(rows, records, strict=True)
    ]
    write_table(path, [pa.Table.from_pylist(plain, schema=schema)], schema, {"experiment": experiment, **versions()})


def _schema(records: Sequence[Record], row: Row) -> pa.Schema:
    setting = {name: pa.string() if isinstance(value, str) else pa.float64() for name, value in row.setting.items()}
    columns = {
        "experiment": pa.string(),
        **setting,
        "method": pa.string(),
        "seed": pa.int64(),
        "scale": pa.float64(),
        "device": pa.string(),
        "backbone": pa.string(),
        "seconds": pa.float64(),
        **{metric: pa.float64() for record in records for metric in record.metrics},
    }
    return pa.schema(list(columns.items()))
