"""What pyproject.toml says of the package is so; .ci/lowest tries the wheel itself, with the lowest dependencies."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

import noisecleaner

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_each_dependency_has_a_lowest_version_and_no_highest() -> None:
    for requirement in PROJECT["dependencies"]:
        assert re.fullmatch(r"[\w-]+>=[\d.]+", requirement), requirement


def test_the_classifiers_name_the_versions_from_the_lowest_on() -> None:
    named = re.findall(r"Python :: 3\.(\d+)", " ".join(PROJECT["classifiers"]))
    assert [int(minor) for minor in named] == list(range(11, 11 + len(named)))
    assert PROJECT["requires-python"] == ">=3.11"


def test_the_version_is_said_once_for_all() -> None:
    assert PROJECT["version"] == noisecleaner.__version__


@pytest.mark.skipif(find_spec("mypy") is None, reason="the extra `dev` is not installed")
def test_whoever_calls_the_package_has_its_types(tmp_path: Path) -> None:
    """From outside, as an installed package: without `py.typed` all would be Any, and nothing wrong."""
    (tmp_path / "caller.py").write_text(
        "from pathlib import Path\n"
        "from noisecleaner.api import FitConfig, ScoredRun, Source, demo, fit, keep, plan, score\n"
        "reveal_type(demo(Path('demo')).rows)\n"
        "plan('run', Path('table.parquet'), count='many')\n"
        "fit(FitConfig(source=Source.of({}, keep='d.parquet'), trusted=keep([], Path('t.parquet'))), 'run')\n"
        "fit(FitConfig(source=Source.of(Path('data')), trusted=Path('t.csv')), Path('run'))\n"
        "score('run', trusted=Path('t.csv')), ScoredRun('run').to_pandas()\n"
    )
    words = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "caller.py"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert lines[0].endswith('Revealed type is "int"'), done.stdout
    assert "incompatible type" in lines[1]
    assert '"str"; expected "int"' in lines[1]
    assert lines[2].startswith("Found 1 error"), done.stdout
