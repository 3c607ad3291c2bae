"""The notice board of several processes: small messages that outlive a broken connection, read whenever one likes.

A collective operation waits for everybody, and for a limited time. Here a process says that there is work, that it has
done its own, that it failed of something, or that it leaves; the others look when they can.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from noisecleaner.errors import Interrupted, Lost
from noisecleaner.ranks.failures import lost, of_text, to_text

if TYPE_CHECKING:
    from torch.distributed import Store  # type: ignore[attr-defined]  # torch exports it without saying so

#: Time between two looks, and between two looks at what is asked for at every step.
_POLL_SECONDS, _ASK_SECONDS = 0.05, 1.0
#: How long one waits for the others before it ends; for those who know that one is lost, who never comes. torchrun
#: kills after 30 seconds what it has asked to end.
_FAREWELL_SECONDS, _SHORT_SECONDS = 15.0, 2.0
#: How long the reason of a break may be on its way.
_REASON_SECONDS = 1.0


class Board:
    """The board, as one of the processes sees it.

    Args:
        store: what torch's processes meet at.
        rank: number of this process.
        size: how many there are.
    """

    def __init__(self, store: Store, *, rank: int, size: int) -> None:
        self._store, self._rank, self._size = store, rank, size
        self._asked, self._tasks = 0.0, 0
        self._lost = False

    def call(self) -> None:
        """Say that there is work, or that there is none any more: the others come (the leader's word)."""
        self._tasks += 1
        self._store.set(f"task-{self._tasks}", "1")

    def await_call(self) -> None:
        """Wait for the leader's word, however long it takes.

        Raises:
            NoisecleanerError, Interrupted: some other process failed.
        """
        self._tasks += 1
        self._await(lambda: self._there(f"task-{self._tasks}"))

    def report(self, texts: dict[str, list[str]]) -> None:
        """Say that this process has done its part of the work, and what shall be told of it."""
        self._store.set(f"done-{self._tasks}-{self._rank}", json.dumps(texts))

    def reports(self, waiting: Callable[[], None]) -> list[dict[str, list[str]]]:
        """Wait until all others have done their parts; return what they have to tell, in the order of their numbers.

        Args:
            waiting: called while there is nothing new; may raise.

        Raises:
            NoisecleanerError, Interrupted: some other process failed.
        """
        keys = [f"done-{self._tasks}-{rank}" for rank in range(self._size) if rank != self._rank]
        self._await(lambda: all(map(self._there, keys)), waiting)
        return [json.loads(self._store.get(key)) for key in keys]

    def fail(self, error: BaseException) -> None:
        """Say what this process failed of, unless another one was earlier."""
        self._lost = isinstance(error, Lost)
        try:
            if not self._lost and self._store.add("failures", 1) == 1:
                self._store.set("failure", to_text(error))
        except RuntimeError:  # the board went down with its keeper, and everybody knows
            return

    def failed(self) -> bool:
        """Whether some process has failed; looks now and then, so that it may be asked at every step."""
        if time.monotonic() - self._asked < _ASK_SECONDS:
            return False
        self._asked = time.monotonic()
        return self._there("failure")

    def raise_failure(self) -> None:
        """Raise what some process failed of, if one did.

        Raises:
            NoisecleanerError, Interrupted: as there.
        """
        if self._there("failure"):
            raise of_text(self._store.get("failure").decode())

    def after_break(self) -> BaseException:
        """Why a collective operation broke off: what some process failed of, or that one is gone without a word."""
        until = time.monotonic() + _REASON_SECONDS
        try:
            while not self._there("failure") and time.monotonic() < until:
                time.sleep(_POLL_SECONDS)
            self.raise_failure()
            return self.missing()
        except (Exception, Interrupted) as failure:
            return failure

    def leave(self) -> bool:
        """Wait for all others to leave as well, and say whether they did.

        The first process that ends badly has torchrun kill the others. The leader is the last to go, because the board
        may be its own.
        """
        until = time.monotonic() + (_SHORT_SECONDS if self._lost else _FAREWELL_SECONDS)
        try:
            self._store.add("left", 1)
            if not self._until("left", self._size, until):
                return False
            if self._rank:
                self._store.add("gone", 1)
            else:
                self._until("gone", self._size - 1, until)
        except RuntimeError:  # its keeper went first
            return False
        return True

    def missing(self) -> Lost:
        """Say that not all others have left: one is gone."""
        try:
            first = self._store.add("lost", 1) == 1
        except RuntimeError:
            first = True
        return lost(self._size, first=first)

    def _until(self, key: str, count: int, until: float) -> bool:
        while self._store.add(key, 0) < count:
            if time.monotonic() > until:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _await(self, there: Callable[[], bool], waiting: Callable[[], None] = lambda: None) -> None:
        while not there():
            self.raise_failure()
            waiting()
            time.sleep(_POLL_SECONDS)

    def _there(self, key: str) -> bool:
        try:
            return bool(self._store.check([key]))
        except RuntimeError as error:
            raise lost(self._size, first=True) from error
