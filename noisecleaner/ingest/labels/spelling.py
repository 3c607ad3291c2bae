"""Labels that people typed: read as the one class that they spell but for blanks, case and Unicode form."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.ingest.labels.lookalikes import explained
from noisecleaner.ingest.labels.naming import Reading, relabelled
from noisecleaner.notices import Notice, Severity
from noisecleaner.tables import count_true
from noisecleaner.texts import agreeing, counted


def as_spelled(read: Reading, where: str, *, beside: str | None = None) -> Reading:
    """Read labels that are no class as the class that they spell, where they spell one only.

    Args:
        read: the labels, and the classes.
        where: what holds them, for messages.
        beside: a label that is no class and stays.
    """
    names = pc.unique(read.labels).drop_null().to_pylist()
    changed = _changed([name for name in names if name != beside], read.classes, beside)
    if not changed:
        return read
    count = count_true(pc.is_in(read.labels, value_set=pa.array(list(changed), pa.string())))
    notice = Notice(
        code="labels-spelled-alike",
        severity=Severity.NOTE,
        message=f"{counted(count, 'label')} of {where} {agreeing(count)} read as classes that are spelled otherwise: "
        f"{explained(list(changed), list(changed.values()))}.",
    )
    labels = relabelled(read.labels, changed)
    return Reading(labels=labels, classes=read.classes, ordered=read.ordered, notices=(*read.notices, notice))


def _changed(labels: Sequence[str], classes: Sequence[str], beside: str | None) -> dict[str, str]:
    """Which class each label becomes that is none."""
    known = set(classes)
    spelled: dict[str, list[str]] = {}
    taken = {_plain(beside)} if beside is not None else set()
    for name in classes:
        spelled.setdefault(_plain(name), []).append(name)
    unknown = {label: _plain(label) for label in labels if label not in known}
    return {
        label: spelled[plain][0]
        for label, plain in unknown.items()
        if len(spelled.get(plain, ())) == 1 and plain not in taken
    }


def _plain(label: str) -> str:
    """A label without what nobody sees, or means, in it."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())
