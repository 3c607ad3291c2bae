"""Verified labels of which a part slipped by a row: no rate stands, a gate cannot tell, and a mended table can."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command

NAMES = np.array([f"class {letter}" for letter in "abcdefgh"])
GATE = ("gate", "run", "--max-noise", "0.9", "--max-skipped", "0.5")


@pytest.fixture
def labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write 600 rows, a fifth of them labelled wrongly; the right labels of every third one."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(2)
    true = rng.integers(0, 8, 600)
    given = np.where(rng.random(600) < 0.2, (true + rng.integers(1, 8, 600)) % 8, true)
    vectors = (4 * np.eye(8)[true] + rng.normal(size=(600, 8))).astype(np.float32)
    rows = {"sample_id": [f"r{row}" for row in range(600)], "label": NAMES[given].tolist(), "embedding": list(vectors)}
    pq.write_table(pa.table(rows), "data.parquet")
    return [str(name) for name in NAMES[true][::3]]


def verified(path: str, labels: list[str]) -> None:
    lines = [f"r{3 * row},{label}" for row, label in enumerate(labels)]
    Path(path).write_text("\n".join(["sample_id,trusted_label", *lines]))


def test_a_part_that_slipped_measures_nothing_until_it_is_mended(command: Command, labels: list[str]) -> None:
    verified("slipped.csv", [*labels[:160], labels[0], *labels[160:199]])  # a cell was inserted
    verified("right.csv", labels)
    words = ["--trusted", "slipped.csv", "--embedding-column", "embedding", "--epochs", "4", "--folds", "3"]
    assert command("fit", "data.parquet", *words, "--out", "run").code == 0
    score = command("score", "run")
    assert score.code == 0
    assert "Verified labels seem to stand beside the wrong rows, from about row 16" in score.out.partition("Rows")[0]
    noise = json.loads(Path("run/noise.json").read_text())
    assert noise["overall"]["low"] is None
    gate = command(*GATE)
    assert gate.code == 3
    assert "that of the row above" in gate.out

    assert command("score", "run", "--trusted", "right.csv").code == 0
    noise = json.loads(Path("run/noise.json").read_text())
    assert "verified-labels-slipped" not in {notice["code"] for notice in noise["notices"]}
    assert noise["overall"]["low"] < 0.2 < noise["overall"]["high"]
    assert command(*GATE).code == 0
