"""METHODS' snippet for Spark, with a stand-in for Spark: what it maps are Arrow batches, whoever brings them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.datasets import png

import noisecleaner
from noisecleaner.networks.backbones.efficientnet_lite import installed

METHODS = Path(noisecleaner.__file__).parent / "METHODS.md"
pytestmark = pytest.mark.skipif(not installed(), reason="the extra `pretrained` is not installed")


class Frame:
    """Of Spark's reader and frame what the snippet calls."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        images = pa.array([png(row, rng) for row in range(3)] + [b"broken"], pa.binary())
        self.batches = [pa.RecordBatch.from_pydict({"sample_id": list("abcd"), "image": images})]
        self.read = self.write = self

    def format(self, _: str) -> Frame:
        return self

    def load(self, _: str) -> Frame:
        return self

    def selectExpr(self, *_: str) -> Frame:  # noqa: N802  # Spark's name
        return self

    def mapInArrow(self, map: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]], schema: str) -> Frame:  # noqa: N802  # likewise
        self.batches = list(map(iter(self.batches)))
        self.declared = schema
        return self

    def parquet(self, _: str) -> None:
        pass


def test_it_runs_and_brings_the_columns_that_it_declares() -> None:
    blocks = re.findall(r"```python\n(.*?)```", METHODS.read_text("utf-8"), re.DOTALL)
    (code,) = [block for block in blocks if "mapInArrow" in block]
    frame = Frame()
    exec(code, {"spark": frame})  # noqa: S102  # our own document
    (batch,) = frame.batches
    assert [part.split()[0] for part in frame.declared.split(", ")] == batch.schema.names
    assert batch.schema.field("embedding").type == pa.list_(pa.float32())
    assert [len(vector) for vector in batch["embedding"].to_pylist()] == [1280] * 4
    assert batch["skip_reason"].to_pylist() == [None, None, None, "unsupported_format"]
