"""`bench detect` compares on the same rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisecleaner.bench import BenchConfig, bench
from noisecleaner.bench.detect import Detect
from noisecleaner.networks.backbones.efficientnet_lite import installed


@pytest.mark.skipif(not installed(), reason="features need the extra `pretrained`")
def test_detection_is_compared_on_a_tiny_dataset(
    cifar10: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [row for row in Detect.rows if row.setting["noise"] == "worse" and row.setting["verified"] != 500]
    monkeypatch.setattr(Detect, "rows", tuple(kept))
    found = bench(BenchConfig("detect", data=cifar10, seeds=1, scale=0.7, device="cpu", options={"size": 32}), tmp_path)
    values = {(line.row.method, line.metric): line.mean for line in found.lines}
    assert {method for method, _ in values} == {"noisecleaner", "cleanlab", "neighbours", "verified only"}
    assert all(values[method, "auroc"] > 0.6 for method, _ in values)  # three colours, which anybody can tell
    assert values["noisecleaner", "true_noise"] == values["cleanlab", "true_noise"]
    assert values["noisecleaner", "noise_low"] < values["noisecleaner", "noise_high"]
