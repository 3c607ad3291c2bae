"""One image is decoded the same wherever it is, and what waits is bounded."""

from __future__ import annotations

import threading

from PIL import Image
from support.bombs import saved

from noisecleaner.images.decoder import Decoder
from noisecleaner.images.decoding import Wanted, size_of
from noisecleaner.images.framing import Framing
from noisecleaner.images.limits import Limits


def test_pillows_own_limit_is_as_it_was_afterwards() -> None:
    before = Image.MAX_IMAGE_PIXELS
    with Decoder(threads=1, limits=Limits()):
        assert Image.MAX_IMAGE_PIXELS is None
    assert before == Image.MAX_IMAGE_PIXELS


def test_few_bytes_wait_to_be_decoded() -> None:
    large, read = bytes(50_000_000), list[int]()
    with Decoder(threads=1, limits=Limits()) as decoder:
        stream = decoder.waiting((row, large) for row in range(5))

        def take() -> None:
            for row, _ in stream:
                read.append(row)

        thread = threading.Thread(target=take)
        thread.start()
        thread.join(0.3)
        assert read == [0, 1]
        decoder.done(large)
        thread.join(0.3)
        assert read == [0, 1, 2]
    thread.join(5)
    assert read == [0, 1, 2, 3, 4]


def test_sizes_are_read_off_headers() -> None:
    for format in ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000"):
        assert size_of(saved(Image.new("RGB", (40, 30)), format)) == (40, 30), format
    assert size_of(saved(Image.new("RGB", (32, 32)), "ICO", sizes=[(32, 32)])) == (32, 32)
    assert size_of(b"no image") is None


def test_what_is_wanted_comes_back_from_json() -> None:
    wanted = Wanted(framings=(Framing(16), Framing(24, "pad")), edge=20)
    assert Wanted.from_json(wanted.to_json()) == wanted
