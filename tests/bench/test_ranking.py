"""What is measured of scores and flags, beside numbers counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.bench._ranking import Truth

WRONG = np.array([True, True, False, True, False, False, True])
#: The last row was verified.
TRUTH = Truth(wrong=WRONG, judged=np.arange(7) < 6)
SUSPICION = np.array([0.9, 0.4, 0.8, 0.7, 0.1, 0.0, 0.2])


def test_wrong_labels_below_as_many_suspicious_rows_are_missed() -> None:
    found = TRUTH.ranked(suspicion=SUSPICION, flagged=SUSPICION > 0.5)
    assert found["missed_at_budget"] == pytest.approx(1 / 3)  # of 0.9, 0.8, 0.7 two are wrong, of three
    assert found["auroc"] == pytest.approx(7 / 9)
    assert found["f1"] == pytest.approx(2 * 2 / (3 + 3))


def test_the_best_threshold_is_the_one_that_the_truth_would_choose() -> None:
    found = TRUTH.ranked(suspicion=SUSPICION, flagged=SUSPICION > 0.5)
    assert found["f1_best_threshold"] == pytest.approx(2 * 3 / (4 + 3))


def test_rows_of_one_score_are_cut_together() -> None:
    alike = TRUTH.ranked(suspicion=np.zeros(7), flagged=np.zeros(7, dtype=bool))
    assert alike["f1_best_threshold"] == pytest.approx(2 * 3 / (6 + 3))
    assert alike["f1"] == 0


def test_calibration_is_measured_where_nobody_verified() -> None:
    assert TRUTH.calibration_error(np.where(WRONG, 0.0, 1.0)) == 0
    assert TRUTH.calibration_error(np.where(WRONG, 1.0, 0.0)) == 1
