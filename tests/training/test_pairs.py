"""Two networks that teach each other: whose turn it is, who divides for whom, and a resumed run goes on alike."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import learners
from support.weightings import pair_network
from torch import Tensor
from torch.nn import functional

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.twins import members
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.training.checkpoints import Checkpoint
from noisecleaner.training.clean_set import clean_probability
from noisecleaner.training.loop import train
from noisecleaner.training.pairs import PairLearner, dealt
from noisecleaner.training.recipe import Recipe, make_learner, make_state

EPOCHS = 4


def learner(*, warmup: int = 1, weights: str = "mixture", verified: bool = True, epochs: int = EPOCHS) -> PairLearner:
    """On vectors; equal calls make equal ones."""
    rows = learners.fold() if verified else replace(learners.fold(), steering=np.empty(0, np.int64))
    made = make_learner(
        Recipe("dividemix", options={"warmup": warmup, "weights": weights, "lambda_u": 1.0, "rampup": 2.0}),
        pair_network().float(),
        learners.vectors(),
        side=learners.side(),
        fold=rows,
        schedule=learners.schedule(epochs=epochs),
        seed=2,
    )
    assert isinstance(made, PairLearner)
    return made


def run(one: PairLearner, path: Path, until: float = 1.0) -> PairLearner:
    train(one, Checkpoint(path, 1e9), title="", progress=Progress(), interrupts=Interrupts(), until=until)
    return one


def parameters(one: PairLearner, number: int) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in members(one.state.network)[number].parameters()]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("epoch", [0, 1])
def test_each_network_trains_for_half_of_an_epoch(epoch: int) -> None:
    one = learner()
    half = one.steps_per_epoch // 2
    with one.session():
        for position in range(2 * half):
            if epoch:
                one.begin_epoch(epoch) if position == 0 else None
            before = [parameters(one, number) for number in range(2)]
            one.step(epoch * one.steps_per_epoch + position)
            moved = [not same(before[number], parameters(one, number)) for number in range(2)]
            assert moved == [position < half, position >= half]


def test_either_divides_for_the_other_by_its_own_losses() -> None:
    one = learner(warmup=1)
    with one.session():
        for number in range(one.steps_per_epoch):
            one.step(number)
        assert not one.rule.visits.any()
        one.begin_epoch(1)
    rows = torch.from_numpy(one.fold.source)
    inputs, labels = one.data.inputs(one.fold.source), torch.from_numpy(one.data.given[one.fold.source])
    for number, network in enumerate(members(one.state.network)):
        losses = functional.cross_entropy(network.eval()(inputs), labels, reduction="none").detach()
        right = torch.from_numpy(clean_probability(losses.double().numpy()))
        torch.testing.assert_close(one.rule.right[number, rows].double(), right, rtol=1e-5, atol=1e-6)
        assert torch.equal(one.rule.labelled(1 - number, rows), right >= min(0.5, float(right.max())))
    assert one.rule.visits[rows].tolist() == [2.0] * len(rows)


def test_the_last_epoch_is_never_plain() -> None:
    one = learner(warmup=99)
    with one.session():
        for epoch in range(EPOCHS):
            one.begin_epoch(epoch)
    assert one.rule.visits[torch.from_numpy(one.fold.source)].tolist() == [2.0] * learners.SOURCE


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("weights", ["mixture", "l2b"])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path: Path, weights: str, verified: bool) -> None:
    whole = run(learner(weights=weights, verified=verified), tmp_path / "whole")
    steps = EPOCHS * whole.steps_per_epoch
    for stop in (1, whole.steps_per_epoch, whole.steps_per_epoch + 2, steps - 1):
        path = tmp_path / f"{stop}"
        run(learner(weights=weights, verified=verified), path, until=stop / steps)
        assert path.exists()
        again = run(learner(weights=weights, verified=verified), path).state_dict()
        for name, tensor in whole.state_dict().items():
            assert torch.equal(tensor.nan_to_num(-1), again[name].nan_to_num(-1)), (stop, name)


def test_l2b_asks_verified_rows_or_else_those_that_the_other_calls_clean() -> None:
    for verified in (True, False):
        one = learner(weights="l2b", verified=verified)
        with one.session():
            for number in range(one.steps_per_epoch):
                one.step(number)
            one.begin_epoch(1)
            for member in range(2):
                number = one.steps_per_epoch * 3 // 2 if member else one.steps_per_epoch
                asked = set(one._divided(number, since=0.0).target.rows.tolist())
                pool = one.fold.steering if verified else one._clean_sets[1 - member].rows()
                assert asked
                assert asked <= set(pool.tolist())
    plain = learner()
    assert not len(plain._divided(plain.steps_per_epoch, since=0.0).target.rows)


def test_wrong_labels_are_told_from_right_ones() -> None:
    one = learner(epochs=20, warmup=8)
    with one.session():
        for epoch in range(20):
            one.begin_epoch(epoch)
            for position in range(one.steps_per_epoch):
                one.step(epoch * one.steps_per_epoch + position)
            numbers = one.end_epoch()
    assert numbers["trusted accuracy"] >= 0.8
    assert 0 < numbers["mean α"] < 1
    alpha, given = one.rule.alpha()[: learners.SOURCE], one.data.given[: learners.SOURCE]
    wrong = torch.from_numpy(given != np.arange(learners.SOURCE) % learners.CLASSES)
    assert alpha[~wrong].mean() > alpha[wrong].mean() + 0.3


def test_a_caller_keeps_its_random_numbers() -> None:
    one = learner()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with one.session():
        one.step(0)
    assert torch.equal(torch.rand(2), expected)


def test_regularisers_are_refused() -> None:
    recipe = Recipe("dividemix", regularisers={"purified": {}})
    with pytest.raises(NoisecleanerError, match="trains two"):
        make_state(recipe, deepcopy(pair_network()), side=learners.side(), rows=5, seed=0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(1, 12), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_all_rows_come_once_before_one_comes_again(rows: int, steps: int, size: int, seed: int) -> None:
    batches = dealt(np.arange(rows) * 3, steps, size, np.random.default_rng(seed))
    assert [len(batch) for batch in batches] == [min(size, rows)] * steps
    for batch in batches:
        assert (np.diff(batch) > 0).all()
    counts = np.bincount(np.concatenate(batches) // 3, minlength=rows) if rows else np.zeros(1)
    assert counts.max() - counts.min() <= 1
