"""When second looks tell how verifiers err, and what is said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.simulated import Array

from noisecleaner.arrays import UNVERIFIED
from noisecleaner.noise.looks import Looks
from noisecleaner.noise.rate import Interval, Rate
from noisecleaner.notices import Severity
from noisecleaner.runs.second_looks import recheck

ROWS = 200


def looks(second: Array) -> Looks:
    """Rows of which every fifth is wrong, at some of which somebody looked again."""
    rng = np.random.default_rng(0)
    wrong = np.arange(ROWS) % 5 == 0
    return Looks(
        given=np.zeros(ROWS, np.int64),
        first=wrong.astype(np.int64),
        second=second,
        expected=np.where(wrong, 0.8, 0.1) + 0.1 * rng.random(ROWS),
        suggested=np.ones(ROWS, np.int64),
        confidence=np.full(ROWS, 0.9),
        classes=3,
    )


def again(rows: Array, apart: int = 0) -> Array:
    """What a second look at some rows saw: what the first did, but at the first `apart` of them."""
    second = np.full(ROWS, UNVERIFIED)
    second[rows] = (rows % 5 == 0).astype(np.int64)
    second[rows[:apart]] = 2
    return second


def rate(value: float) -> Rate:
    interval = Interval(value=value, low=value - 0.05, high=value + 0.05)
    return Rate.around(interval, sample_size=ROWS, events=40, method="wilson")


def test_without_second_looks_there_is_nothing_to_say() -> None:
    assert recheck(looks(again(np.empty(0, np.int64)))) is None


def test_a_random_part_tells_how_verifiers_err() -> None:
    rechecked = recheck(looks(again(np.random.default_rng(1).permutation(ROWS)[:50], apart=5)))
    assert rechecked is not None
    assert rechecked.errors is not None
    found = rechecked.to_json()
    assert (found["rows"], found["agree"]) == (50, 45)
    assert 0 < found["wrong"]["low"] < found["wrong"]["value"] < 0.15
    notice = rechecked.notice(["a", "b", "c", "d"], seen=rate(0.2), moved=rate(0.15))
    assert notice.severity is Severity.WARNING
    assert notice.code == "second-looks"
    assert notice.message.startswith(
        f"Both looks agree at 45 of 50 verified rows that were looked at twice (90.0 %, Cohen's kappa "
        f"{rechecked.looks.kappa:.2f}). The others (such as a, b, c) calibrate nothing. First looks are wrong in "
    )
    assert "Corrected for that, the noise is 15.0 % (10.0 to 20.0), not 20.0 % (15.0 to 25.0)" in notice.message


def test_looks_that_agree_are_a_note() -> None:
    rechecked = recheck(looks(again(np.random.default_rng(1).permutation(ROWS)[:50])))
    assert rechecked is not None
    notice = rechecked.notice([], seen=rate(0.2), moved=rate(0.2))
    assert notice.severity is Severity.NOTE
    assert "calibrate nothing" not in notice.message


def test_few_rows_and_rows_that_were_picked_tell_agreement_and_move_nothing() -> None:
    few = recheck(looks(again(np.random.default_rng(1).permutation(ROWS)[:19], apart=2)))
    assert few is not None
    assert few.errors is None
    assert few.to_json()["agree"] == 17
    assert "trust the first look: from fewer than 20 rows" in few.notice(["a"], seen=rate(0.2), moved=rate(0.2)).message
    picked = recheck(looks(again(np.arange(0, ROWS, 5), apart=2)))
    assert picked is not None
    assert picked.errors is None
    assert "cannot be a random part" in picked.notice(["a"], seen=rate(0.2), moved=rate(0.2)).message


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_other_rows_and_copies_of_the_given_ones_are_no_looks(seed: int) -> None:
    rows = np.random.default_rng(seed).permutation(ROWS)[:50]
    given = np.random.default_rng(9).integers(0, 4, ROWS)
    honest = replace(looks(again(rows, apart=5)), given=given)
    first = np.where(honest.first == 1, (given + 1) % 4, given)
    slipped = np.full(ROWS, UNVERIFIED)
    slipped[np.sort(rows)] = np.roll(first[np.sort(rows)], 1)
    copied = np.where(np.isin(np.arange(ROWS), rows), honest.given, UNVERIFIED)
    for wrong, says in ((slipped, "agree far more often"), (copied, "repeat the given label")):
        found = recheck(replace(honest, first=first, second=wrong, classes=4))
        assert found is not None
        assert found.void
        notice = found.notice(["a"], seen=rate(0.2), moved=rate(0.2))
        assert notice.severity is Severity.VOID
        assert says in notice.message
        assert found.to_json()["wrong"] is None
    second = np.where(np.isin(np.arange(ROWS), rows), first, UNVERIFIED)
    second[rows[:15]] = (first[rows[:15]] + 2) % 4  # who errs in three of ten looks has looked
    rechecked = recheck(replace(honest, first=first, second=second, classes=4))
    assert rechecked is not None
    assert not rechecked.void


def test_one_label_has_no_kappa() -> None:
    same = replace(looks(again(np.arange(30))), first=np.zeros(ROWS, np.int64))
    rechecked = recheck(replace(same, second=np.where(same.second == UNVERIFIED, UNVERIFIED, 0)))
    assert rechecked is not None
    assert rechecked.to_json()["kappa"] is None
    assert "kappa" not in rechecked.notice([], seen=rate(0.2), moved=rate(0.2)).message
