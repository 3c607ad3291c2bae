"""Who a process is, as the environment tells it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import environment

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ranks.launch import Launch, follows, several, tell_launcher


@pytest.mark.parametrize("told", [{}, {"WORLD_SIZE": "1", "RANK": "0"}, {"WORLD_SIZE": "", "RANK": "3"}])
def test_a_process_that_was_started_by_itself_is_alone(told: dict[str, str]) -> None:
    assert Launch.read(told) == Launch()
    assert not several(told)
    assert not follows(told)


def test_one_of_several_knows_its_place() -> None:
    second = environment(1, 3, 29_500)
    assert Launch.read(second) == Launch(rank=1, size=3, local_rank=1, local_size=3)
    assert not Launch.read(second).leads
    assert follows(second)
    assert Launch.read(environment(0, 3, 29_500)).leads
    assert not follows(environment(0, 3, 29_500))


@pytest.mark.parametrize("rank", ["", "abc", "7", "-1", "\u00b2"])
def test_one_whose_number_cannot_be_speaks_for_itself(rank: str) -> None:
    """The leader speaks for all, but where numbers are wrong there may be none."""
    assert not follows({"WORLD_SIZE": "3", "RANK": rank})
    assert not follows({"WORLD_SIZE": "1e3", "RANK": "1"})


def test_what_is_missing_is_named() -> None:
    with pytest.raises(NoisecleanerError, match="LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT cannot be"):
        Launch.read({"WORLD_SIZE": "2", "RANK": "1"})


@pytest.mark.parametrize(
    "odd",
    [
        {"WORLD_SIZE": "abc"},
        {"WORLD_SIZE": "-1"},
        {"WORLD_SIZE": "\u00b2"},
        {"RANK": "5"},
        {"RANK": "abc"},
        {"LOCAL_RANK": "2"},
        {"LOCAL_WORLD_SIZE": "9"},
    ],
    ids=str,
)
def test_numbers_that_cannot_be_are_refused_before_anybody_waits(odd: dict[str, str]) -> None:
    with pytest.raises(NoisecleanerError, match="RANK is below WORLD_SIZE"):
        Launch.read({**environment(1, 2, 29_500), **odd})


def test_torchrun_reads_what_a_process_failed_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

    path = tmp_path / "error.json"
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(path))
    monkeypatch.setenv("WORLD_SIZE", "1")
    tell_launcher("of nothing")
    assert not path.exists()
    monkeypatch.setenv("WORLD_SIZE", "2")
    tell_launcher("A trusted table is required.")
    failure = ProcessFailure(local_rank=0, pid=1, exitcode=2, error_file=str(path))
    assert failure.message["extraInfo"]["py_callstack"] == "A trusted table is required."  # type: ignore[index]  # it is a mapping then
    assert failure.timestamp > 0
