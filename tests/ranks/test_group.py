"""Sums, agreement and messages; one process alone needs none of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.processes import together

from noisecleaner.ranks.group import ALONE, Ranks

SIZE = 3


def operations(ranks: Ranks) -> dict[str, Any]:
    """What all operations say to one process."""
    first, second = torch.full((2, 2), float(ranks.rank)), torch.tensor([1.0])
    ranks.add_up([first, second])
    ranks.add_up([])
    received = []
    if ranks.leads and not ranks.alone:
        received = [ranks.receive(torch.empty(2), source).tolist() for source in range(1, ranks.size)]
    elif not ranks.leads:
        ranks.send(torch.tensor([ranks.rank, 0.5]))
    ranks.wait()
    return {
        "total": ranks.total(torch.tensor([ranks.rank + 1.0, 2.0])).tolist(),
        "added": [first.tolist(), second.tolist()],
        "any": [ranks.any(False), ranks.any(ranks.rank == ranks.size - 1)],
        "same": [ranks.same(7), ranks.same(ranks.rank)],
        "shared": ranks.shared(lambda: f"of {ranks.rank}"),
        "received": received,
        "part": [ranks.part(7).start, ranks.part(7).stop],
    }


def test_several(tmp_path: Path) -> None:
    found = together(operations, SIZE, tmp_path)
    for rank, said in enumerate(found):
        assert said["total"] == [6.0, 6.0]
        assert said["added"] == [[[3.0, 3.0], [3.0, 3.0]], [3.0]]
        assert said["any"] == [False, True]
        assert said["same"] == [True, False]
        assert said["shared"] == "of 0"
        assert said["received"] == ([[1.0, 0.5], [2.0, 0.5]] if rank == 0 else [])
    assert [said["part"] for said in found] == [[0, 2], [2, 4], [4, 7]]


def test_alone() -> None:
    tensor = torch.ones(2)
    assert ALONE.total(tensor) is tensor
    assert operations(ALONE) == {
        "total": [1.0, 2.0],
        "added": [[[0.0, 0.0], [0.0, 0.0]], [1.0]],
        "any": [False, True],
        "same": [True, True],
        "shared": "of 0",
        "received": [],
        "part": [0, 7],
    }


@pytest.mark.parametrize("count", [0, 1, 5, 12])
def test_parts_follow_each_other_and_differ_by_one_at_most(count: int) -> None:
    parts = [Ranks(rank=rank, size=5).part(count) for rank in range(5)]
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(count))
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes) - min(sizes) <= 1
