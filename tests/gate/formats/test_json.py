"""`--format json`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.datasets import Command

from noisecleaner.gate import verdicts


def test_the_json_is_one_object(command: Command, run: Path) -> None:
    outcome = command("gate", run, "--max-noise", "0.14", "--max-flagged", "0.1", "--format", "json")
    content = json.loads(outcome.out, parse_constant=pytest.fail)
    names = ["schema_version", "outcome", "exit_code", "run", "on_inconclusive", "coverage", "notices", "findings"]
    assert list(content) == [*names, "flagged"]
    assert content["schema_version"] == 1
    assert (content["outcome"], content["exit_code"], content["run"]) == ("failed", 1, str(run))
    names = ["rule", "level", "outcome", "limit", "value", "low", "high", "message", "classes"]
    assert [list(finding) for finding in content["findings"]] == [names, names]
    assert [finding["rule"] for finding in content["findings"]] == ["max-noise", "max-flagged"]


def test_the_json_tells_the_cut_and_the_flagged_rows_worst_first(
    command: Command, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["gate", run, "--max-flagged", "0.1", "--format", "json"]
    flagged = json.loads(command(*words).out)["flagged"]
    assert {name: flagged[name] for name in ("by", "threshold", "rows", "left_out")} == {
        "by": "label_quality",
        "threshold": 0.5,
        "rows": 150,
        "left_out": 0,
    }
    assert flagged["sample_ids"] == [*map(str, range(450, 500)), *map(str, range(900, 1000))]
    monkeypatch.setattr(verdicts, "MOST_IDS", 20)
    flagged = json.loads(command(*words).out)["flagged"]
    assert (flagged["rows"], flagged["left_out"], len(flagged["sample_ids"])) == (150, 130, 20)
