"""JSON files: laid out for people, and those that carry a checksum."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files.outputs import replacing
from noisecleaner.files.regular import read_regular
from noisecleaner.texts import parsed_json


@dataclass(frozen=True)
class LongList:
    """A list of many plain values for `write_json`, which are never in memory together.

    Args:
        parts: yields them some at a time.
    """

    parts: Callable[[], Iterator[list[Any]]]


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as indented JSON, a list of numbers in one line; NaN is refused, because JSON has none."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(_laid_out(content))
        file.write("\n")


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object with a checksum, for `read_record`."""
    plain = json.loads(json.dumps(content, allow_nan=False))
    write_json(path, {**plain, "crc32": _crc(plain)})


def read_record(path: Path) -> dict[str, Any]:
    """Read what `write_record` wrote.

    Raises:
        NoisecleanerError: the file is missing, holds something else, or a bit of it has flipped.
    """
    try:
        content = parsed_json(read_regular(path).decode("utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(path, error) from error
    if not isinstance(content, dict) or content.pop("crc32", None) != _crc(content):
        raise damaged(path, "its checksum is wrong")
    return content


def damaged(path: Path, reason: object) -> NoisecleanerError:
    """Describe a file of a run that is missing or broken."""
    return NoisecleanerError(
        f"{path} is required, but it cannot be read ({reason}).",
        "The run directory is damaged or incomplete: run `fit(..., overwrite=True)` again.",
    )


def _laid_out(value: Any, indent: str = "") -> Iterator[str]:
    """Lay out JSON; Python's own indentation would put each number of a matrix of classes into a line of its own."""
    inner, parts = indent + "  ", list[tuple[str, Any]]()
    if isinstance(value, LongList):
        yield from _in_one_line(value)
        return
    if isinstance(value, Mapping):
        parts = [(f"{inner}{_plain(str(name))}: ", part) for name, part in value.items()]
    elif isinstance(value, list) and any(isinstance(part, (list, Mapping)) for part in value):
        parts = [(inner, part) for part in value]
    if not parts:
        yield _plain(value)
        return
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    for number, (begin, part) in enumerate(parts):
        yield f"{',' if number else opening}\n{begin}"
        yield from _laid_out(part, inner)
    yield f"\n{indent}{closing}"


def _in_one_line(values: LongList) -> Iterator[str]:
    """Lay out many values as the list of them would be."""
    begin = "["
    for part in filter(None, values.parts()):
        yield begin + _plain(part)[1:-1]
        begin = ", "
    yield "]" if begin != "[" else "[]"


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _crc(content: Mapping[str, Any]) -> str:
    return str(zlib.crc32(json.dumps(content, sort_keys=True).encode()))
