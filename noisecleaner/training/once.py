"""What every fold warns of is said once: texts that differ only in their numbers are one, with the range of these."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from noisecleaner.progress import Progress, Stage

_NUMBER = re.compile(r"\d+(?:,\d{3})*")


class Once(Progress):
    """Passes everything on, but for warnings, which wait for `release`.

    Args:
        progress: what it is passed on to.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._warnings: list[str] = []

    def note(self, text: str) -> None:
        """Tell a choice that was made for the user."""
        self._progress.note(text)

    def warn(self, text: str) -> None:
        """Keep a warning."""
        self._warnings.append(text)

    @contextmanager
    def stage(self, title: str, total: int, unit: str, done: int = 0) -> Iterator[Stage]:
        """Show one piece of work."""
        with self._progress.stage(title, total, unit, done) as stage:
            yield stage

    def release(self) -> None:
        """Tell what was kept."""
        kept, self._warnings = self._warnings, []
        for text in merged(kept):
            self._progress.warn(text)


def merged(texts: Iterable[str]) -> Iterator[str]:
    """Join texts that differ only in their numbers: `3 of 9 rows` and `5 of 9 rows` are `3 to 5 of 9 rows`."""
    alike: dict[str, list[str]] = {}
    for text in texts:
        alike.setdefault(_NUMBER.sub("#", text), []).append(text)
    for group in alike.values():
        columns = zip(*(_NUMBER.findall(text) for text in group), strict=True)
        between = _NUMBER.split(group[0])
        ranges = [*map(_range, columns), ""]
        yield "".join(word for pair in zip(between, ranges, strict=True) for word in pair)


def _range(numbers: Iterable[str]) -> str:
    found = sorted(set(numbers), key=lambda number: int(number.replace(",", "")))
    return found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"
