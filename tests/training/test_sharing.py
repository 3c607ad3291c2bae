"""All folds see the same rows, each once in an epoch, and every fold has as many in one step as in another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support import learners

from noisecleaner.arrays import UNVERIFIED
from noisecleaner.inputs.batches import Data
from noisecleaner.training.folds import Fold, FoldAssignment, assign_folds
from noisecleaner.training.sharing import SharedSampler

ROWS, FOLDS = 1_003, 5
GROUPS = ((0, 1, 2), (3, 4))
SCHEDULE = replace(learners.schedule(batch_size=100), trusted_batch=12)


def dataset() -> tuple[Data, FoldAssignment]:
    rng = np.random.default_rng(0)
    given, trusted = rng.integers(0, 3, ROWS), np.full(ROWS, UNVERIFIED)
    trusted[:100] = given[:100]
    nobody = np.empty(0, dtype=np.int64)
    folds = assign_folds(given=given, trusted=trusted, clean_only=nobody, folds=FOLDS, seed=0)
    return Data(array=np.zeros((ROWS, 2), np.float32), given=given, trusted=trusted, device=learners.CPU), folds


def sampler(groups: tuple[tuple[int, ...], ...] = GROUPS, folds: tuple[Fold, ...] | None = None) -> SharedSampler:
    data, assignment = dataset()
    return SharedSampler(folds=folds or assignment.folds, groups=groups, data=data, schedule=SCHEDULE)


def test_each_fold_counts_each_of_its_rows_once_in_an_epoch() -> None:
    made, (_, assignment) = sampler(), dataset()
    draws = made.source(0)
    assert len(draws) == made.steps == 9
    for group, numbers in enumerate(GROUPS):
        for place, number in enumerate(numbers):
            counted = [draw.rows[draw.parts[group].folds.counts[place] > 0].numpy() for draw in draws]
            assert np.array_equal(np.sort(np.concatenate(counted)), assignment.folds[number].source)
            assert max(map(len, counted)) - min(map(len, counted)) <= 2
            assert max(map(len, counted)) <= SCHEDULE.batch_size


def test_all_steps_have_as_many_rows_of_which_none_comes_twice() -> None:
    draws = sampler().source(3)
    assert len({len(draw.rows) for draw in draws}) == 1
    assert len(draws) * len(draws[0].rows) > ROWS  # some rows are there that nobody counts
    for draw in draws:
        assert len(draw.rows.unique()) == len(draw.rows)


def test_each_row_is_recorded_once_by_the_fold_that_does() -> None:
    made, (_, assignment) = sampler(), dataset()
    seen = np.zeros((FOLDS, ROWS), dtype=int)
    for draw in made.source(1):
        for part, numbers in zip(draw.parts, GROUPS, strict=True):
            there = part.folds.recorded.numpy() > 0
            seen[np.array(numbers)[part.folds.recorder[0].numpy()[there]], draw.rows.numpy()[there]] += 1
    for fold, counts in zip(assignment.folds, seen, strict=True):
        assert np.array_equal(np.flatnonzero(counts), np.sort(fold.recorded))
    assert seen.max() == 1


def test_the_rows_of_an_epoch_depend_on_the_seed_and_the_epoch_but_not_on_who_is_trained() -> None:
    rows = [draw.rows.tolist() for draw in sampler().source(2)]
    assert [draw.rows.tolist() for draw in sampler(((4,),)).source(2)] == rows
    assert [draw.rows.tolist() for draw in sampler().source(1)] != rows
    assert all(own == sorted(own) for own in rows)


def test_trusted_rows_are_shared_and_each_fold_counts_those_that_steer_it() -> None:
    made, (_, assignment) = sampler(), dataset()
    counted: dict[int, list[int]] = {number: [] for number in range(FOLDS)}
    for epoch in range(20):
        for draw in made.target(epoch):
            assert len(draw.rows.unique()) == len(draw.rows)
            for part, numbers in zip(draw.parts, GROUPS, strict=True):
                for place, number in enumerate(numbers):
                    steers = np.isin(draw.rows.numpy(), assignment.folds[number].steering)
                    assert np.array_equal(part.folds.counts[place].numpy() > 0, steers)
                    assert int(part.folds.size[place]) == max(1, steers.sum())
                    counted[number].append(int(steers.sum()))
    for own in counted.values():
        assert np.mean(own) == pytest.approx(SCHEDULE.trusted_batch, rel=0.05)


def test_few_trusted_rows_are_all_in_every_step() -> None:
    _, assignment = dataset()
    few = tuple(replace(fold, steering=fold.steering[:4]) for fold in assignment.folds)
    pool = np.unique(np.concatenate([fold.steering for fold in few]))
    assert all(np.array_equal(draw.rows.numpy(), pool) for draw in sampler(folds=few).target(0))


def test_folds_may_draw_trusted_rows_apart() -> None:
    pools = [np.arange(10 * k, 10 * k + 30) for k in range(FOLDS)]
    for draw in sampler().target_apart(1, pools):
        counts = np.concatenate([part.folds.counts.numpy() for part in draw.parts])
        assert np.array_equal(counts.sum(axis=1), [SCHEDULE.trusted_batch] * FOLDS)
        assert np.array_equal(counts.sum(axis=0), np.ones(len(draw.rows)))
        for own, pool in zip(counts > 0, pools, strict=True):
            assert set(draw.rows.numpy()[own]) <= set(pool)


def test_corrected_rows_have_their_corrections_for_labels_in_the_folds_that_they_override() -> None:
    data, assignment = dataset()
    first, *others = assignment.folds
    row = first.source[0]
    data = replace(data, trusted=np.where(np.arange(ROWS) == row, (data.given + 1) % 3, data.trusted))
    folds = [replace(first, overridden=np.array([row])), *others]
    made = SharedSampler(folds=folds, groups=[range(FOLDS)], data=data, schedule=SCHEDULE)
    (labels,) = [draw.parts[0].labels[:, draw.rows == row] for draw in made.source(0) if row in draw.rows][:1]
    assert labels.flatten().tolist() == [data.trusted[row], *[data.given[row]] * (FOLDS - 1)]
