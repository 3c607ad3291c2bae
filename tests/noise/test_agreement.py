"""Verified labels that cannot be what they claim to be are named; those that can are left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from noisecleaner.arrays import NO_CLASS, UNVERIFIED, Array
from noisecleaner.noise.agreement import CODES, Comparison, agreement_notices
from noisecleaner.notices import Notice, Severity

NAMES = tuple("abcdefghij")


def comparison(given: Array, trusted: Array, classes: int = 4, probability: float = np.nan) -> Comparison:
    return Comparison(
        given=given,
        trusted=trusted,
        probability=np.where(trusted != UNVERIFIED, probability, np.nan),
        classes=NAMES[:classes],
        where="column 'label' of t.csv",
    )


def drawn(
    seed: int = 0, *, rows: int = 1000, verified: int = 150, noise: float = 0.2, classes: int = 4
) -> tuple[Array, Array]:
    """Given labels, a share of them wrong, and the true ones of some rows."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, rows)
    given = np.where(rng.random(rows) < noise, (true + rng.integers(1, classes, rows)) % classes, true)
    return given, np.where(np.arange(rows) < verified, true, UNVERIFIED)


def found(*pair: Array, **rest: float) -> list[Notice]:
    return list(agreement_notices(comparison(*pair, **rest)))  # type: ignore[arg-type]  # counts and shares


def test_a_usual_sample_is_left_alone() -> None:
    assert found(*drawn()) == []
    assert found(*drawn(noise=0.5, classes=10), classes=10) == []
    nobody = drawn(verified=0)
    assert found(*nobody) == []


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_where_every_row_claims_to_be_verified_and_hardly_a_label_was_changed_nothing_is_measured(noise: float) -> None:
    given, trusted = drawn(verified=1000, noise=noise)
    (notice,) = found(given, trusted)
    assert (notice.code, notice.severity) == ("every-row-verified", Severity.VOID)
    wrong = int((given != trusted).sum())
    assert notice.message.startswith(
        f"Every one of 1,000 rows is verified (column 'label' of t.csv), and {wrong} labels differ from the given "
        "ones. If somebody looked at each row, say so with a column sample_probability that holds 1 in each row."
    )


def test_where_every_row_is_verified_and_a_plausible_share_was_changed_the_rate_is_a_count() -> None:
    given, trusted = drawn(verified=1000, noise=0.21)
    (notice,) = found(given, trusted)
    assert (notice.code, notice.severity) == ("every-row-verified", Severity.WARNING)
    wrong = int((given != trusted).sum())
    assert notice.message.startswith(
        f"Every one of 1,000 rows is verified (column 'label' of t.csv), and {wrong} labels differ from the given ones "
        f"({wrong / 1000:.1%}): if somebody looked at each of them, the rate is a count and no estimate."
    )
    assert [n.code for n in found(given, np.random.default_rng(0).permutation(trusted))] == [
        "every-row-verified",
        "verified-labels-of-other-rows",
    ]


def test_where_only_a_part_of_the_rows_was_looked_at_the_rest_that_was_filled_in_is_noticed() -> None:
    """In the first half of the rows 40 % were changed, which is 20 % of all of them."""
    given, trusted = drawn(verified=1000, noise=0.4)
    trusted[500:] = given[500:]
    (notice,) = found(given, trusted)
    assert notice.severity is Severity.VOID


def test_a_complete_verification_is_seldom_taken_for_a_part_of_one() -> None:
    """Of 400 draws; the level is one in a thousand."""
    severities = [found(*drawn(seed, rows=300, verified=300, noise=0.21))[0].severity for seed in range(400)]
    assert np.mean([severity is Severity.VOID for severity in severities]) <= 0.01


def test_rows_without_a_given_label_do_not_make_it_fewer() -> None:
    given, trusted = drawn(verified=1000)
    given[:300] = -1
    trusted[:100] = UNVERIFIED
    (notice,) = found(given, trusted)
    assert notice.message.startswith("Every one of 700 rows")


def test_nearly_all_rows_are_no_sample_where_most_repeat_the_given_label() -> None:
    given, trusted = drawn(verified=960)
    (notice,) = found(given, trusted)
    assert notice.message.startswith("960 of 1,000 rows, nearly all, are verified")
    assert found(*drawn(verified=940)) == []
    assert found(*drawn(rows=60, verified=58)) == []


def test_a_census_that_somebody_vouches_for_is_one() -> None:
    given, trusted = drawn(verified=1000)
    assert found(given, trusted, probability=1.0) == []
    assert found(given, trusted, probability=0.5) == []


@pytest.mark.parametrize(("verified", "codes"), [(29, []), (30, ["no-error-verified"])])
def test_thirty_right_labels_without_a_wrong_one_are_worth_a_look(verified: int, codes: list[str]) -> None:
    notices = found(*drawn(noise=0.0, verified=verified))
    assert [notice.code for notice in notices] == codes
    assert [notice.severity for notice in notices] == [Severity.WARNING] * len(codes)
    assert all("a copy that was cleaned with these same verified rows" in notice.message for notice in notices)
    given, trusted = drawn(noise=0.0, verified=verified)
    trusted[0] = NO_CLASS  # one is wrong
    assert found(given, trusted) == []


def test_labels_of_other_rows_are_called_so() -> None:
    given, trusted = drawn(1)
    trusted[:150] = np.roll(trusted[:150], 1)
    (notice,) = found(given, trusted)
    assert (notice.code, notice.severity) == ("verified-labels-of-other-rows", Severity.VOID)
    agreeing = np.mean(given[:150] == trusted[:150])
    assert notice.message.startswith(f"Only {agreeing:.0%} of the verified labels (column 'label' of t.csv) are")


@pytest.mark.parametrize("classes", [2, 4, 10])
def test_labels_of_other_rows_are_found_and_noisy_ones_seldom_taken_for_them(classes: int) -> None:
    """Of 400 samples each; with two classes and 40 % wrong kappa is 0.2 itself, the least that is let pass."""
    alarms = np.zeros((2, 400))
    for seed in range(400):
        given, trusted = drawn(seed, verified=200, noise=0.4, classes=classes)
        alarms[0, seed] = bool(found(given, trusted, classes=classes))
        trusted[:200] = np.random.default_rng(seed).permutation(trusted[:200])
        alarms[1, seed] = bool(found(given, trusted, classes=classes))
    assert alarms[0].mean() <= 0.05
    assert alarms[1].mean() >= (0.75 if classes == 2 else 0.99)


def voided(*pair: Array, classes: int) -> bool:
    return any(notice.severity is Severity.VOID for notice in found(*pair, classes=classes))


@pytest.mark.parametrize(("classes", "least"), [(2, 0.2), (4, 0.9), (10, 0.97)])
def test_nothing_stands_on_labels_of_other_rows_and_noisy_ones_keep_their_rate(classes: int, least: float) -> None:
    """Of 400 samples each, half of which are 40 % wrong; of these at most 3 in 1,000 may lose their rate."""
    alarms = np.zeros((2, 400))
    for seed in range(400):
        given, trusted = drawn(seed, verified=200, noise=0.4, classes=classes)
        alarms[0, seed] = voided(given, trusted, classes=classes)
        trusted[:200] = np.random.default_rng(seed).permutation(trusted[:200])
        alarms[1, seed] = voided(given, trusted, classes=classes)
    assert alarms[0].sum() <= 1
    assert alarms[1].mean() >= least


def test_rare_classes_and_much_noise_are_no_labels_of_other_rows() -> None:
    """One row in twenty is of the second class, and three in ten are wrong: kappa is 0.1, and the rate stands."""
    lost = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        true = (rng.random(1000) < 0.05).astype(np.int64)
        given = np.where(rng.random(1000) < 0.3, 1 - true, true)
        lost += voided(given, np.where(np.arange(1000) < 900, true, UNVERIFIED), classes=2)
    assert lost <= 1


def test_rows_drawn_because_they_look_wrong_count_as_what_they_stand_for() -> None:
    """Ten times as many wrong labels as right ones were drawn, with known probabilities."""
    given, trusted = drawn(rows=20_000, verified=20_000, noise=0.1)
    wrong = given != trusted
    probability = np.where(wrong, 0.1, 0.001)
    rows = np.random.default_rng(1).random(20_000) < probability
    trusted = np.where(rows, trusted, UNVERIFIED)
    seen = comparison(given, trusted)
    assert [n.code for n in agreement_notices(seen)] == ["verified-labels-of-other-rows"]
    assert list(agreement_notices(replace(seen, probability=np.where(rows, probability, np.nan)))) == []


def test_classes_in_another_order_are_named() -> None:
    given, trusted = drawn()
    moved = np.array([2, 0, 1, 3])
    trusted[:150] = moved[trusted[:150]]
    (notice,) = found(given, trusted)
    assert (notice.code, notice.severity) == ("verified-order", Severity.VOID)
    assert "if a is b, b is c, c is a: the classes seem to stand in another order there" in notice.message
    right = np.mean(given[:150] == np.argsort(moved)[trusted[:150]])
    assert f"would be in {right:.0%}" in notice.message


def test_two_classes_that_changed_places_are_named_and_no_rate_stands() -> None:
    given, trusted = drawn()
    trusted[:150] = np.array([1, 0, 2, 3])[trusted[:150]]
    (notice,) = found(given, trusted)
    assert (notice.code, notice.severity) == ("verified-classes-exchanged", Severity.VOID)
    rows = given[:150] < 2
    own, other = (np.mean(given[:150][rows] == label[rows]) for label in (trusted[:150], 1 - trusted[:150]))
    assert notice.message.startswith(
        f"Of the verified rows given a, b, the verified label (column 'label' of t.csv) is the given one in {own:.0%}, "
        f"but would be in {other:.0%} if a is b, b is a: these classes seem"
    )


def test_a_class_that_is_never_verified_but_as_another_one_is_named() -> None:
    given, trusted = drawn(verified=200, classes=4)
    trusted[:200] = np.array([0, 3, 2, 3])[trusted[:200]]
    (notice,) = found(given, trusted)
    assert (notice.code, notice.severity) == ("class-never-verified", Severity.WARNING)
    moved = np.mean(trusted[:200][given[:200] == 1] == 3)
    assert notice.message.startswith(
        f"Of the verified rows given b, {moved:.0%} are verified d (column 'label' of t.csv), and 0.0% of all rows"
    )


def test_labels_of_other_rows_are_not_explained_by_an_order() -> None:
    """The best of all orders always agrees better than chance."""
    for seed in range(100):
        given, trusted = drawn(seed, verified=20, classes=10)
        trusted[:20] = np.random.default_rng(seed).permutation(trusted[:20])
        codes = [notice.code for notice in found(given, trusted, classes=10)]
        assert codes in ([], ["verified-labels-of-other-rows"])


def test_every_code_can_be_said() -> None:
    given, trusted = drawn()
    other, order = trusted.copy(), trusted.copy()
    other[:150], order[:150] = np.roll(trusted[:150], 1), (trusted[:150] + 1) % 4
    exchanged, renamed = trusted.copy(), trusted.copy()
    exchanged[:150], renamed[:150] = np.array([1, 0, 2, 3])[trusted[:150]], np.array([1, 1, 2, 3])[trusted[:150]]
    said = [*found(given, other), *found(given, order), *found(given, exchanged), *found(given, renamed)]
    said += [*found(*drawn(noise=0.0)), *found(*drawn(verified=1000))]
    assert {notice.code for notice in said} == CODES
