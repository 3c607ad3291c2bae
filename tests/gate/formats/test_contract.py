"""Every format tells the verdict, whatever the texts in it; one more is one more file."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.datasets import Command
from support.gates import (
    ANY_COUNTS,
    ANY_NOTICE,
    ANY_TEXT,
    check_gitlab,
    check_junit,
    check_markdown,
    check_sarif,
    verdict,
)
from support.packages import with_file
from support.scored import make_run

from noisecleaner.api import Effect, GateConfig, Limit, Outcome, gate, render
from noisecleaner.commands import console
from noisecleaner.notices import Notice, Severity, doubts
from noisecleaner.registry import names_in
from noisecleaner.runs.row_counts import RowCounts

FORMATS = ["console", *names_in("gate.formats")]
# 30 of 300 audited labels are wrong: 10 %, 7.1 to 13.9
RULES = {0: ["--max-noise", "0.14"], 1: ["--max-noise", "0.07"], 2: [], 3: ["--max-noise", "0.1"]}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("code", RULES)
def test_every_format_has_every_exit_code(command: Command, run: Path, format: str, code: int) -> None:
    outcome = command("gate", run, *RULES[code], "--format", format)
    assert outcome.code == code
    if code == 2:
        assert outcome.out == ""
        assert "at least one rule" in outcome.err
        return
    assert outcome.err == ""
    assert "max-noise" in outcome.out
    word = {0: "passed", 1: "failed", 3: "inconclusive"}[code]
    assert word in outcome.out


def untimed(text: str) -> str:
    """A report but for how long the rules took: JUnit tells that."""
    return re.sub(r' time="\d+\.\d{3}"', "", text)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("code", [0, 1, 3])
def test_an_output_file_holds_what_stdout_would(command: Command, run: Path, format: str, code: int) -> None:
    words = ["gate", run, *RULES[code], "--format", format]
    printed = untimed(command(*words).out)
    outcome = command(*words, "--output", "result")
    assert outcome.code == code
    assert untimed(Path("result").read_text("utf-8")) == printed
    assert outcome.out.startswith(f"Gate {'passed' if code == 0 else 'failed' if code == 1 else 'inconclusive'}")
    assert outcome.out.count("\n") == 1
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


SKIPPED = [(None, "missing_file")] * 140
NOTICES = (
    Notice(code="few-verified", message="Only 12 rows are verified: pass more with `trusted=FILE`."),
    Notice(code="not-random", message="The 12 rows were picked.", severity=Severity.VOID),
    Notice(code="how-it-was-read", message="4 classes.", severity=Severity.NOTE),
)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_says_how_many_rows_were_scored_and_why_not_all(
    command: Command, tmp_path: Path, run: Path, format: str
) -> None:
    part = make_run(tmp_path / "part", rows={"cat": (60, 0)}, audited={}, skipped=SKIPPED)
    whole = make_run(tmp_path / "whole", rows={"cat": (200, 0)}, audited={}, skipped=())
    words = ["--max-flagged", "0.5", "--format", format]
    assert "scored 60 of 200 rows (140 missing_file)" in command("gate", part, *words).out
    assert re.search(r"scored 200 of 200 rows(?! \()", command("gate", whole, *words).out)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_carries_the_warnings_in_the_words_of_the_command_line(
    command: Command, tmp_path: Path, run: Path, format: str
) -> None:
    warned = make_run(tmp_path / "warned", notices=NOTICES, images=tmp_path / "images")
    outcome = command("gate", warned, "--max-flagged", "0.5", "--format", format)
    assert outcome.code == 0
    assert "few-verified" in outcome.out
    assert "Only 12 rows are verified: pass more with --trusted FILE." in outcome.out
    assert "The 12 rows were picked." in outcome.out
    assert ("4 classes." in outcome.out) == (format == "json")


@pytest.mark.parametrize("format", names_in("gate.formats"))
@settings(deadline=None)
@given(
    texts=st.lists(ANY_TEXT, max_size=6),
    run=ANY_TEXT,
    outcome=st.sampled_from(Outcome),
    counts=ANY_COUNTS,
    notices=st.lists(ANY_NOTICE, max_size=3),
)
def test_a_format_is_lines_of_printable_text(
    format: str, texts: list[str], run: str, outcome: Outcome, counts: RowCounts, notices: list[Notice]
) -> None:
    """No text of a user can control a terminal or a log, and the same verdict is the same text."""
    judged = verdict(texts, run, outcome, counts=counts, notices=notices)
    text = render(format, judged)
    assert text == render(format, judged)
    assert text == "" or text.endswith("\n")
    assert not [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")]
    for finding in judged.findings[:5]:
        assert finding.rule in text
    assert f"scored {counts.scored:,} of {counts.rows:,} rows" in text


@settings(deadline=None)
@given(
    messages=st.lists(ANY_TEXT, min_size=1, max_size=6),
    run=ANY_TEXT,
    outcome=st.sampled_from([Outcome.FAILED, Outcome.PASSED]),
    counts=ANY_COUNTS,
    notices=st.lists(ANY_NOTICE, max_size=3),
)
def test_hostile_texts_break_no_format(
    messages: list[str], run: str, outcome: Outcome, counts: RowCounts, notices: list[Notice]
) -> None:
    judged = verdict(messages, run, outcome, counts=counts, notices=notices)
    plain = [console.printable(message) for message in messages]
    warnings = [console.printable(notice.message) for notice in doubts(notices)]
    content = json.loads(render("json", judged))
    assert [f["message"] for f in content["findings"]] == [m.encode(errors="replace").decode() for m in messages]
    assert [n["message"] for n in content["notices"]] == [n.message.encode(errors="replace").decode() for n in notices]
    assert render("json", judged).isascii()
    check_junit(render("junit", judged))
    assert len(check_gitlab(render("gitlab", judged))) == 1 + len(messages) + len(warnings)
    notifications = check_sarif(render("sarif", judged))["invocations"][0]["toolExecutionNotifications"]
    assert len(notifications) == 1 + len(messages) + len(warnings)
    told: dict[str, list[str]] = {"error": [], "warning": [], "notice": []}
    for line in render("github", judged)[:-1].split("\n"):
        matched = re.fullmatch(r"::(error|warning|notice) title=[^:,\r\n]+::([^\r\n]*)", line)
        assert matched
        told[matched[1]].append(matched[2].replace("%25", "%"))
    failed = outcome is Outcome.FAILED
    assert told["error"] == (plain if failed else [])
    assert told["warning"] == warnings
    assert told["notice"] == [counts.coverage, *([] if failed else plain)]
    check_markdown(render("markdown", judged), plain, warnings)
    shown = console.verdict_text(judged)
    assert shown.count("\n") == len(messages) + len(warnings) + 1
    assert console.printable(shown.replace("\n", "")) == shown.replace("\n", "")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4, unique=True))
def test_hostile_class_names_break_no_format(names: list[str]) -> None:
    config = GateConfig({"max-noise-per-class": Limit(0.1), "min-kept-per-class": Limit(5)})
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder), rows=dict.fromkeys(names, (1, 1)), audited={}, images=Path(folder) / "images")
        judged = gate(run, config)
        with contextlib.chdir(folder):
            assert len(check_sarif(render("sarif", judged))["results"]) == len(names)
            rows = [e for e in check_gitlab(render("gitlab", judged)) if e["check_name"] == "noisecleaner/wrong-label"]
            assert {row["location"]["path"].split("/")[0] for row in rows} == {"images"}
        written = json.loads(render("json", judged))
    assert [finding.classes for finding in judged.findings] == [tuple(names)] * 2
    assert [judged.effect(finding) for finding in judged.findings] == [Effect.UNDECIDED, Effect.FAILS]
    check_junit(render("junit", judged))
    check_markdown(render("markdown", judged), [console.printable(f.message) for f in judged.findings])
    assert render("github", judged).count("\n") == 3
    assert [tuple(f["classes"]) for f in written["findings"]] == [tuple(names)] * 2


DROPPED_IN = '''
"""CSV: one line for each rule."""

from noisecleaner.gate.verdicts import Verdict


def render(verdict: Verdict) -> str:
    return "".join(f"{finding.rule},{finding.outcome}\\n" for finding in verdict.findings)
'''


def test_a_file_that_is_dropped_in_is_a_format(tmp_path: Path) -> None:
    copy = with_file(tmp_path, "gate/formats/csv.py", DROPPED_IN)
    make_run(tmp_path / "run")
    assert "csv" in copy.command("gate", "--help")
    outcome = copy.outcome("gate", "run", "--max-noise", "0.14", "--min-audited", "301", "--format", "csv")
    assert outcome.code == 1, outcome.err
    assert outcome.out == "max-noise,passed\nmin-audited,failed\n"
