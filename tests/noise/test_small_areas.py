"""Rates of classes with few verified rows: shorter intervals that cover, also where scores mislead."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from support.simulated import Array

from noisecleaner.noise.estimate import wilson
from noisecleaner.noise.rate import Interval
from noisecleaner.noise.rates import Rows
from noisecleaner.noise.small_areas import Outcome, Tallies, estimate

ROWS = 1000


class Population:
    """Rows of some classes, whose shares of wrong labels lie between 1 and 60 %.

    Args:
        shifts: by how much the scores of each class are off, log odds.
        useless: share of the classes whose scores tell no row from another.
        seed: of everything.
    """

    def __init__(self, shifts: Array, useless: float = 0.0, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.classes = len(shifts)
        self.given = np.repeat(np.arange(self.classes), ROWS)
        signal = 2.5 * rng.normal(size=len(self.given))
        middles = np.linspace(-12, 6, 200)
        means = special.expit(middles[:, None] + 2.5 * rng.normal(size=2000)).mean(axis=1)
        rates = np.exp(rng.uniform(np.log(0.01), np.log(0.6), self.classes))
        log_odds = np.interp(rates, means, middles)[self.given] + signal
        self.wrong = rng.random(len(log_odds)) < special.expit(log_odds)
        self.expected = special.expit(log_odds + shifts[self.given])
        for c in range(round(useless * self.classes)):
            own = self.given == c
            self.expected[own] = rng.permutation(self.expected[own])
        self.rates = self.wrong.reshape(self.classes, ROWS).mean(axis=1)

    def verified(self, rows: Array, probability: Array | None = None) -> Rows:
        """The rows of which some are verified."""
        known = np.isin(np.arange(len(self.given)), rows)
        true = np.where(self.wrong, (self.given + 1) % self.classes, self.given)
        return Rows(
            given=self.given,
            trusted=np.where(known, true, -1),
            expected=self.expected,
            judging=known,
            probability=np.full(len(known), np.nan) if probability is None else np.where(known, probability, np.nan),
        )


class Covered:
    """How often the rates of each class hold the truth, and how long they are beside Wilson's on the same rows."""

    def __init__(self, populations: list[Population], *, verified: int, draws: int) -> None:
        held, lengths, plain = [], [], []
        for number, population in enumerate(populations):
            rng = np.random.default_rng((verified, number))
            for _ in range(draws):
                drawn = rng.choice(len(population.given), verified, replace=False)
                for rate, truth in zip(
                    population.verified(drawn).rates_by_class(population.classes), population.rates, strict=True
                ):
                    if rate.interval is None:
                        continue
                    held.append(rate.interval.low <= truth <= rate.interval.high)
                    lengths.append(rate.interval.high - rate.interval.low)
                    alone = wilson(rate.events / rate.sample_size, size=rate.sample_size)
                    plain.append(alone.high - alone.low)
        self.share = float(np.mean(held))
        self.shorter = 1 - float(np.mean(lengths) / np.mean(plain))
        self.longer = float(np.mean(np.array(lengths) > 1.2 * np.array(plain)))


def shifted(deviation: float, classes: int = 10, many: int = 3, useless: float = 0.0) -> list[Population]:
    return [
        Population(np.random.default_rng(seed).normal(0, deviation, classes), useless, seed) for seed in range(many)
    ]


@pytest.mark.parametrize("verified", [200, 500])
@pytest.mark.parametrize(("deviation", "useless"), [(0.0, 0.0), (0.3, 0.0), (1.0, 0.0), (0.3, 1.0)])
def test_rates_by_class_cover_whether_or_not_the_scores_of_classes_are_off(
    verified: int, deviation: float, useless: float
) -> None:
    found = Covered(shifted(deviation, useless=useless), verified=verified, draws=12)
    assert 0.92 <= found.share <= 0.995
    assert found.shorter > (0.05 if useless else 0.25)
    assert found.longer < 0.03  # a class of which few or no errors were seen by bad luck, so that Wilson's is too short


@pytest.mark.slow
@pytest.mark.parametrize("verified", [100, 300, 600])
@pytest.mark.parametrize(
    ("deviation", "useless", "least"), [(0.0, 0.0, 0.94), (0.3, 0.0, 0.94), (1.0, 0.0, 0.93), (0.3, 0.5, 0.92)]
)
def test_rates_by_class_cover_in_many_draws(verified: int, deviation: float, useless: float, least: float) -> None:
    """5 to 60 verified rows of a class."""
    found = Covered(shifted(deviation, many=8, useless=useless), verified=verified, draws=100)
    assert least <= found.share <= 0.99
    assert found.longer < 0.02


def test_one_class_that_the_scores_mislead_about_is_seldom_missed() -> None:
    """Its scores expect 2 % where 10 % are wrong, as those of no other class: its own rows are heard."""
    population = Population(np.where(np.arange(10) == 0, -2.0, 0.0), seed=3)
    assert population.expected[:ROWS].mean() < 0.5 * population.rates[0]
    rng, held = np.random.default_rng(0), []
    for _ in range(60):
        rate = population.verified(rng.choice(len(population.given), 300, replace=False)).rates_by_class(10)[0]
        held.append(rate.low <= population.rates[0] <= rate.high)
    assert np.mean(held) > 0.7


def test_rates_by_class_cover_where_rows_were_drawn_with_unequal_probability() -> None:
    held = []
    for seed, population in enumerate(shifted(0.5)):
        doubt = np.sqrt(population.expected * (1 - population.expected))
        probability = 60 / len(doubt) + 240 * doubt / doubt.sum()
        rng = np.random.default_rng(seed)
        for _ in range(15):
            drawn = np.flatnonzero(rng.random(len(doubt)) < probability)
            rates = population.verified(drawn, probability).rates_by_class(10)
            held += [r.low <= truth <= r.high for r, truth in zip(rates, population.rates, strict=True) if r.interval]
    assert 0.93 <= np.mean(held) <= 0.995


def test_an_unlucky_draw_does_not_hide_a_noisy_class() -> None:
    """One of 40 verified rows is wrong in a class of which the scores rightly expect 18 %."""
    population = Population(np.zeros(10), seed=1)
    rng = np.random.default_rng(0)
    class_of_18 = int(np.argmin(np.abs(population.rates - 0.18)))
    own = np.flatnonzero(population.given == class_of_18)
    wrong = population.wrong[own]
    unlucky = np.concatenate([rng.choice(own[wrong], 1), rng.choice(own[~wrong], 39, replace=False)])
    others = rng.choice(np.flatnonzero(population.given != class_of_18), 360, replace=False)
    rate = population.verified(np.concatenate([unlucky, others])).rates_by_class(10)[class_of_18]
    assert (rate.method, rate.events, rate.sample_size) == ("small-area", 1, 40)
    alone = wilson(1 / 40, size=40)
    assert alone.high < population.rates[class_of_18]
    assert rate.high > population.rates[class_of_18]
    assert rate.value > 2 * alone.value
    assert rate.low <= wilson(1 / 40, size=40, confidence=0.5).low + 1e-12


def test_a_class_of_which_no_row_was_verified_gets_a_rate_and_no_interval() -> None:
    population = Population(np.zeros(10))
    drawn = np.random.default_rng(0).choice(np.flatnonzero(population.given > 0), 300, replace=False)
    rate = population.verified(drawn).rates_by_class(10)[0]
    assert (rate.method, rate.interval, rate.sample_size) == ("small-area", None, 0)
    assert rate.value == pytest.approx(population.rates[0], abs=0.1)


def test_with_too_few_errors_in_all_classes_together_each_keeps_wilsons_interval() -> None:
    population = Population(np.zeros(10))
    drawn = np.random.default_rng(0).choice(len(population.given), 60, replace=False)
    drawn = drawn[~population.wrong[drawn]]
    assert {rate.method for rate in population.verified(drawn).rates_by_class(10)} == {"wilson"}


def tallies(given: list[int], expected: list[float], outcomes: list[Outcome], classes: int = 2) -> Tallies:
    return Tallies.of(
        given=np.array(given), expected=np.array(expected), outcomes=np.array(outcomes, np.int8), classes=classes
    )


def test_rows_are_tallied_by_class_and_outcome_also_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    given, expected = [0, 0, 1, 1, -1, 1], [0.5, 0.5, 0.9, 0.0, 0.5, float("nan")]
    outcomes = [Outcome.UNKNOWN, Outcome.WRONG, Outcome.RIGHT, Outcome.BLIND_WRONG, Outcome.WRONG, Outcome.UNKNOWN]
    for block in (2**20, 2):
        monkeypatch.setattr("noisecleaner.noise.small_areas._BLOCK", block)
        found = tallies(given, expected, outcomes)
        assert found.rows.tolist() == [2, 2]
        assert found.errors.tolist() == [1, 1]
        sums = [part.sum(axis=1).tolist() for part in (found.unknown, found.right, found.wrong, found.blind_wrong)]
        assert sums == [[1, 0], [0, 1], [1, 0], [0, 1]]
        assert found.wrong[0].argmax() == 32  # log odds 0 are the middle
        assert found.blind_wrong[1].argmax() == 0


def test_where_every_row_is_verified_the_rate_is_what_was_counted() -> None:
    outcomes = [Outcome.WRONG] * 3 + [Outcome.RIGHT] * 7 + [Outcome.BLIND_WRONG] * 5 + [Outcome.BLIND_RIGHT] * 5
    one, other, empty = estimate(tallies([0] * 10 + [1] * 10, [0.4] * 20, outcomes, classes=3))
    assert one == Interval(value=pytest.approx(0.3), low=pytest.approx(0.3), high=pytest.approx(0.3))
    assert other == Interval(value=pytest.approx(0.5), low=pytest.approx(0.5), high=pytest.approx(0.5))
    assert empty is None


def test_rows_that_steered_tell_the_rate_of_their_class_without_their_scores() -> None:
    """Two classes with the same scores, 200 blind rows of each: of one 30 % are wrong, of the other 70 %."""
    blind = [Outcome.BLIND_WRONG] * 60 + [Outcome.BLIND_RIGHT] * 140
    more = [Outcome.BLIND_WRONG] * 140 + [Outcome.BLIND_RIGHT] * 60
    given = [0] * 200 + [1] * 200 + [0, 1] * 2000
    found = estimate(tallies(given, [0.5] * len(given), blind + more + [Outcome.UNKNOWN] * 4000))
    assert [one.value for one in found if one] == pytest.approx([0.3, 0.7], abs=0.03)
    assert all(0.1 < one.high - one.low < 0.16 for one in found if one)
