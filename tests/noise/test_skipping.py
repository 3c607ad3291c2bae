"""Rows in doubt that were skipped are noticed, with and without the empty cells; an honest sample is let alone."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from support.simulated import Array, scores

from noisecleaner.noise.design import Frame, draw
from noisecleaner.noise.randomness import not_random, picked_by_looks
from noisecleaner.noise.skipping import Part, Verifiable, drawn_part, may_be_off, no_sample, odd_part, sampled_part
from noisecleaner.notices import Notice, Severity

ROWS = 5000


@pytest.fixture(scope="module")
def quality() -> Array:
    """Of rows of which a tenth is in doubt."""
    found = 1 - scores(ROWS, np.random.default_rng(0), steep=8.0, middle=-9.0)[0]
    assert 0.08 < doubtful(found).mean() < 0.12
    return found


def doubtful(quality: Array) -> Array:
    return np.asarray((quality > 0.15) & (quality < 0.85))


def sampled(size: int, seed: int) -> Array:
    """A random sample, shape [rows]."""
    return np.isin(np.arange(ROWS), np.random.default_rng(seed).choice(ROWS, size, replace=False))


def verifiable(
    quality: Array, verified: Array, asked: Array | None = None, probability: Array | None = None
) -> Verifiable:
    return Verifiable(
        quality=quality,
        verified=verified,
        asked=np.zeros(len(verified), dtype=bool) if asked is None else asked,
        probability=np.full(len(verified), np.nan) if probability is None else probability,
    )


def noticed(rows: Verifiable) -> Notice | None:
    """What is said, as callers do it."""
    part = odd_part(rows)
    reason = no_sample(None, part)
    if reason is not None:
        return not_random(reason)
    return None if part is None else may_be_off(part)


def p_value(part: Part | None) -> float:
    assert part is not None
    return part.p_value


def test_the_p_value_of_an_honest_sample_is_small_as_seldom_as_it_says(quality: Array) -> None:
    found = np.array([p_value(sampled_part(quality, sampled(300, seed))) for seed in range(100, 180)])
    assert (found <= 0.03).mean() <= 0.08
    assert (found <= 0.5).mean() == pytest.approx(0.5, abs=0.16)


@pytest.mark.slow
def test_honest_samples_are_called_into_question_once_in_twenty_times_at_most(quality: Array) -> None:
    """With empty cells, too."""
    found = []
    for seed in range(2000):
        asked = sampled(300, seed)
        filled = asked & (np.random.default_rng((seed, 1)).random(ROWS) < 0.9)
        found.append(noticed(verifiable(quality, filled, asked)))
    assert np.mean([notice is not None for notice in found]) <= 0.055
    assert np.mean([notice is not None and notice.severity is Severity.VOID for notice in found]) <= 0.005


@pytest.mark.parametrize("size", [100, 300, 1000])
def test_skipped_doubts_are_noticed_nine_times_in_ten(quality: Array, size: int) -> None:
    found = [noticed(verifiable(quality, sampled(size, seed) & ~doubtful(quality))) for seed in range(15)]
    assert np.mean([notice is not None for notice in found]) >= 0.9
    assert {notice.code for notice in found if notice} <= {"doubtful-rows-skipped", "not-random"}
    assert all(
        re.search(r"Rows in doubt (were|may have been) skipped, or surer ones added: of the ", notice.message)
        for notice in found
        if notice
    )


def test_a_finding_that_chance_makes_once_in_a_thousand_voids_the_sample_and_a_weaker_one_warns(quality: Array) -> None:
    none = noticed(verifiable(quality, sampled(300, 0) & ~doubtful(quality)))
    assert none is not None
    assert (none.code, none.severity) == ("not-random", Severity.VOID)
    severities = set()
    for seed in range(15):
        half = doubtful(quality) & (np.random.default_rng(seed).random(ROWS) < 0.6)
        found = noticed(verifiable(quality, sampled(300, seed) & ~half))
        severities |= {(found.code, found.severity)} if found else set()
    assert ("doubtful-rows-skipped", Severity.WARNING) in severities


def test_what_chance_may_have_done_is_no_fact_and_what_it_hardly_does_is_one() -> None:
    weak, strong = (Part.of(skipped=True, p_value=p, counted="none of 9").words for p in (0.02, 0.0001))
    assert weak == (
        "Rows in doubt may have been skipped, or surer ones added: none of 9 (chance does that in about 2 of 100 "
        "honest samples)."
    )
    assert strong.startswith(
        "Rows in doubt were skipped, or surer ones added: none of 9 (chance does that in about 0.0"
    )
    asked = Part.of(skipped=True, p_value=0.0001, counted="none of 9", asked=True)
    assert asked.words.startswith("Rows in doubt were skipped: none of 9")


def test_who_verified_the_flagged_rows_has_not_skipped_doubts(quality: Array) -> None:
    surest = np.isin(np.arange(ROWS), np.argsort(quality)[:100])
    part = sampled_part(quality, surest)
    assert part is not None
    assert not part.skipped
    expected = 100 * (quality < 0.5).mean()
    assert part.words == (
        "Rows whose labels look wrong were verified far more often than others: 100 of the 100 verified rows have a "
        f"label quality below 0.5, where a random sample has about {expected:.0f}."
    )


@pytest.mark.parametrize("added", [60, 100, 150])
def test_who_added_flagged_rows_to_a_random_sample_is_not_told_to_have_skipped_some(quality: Array, added: int) -> None:
    """The words name the rows that were added, or leave it open."""
    wrong = np.argsort(quality)
    for seed in range(10):
        found = noticed(verifiable(quality, sampled(200, seed) | np.isin(np.arange(ROWS), wrong[:added])))
        assert found is None or not re.search(r"(were|have been) skipped:", found.message)
    assert found is not None


def test_empty_cells_tell_where_few_rows_are_in_doubt(quality: Array) -> None:
    """A fortieth of the rows is, so that a missing one in forty shows against the empty cells only."""
    few = np.abs(quality - 0.5) <= np.quantile(np.abs(quality - 0.5), 0.025)
    by_cells = by_all = 0
    for seed in range(15):
        asked = sampled(300, seed)
        by_cells += noticed(verifiable(quality, asked & ~few, asked)) is not None
        by_all += p_value(sampled_part(quality, asked & ~few)) < 0.001
    assert by_cells >= 14
    assert by_all < 10


def test_cells_that_are_empty_by_chance_are_let_alone(quality: Array) -> None:
    """Also where the whole dataset is the table."""
    found = []
    for seed in range(20):
        asked = sampled(300, seed)
        filled = asked & (np.random.default_rng((seed, 1)).random(ROWS) < 0.8)
        found.append(noticed(verifiable(quality, filled, asked)))
        found.append(noticed(verifiable(quality, asked, np.ones(ROWS, dtype=bool))))
    assert np.mean([notice is not None for notice in found]) <= 0.1


def test_rows_in_doubt_that_were_preferred_are_noticed(quality: Array) -> None:
    more = sampled(250, 0) | (doubtful(quality) & (np.arange(ROWS) % 10 == 0))
    found = noticed(verifiable(quality, more))
    assert found is not None
    assert found.message.startswith("Rows in doubt were verified more often than others: of the ")


def planned(quality: Array, seed: int) -> tuple[Array, Array, Array]:
    """Rows that a plan drew after a random sample: before, drawn, probabilities."""
    before = sampled(200, seed)
    frame = Frame(quality=quality, usable=np.ones(ROWS, dtype=bool), verified=before, before=np.full(ROWS, 200 / ROWS))
    design = draw(frame, count=200, seed=seed)
    return before, design.drawn, design.probability


def test_rows_that_a_plan_drew_are_weighed(quality: Array) -> None:
    """They are in doubt far more often than others, and that is no offence; skipping some of them is."""
    honest, skipped = [], []
    for seed in range(30):
        before, drawn, probability = planned(quality, seed)
        assert p_value(sampled_part(quality, before | drawn)) < 0.001
        honest.append(noticed(verifiable(quality, before | drawn, drawn, probability)))
        easy = before | (drawn & ~doubtful(quality))
        skipped.append(noticed(verifiable(quality, easy, None, probability)))
    assert np.mean([notice is not None for notice in honest]) <= 0.07
    assert all(notice is not None for notice in skipped)
    assert "% of the rows that the scores are least sure of are " in skipped[0].message


def test_what_other_tests_have_found_stands_beside_it(quality: Array) -> None:
    worst = quality < np.quantile(quality, 0.05)
    picked, part = picked_by_looks(quality, worst), odd_part(verifiable(quality, worst))
    assert picked is not None
    assert part is not None
    assert no_sample(picked, None) == picked
    assert no_sample(None, part) == part.words
    assert no_sample(picked, part) == f"{part.words} {picked}"
    assert no_sample(None, replace(part, p_value=0.002)) is None


def test_rows_alike_are_told_in_no_order() -> None:
    """The first rows of a dataset of which all are in the same doubt."""
    first = np.arange(ROWS) < 300
    assert noticed(verifiable(np.full(ROWS, 0.9), first)) is None
    assert noticed(verifiable(np.where(np.arange(ROWS) % 2, 0.9, 0.6), first)) is None


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_few_rows_tell_nothing(count: int) -> None:
    quality = np.linspace(0.1, 0.9, count)
    for verified in (np.zeros(count, dtype=bool), np.ones(count, dtype=bool), np.arange(count) < 1):
        assert noticed(verifiable(quality, verified, np.ones(count, dtype=bool))) is None
    assert drawn_part(quality, verified=np.ones(count, dtype=bool), probability=np.ones(count)) is None


def test_many_rows_that_nobody_verified_are_thinned(quality: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("noisecleaner.noise.skipping._MOST", 1500)
    rows = verifiable(quality, sampled(300, 0) & ~doubtful(quality), sampled(300, 0))
    fewer = rows.fewer()
    assert len(fewer.quality) == 1500 + rows.asked.sum()
    assert fewer.verified.sum() == rows.verified.sum()
    assert noticed(rows) is not None
