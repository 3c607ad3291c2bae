"""Verified labels that are copies of the given ones: a gate cannot tell; of a clean dataset it can."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command

NAMES = np.array(["cat", "deer", "frog", "ship"])
ROWS = 2000


def fitted(command: Command, noise: float, *, copies: bool) -> None:
    """Fit a dataset with a share of wrong labels, of which every tenth row was verified, or copied."""
    rng = np.random.default_rng(2)
    true = rng.integers(0, 4, ROWS)
    given = np.where(rng.random(ROWS) < noise, (true + rng.integers(1, 4, ROWS)) % 4, true)
    vectors = (3 * np.eye(4)[true] + rng.normal(size=(ROWS, 4))).astype(np.float32)
    ids = [f"r{row}" for row in range(ROWS)]
    rows = {"sample_id": ids, "label": NAMES[given].tolist(), "embedding": list(vectors)}
    pq.write_table(pa.table(rows), "data.parquet")
    verified = {"sample_id": ids[::10], "trusted_label": NAMES[given if copies else true][::10].tolist()}
    pq.write_table(pa.table(verified), "verified.parquet")
    words = ["--trusted", "verified.parquet", "--embedding-column", "embedding", "--epochs", "4", "--folds", "3"]
    assert command("fit", "data.parquet", *words, "--out", "run").code == 0
    assert command("score", "run").code == 0


def codes() -> set[str]:
    return {notice["code"] for notice in json.loads(Path("run/noise.json").read_text())["notices"]}


@pytest.mark.parametrize(("noise", "copies", "code"), [(0.25, True, 3), (0.25, False, 1), (0.0, True, 0)])
def test_a_gate_cannot_tell_by_copies(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noise: float, copies: bool, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    fitted(command, noise, copies=copies)
    assert ("verified-labels-copied" in codes()) == (code == 3)
    gate = command("gate", "run", "--max-noise", "0.1")
    assert gate.code == code
    assert ("networks contradict" in gate.out) == (code == 3)


def test_copies_that_come_later_are_found_too_and_give_way_to_what_was_verified(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fitted(command, 0.25, copies=True)
    fitted_on = pq.read_table("data.parquet")
    rng = np.random.default_rng(2)
    true = NAMES[rng.integers(0, 4, ROWS)]
    right = {"sample_id": fitted_on["sample_id"].to_pylist()[::10], "trusted_label": true[::10].tolist()}
    pq.write_table(pa.table(right), "right.parquet")
    assert command("score", "run", "--trusted", "right.parquet").code == 0
    assert "verified-labels-copied" not in codes()
    assert command("score", "run", "--trusted", "verified.parquet").code == 0
    assert "verified-labels-copied" in codes()
