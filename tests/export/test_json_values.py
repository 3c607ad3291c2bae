"""Any value of a table is one of JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

from noisecleaner.export.json_values import plain


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
