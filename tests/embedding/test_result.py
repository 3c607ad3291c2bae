"""What `embed` did, read off the shards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.embedding.embedder import fields_of
from noisecleaner.embedding.result import EmbedResult
from noisecleaner.ingest.tables.maker import Maker


def test_rows_without_a_vector_are_counted_and_named(tmp_path: Path) -> None:
    for shard, reasons in enumerate([[None, "truncated"], ["no_image", None, "truncated"]]):
        rows = len(reasons)
        numbers = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(4 * rows, np.float16)), 4)
        schema = pa.schema([("sample_id", pa.string()), *fields_of(4)])
        columns = [[f"{shard}-{row}" for row in range(rows)], numbers, pa.array(reasons, pa.string())]
        pq.write_table(pa.table(columns, schema=schema), tmp_path / f"part-{shard:05d}.parquet")
    maker = Maker(backbone="a", size=None, crop="squash", weights="0")
    result = EmbedResult.of(tmp_path, maker, 1.234)
    assert (result.rows, result.shards, result.width) == (5, 2, 4)
    assert result.skipped == {"truncated": 2, "no_image": 1}
    told = json.loads(json.dumps(result.to_json()))
    assert [row["sample_id"] for row in told["unreadable"]] == ["0-1", "1-0", "1-2"]
    assert (told["seconds"], told["maker"]["size"]) == (1.23, None)
