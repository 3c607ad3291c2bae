"""`bench throughput` compares what does the same."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from noisecleaner.bench import BenchConfig, bench, throughput
from noisecleaner.networks.backbones.efficientnet_lite import installed


@pytest.mark.skipif(not installed(), reason="features need the extra `pretrained`")
def test_throughput_is_measured_beside_the_libraries(tmp_path: Path) -> None:
    found = bench(BenchConfig("throughput", seeds=1, scale=0.005, device="cpu", options={"size": 32}), tmp_path)
    values = {(line.row.method, line.metric): line.mean for line in found.lines}
    assert all(math.isfinite(value) and value > 0 for value in values.values())
    assert {method for method, _ in values} == {"decoding", "features", "pipeline"}
    for method, other in (("decoding", "pillow"), ("features", "eager"), ("pipeline", "parts")):
        assert values[method, "ours_low"] <= values[method, "ours"] <= values[method, "ours_high"]
        assert (method, f"of_{other}") in values


def test_a_ratio_above_one_means_that_ours_is_faster() -> None:
    seconds = {"ours": np.array([1.0, 2.0, 1.0, 5.0, 1.0]), "other": np.array([2.0, 4.0, 3.0, 5.0, 1.0])}
    times = {name: throughput._Times(laps) for name, laps in seconds.items()}
    rates = throughput._compared(times, 60)
    assert rates["of_other"] == 2.0
    assert (rates["ours_low"], rates["ours"], rates["ours_high"]) == (30.0, 60.0, 60.0)
    assert (rates["other_low"], rates["other"], rates["other_high"]) == (15.0, 20.0, 30.0)


def test_pillow_alone_decodes_to_the_same_pixels_as_ours() -> None:
    files = [throughput.photograph(np.random.default_rng(seed)) for seed in (1, 2)]
    assert files[0] != files[1]
    assert all(40_000 < len(content) < 100_000 for content in files)
    for size in (64, 224):
        ours, alone = throughput._decode(files, size), throughput._pillow(files, size)
        assert np.array_equal(ours, alone)
