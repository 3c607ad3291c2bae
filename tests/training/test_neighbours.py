"""Votes are those of the nearest rows, and tell what no flat border can."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.arrays import SingleArray
from noisecleaner.training import neighbours
from noisecleaner.training.discriminant import Moments
from noisecleaner.training.neighbours import Space, Voters, mixed, nearest, some_of


def space_of(vectors: SingleArray) -> Space:
    return Space.of(Moments.of([vectors], vectors.shape[1]))


def test_directions_of_large_variance_count_as_much_as_others_and_noise_not_at_all() -> None:
    rng = np.random.default_rng(0)
    deviation = np.array([9, 3, 3, 1, 0.01, 0.01])
    vectors = (rng.normal(size=(4_000, 6)) * deviation).astype(np.float32)
    space = space_of(vectors)
    assert space.basis.shape == (6, 3)  # 99 of 100.0002 parts of the variance; two have 90
    np.testing.assert_allclose((vectors @ space.basis).std(axis=0), 1, rtol=0.03)
    placed = space.place(vectors)
    np.testing.assert_allclose(np.linalg.norm(placed, axis=1), 1, rtol=1e-5)


def test_vectors_that_do_not_vary_are_placed_somewhere() -> None:
    vectors = np.zeros((5, 4), np.float32)
    assert np.isfinite(space_of(vectors).place(vectors)).all()


def test_votes_are_those_of_a_plain_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", 16)
    rng = np.random.default_rng(0)
    placed = rng.normal(size=(240, 8)).astype(np.float32)
    placed /= np.linalg.norm(placed, axis=1, keepdims=True)
    labels = rng.dirichlet(np.ones(3), 200).astype(np.float32)
    votes = Voters(placed=placed[:200], labels=labels).votes(placed[200:])
    for row, vote in zip(placed[200:].astype(np.float64), votes, strict=True):
        cosine = placed[:200].astype(np.float64) @ row
        nearest = np.argsort(-cosine)[:50]
        weight = np.exp((cosine[nearest] - cosine.max()) / 0.05)
        np.testing.assert_allclose(vote, weight @ labels[nearest] / weight.sum(), rtol=2e-4)


@pytest.mark.parametrize("columns", [7, 50, 399, 408, 1_003])
@pytest.mark.parametrize("kinds", [3, 10_000])
def test_the_nearest_are_the_largest_of_each_row(columns: int, kinds: int) -> None:
    cosines = np.random.default_rng(0).integers(0, kinds, (9, columns)).astype(np.float32)
    found = nearest(cosines, 50)
    assert all(len(set(row)) == min(50, columns) for row in found.tolist())
    largest = np.sort(cosines, axis=1)[:, -50:]
    np.testing.assert_array_equal(np.sort(np.take_along_axis(cosines, found, axis=1), axis=1), largest)


def test_fewer_rows_than_neighbours_all_vote() -> None:
    placed = np.eye(3, dtype=np.float32)
    votes = Voters(placed=placed, labels=np.eye(3, dtype=np.float32)).votes(placed)
    np.testing.assert_allclose(votes, np.eye(3), atol=1e-6)


def test_of_many_rows_some_vote_from_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(10, 1_010)
    np.testing.assert_array_equal(some_of(rows), rows)
    monkeypatch.setattr(neighbours, "MOST_VOTERS", 100)
    chosen = some_of(rows)
    assert len(np.unique(chosen)) == 100
    assert np.diff(chosen).max() <= 11


def test_a_mixture_is_one_of_probabilities_also_where_a_class_has_no_vote() -> None:
    probability, votes = np.array([[0.7, 0.2, 0.1]], np.float32), np.array([[0.5, 0.5, 0]], np.float32)
    logs = mixed(np.log(probability), votes, 0.25)
    assert logs.dtype == np.float32
    np.testing.assert_allclose(np.exp(logs), 0.75 * probability + 0.25 * votes, rtol=1e-6)


def test_neighbours_tell_classes_apart_that_no_flat_border_parts() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(1_500, 3)).astype(np.float32)
    label = (vectors[:, 0] * vectors[:, 1] > 0).astype(np.int64)
    space = space_of(vectors)
    voters = Voters(placed=space.place(vectors[:1_200]), labels=np.eye(2, dtype=np.float32)[label[:1_200]])
    right = voters.votes(space.place(vectors[1_200:])).argmax(axis=1) == label[1_200:]
    assert right.mean() > 0.9
