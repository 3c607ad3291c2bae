"""Both sides of a cut, and what is measured of them."""

from __future__ import annotations

import numpy as np
from support.simulated import audited_rows, scores

from noisecleaner.noise.cuts import Cut, CutRates
from noisecleaner.noise.rate import Rate


def measures(rates: CutRates) -> tuple[Rate, Rate, Rate]:
    return rates.precision, rates.noise, rates.recall


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
