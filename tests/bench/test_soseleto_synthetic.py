"""SOSELETO, section 4.1, as `bench soseleto-synthetic` runs it: what the paper says of it holds over ten seeds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from noisecleaner.bench import BenchConfig, bench


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Layers this small are faster without handing work to other threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_the_target_is_learned_and_the_mislabelled_region_loses_its_weight(tmp_path: Path) -> None:
    benchmark = bench(BenchConfig("soseleto-synthetic", seeds=10, device="cpu"), tmp_path)
    ours = {line.metric: line.mean for line in benchmark.lines}
    assert ours["target_accuracy"] >= 0.99
    assert ours["alpha_mislabelled"] < ours["alpha_elsewhere"] / 3
