"""How long each part of a long call takes."""

from __future__ import annotations

import time

from noisecleaner.progress import Progress


class Clock:
    """Wall-clock time of each part.

    Args:
        progress: is told, if somebody asks for all of it.

    Attributes:
        seconds: of each part, by its name.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, part: str) -> None:
        """Note that a part ends here."""
        now = time.monotonic()
        self.seconds[part], self._last = round(now - self._last, 2), now
        self._progress.detail(f"To {part} took {self.seconds[part]:,.2f} s.")
