"""Two values of one type that stand beside each other cannot be swapped unseen: the type checker tells."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

HEAD = """
from noisecleaner.ingest import Columns, Manifest, Payload, Source
from noisecleaner.noise.goal import Goal
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.settings import Decoding, Effort, Regularisation
from noisecleaner.training.corpus import Corpus
from noisecleaner.training.schedule import Schedule
"""
#: Name -> what is there, as it is meant, and with two values in each other's place.
SWAPS = {
    "image and label column": (
        "",
        'Columns(image="file", label="class")',
        'Columns("class", "file")',
    ),
    "embeddings and probabilities": (
        "",
        'Columns(embedding="vector", probabilities="softmax")',
        'Columns("image", "label", "sample_id", "trusted_label", "softmax", "vector")',
    ),
    "epochs and batch size": (
        "",
        "Effort(epochs=30, batch_size=128)",
        "Effort(128, 30)",
    ),
    "epochs and batch size of a schedule": (
        "",
        "Schedule(epochs=30, batch_size=128, trusted_batch=64, learning_rate=0.1, weight_decay=0.0, seed=0)",
        "Schedule(128, 30, 64, learning_rate=0.1, weight_decay=0.0, seed=0)",
    ),
    "trusted and irrelevant rows": (
        "",
        'FitConfig(source=Source("d"), trusted="t", regularisation=Regularisation(irrelevant="i"))',
        'FitConfig(Source("d"), "i", regularisation=Regularisation({}, None, "t"))',
    ),
    "trusted and irrelevant rows that were read": (
        "data: Manifest, trusted: Manifest, irrelevant: Manifest",
        "Corpus(dataset=data, clean_only=trusted, irrelevant=irrelevant)",
        "Corpus(data, irrelevant, None, trusted)",
    ),
    "given and verified labels": (
        "ids: list[str], payload: Payload, given: list[str], trusted: list[str]",
        'Manifest.of(ids, classes=("a", "b"), payload=payload, given=given, trusted=trusted)',
        'Manifest.of(ids, ("a", "b"), payload, trusted, given)',
    ),
    "threads and pixels": (
        "",
        "Decoding(threads=8, max_pixels=64_000_000)",
        "Decoding(64_000_000, 8)",
    ),
    "threshold and goal": (
        "",
        'Cutoff(goal=Goal("noise", 0.05, confidence=0.9))',
        'Cutoff(0.9, goal=Goal("noise", 0.9, 0.05))',
    ),
}


@pytest.fixture(scope="module")
def refused() -> dict[int, str]:
    """One run of mypy over all snippets, a line for each: number of a snippet -> what mypy says against it."""
    lines = [f"def f{number}({needs}) -> object: return {code}" for number, (needs, code) in enumerate(snippets())]
    root = Path(__file__).parents[1]
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        "pyproject.toml",
        "-c",
        HEAD + "\n".join(lines),
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    said = re.findall(r"^<string>:(\d+): error: (.*)$", done.stdout, re.MULTILINE)
    return {int(line) - HEAD.count("\n") - 1: text for line, text in said}


def snippets() -> list[tuple[str, str]]:
    """What each snippet needs, and the snippet: the meant one and the swapped one in turn."""
    return [(needs, code) for needs, *codes in SWAPS.values() for code in codes]


@pytest.mark.parametrize("swap", SWAPS)
def test_a_swap_is_a_type_error(refused: dict[int, str], swap: str) -> None:
    meant = 2 * list(SWAPS).index(swap)
    assert meant not in refused
    assert "positional arguments" in refused[meant + 1]


def test_nothing_else_is_refused(refused: dict[int, str]) -> None:
    assert set(refused) == set(range(1, 2 * len(SWAPS), 2))
