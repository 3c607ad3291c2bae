"""Every row comes in every epoch; batches can be dealt evenly; draws depend on seed and step alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisecleaner.training.sampling import Sampler


def sampler(labels: list[int], batch_size: int, group: int, seed: int = 0) -> Sampler:
    given = np.array(labels)
    return Sampler(
        rows=np.arange(len(labels)), given=given, batch_size=batch_size, trusted_batch=5, seed=seed, group=group
    )


def source(made: Sampler, start: int, epochs: int) -> list[tuple[int, np.ndarray]]:
    """Numbers and source rows of the steps from `start` to the end of an epoch."""
    return [(number, made.source(number)) for number in range(start, epochs * made.steps)]


LABELS = st.lists(st.integers(0, 3), min_size=2, max_size=70)


@settings(max_examples=60, deadline=None)
@given(LABELS, st.integers(2, 20), st.integers(0, 3))
def test_an_epoch_visits_every_row_exactly_once(labels: list[int], batch_size: int, seed: int) -> None:
    made = sampler(labels, batch_size, 1, seed=seed)
    for epoch in range(2):
        drawn = [rows for number, rows in source(made, 0, 2) if number // made.steps == epoch]
        assert sorted(np.concatenate(drawn).tolist()) == list(range(len(labels)))
        assert max(map(len, drawn)) <= batch_size
        assert max(map(len, drawn)) - min(map(len, drawn)) <= 1


@settings(max_examples=60, deadline=None)
@given(LABELS, st.sampled_from([2, 3, 8]), st.integers(1, 4))
def test_grouped_batches_hold_a_multiple_of_the_group_of_every_class(labels: list[int], group: int, times: int) -> None:
    made = sampler(labels, group * times, group)
    drawn = [rows for _, rows in source(made, 0, 1)]
    assert set(np.concatenate(drawn).tolist()) == set(range(len(labels)))
    for rows in drawn:
        assert len(rows) <= group * times
        _, counts = np.unique(np.array(labels)[rows], return_counts=True)
        assert (counts % group == 0).all()
    repeated = sum(map(len, drawn)) - len(labels)
    assert repeated == sum(-labels.count(label) % group for label in set(labels))


@pytest.mark.parametrize("group", [1, 4])
def test_draws_from_the_middle_are_those_from_the_start(group: int) -> None:
    made = sampler([0, 1, 2, 1, 0] * 9, 8, group)
    whole = source(made, 0, 3)
    later = source(sampler([0, 1, 2, 1, 0] * 9, 8, group), made.steps + 2, 3)
    assert len(whole) == 3 * made.steps
    for (number, rows), (again, same) in zip(whole[made.steps + 2 :], later, strict=True):
        assert number == again
        assert np.array_equal(rows, same)


def test_trusted_rows_are_drawn_without_repetition_from_those_that_steer() -> None:
    made, pool = sampler([0, 1] * 20, 8, 1), 40 + np.arange(7)
    drawn = [made.target(number, pool) for number in range(50)]
    assert all(len(set(rows.tolist())) == 5 and np.isin(rows, pool).all() for rows in drawn)
    assert len({tuple(rows.tolist()) for rows in drawn}) > 10
    assert np.array_equal(made.target(3, pool), drawn[3])
    assert len(made.target(0, pool[:3])) == 3
    assert len(made.target(0, pool[:0])) == 0


def test_epochs_and_seeds_differ() -> None:
    made = sampler(list(range(4)) * 10, 8, 1)
    batches = [rows.tolist() for _, rows in source(made, 0, 2)]
    assert batches[: made.steps] != batches[made.steps :]
    other = sampler(list(range(4)) * 10, 8, 1, seed=1)
    assert batches != [rows.tolist() for _, rows in source(other, 0, 2)]
