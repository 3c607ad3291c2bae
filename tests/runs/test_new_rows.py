"""What is said of new rows beside the fitted ones, without a fit."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from noisecleaner.noise.likeness import ComparedRows
from noisecleaner.notices import Notice, Severity
from noisecleaner.runs.basis import Basis
from noisecleaner.runs.new_rows import likeness_notices, on_their_own
from noisecleaner.runs.scored import IDENTITY, ScoredRows


def compared(rows: int, seed: int) -> ComparedRows:
    rng = np.random.default_rng(seed)
    margin = rng.normal(size=rows)
    return ComparedRows(
        given=np.arange(rows) % 2, looks=rng.normal(size=(rows, 3)), margin=margin, wrong=1 / (1 + np.exp(margin))
    )


def auditor(method: str, rows: ComparedRows | None) -> Any:
    """As much of an auditor as is asked."""
    reference = None if rows is None else SimpleNamespace(rows=rows, counts=np.array([50, 50]))
    return SimpleNamespace(classes=("a", "b"), quality=SimpleNamespace(method=method), reference=reference)


def scored(**changes: Any) -> ScoredRows:
    """A hundred new rows; one of four is audited, and of these two of five are wrong."""
    given = np.array(["a", "b"])[np.arange(100) % 2]
    verified = [("b" if row % 5 < 2 else "a") if row % 4 == 0 else None for row in range(100)]
    nothing = pa.nulls(100, pa.string())
    columns = {"sample_id": [str(row) for row in range(100)], "given_label": given, "trusted_label": verified}
    identity = pa.table({name: columns.get(name, nothing) for name in IDENTITY})
    unknown = np.full(100, np.nan, np.float32)
    rows = ScoredRows(
        identity=identity,
        alpha=unknown,
        beta=unknown,
        margin=unknown,
        alignment=unknown,
        positive_share=unknown,
        label_quality=np.full(100, 0.9, np.float32),
        suggested=np.full(100, -1),
        suggested_confidence=unknown,
        judging=np.arange(100) % 4 == 0,
        probability=np.full(100, np.nan),
        classes=("a", "b"),
        model="audited",
    )
    return replace(rows, **changes)


def test_enough_audited_rows_calibrate_quality_again_and_no_others_do() -> None:
    again = on_their_own(scored())
    assert (again.model, again.basis) == ("audited", Basis(rows=25, data="scored"))
    assert 0.6 < again.label_quality.mean() < 0.8
    few = on_their_own(scored(judging=np.arange(100) % 8 == 0, basis=Basis(rows=9, data="fitted")))
    assert few.basis == Basis(rows=9, data="fitted")
    np.testing.assert_array_equal(few.label_quality, np.full(100, 0.9, np.float32))
    nobody = scored(judging=np.zeros(100, dtype=bool))
    assert on_their_own(nobody) is nobody
    void = scored(notices=(Notice(code="not-random", message="No sample.", severity=Severity.VOID),))
    assert on_their_own(void) is void


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
    notices = likeness_notices(new, auditor(method, fitted), scored())
    assert [notice.code for notice in notices] == codes


def test_another_mix_of_classes_is_said_before() -> None:
    rows = scored()
    mostly_one = rows.identity.set_column(2, "given_label", pa.array(["a"] * 95 + ["b"] * 5))
    notices = likeness_notices(
        compared(100, 1), auditor("audited", compared(100, 0)), replace(rows, identity=mostly_one)
    )
    assert [notice.code for notice in notices] == ["other-mix-of-classes", "rows-like-fitted"]
