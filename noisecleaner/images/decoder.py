"""Decodes images from any number of threads: ordinary ones where they are, the others between the walls of a child."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from noisecleaner.images.budget import Budget
from noisecleaner.images.children import Children
from noisecleaner.images.decoding import Wanted, decode_here, without_pillows_limit
from noisecleaner.images.failures import Failure
from noisecleaner.images.greys import Pixels
from noisecleaner.images.limits import Limits
from noisecleaner.images.ordinary import ordinary

#: Bytes of files that wait to be decoded.
_WAITING = 128_000_000
Missing = TypeVar("Missing")


class Decoder:
    """Decodes images, each within its limits, and all that are decoded at once within theirs.

    While it is open, Pillow's own limit is lifted: the size is judged here.

    Args:
        threads: that decode.
        limits: of each image.
    """

    def __init__(self, *, threads: int, limits: Limits) -> None:
        self._limits = limits
        self._budget, self._waiting = Budget(limits.together), Budget(_WAITING)
        self._children = Children(limits, threads)
        self._lifted = without_pillows_limit()

    def __enter__(self) -> Decoder:
        self._lifted.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._lifted.__exit__(None, None, None)
        self.stop()
        self._children.close()

    def decode(self, encoded: bytes, wanted: Wanted) -> tuple[Pixels, ...] | Failure:
        """Decode an image.

        Returns:
            What is wanted: pixels of shape [height, width, 3]; or the reason why there are none.

        Raises:
            NoisecleanerError: no child starts.
        """
        taken = ordinary(encoded, least=wanted.least)
        if taken is None:
            return self._children.decode(encoded, wanted, self._budget)
        self._budget.take(taken)
        try:
            return decode_here(encoded, wanted, self._limits)
        finally:
            self._budget.give(taken)

    def waiting(self, images: Iterable[tuple[int, bytes | Missing]]) -> Iterator[tuple[int, bytes | Missing]]:
        """Hand images on, as long as not too many bytes of them wait for `done`."""
        for row, encoded in images:
            if isinstance(encoded, bytes):
                self._waiting.take(len(encoded))
            yield row, encoded

    def done(self, encoded: bytes) -> None:
        """Say that an image that waited was decoded."""
        self._waiting.give(len(encoded))

    def stop(self) -> None:
        """Let every thread end soon: what children decode is given up, and nobody waits any more."""
        self._waiting.close()
        self._budget.close()
        self._children.stop()
