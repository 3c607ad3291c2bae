"""The real command line, and a small fitted run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from support.datasets import Command, Outcome, embeddings, write_trusted

from noisecleaner.cli import main

if "CI" not in os.environ:  # hypothesis' own profile for CI says the same
    settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy")  # what draws slowly on a busy machine is no fault


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run a command through the real `main`."""

    def run(*words: object) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        captured = capfd.readouterr()
        return Outcome(int(stop.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data.parquet` (embeddings), `trusted.parquet`, `truth.json` and a finished run in `run`."""
    folder = tmp_path_factory.mktemp("fitted")
    truth = embeddings(folder / "data.parquet")
    write_trusted(folder / "trusted.parquet", truth, every=4)
    (folder / "truth.json").write_text(json.dumps(truth))
    words = ["fit", "data.parquet", "--trusted", "trusted.parquet", "--out", "run", "--embedding-column", "embedding"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with pytest.raises(SystemExit) as stop:
            main(words)
    assert stop.value.code == 0
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, started once."""
    from support.browser import chromium  # what drives it is optional: this skips without it

    with chromium() as started:
        yield started
