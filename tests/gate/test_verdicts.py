"""What findings do to a gate, and how numbers in them read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.datasets import Command
from support.gates import counted, verdict

from noisecleaner.gate.flagged import FlaggedRows
from noisecleaner.gate.limits import Level, OnInconclusive, Unit
from noisecleaner.gate.verdicts import Effect, Finding, Outcome, Verdict
from noisecleaner.notices import Notice

FINDING = verdict(["x"]).findings[0]

#: Outcome, level, and what the effect is where inconclusive is told so, fails, warns and passes.
EFFECTS = [
    (Outcome.PASSED, Level.ERROR, ("passes", "passes", "passes", "passes")),
    (Outcome.PASSED, Level.WARN, ("passes", "passes", "passes", "passes")),
    (Outcome.FAILED, Level.ERROR, ("fails", "fails", "fails", "fails")),
    (Outcome.FAILED, Level.WARN, ("warns", "warns", "warns", "warns")),
    (Outcome.INCONCLUSIVE, Level.ERROR, ("undecided", "fails", "warns", "passes")),
    (Outcome.INCONCLUSIVE, Level.WARN, ("warns", "warns", "warns", "passes")),
]


@pytest.mark.parametrize(("outcome", "level", "effects"), EFFECTS)
def test_the_effect_of_a_finding(outcome: Outcome, level: Level, effects: tuple[str, ...]) -> None:
    finding = replace(FINDING, outcome=outcome, level=level)
    for choice, effect in zip((None, *OnInconclusive), effects, strict=True):
        assert Verdict("run", (finding,), choice, counts=counted(), flagged=FlaggedRows()).effect(finding) is Effect(
            effect
        )


@given(st.lists(st.sampled_from(EFFECTS), max_size=6), st.sampled_from([None, *OnInconclusive]))
def test_failed_beats_undecided_beats_all_others(
    kinds: list[tuple[Outcome, Level, tuple[str, ...]]], choice: OnInconclusive | None
) -> None:
    findings = tuple(replace(FINDING, outcome=outcome, level=level) for outcome, level, _ in kinds)
    judged = Verdict("run", findings, choice, counts=counted(), flagged=FlaggedRows())
    effects = {judged.effect(finding) for finding in findings}
    code = 1 if Effect.FAILS in effects else 3 if Effect.UNDECIDED in effects else 0
    assert judged.exit_code == code
    assert judged.outcome is {0: Outcome.PASSED, 1: Outcome.FAILED, 3: Outcome.INCONCLUSIVE}[code]
    assert sum(judged.count(effect) for effect in Effect) == len(findings)
    assert judged.headline.startswith(f"Gate {judged.outcome} (exit code {code}): ")


def test_failed_beats_inconclusive_beats_passed(command: Command, run: Path) -> None:
    inconclusive = ["gate", run, "--max-noise", "0.1", "--max-flagged", "0.5"]
    assert command(*inconclusive).code == 3
    assert command(*inconclusive, "--min-audited", "1000").code == 1


def test_the_headline_counts_what_is_not_as_it_should_be() -> None:
    outcomes = [Outcome.PASSED, Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE]
    findings = tuple(replace(FINDING, outcome=outcome) for outcome in outcomes)
    assert Verdict("run", findings, counts=counted(200), flagged=FlaggedRows()).headline == (
        "Gate failed (exit code 1): 2 of 4 rules passed, 1 failed, 1 inconclusive; scored 200 of 200 rows"
    )
    warned = (replace(FINDING, outcome=Outcome.FAILED, level=Level.WARN),)
    assert Verdict("run", warned, counts=counted(60, missing_file=140), flagged=FlaggedRows()).headline == (
        "Gate passed (exit code 0): 0 of 1 rules passed, 1 with a warning; scored 60 of 200 rows (140 missing_file)"
    )


def test_messages_are_put_in_the_words_of_a_reader_and_nothing_else_is_changed() -> None:
    judged = verdict(["x"], notices=[Notice(code="x", message="x")])
    worded = judged.worded(lambda text: f"{text}!")
    assert [finding.message for finding in worded.findings] == ["x!"]
    assert [notice.message for notice in worded.notices] == ["x!"]
    assert worded.worded(lambda text: text[:-1]) == judged


@pytest.mark.parametrize(
    ("finding", "limit", "value"),
    [
        (FINDING, "at most 10 %", "20 %"),
        (replace(FINDING, high=0.2512345), "at most 10 %", "20.00 % (15.00 to 25.12)"),
        (replace(FINDING, value=None, low=None), "at most 10 %", "unknown"),
        (replace(FINDING, value=-0.0123, low=-0.02, high=0.01), "at most 10 %", "-1.23 % (-2.00 to 1.00)"),
        (
            replace(FINDING, unit=Unit.POINTS, limit=0.01, value=0.0123, low=-0.02, high=0.1),
            "at most 1 point",
            "+1.23 points (-2.00 to +10.00)",
        ),
        (replace(FINDING, unit=Unit.ROWS, limit=1000, value=20000, low=None), "at least 1,000", "20,000"),
        (replace(FINDING, unit=Unit.ROWS, limit=1, value=None, low=None), "at least 1", "unknown"),
    ],
)
def test_numbers_of_a_finding_in_words(finding: Finding, limit: str, value: str) -> None:
    assert (finding.shown_limit, finding.shown_value) == (limit, value)
