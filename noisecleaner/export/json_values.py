"""Values of a table -> what JSON can say."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pyarrow as pa


def plain(value: Any) -> Any:
    """Turn a value, as Arrow gives it to Python, into one that JSON has.

    Times, durations and decimal numbers become text, bytes base64, and what is no number, null.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value if value is None or isinstance(value, (str, int)) else str(value)


def records(table: pa.Table) -> list[dict[str, Any]]:
    """Write the rows of a table as JSON objects, see `plain`."""
    return [plain(row) for row in pa.table([_told(c) for c in table.columns], names=table.column_names).to_pylist()]


def as_text(value: Any) -> str:
    """Write what `plain` returns as one text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _told(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write what counts nanoseconds as text: Python's own times have none."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return column.cast(pa.timestamp("ns")).cast(pa.string())
    if kind == pa.time64("ns"):
        return column.cast(pa.string())
    return column.cast(pa.int64()) if kind == pa.duration("ns") else column
