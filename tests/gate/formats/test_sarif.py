"""`--format sarif`: against the published schema, and what GitHub makes of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.datasets import Command
from support.gates import check_sarif, verdict
from support.outcomes import refused
from support.scored import make_run

from noisecleaner.api import render
from noisecleaner.gate.flagged import FlaggedRows
from noisecleaner.gate.formats import sarif
from noisecleaner.notices import Notice, Severity
from noisecleaner.runs.scored_run import ScoredRun

RULE = ["--max-noise", "0.14", "--format", "sarif"]


def uris(results: list[dict[str, Any]]) -> list[str]:
    return [r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results]


def test_there_is_a_result_for_each_flagged_row(command: Command, run: Path) -> None:
    content = check_sarif(command("gate", run, *RULE).out)
    results = content["results"]
    assert len(results) == 150
    assert uris(results)[:2] == ["images/450.png", "images/451.png"]
    assert results[0]["message"]["text"] == (
        "The label 'cat' of '450' looks wrong (label_quality 0.2500); no other class is surely right."
    )
    hashes = {result["partialFingerprints"]["primaryLocationLineHash"] for result in results}
    assert len(hashes) == 150
    assert content["invocations"][0]["exitCode"] == 0


def test_a_run_of_which_nothing_is_flagged_has_no_result(command: Command, run: Path, tmp_path: Path) -> None:
    assert check_sarif(command("gate", make_run(tmp_path / "clean", rows={"cat": (9, 0)}, audited={}), *RULE).out)


def test_a_dataset_is_found_where_the_repository_lies_now(
    command: Command, tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run remembers an absolute path of the machine that fitted it."""
    here = command("gate", "run", *RULE).out
    there = tmp_path / "elsewhere" / "checkout"
    shutil.copytree(run, there / "run")
    shutil.move(tmp_path / "images", there / "images")
    monkeypatch.chdir(there)
    assert command("gate", "run", *RULE).out == here


def test_images_that_are_no_files_of_the_repository_are_refused(
    command: Command, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(command("gate", make_run(tmp_path / "table"), *RULE), "no flagged row of")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    refused(command("gate", run, *RULE), "names images that are files below the working directory")


def test_rows_without_a_file_are_counted(command: Command, run: Path, tmp_path: Path) -> None:
    for row in range(450, 460):
        (tmp_path / "images" / f"{row}.png").unlink()
    content = check_sarif(command("gate", run, *RULE).out)
    assert len(content["results"]) == 140
    told = content["invocations"][0]["toolExecutionNotifications"]
    assert told[-1]["message"]["text"] == "10 flagged rows have no image below the working directory: not listed."


def test_more_results_than_github_takes_are_left_out_with_a_line(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sarif.MOST == 25_000
    monkeypatch.setattr(sarif, "MOST", 100)
    judged = verdict(["x"])
    object.__setattr__(judged, "flagged", FlaggedRows(run=ScoredRun(run)))
    content = check_sarif(render("sarif", judged))
    assert len(content["results"]) == 100
    assert content["invocations"][0]["toolExecutionNotifications"][-1]["message"]["text"] == (
        "100 of 150 flagged rows are listed, the worst first; 50 more flagged rows are in scores.parquet of run."
    )


def test_odd_names_make_no_link_and_no_other_place(command: Command, run: Path, tmp_path: Path) -> None:
    odd = make_run(
        tmp_path / "odd", rows={"[x](https://evil.example)\\": (0, 1)}, audited={}, images=tmp_path / "a b#é"
    )
    (result,) = check_sarif(command("gate", odd, *RULE, "--max-flagged", "1").out)["results"]
    assert uris([result]) == ["a%20b%23%C3%A9/0.png"]
    assert "'\\[x\\](https://evil.example)\\\\'" in result["message"]["text"]


def test_warnings_are_the_help_of_the_rule_too() -> None:
    notices = [Notice(code="picked", message="They were picked.", severity=Severity.VOID)]
    content = check_sarif(render("sarif", verdict(["x"], notices=notices)))
    (rule,) = content["tool"]["driver"]["rules"]
    headline, *warnings = rule["help"]["text"].split("\n")
    assert headline.startswith("Gate failed (exit code 1)")
    assert warnings == ["Warning: They were picked."]
    told = content["invocations"][0]["toolExecutionNotifications"]
    assert [(t["level"], t["descriptor"]["id"]) for t in told] == [
        ("note", "rows"),
        ("error", "max-noise"),
        ("error", "picked"),
    ]


def test_the_schema_refuses_what_is_no_sarif() -> None:
    content = json.loads(render("sarif", verdict(["x"])))
    content["runs"][0]["results"] = [{"text": "no message"}]
    with pytest.raises(jsonschema.ValidationError):
        check_sarif(json.dumps(content))
