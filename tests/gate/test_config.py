"""Limits from options and from a TOML file, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.datasets import SAMPLE, Command
from support.scored import make_run

from noisecleaner.gate.config import read_config


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


def test_the_readmes_rules_are_right(tmp_path: Path) -> None:
    (toml,) = re.findall(r"```toml\n(.*?)```", (SAMPLE.parent / "README.md").read_text("utf-8"), flags=re.DOTALL)
    (tmp_path / "noisecleaner.toml").write_text(toml)
    assert len(read_config(tmp_path / "noisecleaner.toml").limits) >= 3
