"""`bench approximations` compares with the exact step."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisecleaner.bench import BenchConfig, approximations, bench
from noisecleaner.bench.approximations import Approximations


def test_approximations_are_compared_on_a_tiny_dataset(
    cifar10: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approximations, "_EPOCHS", 1)
    monkeypatch.setattr(approximations, "_AFTER", (0, 1))
    monkeypatch.setattr(approximations, "_COMPARED", 1)
    rows = [r for r in Approximations.rows if r.method == "l2b" and r.setting["way"] in {"exact", "last", "every 4"}]
    monkeypatch.setattr(Approximations, "rows", tuple(rows))
    found = bench(BenchConfig("approximations", data=cifar10, seeds=1, scale=1.0, device="cpu"), tmp_path / "out")
    numbers = {(line.row.setting["way"], line.metric): line.mean for line in found.lines}
    assert numbers["exact", "correlation_1"] == pytest.approx(1)
    assert 0 < numbers["exact", "distance_1"] < 0.01 < numbers["last", "distance_1"]
    assert 0 < numbers["last", "correlation_1"] < 0.999
    assert numbers["every 4", "correlation_1"] < 0.999
    assert 0 <= numbers["last", "auroc"] <= 1
