"""The images of rows: packed into a page, or linked where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Manifest, Skip, Source
from noisecleaner.ingest.fingerprints import digest
from noisecleaner.ingest.payloads import ImageColumn, ImageFiles
from noisecleaner.pages.pictures import Size, thumbnails

#: Small originals keep their pixels as they are, because the page enlarges each of them.
LARGE = Size(edge=640, bytes=45_000, exact=64, qualities=(75, 50, 30))


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image on a page.

    Args:
        address: where it is, or all of it.
        print: of the content from which it was made: answers belong to that, whatever its row is called.
    """

    address: str
    print: str


@dataclass(frozen=True, kw_only=True)
class PackedPictures:
    """Images that a page carries."""

    images: ImageFiles | ImageColumn
    #: Where the images of a page may come from, as its policy says it.
    policy = "data:"

    def of(self, rows: IntArray) -> Iterator[tuple[int, Picture | Skip]]:
        """Yield row and image, or why there is none, in ascending order of `rows`, shape [n]."""
        noting = _Noting(self.images)
        for row, made in thumbnails(noting, rows, size=LARGE):
            found = noting.prints.pop(row)
            yield row, made if isinstance(made, Skip) else Picture(address=made.data, print=found)


@dataclass(frozen=True, kw_only=True)
class LinkedPictures:
    """Images that lie in files of their own; addresses are relative to the page's folder where they can be."""

    images: ImageFiles
    folder: Path
    policy = "'self' file:"

    def of(self, rows: IntArray) -> Iterator[tuple[int, Picture | Skip]]:
        """Yield row and image, or why there is none, in ascending order of `rows`, shape [n]."""
        for row, content in self.images.read(rows):
            if isinstance(content, Skip):
                yield row, content
            else:
                file = (self.images.root / (self.images.paths[row].as_py() or "")).path
                yield row, Picture(address=_address(file, self.folder), print=digest(content))


class _Noting:
    """Images that are read by somebody else; what they are is noted as they pass by.

    Args:
        images: of all rows of a dataset.
    """

    def __init__(self, images: ImageFiles | ImageColumn) -> None:
        self._images, self.prints = images, dict[int, str]()

    def read(self, rows: IntArray) -> Iterator[tuple[int, bytes | Skip]]:
        """Yield `(row, encoded bytes)`, or the reason why there are none."""
        for row, content in self._images.read(rows):
            self.prints[row] = digest(content)
            yield row, content


def pictures_of(manifest: Manifest, source: Source, *, linked_from: Path | None) -> PackedPictures | LinkedPictures:
    """Find out how the images of a dataset can be shown.

    Args:
        manifest: the dataset.
        source: where it is.
        linked_from: the folder of a page that links them; None packs them into it.

    Raises:
        NoisecleanerError: there are none, or they cannot be linked.
    """
    images = manifest.payload
    if not isinstance(images, (ImageFiles, ImageColumn)):
        raise NoisecleanerError(
            f"A page shows images, but the rows of {source.data} bring vectors and no images.",
            "Verify them where their images are, and write the labels into the plan yourself.",
        )
    if linked_from is None:
        return PackedPictures(images=images)
    if not isinstance(images, ImageFiles) or not images.root.local:
        held = "lie elsewhere" if isinstance(images, ImageFiles) else "stand in the table itself"
        raise NoisecleanerError(
            f"`link_images` needs images in files of this machine, but those of {source.data} {held}.",
            "Leave it out: they are packed into the page then.",
        )
    return LinkedPictures(images=images, folder=linked_from)


def _address(file: str, folder: Path) -> str:
    try:
        return quote_from_bytes(os.fsencode(os.path.relpath(file, folder.absolute())))
    except ValueError:  # another drive
        return Path(file).as_uri()
