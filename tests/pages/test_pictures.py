"""Pictures keep their shape, small ones their pixels, and what cannot be read says why."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from support.reports import photograph

from noisecleaner.arrays import IntArray
from noisecleaner.ingest import Skip
from noisecleaner.pages.pictures import Size, Thumbnail, thumbnails
from noisecleaner.report.gallery import CARD, SMALL


class Encoded:
    """Images that are made of a list."""

    def __init__(self, *contents: bytes | Skip) -> None:
        self.contents = contents

    def read(self, rows: IntArray) -> Iterator[tuple[int, bytes | Skip]]:
        for row in rows.tolist():
            yield row, self.contents[row]


def of(content: bytes, size: Size = CARD) -> Thumbnail:
    ((_, made),) = thumbnails(Encoded(content), np.array([0]), size=size)
    assert isinstance(made, Thumbnail)
    return made


def opened(made: Thumbnail) -> Image.Image:
    kind, _, content = made.data.partition(",")
    assert kind == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


@pytest.mark.parametrize(("size", "shown"), [((400, 300), (96, 72)), ((200, 400), (48, 96)), ((5000, 2), (96, 1))])
def test_a_large_image_is_shrunk_and_keeps_its_shape(size: tuple[int, int], shown: tuple[int, int]) -> None:
    made = of(photograph(0, size))
    assert (made.width, made.height) == shown == opened(made).size
    assert not made.enlarged


def test_a_small_image_keeps_its_pixels_and_is_enlarged_by_the_page() -> None:
    content = io.BytesIO()
    colours = np.zeros((32, 24, 3), np.uint8)
    colours[:16] = (250, 10, 10)
    Image.fromarray(colours).save(content, "PNG")
    made = of(content.getvalue())
    assert opened(made).size == (24, 32)
    assert (made.width, made.height, made.enlarged) == (72, 96, True)
    pixels = np.asarray(opened(made).convert("RGB")).astype(int)
    assert abs(pixels[4, 12] - [250, 10, 10]).max() < 40
    assert pixels[28, 12].max() < 40


def test_pictures_are_small() -> None:
    for row in range(4):
        assert len(of(photograph(row)).webp) < 1_400
        assert len(of(photograph(row), SMALL).webp) < 700


def test_what_cannot_be_read_says_why_and_rows_stay_in_order() -> None:
    images = Encoded(photograph(0), b"no image", Skip.MISSING_FILE, photograph(1)[:800])
    made = list(thumbnails(images, np.array([3, 2, 1, 0]), size=CARD))
    assert [row for row, _ in made] == [0, 1, 2, 3]
    assert isinstance(made[0][1], Thumbnail)
    assert [reason for _, reason in made[1:]] == [Skip.UNSUPPORTED_FORMAT, Skip.MISSING_FILE, Skip.TRUNCATED]


def test_equal_images_give_equal_bytes() -> None:
    assert of(photograph(5)).webp == of(photograph(5)).webp


def test_a_small_image_may_keep_its_pixels_exactly() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 24, 3), np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    made = of(content.getvalue(), Size(edge=96, bytes=10, exact=32))
    assert (np.asarray(opened(made).convert("RGB")) == pixels).all()
    other = of(content.getvalue(), Size(edge=96, bytes=10, exact=31))
    assert len(other.webp) < len(made.webp)
