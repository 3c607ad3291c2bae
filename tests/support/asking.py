"""What a command asks of the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """The arguments of a function of `api`, by position and by name, without those that talk to the terminal."""

    positional: tuple[Any, ...]
    named: dict[str, Any]


#: Takes the name of a function of `api` and the words of a command.
Asked = Callable[..., Call]
