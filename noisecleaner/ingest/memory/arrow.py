"""Arrow tables, record batches and their readers; and whatever hands its columns out as a stream of those (Polars)."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from noisecleaner.ingest.memory import Rows, data_frame, hugging_face


def takes(data: object) -> bool:
    """Whether it is one; what the other kinds take may hand out a stream, too, but not of images."""
    return hasattr(data, "__arrow_c_stream__") and not (data_frame.takes(data) or hugging_face.takes(data))


def tables(data: object) -> Mapping[str, Rows]:
    """Read it batch by batch."""
    reader = pa.RecordBatchReader.from_stream(data)
    return {"": Rows(schema=reader.schema, batches=iter(reader))}
