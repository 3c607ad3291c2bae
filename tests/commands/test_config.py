"""Tables of noisecleaner.toml: what stands there is as if it was typed, and what is typed replaces it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer
from support.asking import Asked
from support.datasets import Command
from support.outcomes import refused

from noisecleaner.cli import app
from noisecleaner.commands._config import PLACES
from noisecleaner.commands.copies import export_clean
from noisecleaner.commands.fit import fit
from noisecleaner.commands.report import report
from noisecleaner.commands.score import score
from noisecleaner.noise.goal import Goal
from noisecleaner.runs.cutoff import Cutoff

COMMANDS = typer.main.get_group(app).commands
FIT = ["fit", "images", "--trusted", "typed.csv", "--out", "run"]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def asked_with(command: Command, monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[dict[str, object], str]:
    """What `api` is called with, and what is said of the file."""
    from noisecleaner import api

    calls: list[dict[str, object]] = []

    def noted(*positional: object, **named: object) -> None:
        calls.append({**named, "positional": positional})
        raise typer.Exit

    for function in ("fit", "score", "score_new", "export_clean"):
        monkeypatch.setattr(api, function, noted, raising=False)
    outcome = command(*words)
    assert outcome.code == 0, outcome.err
    (call,) = calls
    return call, outcome.err


def test_each_command_reads_its_own_table(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("noisecleaner.toml").write_text(
        '[fit]\ntrusted = "verified.csv"\nepochs = 3\nlearning-rate = 0.5\nfrozen = false\npretrained = true\n'
        'option = ["rate=0.5", "steps=2"]\nout = "runs/first"\nseed = 7\nlabel-column = "class"\n'
        "[score]\nthreshold = 0.2\n"
        '[export]\non-flag = "relabel"\nmin-confidence = 0.9\n'
        "[gate]\nmax-noise = 0.1\n"
    )
    call, said = asked_with(command, monkeypatch, "fit", "images")
    config, out = call["positional"]  # type: ignore[misc]
    assert said.startswith("From [fit] in noisecleaner.toml: --trusted=verified.csv --epochs=3 --learning-rate=0.5")
    assert (config.trusted, out, config.seed, config.options) == (
        "verified.csv",
        Path("runs/first"),
        7,
        {"rate": 0.5, "steps": 2},
    )
    assert (config.effort.epochs, config.effort.learning_rate) == (3, 0.5)
    assert (config.model.frozen, config.model.pretrained) == (False, True)
    assert config.source.columns.label == "class"
    call, said = asked_with(command, monkeypatch, "score", "run")
    assert call["cutoff"] == Cutoff(threshold=0.2)
    assert said == "From [score] in noisecleaner.toml: --threshold=0.2\n"
    call, _ = asked_with(command, monkeypatch, "export-clean", "run", "--out", "clean")
    assert call["policy"].min_confidence == 0.9  # type: ignore[attr-defined]


def test_what_is_typed_replaces_what_the_file_says(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("noisecleaner.toml").write_text('[fit]\nepochs = 3\nseed = 7\nfrozen = true\noption = ["rate=0.5"]\n')
    call, said = asked_with(command, monkeypatch, *FIT, "--epochs", "5", "--no-frozen", "--option", "steps=2")
    config = call["positional"][0]  # type: ignore[index]
    assert (config.effort.epochs, config.seed, config.model.frozen, config.options) == (5, 7, False, {"steps": 2})
    assert said == "From [fit] in noisecleaner.toml: --seed=7\n"
    call, said = asked_with(command, monkeypatch, *FIT, "--epochs=5", "--seed=1", "--frozen", "--option=steps=2")
    assert said == ""


@pytest.mark.parametrize(
    ("typed", "cutoff"),
    [
        ([], Cutoff(goal=Goal("noise", 0.1, confidence=0.8))),
        (["--threshold", "0.3"], Cutoff(threshold=0.3)),
        (["--budget", "5"], Cutoff(goal=Goal("budget", 5))),
        (["--threshold", "auto"], Cutoff(threshold="auto")),
        (["--cost", "5:1"], Cutoff(goal=Goal("cost", 5))),
        (["--target-precision", "0.9"], Cutoff(goal=Goal("precision", 0.9, confidence=0.8))),
        (["--target-noise", "0.2"], Cutoff(goal=Goal("noise", 0.2, confidence=0.8))),
    ],
)
def test_another_rule_for_the_threshold_replaces_that_of_the_file(
    command: Command, monkeypatch: pytest.MonkeyPatch, typed: list[str], cutoff: Cutoff
) -> None:
    Path("noisecleaner.toml").write_text("[score]\ntarget-noise = 0.1\nconfidence = 0.8\n")
    call, _ = asked_with(command, monkeypatch, "score", "run", *typed)
    assert call["cutoff"] == cutoff


@pytest.mark.parametrize(
    ("line", "cutoff"),
    [('threshold = "auto"', Cutoff(threshold="auto")), ('cost = "5:1"', Cutoff(goal=Goal("cost", 5)))],
)
def test_a_file_may_let_label_quality_choose(
    command: Command, monkeypatch: pytest.MonkeyPatch, line: str, cutoff: Cutoff
) -> None:
    Path("noisecleaner.toml").write_text(f"[score]\n{line}\n")
    call, _ = asked_with(command, monkeypatch, "score", "run")
    assert call["cutoff"] == cutoff


def test_a_file_that_is_named_is_read_instead(command: Command, monkeypatch: pytest.MonkeyPatch, asked: Asked) -> None:
    Path("noisecleaner.toml").write_text("[score]\nthreshold = 0.2\n")
    Path("other.toml").write_text("[score]\nthreshold = 0.3\n")
    for words in (["--config", "other.toml"], ["--config=other.toml"]):
        call, _ = asked_with(command, monkeypatch, "score", "run", *words)
        assert call["cutoff"] == Cutoff(threshold=0.3)


def test_paths_are_relative_to_the_file(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "nc.toml").write_text(
        '[fit]\ntrusted = "verified.csv"\nout = "runs/first"\nweights = "/w.safetensors"\n'
        'embedding-column = "e.npz"\nlabel-column = "class"\n'
    )
    call, _ = asked_with(command, monkeypatch, "fit", "images", "--config", "ci/nc.toml")
    config, out = call["positional"]  # type: ignore[misc]
    assert (config.trusted, out) == ("ci/verified.csv", Path("ci/runs/first"))
    assert config.model.weights == Path("/w.safetensors")
    assert config.source.columns.embedding == str(tmp_path / "ci" / "e.npz")
    assert config.source.columns.label == "class"
    (tmp_path / "ci" / "nc.toml").write_text('[fit]\ntrusted = "none"\nunlabelled = "s3://bucket/x"\n')
    call, _ = asked_with(command, monkeypatch, "fit", "images", "--out", "run", "--config", "ci/nc.toml")
    config = call["positional"][0]  # type: ignore[index]
    assert (config.trusted, config.regularisation.unlabelled) == ("none", "s3://bucket/x")


def test_every_option_that_takes_a_path_is_known() -> None:
    """A path in a file is one from the file, not from where somebody stands."""
    for function in (fit, score, report, export_clean):
        hints, name = get_type_hints(function), function.__name__.replace("_", "-")
        options = {p.name: p.opts[0].removeprefix("--") for p in COMMANDS[name].params if p.opts[0].startswith("--")}
        paths = {
            options[field] for field, hint in hints.items() if Path in (hint, *get_args(hint)) and field in options
        }
        assert paths >= {"out", "config"}
        assert paths <= PLACES | {"config"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[fit]\nepoch = 3\n", "Did you mean epochs?"),
        ("[fit]\nlearning_rate = 3\n", "Did you mean learning-rate?"),
        ("[fit]\nzzz = 3\n", "it also holds 'zzz'"),
        ("[fits]\nepochs = 3\n", "Did you mean fit?"),
        ("[reports]\nrows = 3\n", "it also holds 'reports'"),
        ("[fit]\nresume = true\n", "it also holds 'resume'"),
        ("[fit]\noverwrite = true\n", "it also holds 'overwrite'"),
        ("[fit]\nconfig = 'x'\n", "it also holds 'config'"),
        ("[fit]\nepochs = true\n", "epochs of [fit] in noisecleaner.toml must be a text or a number, but it is True"),
        ("[fit]\nepochs = [3]\n", "must be a text or a number, but it is [3]"),
        ("[fit]\nfrozen = 'no'\n", "frozen of [fit] in noisecleaner.toml must be true or false, but it is 'no'"),
        ("[fit]\noption = 'rate=0.5'\n", "must be a list"),
        ("[fit]\noption = [[1]]\n", "must be a text or a number"),
        ("fit = 3\n", "needs a table [fit]"),
        ("[fit\n", "must be a TOML file"),
    ],
)
def test_a_wrong_file_is_told_in_one_paragraph(command: Command, text: str, says: str) -> None:
    Path("noisecleaner.toml").write_text(text)
    refused(command(*FIT), says)


def test_a_value_that_the_option_refuses_is_refused(command: Command) -> None:
    Path("noisecleaner.toml").write_text("[fit]\nepochs = 'many'\n")
    outcome = command(*FIT)
    assert outcome.code == 2
    assert "--epochs" in outcome.err


@pytest.mark.parametrize("words", [["--config", "nowhere.toml"], ["--config", "other.toml"]])
def test_a_named_file_must_have_the_table(command: Command, words: list[str]) -> None:
    Path("other.toml").write_text("[gate]\nmax-noise = 0.1\n")
    outcome = command(*FIT, *words)
    assert outcome.code == 2
    assert words[1] in outcome.err


def test_a_file_for_other_commands_changes_nothing(command: Command, asked: Asked) -> None:
    Path("noisecleaner.toml").write_text("[gate]\nmax-noise = 0.1\n")
    assert asked("score", "score", "run").named["cutoff"] == Cutoff()
    Path("noisecleaner.toml").write_text("[fit]\nepochs = 3\n")
    refused(command("gate", "nowhere"), "at least one rule")


@pytest.mark.parametrize("words", [["fit"], ["score"], ["score", "run", "--config"], ["fit", "--config", "x.toml"]])
def test_missing_words_are_told_as_ever(command: Command, words: list[str]) -> None:
    Path("x.toml").write_text("[fit]\nepochs = 3\n")
    outcome = command(*words)
    assert outcome.code == 2
    assert "Missing argument" in outcome.err or "requires an argument" in outcome.err


def test_help_asks_no_file(command: Command) -> None:
    Path("noisecleaner.toml").write_text("[fit\nepochs = 3\n")
    outcome = command("fit", "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert "--config" in outcome.out
