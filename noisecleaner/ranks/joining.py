"""Several processes find each other, and leave together with the same exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from noisecleaner.errors import ApartError, Interrupted, NoisecleanerError
from noisecleaner.progress import Interrupts
from noisecleaner.ranks.launch import Launch
from noisecleaner.ranks.meeting import Meeting, met, reason_of

if TYPE_CHECKING:
    import torch
    from torch.distributed import Store  # type: ignore[attr-defined]  # torch exports it without saying so

    from noisecleaner.ranks.board import Board
    from noisecleaner.ranks.group import Ranks

#: How long a process waits for the others in a step, and to find them at the beginning.
TIMEOUT = timedelta(minutes=5)


@contextmanager
def joined(
    device: str,
    *,
    method: str = "env://",
    launch: Launch | None = None,
    timeout: timedelta = TIMEOUT,
    interrupts: Interrupts | None = None,
) -> Iterator[Ranks]:
    """Join the processes that torchrun started beside this one; where the caller has made a process group, none.

    Args:
        device: what was asked for: `auto`, `cpu`, `cuda`, …
        method: how they find each other, as of `torch.distributed.init_process_group`.
        launch: who this process is; None reads the environment.
        timeout: see `TIMEOUT`.
        interrupts: the wish of this process to stop.

    Yields:
        This process among the others.

    Raises:
        NoisecleanerError: they do not find each other, or a device is not there for each.
    """
    from noisecleaner.ranks.group import ALONE, Ranks

    launch = launch or Launch.read()
    if launch.size == 1 or _theirs():
        yield ALONE
        return
    own = _own_device(launch, device)
    meeting = Meeting(launch=launch, method=method, timeout=timeout)
    store, board = met(meeting)
    try:
        _connect(meeting, store, own)
        yield Ranks(
            rank=launch.rank,
            size=launch.size,
            local_size=launch.local_size,
            device=own,
            board=board,
            interrupts=interrupts or Interrupts(),
        )
    except BaseException as error:
        board.fail(error)
        if not _parted(board) and type(error) is Interrupted:
            # torchrun sends a signal where one was killed: say rather that
            raise board.missing() from error
        raise
    else:
        _parted(board)


def _own_device(launch: Launch, name: str) -> torch.device:
    """The device of this process; what is wrong with it one process of each machine says."""
    try:
        return device_of(launch, name)
    except NoisecleanerError as error:
        raise ApartError(error.message, error.hint, first=launch.leads or launch.local_rank == 0) from error


def device_of(launch: Launch, name: str) -> torch.device:
    """The device of one of several processes: each on a machine gets a GPU of its own, if they train on GPUs.

    Args:
        launch: who it is.
        name: what was asked for.

    Raises:
        NoisecleanerError: there are too few GPUs, or a device was asked for that they cannot share.
    """
    import torch

    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if name not in ("auto", "cuda"):
        raise NoisecleanerError(
            f"{launch.size} processes each take a GPU of their own, or the CPU, but `device={name!r}` names one device "
            "for all.",
            "Give auto, cpu or cuda.",
        )
    there = torch.cuda.device_count()
    if launch.local_size > there:
        raise NoisecleanerError(
            f"Each process needs a GPU of its own, but there are {launch.local_size} processes on this machine and "
            f"{there} GPUs.",
            f"Start {max(1, there)} on it, or give `device='cpu'`.",
        )
    torch.cuda.set_device(launch.local_rank)  # "cuda" is this one from here on
    return torch.device("cuda", launch.local_rank)


def _parted(board: Board) -> bool:
    """Leave the others, and say whether all of them did."""
    import torch.distributed as dist

    with _undisturbed():
        if dist.is_initialized():
            dist.destroy_process_group()  # first of all: whoever waits for this process hears of it
        return board.leave()


def _theirs() -> bool:
    """Whether the caller has made a process group for purposes of their own."""
    distributed = sys.modules.get("torch.distributed")
    return distributed is not None and distributed.is_available() and bool(distributed.is_initialized())


def _connect(meeting: Meeting, store: Store, device: torch.device) -> None:
    """Make the process group: gloo for what is in the CPU's memory, nccl for what is on GPUs."""
    import torch
    import torch.distributed as dist
    from torch.distributed import PrefixStore  # type: ignore[attr-defined]  # as above

    from noisecleaner.ranks.group import waited

    # without it a process that starts anew finds the address of the one before it
    os.environ.setdefault("TORCH_GLOO_LAZY_INIT", "1")
    if meeting.launch.local_size == meeting.launch.size and sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all are here, and a container may not know its own name
    gpu, launch = device.type == "cuda", meeting.launch
    try:
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if gpu else "gloo",
            store=PrefixStore("group", store),
            rank=launch.rank,
            world_size=launch.size,
            timeout=meeting.timeout,
            device_id=device if gpu else None,
        )
        if gpu:
            dist.barrier()  # connect now, while it can be said who is missing
        else:
            waited(dist.all_reduce(torch.ones(1), async_op=True))
    except (RuntimeError, ValueError) as error:
        if dist.is_initialized():
            dist.destroy_process_group()
        raise meeting.apart(reason_of(error), first=launch.leads) from error


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no SIGTERM end a process that ends anyway: torchrun sends one as soon as another has ended badly."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
