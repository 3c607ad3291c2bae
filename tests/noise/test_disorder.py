"""A reversed or shuffled run of verified labels is found; hard rows and runs of wrong given labels are none."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest

from noisecleaner.arrays import Array
from noisecleaner.noise.disorder import CODE, disordered_labels, find_disorder
from noisecleaner.noise.three_labels import ThreeLabels
from noisecleaner.notices import Severity


@dataclass(frozen=True, kw_only=True)
class Rows:
    """True labels, given ones, and what networks see."""

    true: Array
    given: Array
    seen: Array

    def alarm(self, labels: Array) -> bool:
        """Whether verified labels are found to have lost their rows."""
        return find_disorder(labels=labels, given=self.given, likeliest=self.seen) is not None


def rows(seed: int, *, noise: Array | float, classes: int, errs: Array | float = 0.2, size: int = 200) -> Rows:
    """Some rows; `noise` and `errs` are how probable a wrong given label and an error of the networks are."""
    rng = np.random.default_rng((seed, classes))
    true = rng.integers(0, classes, size)
    given = np.where(rng.random(size) < noise, (true + rng.integers(1, classes, size)) % classes, true)
    return Rows(true=true, given=given, seen=np.where(rng.random(size) < errs, rng.integers(0, classes, size), true))


@pytest.mark.parametrize("classes", [2, 4, 10])
@pytest.mark.parametrize("noise", [0.05, 0.2, 0.4])
def test_honest_tables_are_left_alone(classes: int, noise: float) -> None:
    """Of 200 tables each."""
    some = [rows(seed, noise=noise, classes=classes) for seed in range(200)]
    assert not any(part.alarm(part.true) for part in some)


def test_a_run_of_wrong_given_labels_and_one_that_networks_do_not_know_are_honest() -> None:
    """40 rows of one annotator of whom three in four labels are wrong; 100 rows of which networks see little."""
    inside = (np.arange(200) >= 100) & (np.arange(200) < 140)
    for seed in range(100):
        annotator = rows(seed, noise=np.where(inside, 0.75, 0.05), classes=4)
        assert not annotator.alarm(annotator.true)
        hard = rows(seed, noise=0.1, errs=np.where(np.arange(200) < 100, 0.9, 0.05), classes=4)
        assert not hard.alarm(hard.true)


@pytest.mark.parametrize(("classes", "least"), [(4, 0.6), (10, 0.85)])
@pytest.mark.parametrize("how", ["reversed", "shuffled", "sorted"])
def test_the_last_25_of_200_that_lost_their_rows_are_found(classes: int, least: float, how: str) -> None:
    """Of 100 tables, 20 % of whose labels are wrong."""
    found = 0
    for seed in range(100):
        part = rows(seed, noise=0.2, classes=classes, errs=0.1)
        last = part.true[-25:]
        shuffled = np.random.default_rng(seed).permutation(last)
        moved = {"reversed": last[::-1], "sorted": np.sort(last), "shuffled": shuffled}
        found += part.alarm(np.concatenate([part.true[:-25], moved[how]]))
    assert found >= 100 * least


def judged(part: Rows, labels: Array, verified: Array) -> ThreeLabels:
    ones = np.ones(len(labels))
    return ThreeLabels(given=part.given, likeliest=part.seen, certainty=ones, verified=verified, trusted=labels)


def test_the_run_is_named_in_the_order_of_its_table_and_no_rate_stands() -> None:
    part, order = rows(0, noise=0.1, classes=10, errs=0.1), np.random.default_rng(1).permutation(200)
    labels = part.true.copy()
    labels[order[50:90]] = part.true[order[50:90]][::-1]
    everyone = np.ones(200, dtype=bool)
    notice = disordered_labels(judged(part, labels, everyone), order, "r{}".format)
    assert notice is not None
    assert (notice.code, notice.severity) == (CODE, Severity.VOID)
    ends = [int(number) for number in re.findall(r"r(\d+)", notice.message.split(":")[0])]
    places = [order.tolist().index(row) for row in ends[-2:]]
    assert places == pytest.approx([50, 89], abs=5)
    # in the order of the dataset the same labels are few among many
    assert disordered_labels(judged(part, labels, everyone), np.arange(200), "r{}".format) is None
    assert disordered_labels(judged(part, labels, everyone & (np.arange(200) < 39)), order, "r{}".format) is None


def test_labels_of_no_class_and_rows_without_others_tell_nothing() -> None:
    part = rows(0, noise=0.1, classes=4)
    assert find_disorder(labels=np.full(200, -2), given=part.given, likeliest=part.seen) is None
    assert find_disorder(labels=part.true, given=part.true, likeliest=part.true) is None
    one = np.zeros(200, np.int64)
    assert find_disorder(labels=one, given=one, likeliest=one) is None
