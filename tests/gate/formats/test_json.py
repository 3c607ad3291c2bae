"""`--format json`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.datasets import Command


def test_the_json_is_one_object(command: Command, run: Path) -> None:
    outcome = command("gate", run, "--max-noise", "0.14", "--max-flagged", "0.1", "--format", "json")
    content = json.loads(outcome.out, parse_constant=pytest.fail)
    assert list(content) == ["outcome", "exit_code", "run", "coverage", "notices", "findings"]
    assert (content["outcome"], content["exit_code"], content["run"]) == ("failed", 1, str(run))
    names = ["rule", "level", "outcome", "limit", "value", "low", "high", "message", "classes"]
    assert [list(finding) for finding in content["findings"]] == [names, names]
    assert [finding["rule"] for finding in content["findings"]] == ["max-noise", "max-flagged"]
