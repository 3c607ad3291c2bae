"""Corrections of other rows are told from honest ones, whichever rows somebody picked to correct."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.arrays import Array
from noisecleaner.runs.odd_corrections import CODE, Comparison

ROWS = 1500


def labels(seed: int, *, noise: float, classes: int, knowing: float) -> tuple[Array, Array, Array]:
    """True labels, given ones, and what scores take for right: of so many rows the truth, of others the given one."""
    rng = np.random.default_rng((seed, classes))
    true = rng.integers(0, classes, ROWS)
    given = np.where(rng.random(ROWS) < noise, (true + rng.integers(1, classes, ROWS)) % classes, true)
    return true, given, np.where(rng.random(ROWS) < knowing, true, given)


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("classes", [2, 4, 10])
@pytest.mark.parametrize("picked", ["any", "wrong", "seen", "unseen"])
def test_honest_corrections_are_left_alone(noise: float, classes: int, picked: str) -> None:
    """Of 50 tables each: of any rows, of wrong ones, of those that scores see, and of those that they do not."""
    for seed in range(50):
        true, given, scored = labels(seed, noise=noise, classes=classes, knowing=0.7)
        wrong = given != true
        rows = {"any": wrong | True, "wrong": wrong, "seen": given != scored, "unseen": wrong & (scored == given)}
        some = np.flatnonzero(rows[picked])[:60]
        assert Comparison(corrected=true[some], scored=scored[some], given=given[some]).odd() is None


@pytest.mark.parametrize(("classes", "count", "least"), [(2, 60, 0.9), (4, 40, 0.9), (10, 80, 0.9)])
@pytest.mark.parametrize("picked", ["any", "seen"])
def test_corrections_of_other_rows_are_found(classes: int, count: int, least: float, picked: str) -> None:
    """Of 100 tables; two classes of which the given one is always flagged leave little to tell."""
    found = 0
    for seed in range(100):
        true, given, scored = labels(seed, noise=0.3, classes=classes, knowing=0.8)
        some = np.flatnonzero((given != scored) | (picked == "any"))[:count]
        shuffled = np.random.default_rng(seed).permutation(true[some])
        found += Comparison(corrected=shuffled, scored=scored[some], given=given[some]).odd() is not None
    assert found >= 100 * least


def test_what_is_said_has_its_numbers() -> None:
    true, given, scored = labels(0, noise=0.3, classes=4, knowing=0.8)
    shuffled = np.random.default_rng(0).permutation(true)
    compared = Comparison(corrected=shuffled, scored=scored, given=given)
    notice = compared.odd()
    assert notice is not None
    assert notice.code == CODE
    share = np.mean(shuffled == scored)
    assert compared.agreeing == round(share * ROWS)
    assert notice.message.startswith(f"The scores agree with {share:.0%} of 1,500 corrections, and would with 25% of")
    assert Comparison(corrected=shuffled[:19], scored=scored[:19], given=given[:19]).odd() is None
