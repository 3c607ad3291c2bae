"""Both sides of a cut, and what is measured of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.simulated import audited_rows, scores

from noisecleaner.noise.cuts import Cut, CutRates, Sides
from noisecleaner.noise.rate import UNKNOWN, Rate
from noisecleaner.noise.running import Rest


def measures(rates: CutRates) -> tuple[Rate, Rate, Rate]:
    return rates.precision, rates.noise, rates.recall


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(-0.1, 1.1))
def test_a_cut_has_two_sides_and_every_row_with_a_value_is_on_one(seed: int, size: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    values, expected = np.round(rng.random(size), 1), rng.random(size)
    values[rng.random(size) < 0.2] = np.nan
    judging = rng.random(size) < 0.5
    cut = Cut(values, audited_rows(rng.random(size) < 0.5, judging, expected))
    below, above = values < threshold, values >= threshold
    rows, means, audits = cut.rows(threshold), cut.expected(threshold), cut.audits(threshold)
    assert (rows.flagged, rows.kept) == (below.sum(), above.sum())
    assert (len(audits.flagged), len(audits.kept)) == ((below & judging).sum(), (above & judging).sum())
    for mean, side in ((means.flagged, below), (means.kept, above)):
        assert mean == (pytest.approx(expected[side].mean()) if side.any() else None)


def test_what_follows_from_the_values_is_summed_as_if_it_did_not() -> None:
    rng = np.random.default_rng(5)
    quality = np.round(rng.random(40_000), 4).astype(np.float32)
    quality[rng.random(len(quality)) < 0.01] = np.nan
    rows = audited_rows(rng.random(len(quality)) < 0.3, rng.random(len(quality)) < 0.1)
    single = Cut(quality, replace(rows, expected=Rest(quality)))
    doubled = Cut(quality.astype(np.float64), replace(rows, expected=1 - quality.astype(np.float64)))
    apart = Cut(quality * 2, replace(rows, expected=Rest(quality)))  # in the same order, but it does not follow
    np.testing.assert_array_equal(single.each_expected, doubled.each_expected)
    np.testing.assert_array_equal(single.each_expected, apart.each_expected)
    for threshold in (0.1, 0.5, 0.7, float(np.float32(0.7)), float(np.float32(0.3)), 1.0):
        assert single.rows(threshold) == doubled.rows(threshold)
        assert single.expected(threshold) == doubled.expected(threshold)
        assert single.rates(threshold) == doubled.rates(threshold)
        assert apart.rows(2 * threshold) == single.rows(threshold)


def test_a_cut_without_rows_knows_nothing() -> None:
    nobody = np.zeros(3, dtype=bool)
    rates = Cut(np.full(3, np.nan), audited_rows(nobody, nobody)).rates(0.5)
    assert measures(rates) == (UNKNOWN, UNKNOWN, UNKNOWN)


def test_rates_at_a_threshold_are_sharpened_where_both_sides_hold_enough_of_both_kinds() -> None:
    rng = np.random.default_rng(0)
    expected, wrong = scores(6000, rng)
    judging = np.isin(np.arange(6000), rng.choice(6000, 1500, replace=False))
    cut = Cut(1 - expected, audited_rows(wrong, judging, expected))
    assert {rate.method for rate in measures(cut.rates(0.5))} == {"prediction-powered"}
    sides = cut.wrong_among(0.01)
    assert {sides.flagged.method, sides.kept.method} == {"wilson", "prediction-powered"}
    assert cut.rates(0.01).recall.method == "wilson"
    plain = Cut(1 - expected, audited_rows(wrong, judging)).wrong_among(0.5)
    assert {plain.flagged.method, plain.kept.method} == {"wilson"}


def test_a_side_of_which_a_part_was_sure_to_be_verified_is_not_counted() -> None:
    """All probabilities are 1, but only 100 of 200 rows on each side judge."""
    rng = np.random.default_rng(0)
    wrong, values = rng.random(400) < 0.3, np.arange(400) / 400
    half = replace(audited_rows(wrong, np.arange(400) % 2 == 0), probability=np.ones(400))
    rates = measures(Cut(values, half).rates(0.5))
    assert [rate.method for rate in rates] == ["wilson"] * 3
    assert all(rate.high - rate.low > 0.05 for rate in rates)
    every = replace(audited_rows(wrong, np.ones(400, dtype=bool)), probability=np.ones(400))
    counted = measures(Cut(values, every).rates(0.5))
    truth = [wrong[:200].mean(), wrong[200:].mean(), wrong[:200].sum() / wrong.sum()]
    assert [rate.method for rate in counted] == ["count"] * 3
    assert [rate.value for rate in counted] == pytest.approx(truth)


def test_a_side_that_holds_all_rows_has_their_rate() -> None:
    """Half of the audited rows judge: they alone measure a cut, and all of them what is not cut."""
    rng = np.random.default_rng(0)
    expected, wrong = scores(600, rng)
    audited = np.isin(np.arange(600), rng.choice(600, 300, replace=False))
    judging = audited & np.isin(np.arange(600), rng.choice(600, 300, replace=False))
    rows, values = audited_rows(wrong, judging, expected, audited), 1 - expected
    cut, overall = Cut(values, rows), rows.rate()
    assert overall.sample_size == 300
    assert cut.wrong_among(0.0) == Sides(flagged=UNKNOWN, kept=overall)
    assert cut.wrong_among(1.1) == Sides(flagged=overall, kept=UNKNOWN)
    middle = cut.wrong_among(0.5)
    assert middle.flagged.sample_size + middle.kept.sample_size == judging.sum() < 200
    # a row with a label and without a value is on neither side
    values[np.flatnonzero(~audited)[0]] = np.nan
    assert Cut(values, rows).wrong_among(0.0).kept.sample_size == judging.sum()


def test_sharpened_precision_noise_and_recall_are_unbiased_and_shorter() -> None:
    rng = np.random.default_rng(0)
    expected, wrong = scores(8000, rng)
    flagged = 1 - expected < 0.7
    truth = [wrong[flagged].mean(), wrong[~flagged].mean(), wrong[flagged].sum() / wrong.sum()]
    found: dict[str, list[list[float]]] = {"sharp": [], "plain": []}
    lengths: dict[str, list[list[float]]] = {"sharp": [], "plain": []}
    for _ in range(80):
        judging = np.isin(np.arange(8000), rng.choice(8000, 1500, replace=False))
        for name, known in (("sharp", expected), ("plain", None)):
            cut = Cut(1 - expected, audited_rows(wrong, judging, known))
            rates = measures(cut.rates(0.7))
            found[name].append([rate.value or 0.0 for rate in rates])
            lengths[name].append([(rate.high or 0.0) - (rate.low or 0.0) for rate in rates])
    np.testing.assert_allclose(np.mean(found["sharp"], axis=0), truth, atol=0.01)
    assert (np.mean(lengths["sharp"], axis=0) < np.mean(lengths["plain"], axis=0)).all()
