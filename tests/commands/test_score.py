"""`noisecleaner score`: what it asks of the library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.asking import Asked
from support.datasets import Command
from support.outcomes import refused

from noisecleaner.commands.score import GoalOptions
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source
from noisecleaner.noise.goal import Goal
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.settings import Inference


def test_by_default_the_librarys_defaults_hold(asked: Asked) -> None:
    call = asked("score", "score", "run")
    assert call.positional == (Path("run"),)
    assert call.named == {"cutoff": Cutoff(), "trusted": None, "corrections": None}


@pytest.mark.parametrize(
    ("words", "cutoff"),
    [
        (["--threshold", "0"], Cutoff(threshold=0)),
        (["--threshold", "0.3", "--by", "alpha"], Cutoff(threshold=0.3, by="alpha")),
        (["--target-precision", "0.9"], Cutoff(goal=Goal("precision", 0.9))),
        (["--target-noise", "0.02", "--confidence", "0.8"], Cutoff(goal=Goal("noise", 0.02, confidence=0.8))),
        (["--budget", "100"], Cutoff(goal=Goal("budget", 100))),
        (["--threshold", "auto"], Cutoff(threshold="auto")),
        (["--threshold", "-1.5", "--by", "margin"], Cutoff(threshold=-1.5, by="margin")),
        (["--cost", "5:1"], Cutoff(goal=Goal("cost", 5))),
        (["--cost", "1:4"], Cutoff(goal=Goal("cost", 0.25))),
    ],
)
def test_where_rows_are_cut_is_one_value(asked: Asked, words: list[str], cutoff: Cutoff) -> None:
    call = asked("score", "score", "run", *words, "--trusted", "t", "--corrections", "c")
    assert call.named == {"cutoff": cutoff, "trusted": "t", "corrections": "c"}


@pytest.mark.parametrize("option", ["trusted", "corrections"])
def test_labels_of_fitted_rows_may_be_called_otherwise_than_in_the_fit(
    asked: Asked, command: Command, option: str
) -> None:
    labels = {"trusted": None, "corrections": None, option: "t"}
    for words, columns in (
        (["--label-names", "n.txt"], Columns(label_names="n.txt")),
        (["--trusted-column", "mine", "--trusted-id-column", "key"], Columns(trusted="mine", trusted_id="key")),
    ):
        call = asked("score", "score", "run", f"--{option}", "t", *words)
        assert call.named == {"cutoff": Cutoff(), **labels, "columns": columns}
        only = "would do nothing: only for --data, --trusted or --corrections"
        refused(command("score", "run", *words), only)


def test_new_rows_are_scored_where_there_are_some(asked: Asked) -> None:
    words = ["--data", "new", "--label-column", "l", "--allow-absolute", "--strict", "--device", "cpu"]
    words += ["--max-pixels", "9", "--trusted", "t", "--corrections", "c", "--threshold", "0.2"]
    call = asked("score_new", "score", "run", *words)
    run, source, out = call.positional
    assert (run, source) == (Path("run"), Source("new", columns=Columns(label="l"), allow_absolute=True))
    assert out.parent == Path("run") / "new"
    inference = Inference(device="cpu", max_pixels=9, strict=True)
    labels = {"trusted": "t", "corrections": "c"}
    assert call.named == {"cutoff": Cutoff(threshold=0.2), "inference": inference, **labels}
    assert asked("score_new", "score", "run", "--data", "new", "--out", "there").positional[2] == Path("there")


def test_what_is_written_is_part_of_the_cutoff(asked: Asked) -> None:
    call = asked("score", "score", "run", "--top", "7", "--cleanlab-columns", "--format", "json")
    assert call.named["cutoff"] == Cutoff(top=7, cleanlab_columns=True)


def test_a_format_that_there_is_not_is_refused(command: Command) -> None:
    refused(command("score", "run", "--format", "xml"), "console, json")
    assert command("score", "run", "--top", "-1").code == 2


def test_one_rule_sets_the_threshold() -> None:
    assert GoalOptions().goal(0.5) is None
    for options, threshold, names in (
        (GoalOptions(budget=9), 0.5, "--threshold and --budget"),
        (GoalOptions(cost="5:1"), "auto", "--threshold and --cost"),
        (GoalOptions(target_noise=0.1, target_precision=0.9), None, "--target-precision and --target-noise"),
    ):
        with pytest.raises(NoisecleanerError, match=f"One rule sets the threshold, but {names} are given"):
            options.goal(threshold)  # type: ignore[arg-type]  # a number, auto or none


@pytest.mark.parametrize(
    "cost", ["5", "5:", ":1", "5:0", "-5:1", "5:1:1", "five:one", "inf:1", "nan:1", "", "1e308:1e-308", "1e-308:1e308"]
)
def test_costs_are_two_numbers_above_zero(command: Command, cost: str) -> None:
    outcome = command("score", "run", f"--cost={cost}")
    refused(outcome, "--cost takes WRONG_KEPT:RIGHT_DROPPED")
    assert repr(cost) in outcome.err
    assert "Try --cost 5:1." in outcome.err


@pytest.mark.parametrize("threshold", ["best", "0,5", ""])
def test_a_threshold_is_a_number_or_auto(command: Command, threshold: str) -> None:
    refused(command("score", "run", f"--threshold={threshold}"), "--threshold takes a number or auto")


@pytest.mark.parametrize("options", [GoalOptions(confidence=0.8), GoalOptions(confidence=0.8, budget=9)])
def test_confidence_is_for_targets(options: Any) -> None:
    with pytest.raises(NoisecleanerError, match="--confidence would do nothing: only for a target"):
        options.goal(None)
