"""Random numbers depend on seed, stream and number alone, and are those of every version so far."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.training.streams import Stream, first_parameters, fold_seed, generator, seed_device

NUMBERS = st.integers(0, 10_000)
CPU = torch.device("cpu")


def test_the_streams_keep_their_numbers() -> None:
    """The same seed shall give the same bits in the next version, too."""
    assert [(stream.name, int(stream)) for stream in Stream] == [
        ("DEVICE", 0),
        ("SOURCE", 1),
        ("TRUSTED", 2),
        ("REGULARISERS", 3),
        ("VIEWS", 4),
        ("DIVISION", 5),
    ]


@given(NUMBERS, st.sampled_from(Stream), NUMBERS)
def test_a_generator_is_numpys_own_of_seed_stream_and_number(seed: int, stream: Stream, number: int) -> None:
    assert generator(seed, stream, number).random() == np.random.default_rng((seed, int(stream), number)).random()


def test_no_two_streams_steps_or_seeds_draw_the_same() -> None:
    drawn = [generator(seed, stream, n).random() for seed in range(4) for stream in Stream for n in range(20)]
    assert len(set(drawn)) == len(drawn)


def test_what_a_step_draws_on_the_device_depends_on_seed_and_step_alone() -> None:
    def drawn(seed: int, number: int) -> float:
        seed_device(seed, number, CPU)
        return float(torch.rand(()))

    with torch.random.fork_rng():
        assert drawn(3, 5) == drawn(3, 5)
        seeds = [drawn(seed, number) for seed in range(5) for number in range(40)]
        words = np.random.SeedSequence((3, 0, 5)).generate_state(1, np.uint64)
        torch.manual_seed(int(words[0] >> np.uint64(1)))
        assert float(torch.rand(())) == drawn(3, 5)
    assert len(set(seeds)) == len(seeds)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 20), st.data())
def test_folds_of_one_cross_fit_never_share_a_seed(seed: int, other: int, folds: int, data: st.DataObject) -> None:
    first, second = (data.draw(st.integers(0, folds - 1)) for _ in range(2))
    same = fold_seed(seed, folds=folds, number=first) == fold_seed(other, folds=folds, number=second)
    assert same == ((seed, first) == (other, second))
    assert fold_seed(seed, folds=1, number=0) == seed


def test_first_parameters_depend_on_the_seed_and_leave_the_callers_numbers_alone() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(9)
        expected = torch.rand(3)
        torch.manual_seed(9)
        with first_parameters(1):
            first = torch.nn.Linear(3, 2).weight
        assert torch.equal(torch.rand(3), expected)
        with first_parameters(1):
            assert torch.equal(torch.nn.Linear(3, 2).weight, first)
        with first_parameters(2):
            assert not torch.equal(torch.nn.Linear(3, 2).weight, first)
