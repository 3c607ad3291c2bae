"""Intervals hold what they promise: 95 % means 93 to 97 % of repeated draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from support.simulated import Array, drawn, even, scores

from noisecleaner.noise.estimate import MIN_EVENTS, Audit, Stratum, part_of_errors, wilson, wilson_of
from noisecleaner.noise.rate import UNKNOWN, Interval, Rate

DRAWS = 1500
ROWS = 20_000


def length(interval: Interval) -> float:
    return interval.high - interval.low


def repeated(draw: Callable[[np.random.Generator], tuple[Audit, Array]], truth: float, times: int = DRAWS) -> Repeated:
    """Estimate a share again and again from audits of a population, of which `draw` tells the expected values too."""
    rng = np.random.default_rng(1)
    rates = []
    for _ in range(times):
        audit, expected = draw(rng)
        rates.append(audit.rate(float(expected.mean()), rows=None))
    return Repeated(rates, truth)


class Repeated:
    """Estimates of one truth."""

    def __init__(self, rates: list[Rate], truth: float) -> None:
        self.values, self.low, self.high = np.array([(r.value, r.low, r.high) for r in rates], np.float64).T
        self.methods = {rate.method for rate in rates}
        self.covered = float(((self.low <= truth) & (truth <= self.high)).mean())
        self.length = float((self.high - self.low).mean())
        #: in standard errors of the mean
        self.bias = float((self.values.mean() - truth) / (self.values.std() / np.sqrt(len(rates))))


@pytest.fixture(scope="module")
def population() -> tuple[Array, Array]:
    """Who is wrong in a dataset, and a calibrated logistic score that explains about six tenths of it."""
    expected, wrong = scores(ROWS, np.random.default_rng(0))
    assert 0.5 < np.corrcoef(expected, wrong)[0, 1] ** 2 < 0.68
    return wrong, expected


@settings(deadline=None)
@given(st.integers(1, 2000), st.floats(0, 1))
def test_around_whole_numbers_wilsons_interval_is_that_of_scipy(size: int, share: float) -> None:
    hits = round(share * size)
    expected = stats.binomtest(hits, size).proportion_ci(0.95, method="wilson")
    interval = wilson(hits / size, size=size)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(("rate", "seen"), [(0.4, 300), (0.09, 300), (0.02, 500), (0.4, 30)])
def test_a_plain_interval_covers(rate: float, seen: int) -> None:
    hits = np.random.default_rng(0).binomial(seen, rate, 4000)
    intervals = [wilson(h / seen, size=seen) for h in range(seen + 1)]
    ends = np.array([(i.low, i.high) for i in intervals])[hits]
    assert 0.93 <= ((ends[:, 0] <= rate) & (rate <= ends[:, 1])).mean() <= 0.975


@pytest.mark.parametrize("size", [200, 500])
def test_a_sharpened_interval_covers_is_shorter_and_unbiased(population: tuple[Array, Array], size: int) -> None:
    wrong, expected = population
    found = repeated(lambda rng: (even(wrong, expected, size, rng), expected), wrong.mean())
    plain = length(wilson(wrong.mean(), size=size))
    assert found.methods == {"prediction-powered"}
    assert 0.93 <= found.covered <= 0.97
    assert found.length < 0.75 * plain
    assert abs(found.bias) < 3.5


@pytest.mark.parametrize("mistaken", [0.003, 0.01])
def test_a_nearly_perfect_score_does_not_promise_too_much(mistaken: float) -> None:
    """One row in 100 or 300 is scored the wrong way round; most samples of 150 hold one such row or none."""
    rng = np.random.default_rng(0)
    wrong = rng.random(ROWS) < 0.3
    expected = np.where(wrong ^ (rng.random(ROWS) < mistaken), 0.99, 0.01)
    found = repeated(lambda rng: (even(wrong, expected, 150, rng), expected), wrong.mean())
    assert found.covered >= 0.93


def test_a_score_that_is_not_calibrated_does_not_bias(population: tuple[Array, Array]) -> None:
    wrong, expected = population
    stretched = 0.3 + 0.5 * expected**2
    found = repeated(lambda rng: (even(wrong, stretched, 300, rng), stretched), wrong.mean())
    assert 0.93 <= found.covered <= 0.97
    assert abs(found.bias) < 3.5


def test_a_useless_score_costs_nothing(population: tuple[Array, Array]) -> None:
    wrong, expected = population
    useless = np.random.default_rng(7).permutation(expected)
    found = repeated(lambda rng: (even(wrong, useless, 300, rng), useless), wrong.mean())
    assert 0.93 <= found.covered <= 0.97
    assert found.length < 1.03 * length(wilson(wrong.mean(), size=300))


def test_rows_drawn_with_unequal_probability_give_an_unbiased_estimate_that_covers(
    population: tuple[Array, Array],
) -> None:
    wrong, expected = population
    doubt = np.sqrt(expected * (1 - expected)) + 0.1
    probability = doubt * 400 / doubt.sum()

    def draw(rng: np.random.Generator) -> tuple[Audit, Array]:
        return drawn(wrong, expected, probability, np.flatnonzero(rng.random(ROWS) < probability)), expected

    found = repeated(draw, wrong.mean())
    assert abs(found.bias) < 3.5
    assert 0.93 <= found.covered <= 0.97


def test_unequal_probability_without_scores_gives_an_unbiased_estimate_that_covers(
    population: tuple[Array, Array],
) -> None:
    wrong, expected = population
    probability = np.clip(0.005 + 0.04 * expected, 0, 1)

    def draw(rng: np.random.Generator) -> tuple[Audit, Array]:
        rows = np.flatnonzero(rng.random(ROWS) < probability)
        return drawn(wrong, np.full(ROWS, np.nan), probability, rows), expected

    found = repeated(draw, wrong.mean())
    assert found.methods == {"wilson"}
    # the estimate is a ratio: its bias is of the order of 1 / n, far below its deviation
    assert abs(found.values.mean() - wrong.mean()) < 0.1 * found.values.std()
    assert found.covered >= 0.93


def test_when_nearly_all_rows_are_verified_the_interval_nearly_vanishes() -> None:
    expected, wrong = scores(1000, np.random.default_rng(0))
    lengths = []
    for size in (200, 800, 990, 999):
        rate = even(wrong, expected, size, np.random.default_rng(1)).rate(float(expected.mean()), rows=None)
        lengths.append((rate.high or 0) - (rate.low or 0))
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] < 0.05 * lengths[0]


def test_when_all_rows_are_verified_the_interval_is_not_longer_than_with_all_but_one() -> None:
    expected, wrong = scores(1000, np.random.default_rng(0))
    lengths = []
    for size in (999, 1000):
        rate = even(wrong, expected, size, np.random.default_rng(1)).rate(float(expected.mean()), rows=1000)
        lengths.append((rate.high or 0) - (rate.low or 0))
    assert lengths[1] <= lengths[0]


@pytest.mark.parametrize(("errors", "method"), [(MIN_EVENTS - 1, "wilson"), (MIN_EVENTS, "prediction-powered")])
def test_below_so_many_events_the_interval_is_wilsons(errors: int, method: str) -> None:
    rng = np.random.default_rng(0)
    for hits in (errors, 200 - errors):
        audit = Audit(wrong=np.arange(200) < hits, expected=rng.random(200), probability=np.full(200, 0.02))
        rate = audit.rate(0.5, rows=None)
        assert (rate.method, rate.events, rate.sample_size) == (method, hits, 200)
        if method == "wilson":
            assert rate.interval == wilson_of(hits / 200, sample=200, rows=10_000)


@pytest.mark.parametrize("rows", [100, 300, 3000])
@pytest.mark.parametrize("part", [0.5, 0.8, 0.95])
def test_of_a_finite_number_of_rows_the_interval_holds_the_truth(rows: int, part: float) -> None:
    """Exactly, by the hypergeometric distribution; without the half row it would be 80 % for one wrong row."""
    size = int(rows * part)
    for wrong in (1, 3, rows // 20, rows // 5):
        seen = np.arange(size + 1)
        chance = stats.hypergeom.pmf(seen, rows, wrong, size)
        intervals = [wilson_of(hits / size, sample=size, rows=rows) for hits in seen]
        holds = [interval.low - 1e-12 <= wrong / rows <= interval.high + 1e-12 for interval in intervals]
        assert chance @ holds >= 0.94


def test_a_part_of_the_rows_tells_more_than_as_many_of_endlessly_many_and_all_of_them_everything() -> None:
    half, endless = wilson_of(0.2, sample=5_000, rows=10_000), wilson(0.2, size=5_000)
    assert length(half) == pytest.approx(length(endless) * np.sqrt(0.5) + 1e-4, rel=1e-2)
    assert wilson_of(0.2, sample=200, rows=200) == Interval(value=0.2, low=0.2, high=0.2)


@pytest.mark.parametrize("expected", [None, 0.5])
def test_where_every_row_was_verified_the_share_is_counted(expected: float | None) -> None:
    audit = Audit(wrong=np.arange(300) < 63, expected=np.linspace(1, 0, 300), probability=np.ones(300))
    rate = audit.rate(expected, rows=300)
    assert (rate.method, rate.value, rate.low, rate.high, rate.events) == ("count", 0.21, 0.21, 0.21, 63)
    assert rate.words() == "21.0 % (counted)"
    assert Rate.from_json(rate.to_json()) == rate


@pytest.mark.parametrize("expected", [None, 0.5])
def test_rows_that_were_sure_to_be_verified_are_not_all_rows(expected: float | None) -> None:
    """Of a class with 40 rows, a plan may draw just the three that it was sure to draw."""
    audit = Audit(wrong=np.arange(40) < 20, expected=np.linspace(1, 0, 40), probability=np.ones(40))
    assert audit.rate(expected, rows=300).interval == wilson_of(0.5, sample=40, rows=300)
    unknown = audit.rate(expected, rows=None)
    assert (unknown.interval, unknown.method) == (wilson(0.5, size=40), "wilson")


def test_without_what_is_expected_of_all_rows_the_interval_is_wilsons() -> None:
    audit = Audit(wrong=np.arange(200) < 60, expected=np.linspace(1, 0, 200), probability=np.full(200, 0.02))
    assert audit.rate(None, rows=None).method == "wilson"


def test_without_rows_nothing_is_known() -> None:
    nothing = Audit(wrong=np.empty(0, dtype=bool), expected=np.empty(0), probability=np.empty(0))
    assert nothing.rate(0.3, rows=None) == UNKNOWN
    assert UNKNOWN.to_json() == {"rate": None, "low": None, "high": None, "audited": 0, "errors": 0, "method": "none"}


def test_rows_without_an_honest_score_are_a_sample_of_their_own(population: tuple[Array, Array]) -> None:
    """Half of the rows steered: together they tell more than the other half alone, and less than with all scores."""
    wrong, expected = population

    def some(part: float) -> Callable[[np.random.Generator], tuple[Audit, Array]]:
        def draw(rng: np.random.Generator) -> tuple[Audit, Array]:
            audit = even(wrong, expected, 600, rng)
            known = np.where(np.arange(600) < 600 * part, audit.expected, np.nan)
            return replace(audit, expected=known), expected

        return draw

    both = repeated(some(0.5), wrong.mean())
    judging = repeated(lambda rng: (even(wrong, expected, 300, rng), expected), wrong.mean())
    assert 0.93 <= both.covered <= 0.97
    assert repeated(some(1), wrong.mean(), 50).length < both.length < judging.length


def test_a_few_rows_with_a_score_do_not_outweigh_all_others() -> None:
    wrong = np.concatenate([np.arange(100) < 40, np.zeros(3, dtype=bool)])
    expected = np.concatenate([np.full(100, np.nan), [0.1, 0.2, 0.05]])
    rate = Audit(wrong=wrong, expected=expected, probability=np.full(103, 0.01)).rate(0.4, rows=None)
    assert rate.value == pytest.approx(0.4, abs=0.05)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.floats(0.01, 0.99))
def test_an_interval_holds_its_estimate_and_stays_inside(seed: int, size: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    audit = Audit(wrong=rng.random(size) < share, expected=rng.random(size), probability=rng.uniform(0.001, 1, size))
    rate = audit.rate(0.5, rows=None)
    assert rate.value is not None
    assert rate.low is not None
    assert rate.high is not None
    assert 0 <= rate.low <= rate.value + 1e-12
    assert rate.value - 1e-12 <= rate.high <= 1


def test_the_part_of_the_errors_that_lies_in_one_of_two_parts_is_covered(population: tuple[Array, Array]) -> None:
    """Recall, by simulation: rows above a cut are flagged, and verified as often as the others."""
    wrong, expected = population
    flagged = expected > 0.3
    truth = wrong[flagged].sum() / wrong.sum()
    rng = np.random.default_rng(2)
    covered, values = [], []
    for _ in range(DRAWS):
        rows = rng.choice(ROWS, 1000, replace=False)
        here, there = (
            drawn(wrong, expected, np.full(ROWS, 0.05), rows[flagged[rows] == side]).rate(
                float(expected[flagged == side].mean()), rows=None
            )
            for side in (True, False)
        )
        rate = part_of_errors(Stratum(here, int(flagged.sum())), rest=Stratum(there, int((~flagged).sum())))
        covered.append(rate.low <= truth <= rate.high)
        values.append(rate.value)
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(values) == pytest.approx(truth, abs=0.01)
