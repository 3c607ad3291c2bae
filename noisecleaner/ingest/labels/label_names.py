"""Names of the classes in the order of their numbers: what says which class a number stands for."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.texts import parsed_json

_HINT = (
    "Give a text file with one name a line, the class of number 0 first; a JSON list of names, or an object of number "
    "and name; or a CSV file with a column name, and perhaps a column id that counts from 0."
)


def read_label_names(path: str) -> tuple[str, ...]:
    """Read the class names from a file: lines of text, `.json` or `.csv`; number 0 is the first.

    Args:
        path: the file.

    Raises:
        NoisecleanerError: there is no such file, or it holds no such list.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise NoisecleanerError(f"Class names need a text file, but {path} cannot be read ({error}).", _HINT) from error
    ending = Path(path).suffix.lower()
    try:
        names = _of_json(text) if ending == ".json" else _of_csv(text) if ending == ".csv" else _of_lines(text)
    except (ValueError, KeyError, csv.Error, RecursionError) as error:
        raise NoisecleanerError(
            f"Class names need a list, but {path} holds something else ({error}).", _HINT
        ) from error
    return checked_names(names, path)


def checked_names(names: Sequence[str], where: str) -> tuple[str, ...]:
    """Refuse a list in which a number would stand for nothing, or a class have two numbers.

    Raises:
        NoisecleanerError: names are empty or occur twice.
    """
    if len(names) < 2:
        raise NoisecleanerError(f"At least two class names are required, but {where} holds {len(names)}.", _HINT)
    empty = [number for number, name in enumerate(names) if not name.strip()]
    if empty:
        raise NoisecleanerError(
            f"Every number needs a class name, but in {where} number {listed(empty, 3)} has none.",
            "Remove the empty lines, or name those classes.",
        )
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise NoisecleanerError(
            f"Class names must be unique, but {where} holds {listed(twice, 3)} more than once.",
            "Remove the repetition.",
        )
    return tuple(names)


def _of_lines(text: str) -> list[str]:
    return re.split(r"\r\n|\n|\r", text.rstrip("\r\n"))


def _of_json(text: str) -> list[str]:
    content = parsed_json(text)
    if isinstance(content, dict):
        return _by_number([(str(number), name) for number, name in content.items()])
    if not isinstance(content, list):
        raise ValueError("no list and no object")
    return [_name(name) for name in content]


def _of_csv(text: str) -> list[str]:
    table = csv.DictReader(StringIO(text))
    if "name" not in (table.fieldnames or ()):
        raise ValueError(f"its columns are {listed(list(table.fieldnames or ()))}, and none is name")
    rows = list(table)
    if rows and "id" in rows[0]:
        return _by_number([(row["id"] or "", row["name"]) for row in rows])
    return [_name(row["name"]) for row in rows]


def _by_number(pairs: Sequence[tuple[str, Any]]) -> list[str]:
    """Put names in the order of their numbers, which count from 0 without a gap."""
    numbers = [int(number) for number, _ in pairs]
    if sorted(numbers) != list(range(len(numbers))):
        raise ValueError(f"its numbers are {listed(sorted(numbers))}, and do not count from 0 without a gap")
    return [_name(name) for _, name in sorted(zip(numbers, (name for _, name in pairs), strict=True))]


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise ValueError(f"{name!r} is no name")
    return name
