"""A small head on the CPU gets one thread, and the caller gets his back."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from noisecleaner.training import threads
from noisecleaner.training.threads import Team, few_threads, small, team


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        ([nn.Linear(1280, 10)], True),
        ([nn.Linear(499, 599)], True),
        ([nn.Linear(499, 599), nn.Linear(500, 1)], False),  # together they have more than 300,000 parameters
        ([nn.Conv2d(3, 4, 3)], False),
        ([nn.Linear(3, 3, device="meta")], False),
        ([nn.Identity()], True),
    ],
)
def test_a_head_is_small_by_the_parameters_of_all_modules(modules: list[nn.Module], expected: bool) -> None:
    assert small(*modules) == expected


def test_threads_come_back_also_after_an_error() -> None:
    def fail() -> None:
        with few_threads(nn.Linear(3, 3)):
            assert torch.get_num_threads() == 1
            raise ZeroDivisionError

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with few_threads(nn.Conv2d(3, 4, 3)):
            assert torch.get_num_threads() == 3
        with pytest.raises(ZeroDivisionError):
            fail()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("cores", "expected"), [(2, 2), (4, 4), (16, 4), (64, 16)])
def test_a_team_takes_as_many_threads_as_pytorch_may_but_not_all_of_many(
    cores: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "cores", lambda: cores)
    before = torch.get_num_threads()
    torch.set_num_threads(cores)
    try:
        with team() as made:
            assert made.size == expected
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == cores
        torch.set_num_threads(1)
        with team() as made:
            assert made.size == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("size", [1, 3])
def test_what_comes_of_items_comes_in_their_order(size: int) -> None:
    assert list(Team(size).over(lambda number: number * number, range(20))) == [n * n for n in range(20)]


def test_each_of_a_team_computes_alone() -> None:
    met = threading.Barrier(2, timeout=60)

    def look(_: int) -> tuple[int, int]:
        met.wait()  # both are at it
        return threading.get_ident(), torch.get_num_threads()

    seen = list(Team(2).over(look, range(2)))
    assert {count for _, count in seen} == {1}
    assert len({thread for thread, _ in seen} - {threading.get_ident()}) == 2
