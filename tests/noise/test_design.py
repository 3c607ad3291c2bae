"""Draws: as many rows as are asked for, each with its probability, and what is estimated from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.simulated import drawn, even, scores

from noisecleaner.noise.design import Frame, draw, probabilities, systematic
from noisecleaner.noise.estimate import wilson


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.data())
def test_probabilities_sum_to_the_rows_that_are_asked_for(seed: int, rows: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    quality = np.round(rng.beta(0.3, 0.3, rows), data.draw(st.integers(1, 6)))
    doubt = np.sqrt(quality * (1 - quality))
    open_rows = rng.random(rows) < 0.8
    open_rows[0] = True
    before = np.full(rows, data.draw(st.sampled_from([0.0, 0.05, 0.3])))
    count = data.draw(st.integers(1, int(open_rows.sum())))
    found = probabilities(doubt=doubt, before=before, open_rows=open_rows, count=count)
    assert found[open_rows].sum() == pytest.approx(count, abs=1e-6)
    assert (found >= 0).all()
    assert (found <= 1).all()
    # a fifth is drawn evenly, so that no row is out of reach
    assert (found >= 0.2 * count / open_rows.sum() - 1e-9).all()


def test_rows_in_doubt_are_drawn_more_often_in_proportion_to_the_doubt() -> None:
    doubt = np.array([0.0, 0.1, 0.2, 0.4] * 100)
    found = probabilities(doubt=doubt, before=np.zeros(400), open_rows=np.ones(400, dtype=bool), count=40)
    least = 0.2 * 40 / 400
    np.testing.assert_allclose((found[1:4] - least) / doubt[1:4], (found[3] - least) / 0.4)
    assert found[0] == pytest.approx(least)


def test_what_an_earlier_draw_has_done_is_not_done_again() -> None:
    """A row that the first draw would have taken as often as asked for is left to the even part."""
    doubt, before = np.full(200, 0.3), np.zeros(200)
    before[:100] = 0.5
    found = probabilities(doubt=doubt, before=before, open_rows=np.ones(200, dtype=bool), count=20)
    assert found[:100] == pytest.approx(0.02)
    assert found[100:] == pytest.approx(0.18)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 100), st.data())
def test_a_systematic_draw_takes_as_many_distinct_rows_as_are_asked_for(
    seed: int, rows: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    count = data.draw(st.integers(1, rows))
    everyone = np.ones(rows, dtype=bool)
    probability = probabilities(doubt=rng.random(rows), before=np.zeros(rows), open_rows=everyone, count=count)
    taken = systematic(probability, rng)
    assert len(taken) == len(np.unique(taken)) == count
    assert ((taken >= 0) & (taken < rows)).all()
    assert np.isin(np.flatnonzero(probability == 1), taken).all()


def test_a_systematic_draw_takes_each_row_with_its_probability() -> None:
    rng = np.random.default_rng(0)
    probability = np.array([0.05, 0.9, 0.3, 0.6, 0.15, 1.0, 0.5, 0.5])
    hits = np.zeros(8)
    for _ in range(8000):
        hits[systematic(probability, rng)] += 1
    np.testing.assert_allclose(hits / 8000, probability, atol=0.02)


def test_planned_rows_give_a_shorter_interval_than_random_ones_and_are_unbiased() -> None:
    rng = np.random.default_rng(0)
    expected, wrong = scores(10_000, rng)
    doubt, everyone = np.sqrt(expected * (1 - expected)), np.ones(10_000, dtype=bool)
    probability = probabilities(doubt=doubt, before=np.zeros(10_000), open_rows=everyone, count=300)
    order = np.argsort(expected)
    planned, plain = [], []
    for _ in range(400):
        rows = order[systematic(probability[order], rng)]
        planned.append(drawn(wrong, expected, probability, rows).rate(float(expected.mean()), rows=None))
        plain.append(even(wrong, expected, 300, rng).rate(float(expected.mean()), rows=None))
    lengths = [np.mean([(r.high or 0) - (r.low or 0) for r in rates]) for rates in (planned, plain)]
    assert lengths[0] < 0.85 * lengths[1]
    interval = wilson(wrong.mean(), size=300)
    assert lengths[1] < 0.75 * (interval.high - interval.low)
    values = np.array([rate.value for rate in planned])
    assert abs(values.mean() - wrong.mean()) < 3.5 * values.std() / 20
    assert np.mean([r.low <= wrong.mean() <= r.high for r in planned]) >= 0.93


def frame_of(quality: list[float], *, verified: tuple[int, ...] = (), before: float = 0.0) -> Frame:
    known = np.isin(np.arange(len(quality)), verified)
    values = np.array(quality)
    return Frame(quality=values, usable=np.isfinite(values), verified=known, before=np.full(len(values), before))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 300), st.data())
def test_a_draw_takes_open_rows_and_never_lowers_what_was_done_before(
    seed: int, rows: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    quality = np.where(rng.random(rows) < 0.1, np.nan, rng.beta(0.3, 0.3, rows))
    quality[0] = 0.5
    usable = np.isfinite(quality)
    verified = usable & (rng.random(rows) < 0.3) & (np.arange(rows) > 0)
    frame = Frame(quality=quality, usable=usable, verified=verified, before=np.where(usable, 0.2, 0.0))
    count = data.draw(st.integers(1, int(frame.open_rows.sum())))
    design = draw(frame, count=count, seed=seed)
    assert design.drawn.sum() == count
    assert not (design.drawn & ~frame.open_rows).any()
    assert (design.probability >= frame.before).all()
    assert (design.probability <= 1 + 1e-12).all()
    assert (design.probability[~usable] == 0).all()
    again = draw(frame, count=count, seed=seed)
    np.testing.assert_array_equal(design.drawn, again.drawn)


def test_a_draw_shrinks_the_interval_only_where_doubt_differs() -> None:
    alike = draw(frame_of([0.5] * 100), count=10, seed=0)
    assert alike.shrinks == pytest.approx(1)
    assert draw(frame_of([0.5] * 10 + [0.99] * 90), count=10, seed=0).shrinks < 0.8
    assert draw(frame_of([1.0] * 100), count=10, seed=0).shrinks == 1


def test_the_probability_of_two_draws_is_that_of_either() -> None:
    """1 - (1 - before)(1 - fresh), where the fresh part of equal doubt is even."""
    design = draw(frame_of([0.5] * 50 + [0.5] * 50, verified=tuple(range(50)), before=0.5), count=10, seed=0)
    np.testing.assert_allclose(design.probability, 1 - 0.5 * (1 - 10 / 50))
