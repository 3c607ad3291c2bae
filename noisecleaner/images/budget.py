"""Bytes that threads may hold together."""

from __future__ import annotations

from threading import Condition


class Budget:
    """So many bytes; who wants more than are left waits for others to give theirs back.

    Args:
        total: bytes; who alone wants more is given all of them.
    """

    def __init__(self, total: int) -> None:
        self._total = self._left = total
        self._changed = Condition()
        self._closed = False

    def take(self, count: int) -> None:
        """Wait until so many bytes are left, and take them; after `close` without waiting."""
        count = min(count, self._total)
        with self._changed:
            while self._left < count and not self._closed:
                self._changed.wait()
            self._left -= count

    def give(self, count: int) -> None:
        """Give back what was taken."""
        with self._changed:
            self._left += min(count, self._total)
            self._changed.notify_all()

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
