"""Thresholds for a goal: a promise is kept, a refusal tells the truth, a budget is spent."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.datasets import Command
from support.simulated import Array, scores

from noisecleaner.commands.wording import typed
from noisecleaner.errors import NoisecleanerError
from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.design import Frame, draw
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.randomness import not_random
from noisecleaner.noise.rates import Rows
from noisecleaner.noise.thresholds import NextPlan, TooFewVerifiedError, choose, refuse_unmeasured
from noisecleaner.notices import Notice

ROWS = 5000
DRAWS = 500
Kind = Literal["precision", "noise"]


@pytest.fixture(scope="module")
def population() -> tuple[Array, Array]:
    """Label quality of every row and who is wrong."""
    expected, wrong = scores(ROWS, np.random.default_rng(0))
    return 1 - expected, wrong


def cut_of(quality: Array, wrong: Array, audited: Array, probability: Array | None = None) -> Cut:
    """Rows in the order of their quality, some of them audited."""
    mask = np.zeros(len(quality), dtype=bool)
    mask[audited] = True
    trusted = np.where(mask, wrong.astype(np.int64), -1)
    drawn = np.full(len(quality), np.nan) if probability is None else probability
    rows = Rows(
        given=np.zeros(len(quality), np.int64), trusted=trusted, expected=1 - quality, judging=mask, probability=drawn
    )
    return Cut(quality, rows)


def outcome(goal: Goal, cut: Cut, wrong: Array, quality: Array) -> tuple[bool, bool]:
    """Whether there was an answer, and whether it broke the promise."""
    try:
        threshold = choose(goal, cut)
    except TooFewVerifiedError:
        return False, False
    flagged = quality < threshold
    if goal.kind == "precision":
        return True, bool(wrong[flagged].mean() < goal.value)
    return True, bool(wrong[~flagged].mean() > goal.value)


@pytest.mark.parametrize(
    ("kind", "value"), [("precision", 0.7), ("precision", 0.8), ("precision", 0.9), ("noise", 0.05), ("noise", 0.15)]
)
def test_what_is_promised_with_ninety_percent_holds_in_ninety_percent_of_audits(
    population: tuple[Array, Array], kind: Kind, value: float
) -> None:
    quality, wrong = population
    rng = np.random.default_rng(3)
    found = []
    for _ in range(DRAWS):
        audited = rng.choice(ROWS, 300, replace=False)
        found.append(outcome(Goal(kind, value), cut_of(quality, wrong, audited), wrong, quality))
    answered, broken = np.mean(found, axis=0)
    assert broken <= 0.1
    assert answered > 0.3  # a promise that is never given is no use


@pytest.mark.parametrize(("kind", "value"), [("precision", 0.8), ("noise", 0.1)])
def test_promises_also_hold_where_rows_were_drawn_with_unequal_probability(
    population: tuple[Array, Array], kind: Kind, value: float
) -> None:
    quality, wrong = population
    doubt = np.sqrt(quality * (1 - quality)) + 0.1
    probability = doubt * 300 / doubt.sum()
    rng = np.random.default_rng(3)
    found = []
    for _ in range(DRAWS):
        audited = np.flatnonzero(rng.random(ROWS) < probability)
        cut = cut_of(quality, wrong, audited, probability)
        found.append(outcome(Goal(kind, value), cut, wrong, quality))
    answered, broken = np.mean(found, axis=0)
    assert broken <= 0.1
    assert answered > 0.5


def test_scores_that_promise_too_much_do_not_break_the_promise(population: tuple[Array, Array]) -> None:
    """What the scores expect only steers the answer how many rows are needed."""
    quality, wrong = population
    proud = quality**4
    rng = np.random.default_rng(3)
    found = []
    for _ in range(DRAWS):
        audited = rng.choice(ROWS, 300, replace=False)
        found.append(outcome(Goal("precision", 0.8), cut_of(proud, wrong, audited), wrong, proud))
    assert np.mean(found, axis=0)[1] <= 0.1


def test_more_confidence_flags_fewer_rows_and_keeps_fewer(population: tuple[Array, Array]) -> None:
    quality, wrong = population
    cut = cut_of(quality, wrong, np.random.default_rng(0).choice(ROWS, 600, replace=False))
    levels = (0.5, 0.9, 0.99)
    assert choose(Goal("precision", 0.8, confidence=0.5), cut) > choose(Goal("precision", 0.8, confidence=0.99), cut)
    kept = [choose(Goal("noise", 0.1, confidence=level), cut) for level in levels]
    assert kept == sorted(kept)
    assert kept[0] < kept[-1]


def asked(goal: Goal, cut: Cut) -> int:
    """How many more rows to verify; 0 where there is an answer already."""
    try:
        choose(goal, cut)
    except TooFewVerifiedError as few:
        more = re.search(r"about ([\d,]+) more", few.message)
        assert more is not None  # not what is tested
        return int(more[1].replace(",", ""))
    return 0


def planned(quality: Array, wrong: Array, first: Array, more: int, seed: int) -> Cut:
    """Verify the rows that a plan draws after a first sample."""
    verified = np.isin(np.arange(len(quality)), first)
    before = np.full(len(quality), len(first) / len(quality))
    frame = Frame(quality=quality, usable=verified | True, verified=verified, before=before)
    design = draw(frame, count=more, seed=seed)
    rows = np.flatnonzero(verified | design.drawn)
    return cut_of(quality, wrong, rows, design.probability)


@pytest.mark.parametrize(
    ("kind", "value", "first"), [("precision", 0.85, 60), ("noise", 0.04, 60), ("noise", 0.04, 150)]
)
def test_who_verifies_as_many_rows_as_are_asked_for_has_an_answer_in_about_eighty_percent(
    population: tuple[Array, Array], kind: Kind, value: float, first: int
) -> None:
    quality, wrong = population
    goal, found = Goal(kind, value), []
    for seed in range(60):
        sample = np.random.default_rng(seed).choice(ROWS, first, replace=False)
        more = asked(goal, cut_of(quality, wrong, sample))
        if more:
            found.append(outcome(goal, planned(quality, wrong, sample, more, seed), wrong, quality)[0])
    assert len(found) > 30
    assert 0.65 < np.mean(found) < 0.98


def test_a_goal_out_of_reach_says_so_and_how_far_one_gets() -> None:
    quality = np.random.default_rng(0).uniform(0.4, 0.6, 1000)
    wrong = np.random.default_rng(1).random(1000) < 1 - quality
    with pytest.raises(TooFewVerifiedError, match=r"more of them would not help") as refused:
        choose(Goal("precision", 0.9), cut_of(quality, wrong, np.arange(500)))
    best = re.search(r"reaches about ([\d.]+) at best", refused.value.message)
    assert best is not None
    assert 0.55 < float(best[1]) < 0.62
    assert "`Goal('budget', 100)`" in refused.value.hint  # as many as are verified already would be nothing new


def test_where_every_row_is_verified_goals_are_counted_and_hardly_fewer_lack_only_the_others() -> None:
    quality = np.linspace(0, 1, 300)
    wrong = quality < 0.21
    wrong[::30] = ~wrong[::30]
    everyone = np.arange(300)
    threshold = choose(Goal("noise", 0.05), cut_of(quality, wrong, everyone))
    kept = wrong[quality >= threshold]
    assert kept.mean() <= 0.05
    assert 0.7 < len(kept) / 300 < 0.95
    with pytest.raises(TooFewVerifiedError, match="verifying all 57 rows that are left settles it") as refused:
        choose(Goal("noise", 0.01), cut_of(quality, wrong & (quality > 0.01), np.sort(everyone[57:])))
    assert "count=57" in refused.value.hint
    with pytest.raises(TooFewVerifiedError, match="every row is verified, and no cut is so good"):
        choose(Goal("precision", 0.99), cut_of(quality, wrong, everyone))


def test_the_command_in_the_hint_is_complete(population: tuple[Array, Array]) -> None:
    quality, wrong = population
    with pytest.raises(TooFewVerifiedError) as few:
        choose(Goal("precision", 0.9), cut_of(quality, wrong, np.arange(60)))
    assert "--out" in typed(few.value.hint)


def test_where_nothing_is_expected_of_the_rows_no_best_is_claimed() -> None:
    """After a transfer there is no label quality: nobody knows what the ranking by alpha reaches."""
    alpha = np.random.default_rng(0).random(1000)
    nobody = np.full(1000, -1)
    unknown = np.full(1000, np.nan)
    rows = Rows(given=nobody + 1, trusted=nobody, expected=unknown, judging=nobody > 0, probability=unknown)
    with pytest.raises(NoisecleanerError) as refused:
        choose(Goal("precision", 0.9), Cut(alpha, rows))
    assert "0.900 at best" not in refused.value.message


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.integers(1, 80))
def test_a_budget_flags_the_lowest_rows_and_never_more_than_it(levels: list[int], budget: int) -> None:
    quality = np.array(levels, dtype=np.float64) / 20
    flagged = quality < choose(Goal("budget", budget), cut_of(quality, quality > 0.5, np.empty(0, np.int64)))
    if budget >= len(levels):
        assert flagged.all()
        return
    assert flagged.sum() <= budget
    # ties fall on one side together
    tied = (quality == quality[~flagged].min()).sum()
    assert flagged.sum() + tied > budget


@settings(deadline=None)
@given(st.integers(1, 50))
def test_a_budget_is_spent_exactly_where_all_rows_differ(budget: int) -> None:
    quality = np.random.default_rng(0).permutation(50) / 50
    threshold = choose(Goal("budget", budget), cut_of(quality, quality > 0.5, np.empty(0, np.int64)))
    assert np.array_equal(np.sort(np.argsort(quality)[:budget]), np.flatnonzero(quality < threshold))


def test_a_guarantee_that_nobody_can_give_says_why(population: tuple[Array, Array]) -> None:
    quality, wrong = population
    with pytest.raises(TooFewVerifiedError, match="by 0 verified rows: nobody has verified rows that may judge") as few:
        choose(Goal("precision", 0.9), cut_of(quality, wrong, np.zeros(len(wrong), dtype=bool)))
    assert "`plan(RUN, count=300" in few.value.hint
    notices = [Notice(code="other", message="Something else."), not_random("They look wrong.")]
    for goal in (Goal("precision", 0.9), Goal("noise", 0.05)):
        with pytest.raises(TooFewVerifiedError, match=f"{goal.words} cannot be guaranteed. They look wrong") as picked:
            refuse_unmeasured(goal, notices)
        assert picked.value.exit_code == 3
    refuse_unmeasured(Goal("budget", 10), notices)
    refuse_unmeasured(Goal("noise", 0.05), notices[:1])


def test_the_hint_names_the_run_and_the_table() -> None:
    plan = NextPlan(run=Path("runs/my run"), out=Path("verify-2.parquet"))
    assert typed(plan.call(9)) == "`noisecleaner plan 'runs/my run' --n 9 --out verify-2.parquet`"


def test_a_threshold_needs_rows_with_a_score() -> None:
    quality = np.full(10, np.nan)
    with pytest.raises(NoisecleanerError, match="no row has one"):
        choose(Goal("budget", 3), cut_of(quality, quality > 0, np.empty(0, np.int64)))


@pytest.mark.parametrize(
    ("kind", "value", "confidence"),
    [("precision", 0, 0.9), ("precision", 1, 0.9), ("noise", -0.1, 0.9), ("noise", 0.1, 1), ("budget", 0, 0.9)],
)
def test_goals_out_of_range_are_refused(
    kind: Literal["precision", "noise", "budget"], value: float, confidence: float
) -> None:
    with pytest.raises(NoisecleanerError):
        Goal(kind, value, confidence=confidence)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("budget", 0.5, "--budget takes a number of rows, but it is 0.5. Try --budget 100."),
        ("precision", 1.0, "--target-precision must lie between 0 and 1, but it is 1. Try --target-precision 0.1."),
        ("noise", 0.0, "--target-noise must lie between 0 and 1, but it is 0. Try --target-noise 0.1."),
    ],
)
def test_a_goal_is_refused_in_words_that_one_types(
    kind: Literal["precision", "noise", "budget"], value: float, words: str
) -> None:
    with pytest.raises(NoisecleanerError) as refused:
        Goal(kind, value)
    assert typed(str(refused.value)) == words


@pytest.fixture
def run(fitted: Path, tmp_path: Path) -> Path:
    """A copy of a finished run."""
    shutil.copytree(fitted / "run", tmp_path / "run")
    for name in ("scores.parquet", "report.parquet", "noise.json"):
        (tmp_path / "run" / name).unlink(missing_ok=True)
    return tmp_path / "run"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("goal", [("--target-precision", "0.999"), ("--target-noise", "0.0001")])
def test_too_few_verified_rows_end_with_three_and_scores_that_are_there_stay(
    run: Path, command: Command, goal: tuple[str, str]
) -> None:
    first = command("score", run, *goal)
    assert first.code == 3
    assert "The scores were written to" in first.err  # a plan draws from them
    before = contents(run)
    refused = command("score", run, *goal)
    assert refused.code == 3
    assert refused.out == ""
    assert "verified rows" in refused.err
    assert refused.err.count("Error: ") == 1
    assert contents(run) == before


def test_what_a_threshold_was_chosen_for_is_told_and_kept(run: Path, command: Command) -> None:
    said = command("score", run, "--target-precision", "0.8", "--confidence", "0.8")
    assert said.code == 0, said.err
    assert "(precision at least 0.8 with 80% confidence)" in said.out
    scored = pq.read_table(run / "scores.parquet")
    notes = scored.schema.metadata[b"noisecleaner"].decode()
    assert '"kind": "precision"' in notes
    truth_less = [row for row in scored.to_pylist() if row["flagged"] and row["trusted_label"] is not None]
    assert np.mean([row["given_label"] != row["trusted_label"] for row in truth_less]) >= 0.8


def test_a_budget_is_spent_on_the_rows_of_lowest_quality(run: Path, command: Command) -> None:
    said = command("score", run, "--budget", "37")
    assert said.code == 0, said.err
    assert "(budget of 37 rows)" in said.out
    scored = pq.read_table(run / "scores.parquet").to_pylist()
    flagged = [row["label_quality"] for row in scored if row["flagged"]]
    assert len(flagged) == 37
    assert max(flagged) < min(row["label_quality"] for row in scored if not row["flagged"])
    assert command("score", run, "--budget", "10000").code == 0
    assert all(pq.read_table(run / "scores.parquet")["flagged"].to_pylist())
