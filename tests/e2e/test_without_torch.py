"""What comes after a fit, through the real `main` of an environment that lacks torch."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.datasets import Outcome

from noisecleaner.registry import names_in

#: Runs a command where nobody finds torch; the words of the command follow.
BLOCKED = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from noisecleaner.cli import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def home(fitted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the fitted run and its dataset, scored."""
    folder = tmp_path_factory.mktemp("without") / "fitted"
    shutil.copytree(fitted, folder)
    assert run(folder, "score", "run").code == 0
    return folder


def run(home: Path, *words: str) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, *words], cwd=home, capture_output=True, text=True, check=False
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_nobody_finds_torch_there(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED.replace("from noisecleaner", "import torch\nfrom noisecleaner")],
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
    )
    assert "No module named 'torch'" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["score", "run", "--threshold", "0.4"],
        ["score", "run", "--trusted", "trusted.parquet"],
        ["score", "run", "--target-noise", "0.2"],
        ["gate", "run", "--max-noise", "0.9", "--max-flagged", "0.9"],
        *(["gate", "run", "--max-noise", "0.9", "--format", f] for f in names_in("gate.formats") if f != "sarif"),
        ["plan", "run", "--n", "20", "--out", "plan.parquet"],
        ["plan", "run", "--recheck", "20", "--out", "again.parquet"],
        ["export-clean", "run", "--out", "clean"],
        ["export-clean", "run", "--out", "relabelled", "--on-flag", "relabel"],
        ["ids", "data.parquet"],
        ["methods"],
    ],
    ids=" ".join,
)
def test_what_comes_after_a_fit_needs_no_torch(home: Path, words: list[str]) -> None:
    outcome = run(home, *words)
    assert outcome.code == 0, outcome.err
    assert outcome.out


@pytest.mark.parametrize(
    "words",
    [
        ["fit", "data.parquet", "--trusted", "trusted.parquet", "--out", "new", "--embedding-column", "embedding"],
        ["score", "run", "--data", "data.parquet", "--embedding-column", "embedding"],
    ],
    ids=lambda words: words[0],
)
def test_what_needs_torch_says_so(home: Path, words: list[str]) -> None:
    outcome = run(home, *words)
    assert outcome.code == 2, outcome.err
    assert "torch is not installed. Install them (pip install torch torchvision)" in outcome.err
    assert outcome.out == ""
