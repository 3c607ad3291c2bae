"""What every refusal looks like."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.datasets import Command, Outcome
from support.field import Refused, tree


@pytest.fixture
def refused(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Run a command in `tmp_path`; it must be refused in one paragraph that holds `words`, and write nothing."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, says: list[str]) -> Outcome:
        before = tree(tmp_path)
        outcome = command(*arguments)
        assert outcome.code == 2, outcome.err
        assert outcome.out == ""
        paragraph = outcome.err.splitlines()[-1]
        assert paragraph.startswith("Error: ")
        assert outcome.err.count("Error: ") == 1
        assert "Traceback" not in outcome.err
        for words in says:
            assert words in paragraph
        assert tree(tmp_path) == before
        return outcome

    return run
