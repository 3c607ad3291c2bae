"""What `embed` says when it is done."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from noisecleaner.commands._counts import skips
from noisecleaner.texts import counted, printable

if TYPE_CHECKING:
    from noisecleaner.embedding.result import EmbedResult

#: Rows without a vector that are named.
_NAMED = 10


def embedded_lines(embedded: EmbedResult, data: str) -> list[str]:
    """Say what was made of data, which rows have no vector, and what to type next: so that copies hold the images."""
    lines = [f"{row.reason}: {printable(row.sample_id)}" for row in embedded.unreadable[:_NAMED]]
    if (more := sum(embedded.skipped.values()) - _NAMED) > 0:
        lines.append(f"… and {more:,} more: see column skip_reason of the files.")
    return [
        *lines,
        f"Embedded {counted(embedded.rows, 'row')} ({skips(embedded.skipped)}) with {embedded.maker.words()}: "
        f"{embedded.width:,} numbers each, in {counted(embedded.shards, 'file')} of {embedded.path}.",
        "Next: "
        + shlex.join(["noisecleaner", "fit", data, "--embedding-column", f"{embedded.path}/"])
        + " --trusted FILE --out RUN",
    ]
