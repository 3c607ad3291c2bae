"""A user's text made safe for whoever reads it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from itertools import islice
from typing import Any

#: Characters of a word, or of a text in quotes, that nobody reads to the end of a message; and of a message.
_WORD, _MESSAGE = 200, 4000
#: Such words and texts; paths are hardly ever as long.
_ENDLESS = re.compile(r"(?P<quote>['\"])(?:(?!(?P=quote)).){400,}(?P=quote)|\S{400,}")
#: How a formula of a spreadsheet begins, also behind apostrophes that were put before it (OWASP ASVS 5, 1.2.10).
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\0＝＋－＠]")
_NUMBER = re.compile(r"[+-]?[0-9]+([.][0-9]+)?")
#: Where lines become commands to whoever reads the log of a CI: `::error::` of GitHub at a line's beginning, and
#: `##[error]` of it, `##vso[…]` of Azure and `##teamcity[…]` anywhere.
_COMMAND = re.compile(r"^[^\S\n]*(?=::)|(?<=#)(?=#(?:vso|teamcity)?\[)", re.MULTILINE)
#: What XML 1.0 cannot hold, not even escaped; and the halves of what UTF-16 writes in two.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: object) -> str:
    """Make a user's text safe for a terminal: no control or direction-changing characters."""
    return "".join("�" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in str(text))


def inert(text: str) -> str:
    """Put a backslash into what the log of a CI would take for a command: a class may be called `::error::no`."""
    return _COMMAND.sub(lambda found: f"{found[0]}\\", text)


def xml_text(text: str) -> str:
    """Replace the characters that XML cannot hold, even escaped."""
    return _NOT_XML.sub("\ufffd", text)


def shortened(text: str, most: int) -> str:
    """Cut a text after `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def legible(text: object) -> str:
    """Make a message safe for a terminal and a log, and as short as a person reads it: names may have pages."""
    return inert(shortened(_ENDLESS.sub(lambda found: shortened(found[0], _WORD), printable(text)), _MESSAGE))


def tally(counts: Mapping[str, int], most: int = 5, longest: int = 80) -> str:
    """Write names in quotes with their numbers, the first ones only: `'horse' 90; 'emu' 50; and 3 more`."""
    told = [f"'{shortened(name, longest)}' {number:,}" for name, number in islice(counts.items(), most)]
    return "; ".join([*told, *([f"and {len(counts) - most:,} more"] if len(counts) > most else [])])


def counted(count: int, noun: str, plural: str = "") -> str:
    """Write a number with what it counts: `1 row`, `1,200 rows`.

    Args:
        count: the number.
        noun: what one of them is called; words may stand before it.
        plural: what more of them are called, where that is not the same with an s.
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def bytes_in_words(size: float) -> str:
    """Write a number of bytes: `640 bytes`, `23.8 kB`, `1.5 GB`."""
    if size < 1000:
        return counted(int(size), "byte")
    size /= 1000
    for unit in ("kB", "MB"):
        if size < 1000:
            return f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def agreeing(count: int, one: str = "is", more: str = "are") -> str:
    """Choose the verb that goes with a number: `is` of one, `are` of none or more."""
    return one if count == 1 else more


def cell(text: str) -> str:
    """Write a text for a spreadsheet, which shall not run it: an apostrophe stands before what begins like a formula.

    Whole numbers and decimal ones run nothing, and stay as they are.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def uncell(text: str) -> str:
    """Read what `cell` wrote."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def json_text(content: Mapping[str, object]) -> str:
    """Write JSON that no terminal or locale can change: ASCII only; a lone surrogate becomes a question mark."""
    return f"{json.dumps(_unicode(content), indent=2, allow_nan=False)}\n"


def parsed_json(text: str | bytes) -> Any:
    """Read JSON that anybody may have written.

    Raises:
        ValueError: it is none, or is nested too deeply to be read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _unicode(value: object) -> object:
    if isinstance(value, Mapping):
        return {_unicode(key): _unicode(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unicode(inner) for inner in value]
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
