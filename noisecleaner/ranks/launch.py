"""Which of several processes this one is, as torchrun tells it by environment variables. No torch: asked by `cli`."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from noisecleaner.errors import NoisecleanerError, listed

#: What torchrun sets beside WORLD_SIZE, see its documentation, "Environment Variables".
_NUMBER = re.compile(r"[0-9]{1,9}")
_NEEDED = ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True, kw_only=True)
class Launch:
    """The place of this process among those that were started together.

    Args:
        rank: its number, 0 to size - 1; 0 leads: it alone reads tables, writes the run and speaks.
        size: how many there are.
        local_rank: its number on this machine.
        local_size: how many there are on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def leads(self) -> bool:
        """Whether it is the one that speaks."""
        return self.rank == 0

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Launch:
        """Read it off the environment; a process that was started by itself is alone.

        Raises:
            NoisecleanerError: WORLD_SIZE speaks of several processes, but not of which this one is.
        """
        found = os.environ if environment is None else environment
        if not several(found):
            return cls()
        missing = [name for name in _NEEDED if not found.get(name)]
        if missing:
            raise NoisecleanerError(
                f"{found['WORLD_SIZE']} processes train together where WORLD_SIZE says so, and each needs "
                f"{', '.join(_NEEDED)}, but {', '.join(missing)} cannot be found in the environment.",
                "Start them with torchrun, which sets all of these; or unset WORLD_SIZE for a single process.",
            )
        numbers = {name: found[name] for name in ("WORLD_SIZE", *_NEEDED[:3])}
        if all(_NUMBER.fullmatch(text) for text in numbers.values()):
            size, rank, local_rank, local_size = map(int, numbers.values())
            if rank < size and local_rank < local_size <= size:
                return cls(rank=rank, size=size, local_rank=local_rank, local_size=local_size)
        raise NoisecleanerError(
            "Processes that train together are counted: RANK is below WORLD_SIZE, and LOCAL_RANK below "
            f"LOCAL_WORLD_SIZE, but the environment has {listed([f'{n}={text}' for n, text in numbers.items()])}.",
            "Start them with torchrun, which sets all of these; or unset WORLD_SIZE for a single process.",
        )


def follows(environment: Mapping[str, str] | None = None) -> bool:
    """Whether this process is one of several and not their leader, who speaks for all; whatever else is not told.

    One whose number is none, or is not below theirs, speaks for itself: nobody may be there who does.
    """
    found = os.environ if environment is None else environment
    rank, size = found.get("RANK", ""), found.get("WORLD_SIZE", "")
    return bool(_NUMBER.fullmatch(rank) and _NUMBER.fullmatch(size)) and 0 < int(rank) < int(size)


def tell_launcher(text: str) -> None:
    """Leave word for torchrun of what this process failed of: it ends its own report with that.

    See "Error Propagation" in the documentation of torchrun; where no file is asked for, nothing is written.
    """
    path = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if not path or not several():
        return
    extra = {"py_callstack": text, "timestamp": str(int(time.time()))}
    with suppress(OSError):
        Path(path).write_text(json.dumps({"message": {"message": text, "extraInfo": extra}}), "utf-8")


def several(environment: Mapping[str, str] | None = None) -> bool:
    """Whether this process is one of several."""
    size = (os.environ if environment is None else environment).get("WORLD_SIZE", "1")
    return size.strip() not in ("", "0", "1")
