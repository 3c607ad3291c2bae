"""Pictures of all pages, put aside until the last one is read: each page tells what the others show, and what none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from tempfile import SpooledTemporaryFile
from typing import Self

from noisecleaner.ingest import Skip
from noisecleaner.review.pictures import Picture

#: Bytes that are kept in memory; beyond them they go to the disk.
_MEMORY = 64 * 2**20


class Shelf:
    """Pictures page by page; a context, because it may hold a file.

    Args:
        prints: place in the rows of the sheet -> print of its picture.
        lost: places of rows that have no picture, in the order in which they were put.
    """

    def __init__(self) -> None:
        self.prints, self.lost = dict[int, str](), list[int]()
        self._file = SpooledTemporaryFile(_MEMORY, "w+", encoding="ascii", newline="\n")  # noqa: SIM115  # closed at the exit

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, pictures: Mapping[int, Picture | Skip]) -> None:
        """Put the pictures of a page behind those that are there."""
        for place, picture in pictures.items():
            if isinstance(picture, Skip):
                self.lost.append(place)
            else:
                self.prints[place] = picture.print
        line = [
            [place, None, one.value] if isinstance(one, Skip) else [place, one.address, one.print]
            for place, one in pictures.items()
        ]
        self._file.write(f"{json.dumps(line)}\n")

    def pages(self) -> Iterator[dict[int, Picture | Skip]]:
        """Give the pictures of each page back, in the same order."""
        self._file.seek(0)
        for line in self._file:
            yield {
                place: Skip(text) if address is None else Picture(address=address, print=text)
                for place, address, text in json.loads(line)
            }
