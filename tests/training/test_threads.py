"""A small head on the CPU gets one thread, and the caller gets his back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from noisecleaner.training import threads
from noisecleaner.training.threads import a_quarter_of_threads, few_threads, small


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


@pytest.mark.parametrize(("cores", "expected"), [(2, None), (4, None), (16, 4), (64, 16)])
def test_many_cores_are_not_all_taken(cores: int, expected: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: cores)
    before = torch.get_num_threads()
    torch.set_num_threads(cores)
    try:
        with a_quarter_of_threads():
            assert torch.get_num_threads() == (expected or cores)
        assert torch.get_num_threads() == cores
    finally:
        torch.set_num_threads(before)
