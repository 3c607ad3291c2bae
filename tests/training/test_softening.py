"""All parts side by side are what each part is by itself, written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from noisecleaner.arrays import NO_CLASS, UNVERIFIED, FloatArray
from noisecleaner.quality.transition import Transition, VerifiedLabels
from noisecleaner.training import parted
from noisecleaner.training.discriminant import ClassSums, Moments, Spread
from noisecleaner.training.neighbours import Space
from noisecleaner.training.parted import Rows
from noisecleaner.training.softening import Ballots, Softening
from noisecleaner.training.temperature import factors
from noisecleaner.training.threads import Team

CLASSES, PARTS, WIDTH, COUNT = 3, 4, 6, 400


def rows(views: tuple[int, ...] = ()) -> Rows:
    rng = np.random.default_rng(0)
    true = rng.integers(0, CLASSES, COUNT)
    vectors = (2 * np.eye(CLASSES, WIDTH)[true] + rng.normal(size=(COUNT, WIDTH))).astype(np.float32)
    known = np.where(rng.random(COUNT) < 0.3, true, UNVERIFIED)
    known[rng.random(COUNT) < 0.05] = NO_CLASS
    return Rows(
        vectors=vectors,
        mean=vectors.mean(axis=0),
        scale=1 / vectors.std(axis=0),
        given=np.where(rng.random(COUNT) < 0.3, (true + 1) % CLASSES, true),
        known=known,
        part=rng.integers(-1, PARTS, COUNT),
        used=rng.random(COUNT) < 0.95,
        classes=CLASSES,
        views=views,
    )


class Alone:
    """What one part makes of the labels of all others, one after the other."""

    def __init__(self, made: Rows, part: int) -> None:
        self.rows, self.part = made, part
        self.vectors = ((made.vectors - made.mean) * made.scale).astype(np.float64)
        self.soft = made.hard(np.arange(COUNT)).astype(np.float64)
        certain = np.flatnonzero(made.certain & (made.part != part))
        verified = VerifiedLabels(true=made.known[certain], weights=np.ones(len(certain)))
        matrix = Transition.fit(verified, given=made.given[certain], classes=CLASSES).matrix()
        self.certain, self.given_if = certain, np.log(matrix).T

    def head_logits(self, without: tuple[int, ...], columns: slice) -> FloatArray:
        made, width = self.rows, columns.stop - columns.start
        inside = np.flatnonzero(made.used & ~np.isin(made.part, without))
        vectors = self.vectors[:, columns]
        moments = Moments.of([vectors[inside]], width)
        sums = ClassSums(mass=self.soft[inside].sum(axis=0), vectors=self.soft[inside].T @ vectors[inside])
        head = Spread(moments, width / (width + made.used.sum())).head(sums)
        return vectors @ head.weight + head.bias

    def soften(self) -> list[float]:
        made = self.rows
        logits = [np.zeros((COUNT, CLASSES)) for _ in made.columns]
        for held in range(PARTS):
            if held != self.part:
                for of_view, columns in zip(logits, made.columns, strict=True):
                    inside = made.part == held
                    of_view[inside] = self.head_logits((self.part, held), columns)[inside]
        certain = self.certain
        beside = self.given_if[made.given[certain]]
        found = factors([of_view[certain] for of_view in logits], made.known[certain], beside)
        pooled = sum(factor * of_view for factor, of_view in zip(found, logits, strict=True))
        there = np.flatnonzero(made.open & (made.part != self.part))
        posterior = log_softmax(pooled[there], axis=1) + self.given_if[made.given[there]]
        self.soft[there] = np.exp(log_softmax(posterior, axis=1))
        return found


@pytest.mark.parametrize("views", [(), (2, 4)], ids=["", "two views"])
def test_labels_are_made_soft_for_all_parts_as_for_each_alone(views: tuple[int, ...]) -> None:
    made = rows(views)
    softening, alone = Softening(made), [Alone(made, part) for part in range(PARTS)]
    for _ in range(2):
        found = softening.soften()
        expected = [one.soften() for one in alone]
        np.testing.assert_allclose(found, expected, rtol=5e-3)
    for one in alone:
        for view, columns in zip(softening.views, made.columns, strict=True):
            head = view.head(one.part)
            logits = one.vectors[:, columns] @ head.weight + head.bias
            np.testing.assert_allclose(logits, one.head_logits((one.part,), columns), rtol=1e-2, atol=1e-2)


def test_a_team_of_any_size_finds_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parted, "_BLOCK", 16)
    made = rows((2, 4))
    space = Space(basis=np.eye(WIDTH, dtype=np.float32)[:, :4])
    several, one = Softening(made, Team(3)), Softening(made)
    ballots = [Ballots(made, space, slice(0, WIDTH)) for _ in range(2)]
    assert several.soften(ballots[0]) == one.soften(ballots[1])
    for ours, theirs in zip(several.views, one.views, strict=True):
        np.testing.assert_array_equal(ours.vectors, theirs.vectors)
        np.testing.assert_array_equal(ours.head(2).weight, theirs.head(2).weight)
    for part in range(PARTS):
        np.testing.assert_array_equal(ballots[0].voters(part).labels, ballots[1].voters(part).labels)
        np.testing.assert_array_equal(ballots[0].voters(part).placed, ballots[1].voters(part).placed)


def test_rows_of_other_parts_vote_with_their_soft_labels() -> None:
    made = rows()
    softening, alone = Softening(made), Alone(made, 1)
    space = Space(basis=np.eye(WIDTH, dtype=np.float32))
    ballots = Ballots(made, space, slice(0, WIDTH))
    softening.soften(ballots)
    alone.soften()
    chosen = np.flatnonzero(made.used & (made.part != 1) & (made.labels >= 0))
    voters = ballots.voters(1)
    np.testing.assert_allclose(voters.labels, alone.soft[chosen], atol=5e-3)
    np.testing.assert_allclose(voters.placed, space.place(alone.vectors[chosen].astype(np.float32)), atol=1e-5)
