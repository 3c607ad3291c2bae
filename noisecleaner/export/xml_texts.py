"""Any texts -> what XML can hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing, counted, xml_text


def xml_names(names: Sequence[str], most: int) -> list[str]:
    """Turn any texts into names for XML that differ: in one line, no blanks at the ends, at most `most` characters."""
    taken: set[str] = set()
    found = []
    for name in names:
        base = re.sub("[\t\n\r]", " ", xml_text(name)).strip()[:most].strip() or "_"
        candidate, number = base, 1
        while candidate in taken:
            number += 1
            candidate = f"{base[: most - len(str(number)) - 1]}-{number}"
        taken.add(candidate)
        found.append(candidate)
    return found


def renamed_classes(names: Mapping[str, str], *, tool: str) -> Iterator[Notice]:
    """Say so where a tool calls classes otherwise.

    Args:
        names: of the classes -> what the tool calls them.
        tool: its name.
    """
    others = {own: theirs for own, theirs in names.items() if own != theirs}
    if others:
        own, theirs = next(iter(others.items()))
        yield Notice(
            code="classes-renamed",
            severity=Severity.NOTE,
            message=f"{counted(len(others), 'class', 'classes')} {agreeing(len(others))} called otherwise in "
            f"{tool}, which changes blanks at the ends, line breaks and long names: {own!r} is {theirs!r} there.",
        )
