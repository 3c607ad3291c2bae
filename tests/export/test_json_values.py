"""Any value of a table is one of JSON."""

from __future__ import annotations

import datetime as dt
import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa

from noisecleaner.export.json_values import as_text, plain, records


def test_what_json_has_stays_and_the_rest_is_text_or_null() -> None:
    times = datetime(2020, 1, 2, tzinfo=UTC)
    values = {
        "a": [1, True, None, "x", 0.5],
        "b": float("nan"),
        "c": {"d": (float("inf"), times)},
        "e": Decimal("1.10"),
    }
    assert json.loads(json.dumps(plain(values), allow_nan=False)) == {
        "a": [1, True, None, "x", 0.5],
        "b": None,
        "c": {"d": [None, "2020-01-02 00:00:00+00:00"]},
        "e": "1.10",
    }


def test_cells_of_any_type_become_json_and_keep_what_json_has() -> None:
    table = pa.table(
        {
            "int": pa.array([7], pa.uint8()),
            "float": [1.5],
            "nan": [float("nan")],
            "infinite": [float("-inf")],
            "bool": [True],
            "text": ["ä"],
            "null": pa.array([None], pa.string()),
            "bytes": [b"\x00\xff"],
            "list": [[1.0, float("nan")]],
            "struct": [{"a": b"x", "b": None}],
            "date": [dt.date(2020, 1, 2)],
            "micro": pa.array([dt.datetime(2020, 1, 2, 3)], pa.timestamp("us")),
            "nano": pa.array([1], pa.timestamp("ns")),
            "nano_time": pa.array([1], pa.time64("ns")),
            "nano_span": pa.array([5], pa.duration("ns")),
            "decimal": pa.array([Decimal("1.10")]),
            "word": pa.array(["x"]).dictionary_encode(),
        }
    )
    (row,) = records(table)
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row == {
        "int": 7,
        "float": 1.5,
        "nan": None,
        "infinite": None,
        "bool": True,
        "text": "ä",
        "null": None,
        "bytes": "AP8=",
        "list": [1.0, None],
        "struct": {"a": "eA==", "b": None},
        "date": "2020-01-02",
        "micro": "2020-01-02 03:00:00",
        "nano": "1970-01-01 00:00:00.000000001",
        "nano_time": "00:00:00.000000001",
        "nano_span": 5,
        "decimal": "1.10",
        "word": "x",
    }


def test_text_stays_and_other_values_are_json() -> None:
    assert [as_text(value) for value in ("1", 1, True, [1, "ä"])] == ["1", "1", "true", '[1, "ä"]']
