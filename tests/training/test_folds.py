"""Cross-fitting: no trusted row judges what it steered, and every row is predicted by a network that never saw it."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.arrays import NO_CLASS, UNVERIFIED
from noisecleaner.errors import NoisecleanerError
from noisecleaner.training.folds import MIN_AUDITED, FoldAssignment, assign_folds, refuse_small_folds


def example(
    folds: int, audited: int = 60, rows: int = 300, extra: int = 40
) -> tuple[FoldAssignment, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    given = rng.integers(0, 4, rows)
    given[::17] = -1
    trusted = np.full(rows, -1)
    labelled = np.flatnonzero(given >= 0)
    trusted[rng.choice(labelled, audited, replace=False)] = np.arange(audited) % 4
    clean_only = np.arange(extra) % 3
    return assign_folds(given=given, trusted=trusted, clean_only=clean_only, folds=folds, seed=0), given, trusted


@pytest.mark.parametrize("folds", [3, 5, 10])
def test_every_row_is_predicted_once_by_a_network_that_never_saw_it(folds: int) -> None:
    assignment, given, _ = example(folds)
    predicted = np.concatenate([fold.predicted for fold in assignment.folds])
    expected = np.concatenate([np.flatnonzero(given >= 0), len(given) + np.arange(40)])
    assert np.array_equal(np.sort(predicted), expected)
    for fold in assignment.folds:
        assert not np.intersect1d(fold.source, fold.predicted).size
        assert not np.intersect1d(fold.steering, fold.predicted).size


@pytest.mark.parametrize("folds", [3, 5, 10])
def test_every_rows_history_is_recorded_once_by_a_run_that_trained_on_it_and_was_not_steered_by_it(folds: int) -> None:
    assignment, given, _ = example(folds)
    recorded = np.concatenate([fold.recorded for fold in assignment.folds])
    assert np.array_equal(np.sort(recorded), np.flatnonzero(given >= 0))
    for fold in assignment.folds:
        assert np.isin(fold.recorded, fold.source).all()
        assert not np.intersect1d(fold.steering, fold.recorded).size


@pytest.mark.parametrize("folds", [1, 3, 5])
def test_judging_rows_are_audited_and_steer_nothing_that_is_recorded_of_them(folds: int) -> None:
    assignment, _, trusted = example(folds)
    judging = np.flatnonzero(assignment.judging)
    assert len(judging) == (60 if folds > 1 else 30)
    assert (trusted[judging] >= 0).all()
    for fold in assignment.folds:
        own = np.intersect1d(judging, np.concatenate([fold.recorded, fold.predicted]))
        assert not np.intersect1d(own, fold.steering).size


@pytest.mark.parametrize("folds", [1, 3, 5])
def test_every_run_is_steered(folds: int) -> None:
    assignment, _, _ = example(folds)
    assert all(len(fold.steering) > 0 for fold in assignment.folds)


@pytest.mark.parametrize("folds", [1, 5])
def test_with_too_few_audited_rows_all_of_them_steer_and_none_judges(folds: int) -> None:
    assignment, _, trusted = example(folds, audited=MIN_AUDITED - 1, extra=0)
    assert not assignment.judging.any()
    for fold in assignment.folds:
        assert np.array_equal(np.sort(fold.steering), np.flatnonzero(trusted >= 0))


def test_every_part_holds_every_class_in_its_share() -> None:
    assignment, given, _ = example(5)
    for fold in assignment.folds:
        inside = given[fold.predicted[fold.predicted < len(given)]]
        counts = np.bincount(inside, minlength=4)
        assert (np.abs(counts - np.bincount(given[given >= 0]) / 5) <= 1).all()


@pytest.mark.parametrize("folds", [1, 3, 5])
def test_clean_only_rows_that_judge_steer_nothing_that_predicts_them(folds: int) -> None:
    assignment, given, _ = example(folds, audited=0)
    held = [fold.predicted[fold.predicted >= len(given)] for fold in assignment.folds]
    assert sum(map(len, held)) == (40 if folds > 1 else 20)
    for fold, rows in zip(assignment.folds, held, strict=True):
        assert not np.intersect1d(rows, fold.steering).size
        assert len(fold.steering) > 0


def test_where_judging_would_leave_a_run_without_two_classes_all_steer() -> None:
    given = np.arange(300) % 3
    trusted = np.full(300, -1)
    trusted[:20] = 0
    trusted[20] = 1  # one row of another class: some run would have to do without it
    assignment = assign_folds(given=given, trusted=trusted, clean_only=np.empty(0, dtype=np.int64), folds=3, seed=0)
    assert not assignment.judging.any()
    assert all(len(fold.steering) == 21 for fold in assignment.folds)


@pytest.mark.parametrize(
    ("folds", "usable", "says"),
    [(301, 300, "at most 150 here"), (1_000_000, 300, "at most 150 here"), (151, 300, "300"), (3, 5, "only 1")],
)
def test_more_parts_than_rows_can_fill_are_refused(folds: int, usable: int, says: str) -> None:
    given = np.concatenate([np.zeros(usable, dtype=np.int64), np.full(900, -1)])
    with pytest.raises(NoisecleanerError, match=says):
        refuse_small_folds(folds, given)


@pytest.mark.parametrize("folds", [None, 1, 3, 150])
def test_parts_of_two_rows_are_not_refused(folds: int | None) -> None:
    refuse_small_folds(folds, np.zeros(300, dtype=np.int64))


def test_the_seed_decides() -> None:
    labels = {"given": np.arange(60) % 2, "trusted": np.full(60, -1), "clean_only": np.empty(0, dtype=np.int64)}
    same, again, other = (assign_folds(**labels, folds=3, seed=seed).folds[0].predicted for seed in (1, 1, 2))
    assert np.array_equal(same, again)
    assert not np.array_equal(same, other)


@pytest.mark.parametrize("folds", [1, 5])
@pytest.mark.parametrize("audited", [60, MIN_AUDITED - 1])
def test_rows_of_no_class_judge_but_steer_nothing(folds: int, audited: int) -> None:
    given = np.arange(300) % 4
    trusted = np.full(300, UNVERIFIED)
    trusted[:audited] = np.where(np.arange(audited) % 3, np.arange(audited) % 4, NO_CLASS)
    assignment = assign_folds(given=given, trusted=trusted, clean_only=np.empty(0, np.int64), folds=folds, seed=0)
    judged = assignment.judging & (trusted == NO_CLASS)
    assert judged.any() == (audited >= MIN_AUDITED)
    for fold in assignment.folds:
        assert (trusted[fold.steering] >= 0).all()
        assert len(fold.steering)


# Corrections


def corrected_example(folds: int) -> tuple[FoldAssignment, np.ndarray, np.ndarray, np.ndarray]:
    """Forty rows of which somebody fixed the label, ten of them to none, and a random sixty that were audited."""
    rng = np.random.default_rng(3)
    given = rng.integers(0, 4, 300)
    trusted, corrected = np.full(300, UNVERIFIED), np.full(300, UNVERIFIED)
    audited = rng.choice(300, 60, replace=False)
    trusted[audited] = given[audited]
    fixed = rng.choice(300, 40, replace=False)
    corrected[fixed[:30]] = (given[fixed[:30]] + np.arange(30) % 3) % 4  # ten of them confirm the label
    corrected[fixed[30:]] = NO_CLASS
    nobody = np.empty(0, np.int64)
    assignment = assign_folds(given=given, trusted=trusted, clean_only=nobody, corrected=corrected, folds=folds, seed=0)
    return assignment, given, trusted, corrected


@pytest.mark.parametrize("folds", [1, 5])
def test_corrected_rows_steer_and_never_judge(folds: int) -> None:
    assignment, _, trusted, corrected = corrected_example(folds)
    assert (trusted[assignment.judging] != UNVERIFIED).all()
    steering = np.concatenate([fold.steering for fold in assignment.folds])
    picked = (trusted == UNVERIFIED) & (corrected != UNVERIFIED)
    assert set(np.flatnonzero(picked & (corrected >= 0))) <= set(steering)
    assert not set(np.flatnonzero(corrected == NO_CLASS)) & set(steering)
    for fold in assignment.folds:
        assert (trusted[fold.checked] != UNVERIFIED).all()


def test_what_is_found_out_about_a_corrected_row_knows_nothing_of_the_correction() -> None:
    assignment, _, _, corrected = corrected_example(5)
    fixed = np.flatnonzero(corrected != UNVERIFIED)
    for fold in assignment.folds:
        seen = np.intersect1d(fixed, np.concatenate([fold.predicted, fold.recorded]))
        assert not np.isin(seen, [*fold.steering, *fold.overridden]).any()
        assert np.isin(np.intersect1d(fixed, fold.recorded), fold.source).all()
        assert not np.isin(fold.predicted, fold.source).any()


def test_a_given_label_does_not_train_against_its_correction_where_that_steers() -> None:
    assignment, given, _, corrected = corrected_example(5)
    wrong = (corrected != UNVERIFIED) & (corrected != given)
    for fold in assignment.folds:
        away = np.setdiff1d(np.flatnonzero(wrong), np.concatenate([fold.predicted, fold.recorded]))
        assert set(fold.overridden) == set(away[corrected[away] >= 0])
        assert not np.isin(away[corrected[away] == NO_CLASS], fold.source).any()
        assert np.isin(fold.overridden, fold.source).all()
        assert np.isin(fold.recorded, fold.source).all()


@pytest.mark.parametrize("folds", [1, 5])
def test_without_corrections_nothing_is_assigned_otherwise(folds: int) -> None:
    _, given, trusted, _ = corrected_example(folds)
    labels = {"given": given, "trusted": trusted, "clean_only": np.arange(40) % 3, "folds": folds, "seed": 0}
    one, other = assign_folds(**labels), assign_folds(**labels, corrected=np.full(300, UNVERIFIED))
    for before, after in zip(one.folds, other.folds, strict=True):
        for name, numbers in vars(before).items():
            np.testing.assert_array_equal(numbers, getattr(after, name), err_msg=name)


@pytest.mark.parametrize("folds", [1, 5])
def test_a_few_corrections_steer_every_run_where_nothing_else_does(folds: int) -> None:
    given = np.arange(100) % 4
    corrected = np.full(100, UNVERIFIED)
    corrected[:2] = [1, 2]
    nobody = np.full(100, UNVERIFIED)
    folds_of = assign_folds(
        given=given, trusted=nobody, clean_only=nobody[:0], corrected=corrected, folds=folds, seed=0
    )
    for fold in folds_of.folds:
        assert set(fold.steering) == {0, 1}
    assert not folds_of.judging.any()


def test_each_row_is_unseen_by_the_fold_that_predicts_it_and_by_none_where_one_trains_on_all() -> None:
    given, trusted = np.arange(40) % 4 - (np.arange(40) == 7) * 4, np.full(40, -1)
    crossed = assign_folds(given=given, trusted=trusted, clean_only=np.empty(0, np.int64), folds=4, seed=0)
    unseen = crossed.unseen_by
    assert unseen[7] == -1
    for row in np.flatnonzero(given >= 0):
        assert row not in crossed.folds[unseen[row]].source
        assert row in crossed.folds[unseen[row]].predicted
    single = assign_folds(given=given, trusted=trusted, clean_only=np.empty(0, np.int64), folds=1, seed=0)
    assert (single.unseen_by == -1).all()


def test_a_single_run_finds_out_about_corrected_rows_what_it_does_about_others() -> None:
    """With other labels their scores would know what they are, and the mean of all scores is a part of the rate."""
    assignment, given, _, _ = corrected_example(1)
    (fold,) = assignment.folds
    assert len(fold.overridden) == 0
    np.testing.assert_array_equal(fold.source, np.arange(len(given)))
    np.testing.assert_array_equal(fold.recorded, fold.source)
