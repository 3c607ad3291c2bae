"""`gate`: rules, intervals, exit codes and formats, through the real command line where that is what counts."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.datasets import SAMPLE, Command
from support.scored import make_run, sampled

from noisecleaner.api import (
    Effect,
    Finding,
    Level,
    Limit,
    NoisecleanerError,
    OnInconclusive,
    Outcome,
    Rule,
    Rules,
    Verdict,
    gate,
    gather_rules,
    render,
)
from noisecleaner.commands import console
from noisecleaner.files import write_json
from noisecleaner.gate.formats import github, markdown
from noisecleaner.gate.rules import read_config
from noisecleaner.noise.intervals import difference
from noisecleaner.registry import names_in

FORMATS = ["console", *names_in("gate.formats")]
# 30 of 300 audited labels are wrong: 10 %, 7.1 to 13.9
RULES = {0: ["--max-noise", "0.14"], 1: ["--max-noise", "0.07"], 2: [], 3: ["--max-noise", "0.1"]}
VECTORS = ["--embedding-column", "embedding"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scored run, and a working directory without noisecleaner.toml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return make_run(tmp_path / "run")


def found(command: Command, *words: object) -> dict[str, object]:
    """The only finding of a gate."""
    outcome = command("gate", *words, "--format", "json")
    content = json.loads(outcome.out)
    assert content["exit_code"] == outcome.code
    (finding,) = content["findings"]
    return dict(finding)


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


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("code", [0, 1, 3])
def test_an_output_file_holds_what_stdout_would(command: Command, run: Path, format: str, code: int) -> None:
    words = ["gate", run, *RULES[code], "--format", format]
    printed = command(*words).out
    outcome = command(*words, "--output", "result")
    assert outcome.code == code
    assert Path("result").read_text("utf-8") == printed
    assert outcome.out.startswith(f"Gate {'passed' if code == 0 else 'failed' if code == 1 else 'inconclusive'}")
    assert outcome.out.count("\n") == 1
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("output", ["nowhere/result", ".", "/dev/null"])
def test_an_output_that_cannot_be_a_file_is_refused(command: Command, run: Path, output: str) -> None:
    outcome = command("gate", run, *RULES[0], "--output", output)
    assert outcome.code == 2
    assert "--output" in outcome.err
    assert Path("/dev/null").is_char_device()


def test_a_share_is_judged_by_its_interval(command: Command, run: Path) -> None:
    rate = sampled(30, 300)
    assert rate.low is not None
    assert rate.high is not None
    at = found(command, run, "--max-noise", rate.high)
    assert (at["outcome"], at["value"], at["low"], at["high"]) == ("passed", 0.1, rate.low, rate.high)
    assert found(command, run, "--max-noise", rate.low)["outcome"] == "inconclusive"
    assert found(command, run, "--max-noise", math.nextafter(rate.high, 0))["outcome"] == "inconclusive"
    assert found(command, run, "--max-noise", math.nextafter(rate.low, 0))["outcome"] == "failed"


def test_an_inconclusive_rule_says_how_many_more_rows_to_verify(command: Command, run: Path) -> None:
    message = str(found(command, run, "--max-noise", "0.12")["message"])
    (more, there) = re.findall(r"it would take about ([\d,]+) more verified rows, and there are ([\d,]+)", message)[0]
    z = 1.959964
    assert int(there.replace(",", "")) < int(more.replace(",", ""))
    assert 300 + int(more.replace(",", "")) == math.ceil(z**2 * 0.12 * 0.88 / 0.02**2)
    assert "the rate is the limit" in str(found(command, run, "--max-noise", "0.1")["message"])
    message = str(found(command, run, "--max-noise", "0.135")["message"])
    (few,) = re.findall(r"verify about ([\d,]+) more rows, drawn at random", message)
    assert 300 + int(few) == math.ceil(z**2 * 0.135 * 0.865 / 0.035**2)


def test_without_an_interval_noise_is_inconclusive(command: Command, tmp_path: Path, run: Path) -> None:
    unknown = make_run(tmp_path / "unknown", audited={})
    finding = found(command, unknown, "--max-noise", "0.05")
    assert (finding["outcome"], finding["value"], finding["low"]) == ("inconclusive", None, None)
    assert "verify at least 73 rows, drawn at random (so few do only if none of them is wrong)" in finding["message"]
    assert "no number of audited rows" in str(found(command, unknown, "--max-noise", "0")["message"])
    modelled = make_run(tmp_path / "modelled", interval=False)
    finding = found(command, modelled, "--max-noise", "0.05")
    assert (finding["outcome"], finding["value"], finding["low"]) == ("inconclusive", 0.1, None)
    assert "more rows, drawn at random" in str(finding["message"])


def test_noise_per_class_tells_the_worst_classes(command: Command, run: Path, tmp_path: Path) -> None:
    finding = found(command, run, "--max-noise-per-class", "0.1")
    assert (finding["outcome"], finding["classes"]) == ("failed", ["dog"])
    assert finding["value"] == pytest.approx(25 / 150)
    assert "1 of 2 classes have more: 'dog' 16.67 %" in finding["message"]
    assert found(command, run, "--max-noise-per-class", "0.3")["outcome"] == "passed"
    unclear = found(command, run, "--max-noise-per-class", "0.15")
    assert unclear["classes"] == ["dog"]
    assert re.search(r"'dog' .*, verify about [\d,]+ more", str(unclear["message"]))


def test_a_class_without_audited_rows_is_inconclusive_and_one_without_rows_is_not(
    command: Command, tmp_path: Path, run: Path
) -> None:
    rows = {"cat": (100, 0), "dog": (50, 0), "emu": (0, 0)}
    part = make_run(tmp_path / "part", rows=rows, audited={"cat": (0, 100)})
    finding = found(command, part, "--max-noise-per-class", "0.1")
    assert (finding["outcome"], finding["classes"], finding["value"]) == ("inconclusive", ["dog"], None)
    assert "'dog' unknown (0 audited rows), verify at least 35 more" in finding["message"]


def test_many_classes_make_one_short_finding(command: Command, tmp_path: Path, run: Path) -> None:
    rows = {f"class {n} {'x' * 500}": (1, 0) for n in range(300)}
    many = make_run(tmp_path / "many", rows=rows, audited={})
    for rule, limit in (("--max-noise-per-class", 0.1), ("--min-kept-per-class", 5)):
        finding = found(command, many, rule, limit)
        assert len(finding["classes"]) == 20
        assert "and 295 more" in finding["message"]
        assert len(str(finding["message"])) < 1500


def test_flags_and_kept_rows_are_counted_exactly(command: Command, run: Path, tmp_path: Path) -> None:
    finding = found(command, run, "--max-flagged", "0.15")
    assert (finding["outcome"], finding["value"], finding["low"], finding["high"]) == ("passed", 0.15, None, None)
    finding = found(command, run, "--max-flagged", "0.149")
    assert finding["outcome"] == "failed"
    assert "150 of 1,000 scored rows are flagged (15 %)" in finding["message"]
    assert found(command, run, "--min-kept-per-class", "400")["outcome"] == "passed"
    finding = found(command, run, "--min-kept-per-class", "401")
    assert (finding["outcome"], finding["value"], finding["classes"]) == ("failed", 400, ["dog"])
    gone = make_run(tmp_path / "gone", rows={"cat": (5, 5), "dog": (0, 3), "emu": (0, 0)}, audited={})
    finding = found(command, gone, "--min-kept-per-class", "1")
    assert (finding["value"], finding["classes"]) == (0, ["dog", "emu"])
    assert found(command, run, "--min-audited", "300")["outcome"] == "passed"
    assert "verify 1 more" in found(command, run, "--min-audited", "301")["message"]


def test_an_increase_is_judged_against_the_baseline(command: Command, run: Path, tmp_path: Path) -> None:
    better = make_run(tmp_path / "better", audited={"cat": (3, 300)}, rows={"cat": (400, 0)})
    words = [run, "--baseline", better, "--max-noise-increase"]
    new, old = sampled(30, 300).interval, sampled(3, 300).interval
    assert new is not None
    assert old is not None
    change = difference(new=new, old=old)
    assert found(command, *words, "0.04")["outcome"] == "failed"
    finding = found(command, *words, "0.2")
    assert finding["outcome"] == "passed"
    assert (finding["low"], finding["high"]) == pytest.approx((change.low, change.high))
    finding = found(command, *words, "0.1")
    assert finding["outcome"] == "inconclusive"
    assert re.search(r"verify about [\d,]+ more rows of this run", str(finding["message"]))
    none = make_run(tmp_path / "none", audited={})
    finding = found(command, run, "--baseline", none, "--max-noise-increase", "0.01")
    assert (finding["outcome"], finding["value"]) == ("inconclusive", None)
    assert re.search(r"of this run and about [\d,]+ more of the baseline", str(finding["message"]))


def test_a_rule_may_only_warn(command: Command, run: Path) -> None:
    outcome = command("gate", run, "--max-noise", "0.01", "--warn", "max-noise")
    assert outcome.code == 0
    assert "with a warning" in outcome.out
    assert command("gate", run, "--max-noise", "0.1", "--warn", "max-noise").code == 0
    assert command("gate", run, "--max-noise", "0.1", "--warn", "max-noise", "--on-inconclusive", "fail").code == 0
    words = ["gate", run, "--max-noise", "0.01", "--max-flagged", "0.01", "--warn", "max-noise"]
    assert command(*words).code == 1
    assert command(*words, "--warn", "max-flagged").code == 0
    for wrong in ("max-nonsense", "min-audited"):
        assert command(*words, "--warn", wrong).code == 2


@pytest.mark.parametrize(("choice", "code"), [("fail", 1), ("warn", 0), ("pass", 0), ("perhaps", 2)])
def test_what_an_inconclusive_rule_counts_as_is_an_option(command: Command, run: Path, choice: str, code: int) -> None:
    assert command("gate", run, "--max-noise", "0.1", "--on-inconclusive", choice).code == code


def test_failed_beats_inconclusive_beats_passed(command: Command, run: Path) -> None:
    inconclusive = ["gate", run, "--max-noise", "0.1", "--max-flagged", "0.5"]
    assert command(*inconclusive).code == 3
    assert command(*inconclusive, "--min-audited", "1000").code == 1


TOML = """
[gate]
on-inconclusive = "fail"
max-noise = 0.1
max-flagged = {limit = 0.01, level = "warn"}
min-audited = {limit = 10}
"""


def test_rules_stand_in_a_file_and_options_override_them(command: Command, run: Path) -> None:
    Path("noisecleaner.toml").write_text(TOML)
    assert command("gate", run).code == 1  # inconclusive counts as failed
    assert command("gate", run, "--on-inconclusive", "warn").code == 0
    assert command("gate", run, "--max-noise", "0.2").code == 0
    assert command("gate", run, "--max-noise", "0.2", "--max-flagged", "0.01").code == 1  # no longer a warning
    Path("noisecleaner.toml").rename("other.toml")
    assert command("gate", run).code == 2
    assert command("gate", run, "--config", "other.toml").code == 1


def test_a_baseline_in_a_file_is_relative_to_it(command: Command, run: Path, tmp_path: Path) -> None:
    make_run(tmp_path / "ci" / "main", audited={"cat": (28, 300)}, rows={"cat": (400, 0)})
    (tmp_path / "ci" / "gate.toml").write_text('[gate]\nmax-noise-increase = 0.2\nbaseline = "main"\n')
    assert command("gate", run, "--config", "ci/gate.toml").code == 0
    assert command("gate", run, "--config", "ci/gate.toml", "--baseline", run).code == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[gate", "must be a TOML file"),
        ("[gate]\nmax-noise = 0.1\nmax-noise = 0.2", "must be a TOML file"),
        ("x = " + "[" * 5000, "must be a TOML file"),
        ("", "needs a table [gate]"),
        ("gate = 3", "needs a table [gate]"),
        ("[gate]", "at least one rule"),
        ("[gates]\nmax-noise = 0.1", "'gates'"),
        ("[gate]\nmax-nois = 0.1", "'max-nois'"),
        ("[gate]\nmax-noise = '0.1'", "a share in [0, 1]"),
        ("[gate]\nmax-noise = true", "a share in [0, 1]"),
        ("[gate]\nmax-noise = nan", "a share in [0, 1]"),
        ("[gate]\nmax-noise = inf", "a share in [0, 1]"),
        ("[gate]\nmax-noise = -0.1", "a share in [0, 1]"),
        ("[gate]\nmax-noise = 5", "a share in [0, 1]"),
        ("[gate]\nmax-noise = [0.1]", "a share in [0, 1]"),
        ("[gate]\nmin-audited = 10.5", "a whole number of rows"),
        ("[gate]\nmin-audited = -1", "a whole number of rows"),
        ("[gate]\nmin-audited = true", "a whole number of rows"),
        ("[gate]\nmax-noise = {level = 'warn'}", "needs a limit"),
        ("[gate]\nmax-noise = {limit = 0.1, levl = 'warn'}", "'levl'"),
        ("[gate]\nmax-noise = {limit = 0.1, level = 'fatal'}", "Choose one of: error, warn"),
        ("[gate]\nmax-noise = {limit = 0.1, level = [1]}", "Choose one of: error, warn"),
        ("[gate]\nmax-noise = 0.1\non-inconclusive = 'maybe'", "Choose one of: fail, warn, pass"),
        ("[gate]\nmax-noise = 0.1\nbaseline = 3", "the path of a run"),
        ('[gate]\nmax-noise-increase = 0.1\nbaseline = "a\\u0000b"', "the path of a run"),
        ('[gate]\nmax-noise-increase = 0.1\nbaseline = "a::b"', "does not exist"),
        ("[gate]\nmax-noise = 0.1\nbaseline = 'x'", "would do nothing"),
        ("[gate]\nmax-noise-increase = 0.1", "--baseline RUN"),
    ],
)
def test_a_wrong_file_is_told_in_one_paragraph(command: Command, run: Path, text: str, told: str) -> None:
    Path("rules.toml").write_text(text)
    outcome = command("gate", run, "--config", "rules.toml")
    assert outcome.code == 2
    assert outcome.out == ""
    assert told in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("config", ["missing.toml", ".", "latin.toml"])
def test_a_file_that_cannot_be_read_is_told(command: Command, run: Path, config: str) -> None:
    Path("latin.toml").write_bytes(b"# caf\xe9\n[gate]\nmax-noise = 0.1\n")
    outcome = command("gate", run, "--max-noise", "0.2", "--config", config)
    assert outcome.code == 2
    assert "must be a TOML file" in outcome.err


@pytest.mark.parametrize(
    "words",
    [
        ["--max-noise", "nan"],
        ["--max-noise", "-0.1"],
        ["--max-noise", "1.5"],
        ["--max-noise", "half"],
        ["--min-audited", "-1"],
        ["--min-kept-per-class", "2.5"],
        ["--max-noise-increase", "0.1"],
        ["--max-noise-increase", "0.1", "--baseline", "nowhere"],
        ["--max-noise-increase", "0.1", "--baseline", "run"],
        ["--max-noise", "0.1", "--baseline", "nowhere"],
        ["--max-noise", "0.1", "--format", "yaml"],
        ["--max-noise", "0.1", "--trusted", "t.parquet"],
        ["--max-noise", "0.1", "--threshold", "0"],
        ["--max-noise", "0.1", "--label-column", "y"],
        ["--max-noise", "0.1", "--data", "nowhere.parquet"],
    ],
)
def test_wrong_options_exit_with_2(command: Command, run: Path, words: list[str]) -> None:
    outcome = command("gate", "run", *words)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err


def test_a_run_without_usable_scores_cannot_pass(command: Command, run: Path, tmp_path: Path) -> None:
    words = ["--min-audited", "0"]
    assert command("gate", run, *words).code == 0
    (tmp_path / "empty").mkdir()
    assert "noisecleaner score empty" in command("gate", "empty", *words).err
    assert command("gate", "empty", *words).code == command("gate", "nowhere", *words).code == 2
    none = make_run(tmp_path / "none", rows={"cat": (0, 0)}, audited={})
    outcome = command("gate", none, *words)
    assert outcome.code == 2
    assert "scored rows" in outcome.err


def damage(run: Path, **changes: object) -> None:
    content = json.loads((run / "noise.json").read_text())
    write_json(run / "noise.json", {**content, **changes})


RATE = {"rate": 0.1, "low": 0.07, "high": 0.14, "audited": 300, "errors": 30, "method": "wilson"}


@pytest.mark.parametrize(
    "overall",
    [
        {},
        None,
        {**RATE, "rate": 1.5},
        {**RATE, "rate": True},
        {**RATE, "low": "0"},
        {**RATE, "low": None},
        {**RATE, "low": 0.2},
        {**RATE, "audited": -1},
        {**RATE, "audited": 1.5},
        {**RATE, "audited": 301},  # more than are verified: of another scores.parquet
    ],
)
def test_damaged_noise_is_refused(command: Command, run: Path, overall: object) -> None:
    damage(run, overall=RATE)
    assert command("gate", run, "--max-noise", "0.5").code == 0
    damage(run, overall=overall)
    outcome = command("gate", run, "--max-noise", "0.5")
    assert outcome.code == 2
    assert "noise.json is required, but it cannot be used" in outcome.err
    assert "noisecleaner score" in outcome.err


def test_missing_foreign_and_broken_files_are_refused(command: Command, run: Path) -> None:
    words = ["gate", run, "--max-noise", "0.5"]
    damage(run, per_given_class={"cat": RATE, "emu": RATE})
    assert "does not belong" in command(*words).err
    for content in ("[]", "{", "\xff", '{"overall": NaN}', "[" * 100_000):
        (run / "noise.json").write_text(content, "latin-1")
        assert command(*words).code == 2
    (run / "noise.json").unlink()
    assert command(*words).code == 2
    make_run(run)
    assert command(*words).code == 0
    whole = (run / "scores.parquet").read_bytes()
    for broken in (whole[:-20], b"", whole.replace(b"given_label", b"taken_label")):
        (run / "scores.parquet").write_bytes(broken)
        outcome = command(*words)
        assert outcome.code == 2
        assert "scores.parquet is required" in outcome.err


def test_the_json_is_one_object(command: Command, run: Path) -> None:
    outcome = command("gate", run, "--max-noise", "0.14", "--max-flagged", "0.1", "--format", "json")
    content = json.loads(outcome.out, parse_constant=pytest.fail)
    assert list(content) == ["outcome", "exit_code", "run", "findings"]
    assert (content["outcome"], content["exit_code"], content["run"]) == ("failed", 1, str(run))
    names = ["rule", "level", "outcome", "limit", "value", "low", "high", "message", "classes"]
    assert [list(finding) for finding in content["findings"]] == [names, names]
    assert [finding["rule"] for finding in content["findings"]] == ["max-noise", "max-flagged"]


#: Of junit-10.xsd, the schema of Jenkins' xUnit plugin (made from Surefire's): needed and further attributes, children.
XSD: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}


def check_junit(text: str) -> ElementTree.Element:
    """Parse JUnit XML and check it against the schema's facts and its own counts."""
    root = ElementTree.fromstring(text.encode())  # noqa: S314  # our own
    assert root.tag == "testsuites"
    for element in root.iter():
        needed, further, children = XSD[element.tag]
        assert needed <= set(element.attrib) <= needed | further, element.tag
        assert {child.tag for child in element} <= children
        assert "testcase" in children or "testsuite" in children or "property" in children or len(element) < 2
    (suite,) = root
    cases = suite.findall("testcase")
    assert (
        len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases) == int(suite.get("tests", ""))
    )
    assert len(suite.findall("testcase/failure")) == int(suite.get("failures", ""))
    assert len(suite.findall("testcase/skipped")) == int(suite.get("skipped", ""))
    return root


def test_junit_has_a_case_for_each_rule(command: Command, run: Path) -> None:
    rules = ["--max-noise", "0.1", "--max-flagged", "0.1", "--min-audited", "1000", "--min-kept-per-class", "1"]
    words = ["gate", run, *rules, "--warn", "min-audited", "--format", "junit"]
    root = check_junit(command(*words).out)
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert {case.get("classname") for case in cases.values()} == {"noisecleaner.gate"}
    kinds = {name: failure.get("type") for name, case in cases.items() if (failure := case.find("failure")) is not None}
    assert kinds == {"max-noise": "inconclusive", "max-flagged": "failed"}
    assert cases["min-audited"].findtext("system-out", "").startswith("Warning: 300 rows are audited")
    assert len(cases["min-kept-per-class"]) == 0
    root = check_junit(command(*words, "--on-inconclusive", "warn").out)
    assert [case.get("name") for case in root.iter("testcase") if case.find("skipped") is not None] == ["max-noise"]


def test_github_gets_annotations_and_a_summary(command: Command, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    rules = ["--max-noise", "0.1", "--max-flagged", "0.1", "--min-audited", "1000", "--min-kept-per-class", "1"]
    words = ["gate", run, *rules, "--warn", "min-audited"]
    lines = command(*words, "--format", "github").out.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::warning", "::notice"]
    assert lines[0].startswith("::error title=noisecleaner gate%3A max-noise inconclusive::10 %25 (7.095 to 13.92; ")
    assert command(*words, "--format", "github").code == 1
    headline = (
        "### noisecleaner: Gate failed (exit code 1): 1 of 4 rules passed, 1 failed, 1 inconclusive, 1 with a warning"
    )
    assert Path("summary.md").read_text().count(headline) == 2
    assert command(*words, "--format", "json").code == 1
    assert Path("summary.md").read_text().count(headline) == 2
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(run))  # a directory: the verdict stands
    outcome = command(*words, "--format", "github")
    assert outcome.code == 1
    assert "cannot be written" in outcome.err


def verdict(messages: list[str], run: str = "run", outcome: Outcome = Outcome.FAILED) -> Verdict:
    """A verdict with a finding for each message, more than there are rules."""
    rules = [list(Rule)[number % len(Rule)] for number in range(len(messages))]
    findings = [
        Finding(rule, Level.ERROR, outcome, 0.1, 0.2, 0.15, None, message, (message,))
        for rule, message in zip(rules, messages, strict=True)
    ]
    return Verdict(run, tuple(findings))


@pytest.mark.parametrize("text", ["%" * 100_000, "\N{PILE OF POO}" * 100_000])
def test_github_gets_at_most_ten_of_a_kind_and_900_kilobytes(text: str) -> None:
    assert render("github", verdict(["x"] * 10)).count("::error ") == 10
    text_of_30 = render("github", verdict([text] * 30))
    assert text_of_30.count("\n") == text_of_30.count("::error ") == 10
    assert text_of_30.splitlines()[-1] == "::error title=noisecleaner gate::and 21 more"
    passed = verdict([text] * 30, outcome=Outcome.PASSED)
    assert 3 * max(len(render("github", v).encode()) for v in (passed, verdict([text] * 30))) < 900_000


def test_markdown_stays_below_900_kilobytes(tmp_path: Path) -> None:
    text = render("markdown", verdict(["<|é" * 9000] * 2000))
    assert 800_000 < len(text.encode()) < 900_000
    assert re.search(r"\n\n1,9\d\d more rules do not fit here; `--format json` has them all\.\n$", text)
    summary = tmp_path / "summary.md"
    for _ in range(5):
        github.append_summary(verdict(["<|é" * 9000] * 30), summary)
    assert 700_000 < summary.stat().st_size <= markdown.MOST_BYTES


HOSTILE = [
    "a\n::error::b",
    "::stop-commands::x",
    "]]>",
    "<b>&amp;",
    "a|b`c`",
    "\x00\x1b[31m\ufffe",
    "\\|",
    "%0A",
    "~~x~~",
]
HOSTILE += ["\u202e", "![a](b)", "@all #1 \x85"]
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(HOSTILE)


@given(st.lists(ANY_TEXT, min_size=1, max_size=6), ANY_TEXT, st.sampled_from(Outcome))
def test_hostile_texts_break_no_format(messages: list[str], run: str, outcome: Outcome) -> None:
    judged = verdict(messages, run, outcome)
    plain = [console.printable(message) for message in messages]
    content = json.loads(render("json", judged))
    assert [f["message"] for f in content["findings"]] == [m.encode(errors="replace").decode() for m in messages]
    assert render("json", judged).isascii()
    check_junit(render("junit", judged))
    for line, message in zip(render("github", judged)[:-1].split("\n"), plain, strict=True):
        matched = re.fullmatch(r"::(error|notice) title=[^:,\r\n]+::([^\r\n]*)", line)
        assert matched
        assert matched[2].replace("%25", "%") == message
    check_markdown(render("markdown", judged), plain)
    shown = console.verdict_text(judged)
    assert shown.count("\n") == len(messages) + 1
    assert console.printable(shown.replace("\n", "")) == shown.replace("\n", "")


def check_markdown(text: str, messages: list[str]) -> None:
    """Read the Markdown as GitHub would: a heading, a paragraph, a table; the last cells are the messages."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    assert [t.type for t in tokens if t.level == 0 and t.nesting >= 0] == [
        "heading_open",
        "paragraph_open",
        "table_open",
    ]
    inline = [token for token in tokens if token.type == "inline"]
    cells = inline[2 + 7 :]
    assert len(cells) == 7 * len(messages)
    for cell, message in zip(cells[6::7], messages, strict=True):
        assert {child.type for child in cell.children or []} <= {"text", "text_special"}
        assert "".join(child.content for child in cell.children or []).strip() == message.strip()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4, unique=True))
def test_hostile_class_names_break_no_format(names: list[str]) -> None:
    rules = Rules({Rule.MAX_NOISE_PER_CLASS: Limit(0.1), Rule.MIN_KEPT_PER_CLASS: Limit(5)})
    with tempfile.TemporaryDirectory() as folder:
        judged = gate(make_run(Path(folder), rows=dict.fromkeys(names, (1, 1)), audited={}), rules)
    assert [finding.classes for finding in judged.findings] == [tuple(names)] * 2
    assert [judged.effect(finding) for finding in judged.findings] == [Effect.UNDECIDED, Effect.FAILS]
    check_junit(render("junit", judged))
    check_markdown(render("markdown", judged), [console.printable(f.message) for f in judged.findings])
    assert render("github", judged).count("\n") == 2
    assert [tuple(f["classes"]) for f in json.loads(render("json", judged))["findings"]] == [tuple(names)] * 2


def test_python_gets_the_same_verdict(run: Path) -> None:
    judged = gate(run, gather_rules({Rule.MAX_NOISE: 0.1}, on_inconclusive="fail"))
    assert (judged.outcome, judged.exit_code) == (Outcome.FAILED, 1)
    assert gate(run, Rules({Rule.MAX_NOISE: Limit(0.1)})).exit_code == 3
    assert gate(run, Rules({Rule.MAX_NOISE: Limit(0.1)}, OnInconclusive.PASS)).exit_code == 0
    with pytest.raises(NoisecleanerError, match="at least one rule"):
        Rules({})


def test_a_gate_imports_no_torch(run: Path) -> None:
    script = (
        "import sys\nfrom noisecleaner.cli import main\n"
        f"try:\n    main(['gate', {str(run)!r}, '--max-noise', '0.2', '--format', 'junit'])\n"
        "except SystemExit as stop:\n    sys.exit(stop.code or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_fitted_run_and_new_rows_are_judged(
    command: Command, fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = shutil.copytree(fitted / "run", tmp_path / "copy", ignore=shutil.ignore_patterns("scores.parquet", "new"))
    rules = ["--max-noise", "0.5", "--max-noise-per-class", "0.6", "--max-flagged", "0.6", "--min-audited", "150"]
    assert command("gate", run, *rules).code == 2
    assert command("score", run).code == 0
    outcome = command("gate", run, *rules)
    assert outcome.code == 0, outcome.out
    assert command("gate", run, "--max-noise", "0.1").code == 1
    new = ["--data", fitted / "data.parquet", "--trusted", fitted / "trusted.parquet", *VECTORS]
    outcome = command("gate", run, *rules, *new, "--max-noise-increase", "0.2", "--baseline", run)
    assert outcome.code == 0, outcome.out + outcome.err
    (scored,) = (run / "new").iterdir()
    assert str(scored) in outcome.out
    assert (scored / "scores.parquet").exists()
    outcome = command("gate", run, "--max-noise", "0.1", *new, "--out", "elsewhere", "--format", "json")
    assert outcome.code == json.loads(outcome.out)["exit_code"] == 1  # talk about scoring goes to stderr
    assert outcome.err
    assert Path("elsewhere/noise.json").exists()
    assert command("gate", run, "--max-noise", "0.3", "--data", fitted / "data.parquet", *VECTORS).code == 3
    nearly_all = command("gate", run, "--max-flagged", "0.9", *new, "--threshold", "1")
    assert nearly_all.code == 1


def test_the_readmes_rules_are_right(tmp_path: Path) -> None:
    (toml,) = re.findall(r"```toml\n(.*?)```", (SAMPLE.parent / "README.md").read_text("utf-8"), flags=re.DOTALL)
    (tmp_path / "noisecleaner.toml").write_text(toml)
    assert len(read_config(tmp_path / "noisecleaner.toml").limits) >= 3
