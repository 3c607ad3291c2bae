"""A class that is verified as another one is told from a class of which most given labels are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.noise.cross_table import CrossTable
from noisecleaner.noise.exchanged import find_renaming
from noisecleaner.noise.renamed import CODE, renamed_class
from noisecleaner.noise.three_labels import ThreeLabels
from noisecleaner.notices import Severity

ROWS, CLASSES, VERIFIED, APART = 3000, 5, 300, 3.0


def judged(seed: int, *, rare: float, taken: float, written: bool, swayed: float = 0.0) -> ThreeLabels:
    """Rows of clusters, judged as one does who knows the clusters and how labels go wrong.

    Args:
        seed: of the rows.
        rare: share of the first class.
        taken: share of the second class that is given as the first.
        written: whether the first class is verified as the second.
        swayed: share of the rows that networks see as the second where they would see the first.
    """
    rng = np.random.default_rng(seed)
    shares = np.array([rare, *[(1 - rare) / (CLASSES - 1)] * (CLASSES - 1)])
    true = rng.choice(CLASSES, ROWS, p=shares)
    given = np.where((true == 1) & (rng.random(ROWS) < taken), 0, true)
    scores = APART * (APART * np.eye(CLASSES)[true] + rng.normal(size=(ROWS, CLASSES)))
    likelihood = np.exp(scores - scores.max(axis=1, keepdims=True)) * shares
    moves = np.eye(CLASSES)
    moves[1, :2] = taken, 1 - taken
    says = likelihood / likelihood.sum(axis=1, keepdims=True) @ moves
    likeliest = says.argmax(axis=1)
    return ThreeLabels(
        given=given,
        likeliest=np.where((likeliest == 0) & (rng.random(ROWS) < swayed), 1, likeliest),
        certainty=says.max(axis=1),
        verified=np.isin(np.arange(ROWS), rng.choice(ROWS, VERIFIED, replace=False)),
        trusted=np.where(true == 0, 1, true) if written else true,
    )


@pytest.mark.parametrize("rare", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("taken", [0.2, 0.4, 0.8])
def test_a_class_of_which_most_labels_are_wrong_keeps_its_rate(rare: float, taken: float) -> None:
    """Of 40 samples each; the verified labels alone are as odd in most of them."""
    rows = [judged(seed, rare=rare, taken=taken, written=False) for seed in range(40)]
    assert [renamed_class(part, "abcde") for part in rows] == [None] * 40
    if (rare, taken) == (0.0, 0.8):
        tables = [CrossTable.of(part.trusted[part.verified], part.given[part.verified]) for part in rows]
        assert sum(find_renaming(table) is not None for table in tables) == 40


@pytest.mark.parametrize("swayed", [0.0, 0.6])
def test_a_class_that_is_written_as_another_has_no_rate(swayed: float) -> None:
    """Of 40 samples each, also where its verified labels have misled the networks in most of its rows."""
    rows = [judged(seed, rare=0.2, taken=0.05, written=True, swayed=swayed) for seed in range(40)]
    notices = [notice for part in rows if (notice := renamed_class(part, "abcde")) is not None]
    assert len(notices) == 40
    assert {(notice.code, notice.severity) for notice in notices} == {(CODE, Severity.VOID)}
    beside = rows[0].verified & (rows[0].given == 0)
    assert notices[0].message.startswith(
        f"It seems that a is verified as b: 0 of {beside.sum()} verified rows given a are verified so, but networks see"
    )


def test_rows_that_nobody_verified_or_predicted_tell_nothing() -> None:
    rows = judged(0, rare=0.2, taken=0.05, written=True)
    for verified, certainty in ((rows.verified & False, rows.certainty), (rows.verified, np.full(ROWS, np.nan))):
        part = ThreeLabels(
            given=rows.given, likeliest=rows.likeliest, certainty=certainty, verified=verified, trusted=rows.trusted
        )
        assert renamed_class(part, "abcde") is None
