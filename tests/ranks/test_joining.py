"""Processes find each other, or say that they do not; a process group of the caller's is left alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from support.processes import launch

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ranks.group import ALONE
from noisecleaner.ranks.joining import device_of, joined
from noisecleaner.ranks.launch import Launch


def test_a_lone_process_makes_no_group() -> None:
    with joined("auto", launch=Launch()) as ranks:
        assert ranks is ALONE
        assert not dist.is_initialized()


def test_a_group_of_the_callers_is_theirs(tmp_path: Path) -> None:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        with joined("cpu", launch=launch(0, 2)) as ranks:
            assert ranks is ALONE
        assert dist.is_initialized()
    finally:
        dist.destroy_process_group()


def test_who_waits_in_vain_says_so(tmp_path: Path) -> None:
    method = f"file://{tmp_path / 'store'}"
    with (
        pytest.raises(NoisecleanerError, match=r"2 processes must find each other at .*, but process 0 did not"),
        joined("cpu", method=method, launch=launch(0, 2), timeout=timedelta(seconds=1)),
    ):
        pass
    assert not dist.is_initialized()


def test_each_process_of_a_machine_gets_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = list[int]()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    assert device_of(launch(1, 2), "auto") == torch.device("cuda", 1)
    assert chosen == [1]
    assert device_of(launch(1, 3), "cpu") == torch.device("cpu")
    with pytest.raises(NoisecleanerError, match="3 processes on this machine and 2 GPUs"):
        device_of(launch(0, 3), "cuda")
    with pytest.raises(NoisecleanerError, match="names one device for all"):
        device_of(launch(0, 2), "cuda:1")
