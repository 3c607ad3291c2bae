"""`bench coverage` counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisecleaner.bench import BenchConfig, bench, coverage
from noisecleaner.bench.coverage import Coverage
from noisecleaner.networks.backbones.efficientnet_lite import installed


@pytest.mark.skipif(not installed(), reason="features need the extra `pretrained`")
def test_coverage_is_counted_on_a_tiny_dataset(cifar10: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Coverage, "rows", Coverage.rows[:1])
    monkeypatch.setattr(coverage, "_VERIFIED", (60,))
    monkeypatch.setattr(coverage, "_DRAWS", 10)
    found = bench(
        BenchConfig("coverage", data=cifar10, seeds=1, scale=0.7, device="cpu", options={"size": 32}), tmp_path
    )
    values = {line.metric: line.mean for line in found.lines}
    assert 0 <= values["covered_60"] <= 1
    assert values["half_width_60"] > 0
    assert 0.5 <= values["covered_by_class_60"] <= 1
    assert values["half_width_by_class_60"] > values["half_width_60"]
    assert values["broken_noise_60"] <= values["answered_noise_60"]
