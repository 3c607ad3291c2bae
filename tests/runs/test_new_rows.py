"""What is said of new rows beside the fitted ones, without a fit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from noisecleaner.ingest import Manifest
from noisecleaner.noise.likeness import ComparedRows
from noisecleaner.quality.model import Judgements
from noisecleaner.runs.auditor import Judged
from noisecleaner.runs.new_rows import likeness_notices


def compared(rows: int, seed: int) -> ComparedRows:
    rng = np.random.default_rng(seed)
    margin = rng.normal(size=rows)
    return ComparedRows(
        given=np.arange(rows) % 2, looks=rng.normal(size=(rows, 3)), margin=margin, wrong=1 / (1 + np.exp(margin))
    )


def judged(rows: ComparedRows | None, given: list[str]) -> Judged:
    images: Any = None
    ids = [str(row) for row in range(len(given))]
    dataset = Manifest.of(pa.array(ids), classes=("a", "b"), payload=images, given=pa.array(given))
    return Judged(dataset=dataset, judgements=Judgements.unknown(len(given)), compared=rows)


def auditor(method: str, rows: ComparedRows | None) -> Any:
    """As much of an auditor as is asked."""
    reference = None if rows is None else SimpleNamespace(rows=rows, counts=np.array([50, 50]))
    return SimpleNamespace(classes=("a", "b"), quality=SimpleNamespace(method=method), reference=reference)


@pytest.mark.parametrize(
    ("method", "fitted", "new", "codes"),
    [
        ("transfer", None, None, []),
        ("audited", None, None, ["likeness-untested"]),
        ("audited", compared(100, 0), compared(100, 1), ["rows-like-fitted"]),
        ("uncalibrated", compared(100, 0), compared(20, 1), ["likeness-untested"]),
    ],
)
def test_every_run_that_claims_a_rate_has_one_thing_to_say(
    method: str, fitted: ComparedRows | None, new: ComparedRows | None, codes: list[str]
) -> None:
    notices = likeness_notices(judged(new, ["a", "b"] * 50), auditor(method, fitted), audited=0)
    assert [notice.code for notice in notices] == codes


def test_another_mix_of_classes_is_said_before() -> None:
    notices = likeness_notices(
        judged(compared(100, 1), ["a"] * 95 + ["b"] * 5), auditor("audited", compared(100, 0)), audited=0
    )
    assert [notice.code for notice in notices] == ["other-mix-of-classes", "rows-like-fitted"]
