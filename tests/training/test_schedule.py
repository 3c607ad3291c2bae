"""The learning rate falls along a half cosine, or stays."""

from __future__ import annotations

import pytest

from noisecleaner.training.schedule import Schedule


def schedule(*, annealed: bool) -> Schedule:
    return Schedule(epochs=1, batch_size=1, trusted_batch=1, learning_rate=0.2, weight_decay=0.0, annealed=annealed)


def test_it_falls_along_a_half_cosine() -> None:
    assert [schedule(annealed=True).rate(done) for done in (0, 1 / 3, 0.5, 1)] == pytest.approx([0.2, 0.15, 0.1, 0])


def test_it_stays_where_it_is_not_annealed() -> None:
    assert {schedule(annealed=False).rate(done) for done in (0, 0.5, 1)} == {0.2}
