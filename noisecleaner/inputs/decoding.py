"""Encoded images -> RGB pixels of one size, in threads; what does not decode is a row with its reason."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TypeVar

from noisecleaner.images.decoder import Decoder
from noisecleaner.images.decoding import FORMATS, Wanted
from noisecleaner.images.failures import Failure
from noisecleaner.images.framing import Framing
from noisecleaner.images.greys import Pixels
from noisecleaner.images.limits import Limits
from noisecleaner.ingest import Skip
from noisecleaner.ingest.files.kinds import format_of
from noisecleaner.settings import MAX_PIXELS, Decoding
from noisecleaner.threads import in_threads

Made = TypeVar("Made")
#: One image in several framings.
Resized = tuple[Pixels, ...]


def decode(encoded: bytes, framings: Sequence[Framing], *, max_pixels: int = MAX_PIXELS) -> Resized | Skip:
    """Decode one image to RGB and make squares of it.

    EXIF orientation is applied, grey images of more than 8 bits are scaled by their own range (`to_eight_bits`),
    transparent pixels become white, of an animation the first frame is taken.

    Args:
        encoded: the bytes of an image file.
        framings: how the image becomes each of the squares.
        max_pixels: width times height above which the image is refused before it is decoded.

    Returns:
        Pixels of shape [size, size, 3] for each framing, or the reason why there are none.
    """
    decoding = Decoding(threads=1, max_pixels=max_pixels)
    ((_, resized),) = decode_all([(0, encoded)], framings=framings, decoding=decoding)
    return resized


def decode_all(
    images: Iterable[tuple[int, bytes | Skip]], *, framings: Sequence[Framing], decoding: Decoding
) -> Generator[tuple[int, Resized | Skip]]:
    """Decode a stream of encoded images in threads (Pillow releases the interpreter lock), in order.

    Args:
        images: `(row, encoded bytes or a reason)`.
        framings: how an image becomes each of its squares.
        decoding: threads and limits.

    Yields:
        `(row, pixels of shape [size, size, 3] for each framing, or a reason)`.
    """
    return made_of(images, Wanted(framings=tuple(framings)), lambda resized: resized, decoding=decoding)


def made_of(
    images: Iterable[tuple[int, bytes | Skip]],
    wanted: Wanted,
    finish: Callable[[Resized], Made],
    *,
    decoding: Decoding | None = None,
) -> Generator[tuple[int, Made | Skip]]:
    """Decode a stream of encoded images as `decode_all` does, and finish them in the same threads.

    Args:
        images: `(row, encoded bytes or a reason)`.
        wanted: what is made of each of them.
        finish: makes something of what is wanted, pixels of shape [height, width, 3] each.
        decoding: threads and limits.

    Yields:
        `(row, what was made, or a reason)`.
    """
    decoding = decoding or Decoding()

    def one(image: tuple[int, bytes | Skip]) -> tuple[int, Made | Skip]:
        row, encoded = image
        if isinstance(encoded, Skip):
            return row, encoded
        pixels = decoder.decode(encoded, wanted)
        decoder.done(encoded)
        return row, skip_of(pixels, encoded) if isinstance(pixels, Failure) else finish(pixels)

    threads = decoding.threads
    with Decoder(threads=threads, limits=Limits(max_pixels=decoding.max_pixels)) as decoder:
        stream = decoder.waiting(images)
        yield from in_threads(
            one, stream, threads=threads, ahead=8 * threads, name="decode", paced=True, stop=decoder.stop
        )


def skip_of(failure: Failure, encoded: bytes) -> Skip:
    """Say why a row with an image that failed takes no part."""
    if failure is Failure.UNSUPPORTED_FORMAT and format_of(encoded) in FORMATS:
        return Skip.UNREADABLE  # it begins like an image that is opened, but what follows is none
    return Skip(failure.value)
