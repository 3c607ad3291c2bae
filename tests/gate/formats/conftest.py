"""A scored run whose flagged rows are files: what every format can tell of."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.scored import make_run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scored run of images below the working directory, which has no noisecleaner.toml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return make_run(tmp_path / "run", images=tmp_path / "images")
