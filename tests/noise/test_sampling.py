"""Probabilities that cannot be true are found, those of real draws never are."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.arrays import UNVERIFIED, FloatArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.noise.design import Frame, draw
from noisecleaner.noise.randomness import NOT_RANDOM
from noisecleaner.noise.sampling import Sampling, misdrawn, plain_together, unequal
from noisecleaner.notices import Severity


def sampling(*probabilities: float, rows: int) -> Sampling:
    return Sampling(probability=np.array(probabilities), rows=rows)


def alike(probability: float, *, size: int, rows: int) -> Sampling:
    return Sampling(probability=np.full(size, probability), rows=rows)


def test_skipped_rows_count_on_neither_side() -> None:
    given, trusted = np.array([0, 1, -1, 1, -1]), np.array([0, UNVERIFIED, 1, 1, UNVERIFIED])
    found = Sampling.of(given=given, trusted=trusted, probability=np.array([0.5, np.nan, 0.25, 1.0, np.nan]))
    assert (found.probability.tolist(), found.rows) == ([0.5, 1.0], 3)


def test_equal_probabilities_are_those_of_a_plain_sample() -> None:
    assert not unequal(np.array([]))
    assert not unequal(np.full(3, np.nan))
    assert not unequal(np.array([0.3, np.nan, 0.1 + 0.2]))
    assert unequal(np.array([0.3, 0.31]))


@pytest.mark.parametrize(("size", "holds"), [(1500, True), (1499, False), (200, False)])
def test_a_census_is_one_of_every_row(size: int, holds: bool) -> None:
    found = alike(1.0, size=size, rows=1500).misfit()
    assert (found is None) == holds
    if found is not None:
        assert found == (
            f"A sample_probability of 1 says that every row was verified, but {size:,} of 1,500 rows were."
        )


@pytest.mark.parametrize("probability", [0.04, 0.2, 0.6, 0.99])
def test_one_probability_must_be_that_of_the_sample(probability: float) -> None:
    """200 of 1,500 rows are drawn with 0.133."""
    found = alike(probability, size=200, rows=1500).misfit()
    assert found is not None
    assert f"({probability:g}): they would stand for {200 / probability:,.0f} rows, give or take" in found
    assert found.endswith("but there are 1,500.")


@pytest.mark.parametrize(
    ("probability", "size", "rows"), [(200 / 1500, 200, 1500), (0.13, 200, 1500), (0.013, 20_000, 1_500_000)]
)
def test_one_that_is_written_with_two_digits_fits(probability: float, size: int, rows: int) -> None:
    assert alike(probability, size=size, rows=rows).misfit() is None


def test_what_is_not_known_is_not_judged() -> None:
    assert sampling(rows=10).misfit() is None
    assert sampling(0.5, np.nan, rows=1000).misfit() is None


@pytest.mark.parametrize("probability", [1e-300, 5e-324, 1e-9, 6e-5])
def test_a_probability_that_nobody_draws_with_is_refused(probability: float) -> None:
    with pytest.raises(NoisecleanerError, match="1 row has one as small as") as error:
        sampling(*[0.13] * 199, probability, rows=1500).refuse_unlikely()
    assert "rows of 1,500. Leave the column sample_probability as `plan()` wrote it" in str(error.value)


def test_the_least_probabilities_of_a_plan_are_not_refused() -> None:
    sampling(0.2 / 1500, 1, np.nan, rows=1500).refuse_unlikely()


def test_no_rate_stands_on_what_does_not_fit() -> None:
    notice = misdrawn("Found.")
    assert (notice.code, notice.severity) == (NOT_RANDOM, Severity.VOID)
    assert notice.message.startswith("Found. Noise rates and thresholds would be wrong.")


def _quality(rng: np.random.Generator, rows: int) -> FloatArray:
    log_odds = np.where(rng.random(rows) < 0.2, -2, 2) + 1 + rng.normal(0, 1.5, rows)
    return np.asarray(1 / (1 + np.exp(-log_odds)))


@pytest.mark.parametrize(("known", "counts"), [(0, (20,)), (0, (200,)), (200, (100, 100)), (50, (900,))])
def test_plans_are_never_called_wrong(known: int, counts: tuple[int, ...]) -> None:
    rng, rows = np.random.default_rng(0), 1500
    for seed in range(20):
        quality, verified = _quality(rng, rows), np.isin(np.arange(rows), rng.choice(rows, known, replace=False))
        probability = np.full(rows, known / rows)
        for count in counts:
            frame = Frame(quality=quality, usable=np.ones(rows, bool), verified=verified, before=probability)
            design = draw(frame, count=count, seed=seed)
            verified, probability = verified | design.drawn, design.probability
        found = Sampling(probability=probability[verified], rows=rows)
        found.refuse_unlikely()
        assert found.misfit() is None


@pytest.mark.parametrize("size", [20, 200, 900])
def test_rows_that_are_drawn_apart_are_hardly_ever(size: int) -> None:
    """Poisson sampling, whose size is left to chance: one alarm in a thousand is meant."""
    rng, alarms = np.random.default_rng(0), 0
    for _ in range(1000):
        probability = np.clip(rng.gamma(1.5, 1 / 1.5, 1500) * size / 1500, 0.2 * size / 1500, 1)
        drawn = probability[rng.random(1500) < probability]
        alarms += Sampling(probability=drawn, rows=1500).misfit() is not None
    assert alarms <= 5


def test_samples_that_were_drawn_evenly_are_a_plain_one_together() -> None:
    rows, plain = 1000, alike(np.nan, size=150, rows=1000)
    even = alike(0.12, size=120, rows=rows)
    assert plain_together(plain, even)
    assert plain_together(even, alike(0.3, size=300, rows=rows))
    assert not plain_together(plain, alike(0.5, size=120, rows=rows))  # nobody drew these
    assert not plain_together(plain, sampling(0.1, *[0.2] * 150, rows=rows))


def test_a_row_is_as_often_in_two_plain_samples_together_as_any_other() -> None:
    """Rates of such a sample are right: a tenth of the rows is wrong."""
    rng, rates = np.random.default_rng(0), []
    for _ in range(2000):
        together = np.union1d(rng.choice(300, 40, replace=False), rng.choice(300, 60, replace=False))
        rates.append((together < 30).mean())
    assert np.mean(rates) == pytest.approx(0.1, abs=0.002)
