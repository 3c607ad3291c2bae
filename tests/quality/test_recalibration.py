"""Label quality calibrated again: close to what it was without evidence, close to the truth with much of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from noisecleaner.quality.model import Judgements
from noisecleaner.quality.recalibration import Recalibration, VerifiedQuality, calibrated_again, fit_recalibration


def verified(rows: int, *, shift: float = 0.0, slope: float = 1.0, seed: int = 0) -> VerifiedQuality:
    """Rows whose true log odds are a line of those that quality claims."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0.5, 2, rows)
    correct = rng.random(rows) < special.expit(shift + slope * odds)
    return VerifiedQuality(quality=special.expit(odds).astype(np.float32), correct=correct, weights=np.ones(rows))


def test_many_rows_bring_back_the_line_that_they_were_drawn_from() -> None:
    found = fit_recalibration(verified(20_000, shift=-1.5, slope=0.6), calibrated=True)
    assert (found.shift, found.slope) == (pytest.approx(-1.5, abs=0.08), pytest.approx(0.6, abs=0.04))


def test_few_rows_move_a_calibration_little_and_an_uncalibrated_probability_more() -> None:
    few = verified(40, shift=-3.0, seed=1)
    calibrated, uncalibrated = (fit_recalibration(few, calibrated=known) for known in (True, False))
    assert uncalibrated.shift < calibrated.shift < -0.2


def test_weights_count_like_so_many_rows() -> None:
    one = verified(200, shift=1.0)
    twice = one.take(np.repeat(np.arange(200), 2))
    heavy = VerifiedQuality(quality=one.quality, correct=one.correct, weights=np.full(200, 2.0))
    a, b = fit_recalibration(twice, calibrated=True), fit_recalibration(heavy, calibrated=True)
    assert (a.shift, a.slope) == (pytest.approx(b.shift, abs=1e-3), pytest.approx(b.slope, abs=1e-3))


def test_scores_that_say_the_contrary_are_ignored_and_never_turned_around() -> None:
    found = fit_recalibration(verified(5_000, slope=-2.0), calibrated=False)
    assert found.slope == pytest.approx(0, abs=1e-6)
    quality = found.of(np.array([0.1, 0.9, np.nan], np.float32))
    assert quality[0] <= quality[1]
    assert np.isnan(quality[2])


@given(st.floats(-3, 3), st.floats(0, 3), st.lists(st.floats(0, 1), min_size=2, max_size=20))
@settings(max_examples=50, deadline=None)
def test_the_order_of_rows_stays(shift: float, slope: float, quality: list[float]) -> None:
    before = np.sort(np.array(quality, np.float32))
    after = Recalibration(shift=shift, slope=slope).of(before)
    assert (np.diff(after) >= -1e-12).all()
    assert ((after >= 0) & (after <= 1)).all()


def judgements(quality: np.ndarray, share: float = 0.8) -> Judgements:
    confidence = ((1 - quality) * share).astype(np.float32)
    return Judgements(
        quality=quality.astype(np.float32), suggested=np.zeros(len(quality), np.int64), confidence=confidence
    )


def test_verified_rows_are_judged_by_a_calibration_that_did_not_see_them() -> None:
    everything = verified(300, shift=-2.0)
    rows = np.arange(0, 300, 3)
    some = everything.take(rows)
    again = calibrated_again(judgements(everything.quality), rows, some, calibrated=True)
    assert again is not None
    plain = fit_recalibration(some, calibrated=True).of(everything.quality)
    others = np.setdiff1d(np.arange(300), rows)
    np.testing.assert_allclose(again.quality[others], plain[others], rtol=1e-5)
    assert (np.abs(again.quality[rows] - plain[rows]) > 1e-7).mean() > 0.9
    np.testing.assert_allclose(again.quality[rows], plain[rows], atol=0.12)
    np.testing.assert_allclose(again.confidence, 0.8 * (1 - again.quality), rtol=1e-3, atol=1e-6)


def test_what_is_expected_of_unlike_rows_comes_close_to_the_truth() -> None:
    everything = verified(4_000, shift=-2.0, slope=0.5)
    rows = np.arange(150)
    again = calibrated_again(judgements(everything.quality), rows, everything.take(rows), calibrated=True)
    assert again is not None
    truth = everything.correct.mean()
    assert abs(everything.quality.mean() - truth) > 0.2
    assert again.quality.mean() == pytest.approx(truth, abs=0.06)


@pytest.mark.parametrize(("right", "wrong"), [(9, 30), (30, 9), (0, 0)])
def test_few_rows_of_one_kind_calibrate_nothing(right: int, wrong: int) -> None:
    correct = np.arange(right + wrong) < right
    rows = VerifiedQuality(
        quality=np.full(len(correct), 0.5, np.float32), correct=correct, weights=np.ones(len(correct))
    )
    assert calibrated_again(judgements(np.full(60, 0.5)), np.arange(len(correct)), rows, calibrated=True) is None


def test_rows_without_a_label_keep_what_the_network_says_of_them() -> None:
    everything = verified(100, shift=-2.0)
    before = judgements(np.append(everything.quality, np.nan))
    before.confidence[-1] = 0.7
    again = calibrated_again(before, np.arange(100), everything, calibrated=True)
    assert again is not None
    assert np.isnan(again.quality[-1])
    assert again.confidence[-1] == pytest.approx(0.7)
