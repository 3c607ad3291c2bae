"""Why ids do not match: types, padding, blanks, cases and folders that somebody or some program changed."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from noisecleaner.ingest.labels.lookalikes import shown

#: Ids that are looked at on each side: a sample of them shows what happened.
_MOST_STRANGERS, _MOST_KNOWN = 1000, 1_000_000
#: What a program may have done to ids -> how to undo it. The first that explains ids is told.
_CHANGES: dict[str, Callable[[str], str]] = {
    "blanks around them": str.strip,
    "fractions (12.0 for 12)": lambda text: re.sub(r"^(-?[0-9]+)\.0+$", r"\1", text),
    "zeros in front": lambda text: re.sub(r"^0+(?=[0-9])", "", text),
    "backslashes": lambda text: text.replace("\\", "/"),
    "a ./ in front": lambda text: re.sub(r"^(\./)+", "", text),
    "their Unicode form": lambda text: unicodedata.normalize("NFC", text),
    "capital letters": str.casefold,
    "quotation marks": lambda text: text.strip("\"'"),
    "their folders": lambda text: re.split(r"[/\\]", text)[-1],
    "their endings": lambda text: re.sub(r"\.[A-Za-z0-9]{2,5}$", "", text),
    "a prefix of their upload": lambda text: re.sub(r"^[0-9a-f]{4,8}-", "", re.split(r"[/\\]", text)[-1]),
}


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What was changed in ids.

    Args:
        changes: in words.
        explained: ids that would match without them, of those that were looked at.
        looked_at: ids that were looked at.
        examples: pairs of an id and the one of the dataset that it is.
    """

    changes: tuple[str, ...]
    explained: int
    looked_at: int
    examples: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        pairs = ", ".join(f"{shown(own)} is {shown(other)} in the dataset" for own, other in self.examples)
        many = f"{self.explained:,} of {self.looked_at:,}" if self.looked_at > 1 else "it"
        return f"{many} would match but for {' and '.join(self.changes)}: {pairs}"


def explain(strangers: Sequence[str], known: Iterable[str]) -> Explanation | None:
    """Find what was changed in ids that do not match, where that leaves them apart.

    Args:
        strangers: ids that are not in the dataset.
        known: ids of the dataset.

    Returns:
        The smallest change that explains at least half of the ids, else the one that explains most; None where none
        explains any.
    """
    some = list(dict.fromkeys(strangers))[:_MOST_STRANGERS]
    ids = [name for name, _ in zip(known, range(_MOST_KNOWN), strict=False)]
    found = []
    for change in _CHANGES:
        found.append(_explained(some, ids, (change,)))
        if some and 2 * found[-1].explained >= len(some):
            return found[-1]
    most = max(*found, _together(some, ids), key=lambda one: one.explained)
    return most if most.explained else None


def _together(strangers: Sequence[str], known: Sequence[str]) -> Explanation:
    """Undo several changes: all of them that it takes."""
    found = _explained(strangers, known, tuple(_CHANGES))
    for change in reversed(_CHANGES):
        fewer = _explained(strangers, known, tuple(other for other in found.changes if other != change))
        found = fewer if fewer.explained >= found.explained else found
    return found


def _explained(strangers: Sequence[str], known: Sequence[str], changes: tuple[str, ...]) -> Explanation:
    def plain(text: str) -> str:
        for change in changes:
            text = _CHANGES[change](text)
        return text

    sought = Counter(map(plain, strangers))
    match: dict[str, str] = {}
    twice = {own for own, count in sought.items() if count > 1}
    for name in known:
        own = plain(name)
        if own in match:
            twice.add(own)
        elif own in sought:
            match[own] = name
    pairs = [(name, match[own]) for name in strangers if (own := plain(name)) in match and own not in twice]
    return Explanation(changes=changes, explained=len(pairs), looked_at=len(strangers), examples=tuple(pairs[:2]))
