"""What `embed` did, as a person and a script read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from noisecleaner.ingest.source import Columns
from noisecleaner.ingest.tables.maker import EMBEDDING, SKIP_REASON, Maker

#: Rows without a vector that are named.
NAMED = 1000


@dataclass(frozen=True)
class UnreadableRow:
    """A row without a vector, and why: a value of `Skip`."""

    sample_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class EmbedResult:
    """What `embed` did.

    Args:
        path: the folder.
        rows: of the dataset.
        shards: files of them.
        width: numbers in a vector.
        maker: what made them.
        skipped: rows without a vector, by reason.
        unreadable: the first of them; the shards name all.
        seconds: wall-clock time of this call.
    """

    path: Path
    rows: int
    shards: int
    width: int
    maker: Maker
    skipped: dict[str, int]
    unreadable: tuple[UnreadableRow, ...]
    seconds: float

    @classmethod
    def of(cls, path: Path, maker: Maker, seconds: float) -> EmbedResult:
        """Sum up a folder that is whole, without reading its vectors."""
        shards = sorted(path.glob("part-*.parquet"))
        unreadable = list(_unreadable(shards))
        return cls(
            path=path,
            rows=sum(pq.read_metadata(shard).num_rows for shard in shards),
            shards=len(shards),
            width=pq.read_schema(shards[0]).field(EMBEDDING).type.list_size,
            maker=maker,
            skipped=dict(Counter(row.reason for row in unreadable).most_common()),
            unreadable=tuple(unreadable[:NAMED]),
            seconds=seconds,
        )

    def to_json(self) -> dict[str, Any]:
        """Give plain values for scripts."""
        return {
            "embeddings": str(self.path),
            "rows": self.rows,
            "shards": self.shards,
            "width": self.width,
            "maker": self.maker.to_json(),
            "skipped": self.skipped,
            "unreadable": [{"sample_id": row.sample_id, "reason": row.reason} for row in self.unreadable],
            "seconds": round(self.seconds, 2),
        }


def _unreadable(shards: list[Path]) -> Iterator[UnreadableRow]:
    for shard in shards:
        table = pq.read_table(shard, columns=[Columns.sample_id, SKIP_REASON], partitioning=None)
        for row in table.filter(pc.is_valid(table[SKIP_REASON])).to_pylist():
            yield UnreadableRow(row[Columns.sample_id], row[SKIP_REASON])
