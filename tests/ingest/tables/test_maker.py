"""What made vectors: equal only where everything is."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from noisecleaner.ingest.tables.maker import Maker, digest_of

MAKER = Maker(backbone="resnet18", size=224, crop="squash", weights="0123")


def test_it_is_read_back_from_the_metadata_of_a_table() -> None:
    schema = pa.schema([("embedding", pa.list_(pa.float16(), 2))])
    assert Maker.of(schema) is None
    told = schema.with_metadata({b"noisecleaner": json.dumps({"maker": MAKER.to_json(), "more": 1}).encode()})
    assert Maker.of(told) == MAKER


@pytest.mark.parametrize(
    "metadata", ["{}", "no JSON", "[]", '{"maker": {"backbone": "a"}}', '{"maker": 3}', "[" * 99_999]
)
def test_other_metadata_tells_of_no_maker(metadata: str) -> None:
    assert Maker.of(pa.schema([("x", pa.int64())], {b"noisecleaner": metadata.encode()})) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"backbone": "resnet50"}, "the network resnet18"),
        ({"size": None}, "images of 224 px"),
        ({"crop": "center"}, "the crop squash"),
        ({"weights": "4567"}, "weights of the digest 0123"),
    ],
)
def test_every_difference_is_told(change: dict[str, object], words: str) -> None:
    assert list(MAKER.differences(MAKER)) == []
    assert list(MAKER.differences(replace(MAKER, **change))) == [words]  # type: ignore[arg-type]  # one field


def test_a_digest_is_of_names_shapes_kinds_and_numbers_but_not_of_their_order() -> None:
    one, two = np.arange(6, dtype=np.float32), np.ones(2, dtype=np.float32)
    digest = digest_of([("a", one), ("b", two)])
    assert digest == digest_of([("b", two), ("a", one)]) == digest_of({"a": one.copy(), "b": two}.items())
    others = [
        [("a", one), ("c", two)],
        [("a", one.reshape(2, 3)), ("b", two)],
        [("a", one.astype(np.float64)), ("b", two)],
        [("a", np.nextafter(one, 9)), ("b", two)],
        [("a", one)],
    ]
    assert len({digest, *map(digest_of, others)}) == 6
