"""`bench step` counts what a step multiplies and holds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from noisecleaner.bench import BenchConfig, Work, bench
from noisecleaner.bench._datasets import Datasets
from noisecleaner.bench.step import MetaStep
from noisecleaner.errors import NoisecleanerError
from noisecleaner.progress import Interrupts, Progress


def measured(network: str, method: str, **wanted: object) -> dict[str, float]:
    """What `bench step` says of one row, with batches of 8."""
    asked = {"network": network, "part": "alone", **wanted}
    rows = [r for r in MetaStep.rows if r.method == method and {**r.setting, **asked} == r.setting]
    work = Work(
        seed=0,
        scale=0.01,
        device=torch.device("cpu"),
        datasets=Datasets(None, Path(), Progress()),
        checkpoint=Path(),
        title="",
        progress=Progress(),
        interrupts=Interrupts(),
    )
    return MetaStep(rounds=2).run(rows[0], work)


@pytest.mark.parametrize(
    ("network", "method", "wanted", "operations", "memory"),
    [
        ("cifar-quick", "soseleto", {"meta": "exact", "trusted": 1.0}, 7 / 3, 1.5),
        ("cifar-quick", "soseleto", {"meta": "exact", "trusted": 0.25}, 4.75 / 3, 1.5),
        ("cifar-quick", "l2b", {"meta": "exact", "trusted": 1.0, "every": 1}, 8 / 3, 1.5),
        ("cifar-quick", "l2b", {"meta": "exact", "trusted": 0.25}, 5.75 / 3, 1.5),
        ("cifar-quick", "l2b", {"meta": "last", "trusted": 1.0}, 4 / 3, 1.05),
        ("cifar-quick", "l2b", {"meta": "last", "trusted": 0.25}, 3.25 / 3, 1.05),
        ("cifar-quick", "l2b", {"meta": "exact", "every": 4}, 5.75 / 3, 1.5),
        ("preact-resnet18", "soseleto", {"meta": "exact", "trusted": 1.0}, 8 / 3, 1.5),
        ("preact-resnet18", "l2b", {"meta": "block", "trusted": 1.0}, 5 / 3, 1.1),
        ("head", "l2b", {"meta": "exact", "trusted": 1.0, "every": 1}, 8 / 3, 1.5),
    ],
)
def test_a_meta_step_multiplies_no_more_than_counting_passes_allows(
    network: str,
    method: str,
    wanted: dict[str, object],
    operations: float,
    memory: float,
) -> None:
    """A plain step is a forward pass and twice that back; a first layer passes nothing on, hence the tenth more."""
    found = measured(network, method, **wanted)
    assert found["lower"] <= found["plain_steps"] <= found["upper"]
    assert 1 < found["operations"] < operations + 0.1
    assert 0.9 < found["memory"] < memory


def test_create_graph_multiplies_more() -> None:
    found = measured("cifar-quick", "create_graph")
    assert found["operations"] > 3.5
    assert found["memory"] > 1.7


def test_steps_in_a_loop_are_compared_with_plain_training_and_that_with_a_minimal_loop(tmp_path: Path) -> None:
    options = {"network": "head", "parts": "loop", "rounds": 2}
    found = bench(BenchConfig("step", seeds=1, scale=0.03, device="cpu", options=options), tmp_path)
    rows = {str(line.row): line.row for line in found.lines}
    assert len(rows) == 9  # uniform, and each way to ask for v that is worth a loop
    of = {(line.row.method, line.row.setting["every"], line.metric): line.mean for line in found.lines}
    assert of["uniform", 1, "images_per_second"] * of["uniform", 1, "milliseconds"] == pytest.approx(16 * 1000, rel=0.1)
    assert 0 < of["uniform", 1, "of_minimal"] < 2
    for method, every in (("soseleto", 1), ("l2b", 1), ("l2b", 4), ("l2rw", 1), ("bilevel", 1)):
        assert of[method, every, "plain_steps"] > 1
        assert of[method, every, "lower"] <= of[method, every, "upper"]


def test_any_backbone_can_be_measured_at_its_own_size(tmp_path: Path) -> None:
    options = {"network": "lenet", "parts": "alone", "methods": "l2rw", "rounds": 2}
    found = bench(BenchConfig("step", seeds=1, scale=0.1, device="cpu", options=options), tmp_path)
    assert {line.row.setting["network"] for line in found.lines} == {"lenet"}
    (operations,) = [line.mean for line in found.lines if line.metric == "operations"]
    assert 1 < operations < 8 / 3 + 0.1


def test_an_unknown_network_or_part_is_refused(tmp_path: Path) -> None:
    for options in ({"network": "nonesuch"}, {"parts": "nonesuch"}):
        with pytest.raises(NoisecleanerError, match="nonesuch is unknown"):
            bench(BenchConfig("step", seeds=1, device="cpu", options=options), tmp_path)
