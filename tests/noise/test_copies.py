"""The noise of a copy that carries the verified labels of the rows that tell of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.simulated import Array, scores

from noisecleaner.noise.copies import CopiedRows
from noisecleaner.noise.rate import UNKNOWN

ROWS, AUDITED = 2_000, 300


def copied(rng: np.random.Generator, *, cut: float, weighted: bool = False) -> tuple[CopiedRows, Array]:
    """A copy that drops rows which look wrong, but for verified ones, and which of its labels are wrong."""
    expected, wrong = scores(ROWS, rng)
    chance = np.clip(AUDITED / ROWS * np.where(expected > 0.3, 2.0, 0.8), 0, 1)
    chance = chance if weighted else np.full(ROWS, AUDITED / ROWS)
    if weighted:
        audited = rng.random(ROWS) < chance
    else:
        audited = np.isin(np.arange(ROWS), rng.choice(ROWS, AUDITED, replace=False))
    kept = expected < cut
    # a verified row is there with its right label; in every tenth of them no class is right
    written = np.where(audited, rng.random(ROWS) < 0.9, kept)
    rows = CopiedRows(
        written=written,
        unaided=kept,
        wrong=kept & audited & wrong,
        audited=audited,
        probability=chance,
        expected=expected,
        open=np.zeros(ROWS, dtype=bool),
    )
    return rows, written & ~audited & wrong


def held(draws: int, *, cut: float, weighted: bool) -> float:
    """In which share of draws the interval holds the truth."""
    hits = 0
    for draw in range(draws):
        rows, wrong = copied(np.random.default_rng((7, draw)), cut=cut, weighted=weighted)
        interval = rows.noise().interval
        assert interval is not None
        hits += interval.low <= wrong.sum() / rows.written.sum() <= interval.high
    return hits / draws


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cut", [0.5, 2.0])
def test_the_interval_holds_the_noise_of_the_copy(cut: float, weighted: bool) -> None:
    """1,600 draws: a coverage of 95 % gives less than 93 % once in 8,000."""
    assert 0.93 <= held(1600, cut=cut, weighted=weighted) <= 0.98


def test_known_errors_among_the_audited_rows_are_mended_and_do_not_count() -> None:
    """All rows are audited: the copy is right, whatever the labels were."""
    wrong = np.arange(100) < 30
    everyone = np.ones(100, dtype=bool)
    rows = CopiedRows(
        written=everyone,
        unaided=everyone,
        wrong=wrong,
        audited=everyone,
        probability=np.ones(100),
        expected=np.full(100, np.nan),
        open=np.zeros(100, dtype=bool),
    )
    rate = rows.noise()
    assert rate.value == pytest.approx(0)
    assert rate.interval is not None
    assert rate.interval.low == 0


def test_rows_that_are_left_out_make_the_copy_smaller_and_not_cleaner() -> None:
    """10 of 100 audited rows of 1,000 are wrong: 90 errors remain in what is written, here 900 or 450 rows."""
    audited, wrong = np.arange(1_000) < 100, np.arange(1_000) < 10
    rows = CopiedRows(
        written=np.arange(1_000) < 900,
        unaided=np.ones(1_000, dtype=bool),
        wrong=wrong,
        audited=audited,
        probability=np.full(1_000, 0.1),
        expected=np.full(1_000, np.nan),
        open=np.zeros(1_000, dtype=bool),
    )
    assert rows.noise().value == pytest.approx(0.1)
    assert replace(rows, written=np.arange(1_000) < 450).noise().value == pytest.approx(0.2)


def test_without_an_audited_row_in_the_copy_nothing_is_known() -> None:
    rows, _ = copied(np.random.default_rng(0), cut=0.5)
    nobody = np.zeros(ROWS, dtype=bool)
    assert replace(rows, audited=nobody).noise() == UNKNOWN
    assert replace(rows, unaided=nobody, wrong=nobody).noise() == UNKNOWN
    assert replace(rows, written=nobody).noise() == UNKNOWN
