"""New rows against fitted ones: what is said, with which numbers, and how often it is wrong."""

from __future__ import annotations

import re

import numpy as np
import pytest

from noisecleaner.noise.likeness import ComparedRows, Likeness, compare, likeness_notice, mix_notice, untested
from noisecleaner.notices import UNLIKE, Severity

CLASSES = 4
CENTRES = np.random.default_rng(99).normal(size=(CLASSES, 8))


def rows(
    rng: np.random.Generator, count: int, *, noise: float = 0.3, moved: float = 0.0, blurred: float = 1.0
) -> ComparedRows:
    """Rows whose looks, margins and expected errors follow from true classes and given labels."""
    true = rng.integers(0, CLASSES, count)
    wrong = rng.random(count) < noise
    given = np.where(wrong, (true + rng.integers(1, CLASSES, count)) % CLASSES, true)
    looks = blurred * (CENTRES[true] + rng.normal(size=(count, 8))) + moved
    margin = np.where(wrong, -2.0, 2.0) + rng.normal(size=count) * 1.5
    return ComparedRows(given=given, looks=looks, margin=margin, wrong=1 / (1 + np.exp(margin)))


def compared(fitted: ComparedRows, new: ComparedRows) -> Likeness:
    likeness = compare(fitted, new)
    assert likeness is not None
    return likeness


def test_like_rows_are_said_to_be_alike_with_what_may_go_unseen() -> None:
    rng = np.random.default_rng(0)
    likeness = compared(rows(rng, 1000), rows(rng, 1000))
    assert not likeness.unlike
    assert not likeness.slightly
    notice = likeness_notice(likeness, audited=0)
    assert (notice.code, notice.severity) == ("rows-like-fitted", Severity.NOTE)
    assert "no classifier tells them apart (AUROC 0.5" in notice.message
    assert likeness.labels is not None
    assert likeness.labels.wrong.first == pytest.approx(0.38, abs=0.03)
    # 4.2 standard errors of a difference of means
    assert likeness.labels.smallest == pytest.approx(4.22 * 0.36 * (2 / 1000) ** 0.5, rel=0.1)


def test_rows_that_look_otherwise_void_every_rate() -> None:
    rng = np.random.default_rng(0)
    likeness = compared(rows(rng, 500), rows(rng, 500, moved=1.0))
    assert likeness.unlike
    notice = likeness_notice(likeness, audited=0)
    assert (notice.code, notice.severity) == (UNLIKE, Severity.VOID)
    area = re.search(r"a classifier tells them apart with AUROC (0\.\d\d), and given labels look wrong", notice.message)
    assert area
    assert float(area[1]) == pytest.approx(likeness.looks.value, abs=0.005)
    assert "no rate is given" in notice.message
    assert "`trusted=FILE`" in notice.message


def test_labels_with_more_errors_void_every_rate_and_both_shares_are_told() -> None:
    rng = np.random.default_rng(0)
    likeness = compared(rows(rng, 800), rows(rng, 800, noise=0.45))
    assert likeness.unlike
    assert likeness.looks.p_value > 0.01
    assert likeness.labels is not None
    message = likeness_notice(likeness, audited=0).message
    shares = re.search(r"look wrong in ([\d.]+) % of them, and in ([\d.]+) % of fitted rows", message)
    assert shares
    assert float(shares[1]) == pytest.approx(100 * (0.45 * 0.8 + 0.55 * 0.2), abs=3)
    assert float(shares[2]) == pytest.approx(100 * (0.3 * 0.8 + 0.7 * 0.2), abs=3)
    assert message.index("look wrong") < message.index("no classifier tells them apart")


def test_audited_rows_measure_rows_of_any_kind() -> None:
    rng = np.random.default_rng(0)
    notice = likeness_notice(compared(rows(rng, 500), rows(rng, 500, moved=1.0)), audited=120)
    assert (notice.code, notice.severity) == (UNLIKE, Severity.WARNING)
    assert "120 audited rows alone" in notice.message


def test_margins_may_be_spread_otherwise_while_as_much_is_expected_to_be_wrong() -> None:
    rng = np.random.default_rng(0)
    fitted, new = rows(rng, 1000), rows(rng, 1000)
    new = ComparedRows(given=new.given, looks=new.looks, margin=new.margin * 2, wrong=new.wrong)
    likeness = compared(fitted, new)
    assert likeness.unlike
    assert re.search(r"but margins are spread otherwise \(by [\d.]+ % of the rows\)", likeness.words())


def test_a_small_difference_is_a_warning_and_no_more() -> None:
    rng = np.random.default_rng(0)
    likeness = compared(rows(rng, 2000), rows(rng, 2000, moved=0.07))
    assert likeness.slightly
    assert 0.5 < likeness.looks.value < 0.55
    notice = likeness_notice(likeness, audited=0)
    assert (notice.code, notice.severity) == ("rows-slightly-unlike-fitted", Severity.WARNING)
    assert likeness_notice(likeness, audited=50).severity is Severity.NOTE


def test_where_no_network_can_tell_labels_looks_are_compared() -> None:
    rng = np.random.default_rng(0)
    unknown = np.full(200, np.nan)
    fitted, new = (
        ComparedRows(given=r.given, looks=r.looks, margin=unknown, wrong=unknown)
        for r in (rows(rng, 200), rows(rng, 200, moved=2.0))
    )
    likeness = compared(fitted, new)
    assert likeness.labels is None
    assert likeness.unlike
    assert "look wrong" not in likeness_notice(likeness, audited=0).message
    assert "unseen" not in likeness_notice(compared(fitted, fitted), audited=0).message


@pytest.mark.parametrize(("fitted", "new"), [(49, 200), (200, 49)])
def test_few_rows_are_not_compared(fitted: int, new: int) -> None:
    rng = np.random.default_rng(0)
    assert compare(rows(rng, fitted), rows(rng, new)) is None
    notice = untested("Too few.")
    assert (notice.code, notice.severity) == ("likeness-untested", Severity.NOTE)
    assert notice.message.startswith("Too few. What label_quality expects")


def test_another_mix_of_classes_is_named_and_no_difference() -> None:
    names = ("ant", "bee", "cat")
    notice = mix_notice(np.array([100, 100, 100]), np.array([30, 30, 240]), names)
    assert notice is not None
    assert notice.severity is Severity.NOTE
    assert "cat 80.0 % instead of 33.3 %; ant 10.0 % instead of 33.3 %" in notice.message
    assert mix_notice(np.array([100, 100, 100]), np.array([95, 100, 105]), names) is None
    # by chance: so few rows are never mixed alike
    assert mix_notice(np.array([100, 100, 100]), np.array([1, 2, 4]), names) is None
    assert mix_notice(np.array([100, 100, 100]), np.array([0, 0, 0]), names) is None
    rng = np.random.default_rng(0)
    everyone, some = rows(rng, 1500), rows(rng, 1500)
    kept = (some.given == 0) | (rng.random(1500) < 0.2)
    assert not compared(
        everyone,
        ComparedRows(given=some.given[kept], looks=some.looks[kept], margin=some.margin[kept], wrong=some.wrong[kept]),
    ).unlike


def alarms(draws: int, seed: int, sizes: tuple[int, int], **shift: float) -> float:
    rng = np.random.default_rng(seed)
    return float(np.mean([compared(rows(rng, sizes[0]), rows(rng, sizes[1], **shift)).unlike for _ in range(draws)]))


def test_like_rows_alarm_seldom_and_unlike_ones_nearly_always() -> None:
    """Of 60 draws (the acceptance is below, on more of them): at most 4 alarms, and all but 1."""
    assert alarms(60, 0, (300, 300)) <= 4 / 60
    assert alarms(20, 1, (400, 400), noise=0.5) >= 0.95
    assert alarms(20, 2, (300, 300), moved=0.7) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(2000, 2000), (1000, 200), (200, 60)])
def test_like_rows_alarm_in_at_most_five_of_a_hundred_draws(sizes: tuple[int, int]) -> None:
    assert alarms(300, 3, sizes) <= 0.05


@pytest.mark.slow
def test_noisier_labels_alarm_in_at_least_95_of_a_hundred_draws() -> None:
    assert alarms(100, 4, (2000, 500), noise=0.43) >= 0.95
