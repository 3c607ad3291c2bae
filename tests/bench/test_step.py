"""`bench step` counts what a step multiplies and holds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from noisecleaner.bench import Work, step
from noisecleaner.bench._datasets import Datasets
from noisecleaner.bench.step import MetaStep
from noisecleaner.progress import Interrupts, Progress


def measured(network: str, method: str, **wanted: object) -> dict[str, float]:
    """What `bench step` says of one row, with batches of 8."""
    rows = [r for r in MetaStep.rows if r.method == method and {**r.setting, "network": network, **wanted} == r.setting]
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
    return MetaStep().run(rows[0], work)


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
    monkeypatch: pytest.MonkeyPatch,
    network: str,
    method: str,
    wanted: dict[str, object],
    operations: float,
    memory: float,
) -> None:
    """A plain step is a forward pass and twice that back; a first layer passes nothing on, hence the tenth more."""
    monkeypatch.setattr(step, "_ROUNDS", 2)
    found = measured(network, method, **wanted)
    assert found["lower"] <= found["plain_steps"] <= found["upper"]
    assert 1 < found["operations"] < operations + 0.1
    assert 0.9 < found["memory"] < memory


def test_create_graph_multiplies_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "_ROUNDS", 2)
    found = measured("cifar-quick", "create_graph")
    assert found["operations"] > 3.5
    assert found["memory"] > 1.7
