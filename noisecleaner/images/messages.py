"""What a process and its child say to each other: JSON and bytes, so that nothing a child says can do anything."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import IO, Any

_LENGTHS = struct.Struct("<IQ")


def send(pipe: IO[bytes], content: Mapping[str, Any], data: bytes = b"") -> None:
    """Send JSON and bytes.

    Raises:
        BrokenPipeError: nobody listens any more.
    """
    head = json.dumps(content).encode()
    pipe.write(_LENGTHS.pack(len(head), len(data)) + head)
    pipe.write(data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Receive what `send` sent.

    Raises:
        EOFError: nobody sends any more.
    """
    head, data = _LENGTHS.unpack(_read(pipe, _LENGTHS.size))
    content: dict[str, Any] = json.loads(_read(pipe, head))
    return content, _read(pipe, data)


def _read(pipe: IO[bytes], count: int) -> bytes:
    found = pipe.read(count)
    if len(found) < count:
        raise EOFError
    return found
