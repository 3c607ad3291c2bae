"""The calibrator, and reports at any threshold, against counting by hand."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.simulated import Array, scores

from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.estimate import MIN_EVENTS
from noisecleaner.noise.rates import Rows, measure
from noisecleaner.quality.calibration import Calibrator, fit_calibrator, prior_log_odds, sigmoid, stratified
from noisecleaner.runs.summary import flag, likely_confusions, report, worst_classes


def test_a_calibrator_recovers_a_logistic_model() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=20_000)
    outcome = rng.random(20_000) < sigmoid(0.7 + 1.5 * x)
    fitted = fit_calibrator({"margin": x}, outcome, ("margin",))
    at_zero, at_one = fitted.log_odds({"margin": np.array([0.0, 1.0])})
    assert at_zero == pytest.approx(0.7, abs=0.08)
    assert at_one - at_zero == pytest.approx(1.5, abs=0.08)


def test_a_missing_number_counts_as_the_mean_and_an_empty_column_is_left_out() -> None:
    rng = np.random.default_rng(0)
    columns = {"margin": rng.normal(size=400), "beta": np.full(400, np.nan)}
    fitted = fit_calibrator(columns, columns["margin"] > 0.1, ("margin", "beta"))
    assert fitted.features == ("margin",)
    assert fitted.log_odds({"margin": np.array([np.nan])})[0] == pytest.approx(fitted.intercept)


def test_a_calibrator_survives_json() -> None:
    fitted = Calibrator(("margin",), (0.5,), (2.0,), (1.0,), -0.25)
    assert Calibrator.from_json(json.loads(json.dumps(fitted.to_json()))) == fitted
    assert fitted.shifted(1.0).intercept == 0.75


def test_a_row_that_stands_for_several_counts_as_often() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    outcome = rng.random(300) < sigmoid(x)
    times = rng.integers(1, 4, 300)
    weighted = fit_calibrator({"margin": x}, outcome, ("margin",), weights=times.astype(float))
    repeated = fit_calibrator({"margin": np.repeat(x, times)}, np.repeat(outcome, times), ("margin",))
    at = {"margin": np.linspace(-2, 2, 5)}
    # the features are standardised on the rows as they are, which the penalty feels
    np.testing.assert_allclose(weighted.log_odds(at), repeated.log_odds(at), atol=0.02)


def test_parts_hold_equal_shares_of_both_outcomes_and_each_row_once() -> None:
    outcome = np.arange(103) % 4 == 0
    parts = list(stratified(outcome))
    assert np.array_equal(np.sort(np.concatenate([part for _, part in parts])), np.arange(103))
    for rest, part in parts:
        assert not np.intersect1d(rest, part).size
        assert len(rest) + len(part) == 103
        assert abs(outcome[part].sum() - outcome.sum() / 5) < 1


@pytest.mark.parametrize("prior", [0.1, 0.4, 0.8])
def test_em_finds_the_prior_of_shifted_data(prior: float) -> None:
    rng = np.random.default_rng(1)
    right = rng.random(20_000) < prior
    x = rng.normal(size=20_000) + np.where(right, 1.0, -1.0)
    log_odds = 2 * x  # exact for a prior of one half
    assert sigmoid(np.array([prior_log_odds(log_odds)]))[0] == pytest.approx(prior, abs=0.02)


@settings(deadline=None)
@given(st.floats(-1000, 1000))
def test_sigmoid_never_overflows_and_is_symmetric(x: float) -> None:
    values = sigmoid(np.array([x, -x]))
    assert values.sum() == pytest.approx(1)
    assert ((values >= 0) & (values <= 1)).all()


def rows_of(wrong: Array, judging: Array, expected: Array | None = None, audited: Array | None = None) -> Rows:
    """Rows of which some are audited; all that are judge, unless others are audited, too."""
    known = judging if audited is None else audited
    size = len(wrong)
    unknown = np.full(size, np.nan)
    trusted = np.where(known, wrong.astype(np.int64), -1)
    return Rows(np.zeros(size, np.int64), trusted, unknown if expected is None else expected, judging, unknown)


def by_hand(values: Array, judging: Array, wrong: Array, threshold: float) -> dict[str, float | None]:
    known = np.isfinite(values)
    kept, flagged = known & (values >= threshold), known & (values < threshold)
    seen, out = judging & kept, judging & flagged
    share = lambda hits, of: hits.sum() / of.sum() if of.any() else None  # noqa: E731
    return {
        "kept": int(kept.sum()),
        "kept_fraction": kept.sum() / known.sum(),
        "effective_noise": share(wrong & seen, seen),
        "precision": share(wrong & out, out),
        "recall": share(wrong & out, judging & known & wrong),
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 2 * MIN_EVENTS - 1))
def test_every_line_of_the_report_is_what_one_would_count_by_hand(seed: int, rows: int) -> None:
    """With so few events nothing is sharpened; audited rows that do not judge are not counted."""
    rng = np.random.default_rng(seed)
    values = np.round(rng.random(rows), 2)
    values[rng.random(rows) < 0.1] = np.nan
    values[0] = 0.5
    audited, wrong = rng.random(rows) < 0.7, rng.random(rows) < 0.4
    judging = audited & (rng.random(rows) < 0.7)
    known = rows_of(wrong, judging, rng.random(rows), audited)
    for line in report("label_quality", Cut(values, known)).to_pylist():
        counted = by_hand(values, judging, judging & wrong, line["threshold"])
        for name, expected in counted.items():
            assert line[name] == (None if expected is None else pytest.approx(expected)), (name, line["threshold"])
            # null where nobody can tell, and an interval wherever somebody can
            if name not in ("kept", "kept_fraction"):
                assert (line[f"{name}_low"] is None) == (line[f"{name}_high"] is None) == (expected is None)


def test_the_report_has_every_hundredth_and_every_quantile_in_order() -> None:
    values = np.random.default_rng(0).random(1000) ** 3
    nobody = np.zeros(1000, dtype=bool)
    lines = report("alpha", Cut(values, rows_of(nobody, nobody)))
    thresholds = lines["threshold"].to_numpy()
    assert np.isin(np.round(np.arange(101) / 100, 2), thresholds).all()
    assert np.isin(np.quantile(values, np.arange(101) / 100), thresholds).all()
    assert (np.diff(thresholds) > 0).all()
    assert lines["effective_noise_low"].null_count == len(lines)
    assert pa.types.is_float64(lines.schema.field("threshold").type)


def test_rates_at_a_threshold_are_sharpened_where_both_sides_hold_enough_of_both_kinds() -> None:
    rng = np.random.default_rng(0)
    expected, wrong = scores(6000, rng)
    judging = np.isin(np.arange(6000), rng.choice(6000, 1500, replace=False))
    cut = Cut(1 - expected, rows_of(wrong, judging, expected))
    assert {rate.method for rate in cut.rates(0.5)} == {"prediction-powered"}
    assert {rate.method for rate in cut.wrong_among(0.01)} == {"wilson", "prediction-powered"}
    assert cut.rates(0.01)[2].method == "wilson"
    assert {rate.method for rate in Cut(1 - expected, rows_of(wrong, judging)).wrong_among(0.5)} == {"wilson"}


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
            cut = Cut(1 - expected, rows_of(wrong, judging, known))
            rates = cut.rates(0.7)
            found[name].append([rate.value or 0.0 for rate in rates])
            lengths[name].append([(rate.high or 0.0) - (rate.low or 0.0) for rate in rates])
    np.testing.assert_allclose(np.mean(found["sharp"], axis=0), truth, atol=0.01)
    assert (np.mean(lengths["sharp"], axis=0) < np.mean(lengths["plain"], axis=0)).all()


def test_rows_without_a_value_are_not_flagged() -> None:
    assert flag(np.array([0.1, 0.5, np.nan]), 0.5).tolist() == [True, False, False]


def test_worst_classes_and_confusions_are_counted_from_flagged_rows() -> None:
    labels = np.array([0, 0, 1, 1, 1, -1])
    flagged = np.array([True, False, True, True, True, False])
    nobody, half = np.full(6, -1), np.full(6, 0.5)
    noise = measure(Rows(labels, nobody, half, nobody > 0, np.full(6, np.nan)), ("a", "b"), "audited")
    assert [(c.name, c.rows, c.flagged) for c in worst_classes(labels, flagged, noise, ("a", "b"))] == [
        ("b", 3, 3),
        ("a", 2, 1),
    ]
    pairs = likely_confusions(labels, np.array([1, 1, 0, 0, 2, -1]), flagged, ("a", "b", "c"))
    assert [(p.given, p.suggested, p.rows) for p in pairs] == [("b", "a", 2), ("a", "b", 1), ("b", "c", 1)]
