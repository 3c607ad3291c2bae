"""Every rule says what it is, can be asked for in both ways, and judges by its limit; one more is one more file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from support.packages import with_file
from support.scored import make_run

from noisecleaner.cli import app
from noisecleaner.commands.wording import typed
from noisecleaner.gate.baseline import Baseline
from noisecleaner.gate.config import read_config
from noisecleaner.gate.limits import Level, Limit, Unit
from noisecleaner.gate.rules import Case, Rule, rules
from noisecleaner.gate.verdicts import Finding, Outcome
from noisecleaner.runs.scored_run import ScoredRun

RULES = rules()
#: A limit that everything keeps.
EASY = {Unit.SHARE: 1.0, Unit.POINTS: 1.0, Unit.ROWS: 0}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[ScoredRun, ScoredRun]:
    """A scored run, and a cleaner one to compare with."""
    folder = tmp_path_factory.mktemp("runs")
    better = make_run(folder / "better", audited={"cat": (3, 150), "dog": (4, 150)})
    return ScoredRun(make_run(folder / "run")), ScoredRun(better)


def judged(rule: Rule, limit: float, runs: tuple[ScoredRun, ScoredRun], level: Level = Level.ERROR) -> Finding:
    return rule.judge(Case(rule=rule, limit=Limit(limit, level), run=runs[0], baseline=against(runs)))


def test_rules_come_in_the_order_of_their_places_whatever_else_is_dropped_in() -> None:
    known = [
        "max-noise",
        "max-noise-per-class",
        "max-noise-increase",
        "max-flagged",
        "min-kept-per-class",
        "min-audited",
        "max-skipped",
    ]
    assert [name for name in RULES if name in known] == known


def against(runs: tuple[ScoredRun, ScoredRun]) -> Baseline:
    return Baseline(scored=runs[1], judged=runs[0])


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_an_option_with_its_help(name: str) -> None:
    rule = RULES[name]
    assert rule.name == name
    assert re.fullmatch(r"[A-Z].*\.", rule.help)
    gate = typer.main.get_group(app).commands["gate"]
    (option,) = [p for p in gate.params if p.name == rule.parameter]
    assert option.opts == [f"--{name}"]
    assert getattr(option, "help", "") == typed(rule.help)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_a_key_of_the_table(tmp_path: Path, name: str) -> None:
    baseline = 'baseline = "main"\n' if RULES[name].compares else ""
    (tmp_path / "gate.toml").write_text(f"[gate]\n{baseline}{name} = {{limit = 1, level = 'warn'}}\n")
    assert read_config(tmp_path / "gate.toml").limits == {name: Limit(1, Level.WARN)}


@pytest.mark.parametrize("name", RULES)
def test_a_finding_is_that_of_the_rule_in_one_sentence(name: str, runs: tuple[ScoredRun, ScoredRun]) -> None:
    rule = RULES[name]
    finding = judged(rule, EASY[rule.unit], runs, Level.WARN)
    assert (finding.rule, finding.unit, finding.level) == (name, rule.unit, Level.WARN)
    assert (finding.outcome, finding.limit) == (Outcome.PASSED, EASY[rule.unit])
    assert finding.value is not None
    assert (finding.low is None) == (finding.high is None)
    assert finding.classes == ()
    assert re.fullmatch(r"[^\n]+\.", finding.message)


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_limit_that_is_easier_never_makes_a_finding_worse(
    name: str, data: st.DataObject, runs: tuple[ScoredRun, ScoredRun]
) -> None:
    """Failed, then inconclusive, then passed: more is easier for `max-…`, less for `min-…`."""
    rule, order = RULES[name], [Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED]
    limits = sorted(data.draw(st.tuples(*[st.integers(0, 1500) if rule.unit is Unit.ROWS else st.floats(0, 1)] * 2)))
    outcomes = [order.index(judged(rule, limit, runs).outcome) for limit in limits]
    assert outcomes == sorted(outcomes, reverse=name.startswith("min"))


DROPPED_IN = '''
"""The number of classes."""

from noisecleaner.gate.rules import Case
from noisecleaner.gate.verdicts import Finding, Outcome

HELP = "Fewest classes with rows."
UNIT = "rows"
PLACE = 45


def judge(case: Case) -> Finding:
    count = sum(rows.scored > 0 for rows in case.run.counts.classes.values())
    outcome = Outcome.PASSED if count >= case.limit.value else Outcome.FAILED
    return case.finding(outcome, f"{count:,} classes have rows.", value=count)
'''


def test_a_file_that_is_dropped_in_is_a_rule(tmp_path: Path) -> None:
    copy = with_file(tmp_path, "gate/rules/min_classes.py", DROPPED_IN)
    make_run(tmp_path / "run")
    assert "--min-classes" in copy.command("gate", "--help")
    (tmp_path / "noisecleaner.toml").write_text("[gate]\nmin-classes = 3\nmin-audited = 1\nmax-flagged = 0.5\n")
    failed = copy.outcome("gate", "run", "--format", "json")
    assert failed.code == 1, failed.err
    findings = {finding["rule"]: finding for finding in json.loads(failed.out)["findings"]}
    assert list(findings) == ["max-flagged", "min-classes", "min-audited"]
    assert (findings["min-classes"]["value"], findings["min-classes"]["message"]) == (2, "2 classes have rows.")
    passed = copy.outcome("gate", "run", "--min-classes", 2)
    assert passed.code == 0, passed.err
    assert "2 classes have rows." in passed.out
    assert "--min-classes must be a whole number of rows" in copy.outcome("gate", "run", "--min-classes", "-1").err
