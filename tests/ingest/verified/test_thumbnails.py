"""A picture that was saved anew looks as it did, and another one does not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from support.datasets import png
from support.field import bomb

from noisecleaner.arrays import FloatArray
from noisecleaner.images.decoder import Decoder
from noisecleaner.images.limits import Limits
from noisecleaner.ingest.verified import thumbnails
from noisecleaner.ingest.verified.thumbnails import alike


def thumbnail(encoded: bytes) -> FloatArray | None:
    with Decoder(threads=1, limits=Limits()) as decoder:
        return thumbnails.thumbnail(encoded, decoder)


def picture(seed: int, size: int = 64) -> Image.Image:
    """Smooth colours, as those of a photograph."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    return small.resize((size, size), Image.Resampling.BICUBIC)


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def same(first: bytes, second: bytes) -> bool:
    small = thumbnail(first), thumbnail(second)
    assert small[0] is not None
    assert small[1] is not None
    return alike(small[0], small[1])


@pytest.mark.parametrize(
    "anew",
    [
        lambda image: saved(image, "JPEG", quality=30),
        lambda image: saved(image.resize((224, 224)), "WEBP"),
        lambda image: saved(image.resize((24, 24)), "PNG"),
        lambda image: saved(image.convert("L"), "PNG"),
        lambda image: saved(image.convert("P"), "GIF"),
    ],
    ids=["jpeg", "larger", "smaller", "grey", "palette"],
)
def test_a_picture_saved_anew_is_the_same(anew: object) -> None:
    for seed in range(20):
        assert same(saved(picture(seed), "PNG"), anew(picture(seed)))  # type: ignore[operator]


def test_other_pictures_are_others() -> None:
    small = [thumbnail(saved(picture(seed), "PNG")) for seed in range(40)]
    assert not any(alike(a, b) for row, a in enumerate(small) for b in small[:row] if a is not None and b is not None)


def test_pictures_of_one_colour_are_the_same_where_the_colour_is() -> None:
    plain = [saved(Image.new("RGB", (9, 9), (grey,) * 3), "PNG") for grey in (100, 104, 200)]
    assert same(plain[0], plain[1])
    assert not same(plain[0], plain[2])
    assert not same(plain[0], png(0, np.random.default_rng(0)))


@pytest.mark.parametrize("content", [b"", b"no image", bomb(), saved(picture(0), "PNG")[:200]])
def test_what_cannot_be_opened_has_no_thumbnail(content: bytes) -> None:
    assert thumbnail(content) is None
