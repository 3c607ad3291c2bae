"""What may be decoded where it is: usual photographs are, and nothing is of which the first bytes say too little."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from support.bombs import bombs, png, saved, scans

from noisecleaner.images.ordinary import ordinary, size_of_webp


def photograph(width: int, height: int) -> Image.Image:
    small = np.random.default_rng(0).integers(0, 256, (height // 50, width // 50, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"quality": 98, "subsampling": 0}),
        ("MPO", {}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True, "method": 0}),
        ("BMP", {}),
        ("PPM", {}),
    ],
)
def test_usual_photographs_are_decoded_in_threads(format: str, options: dict[str, object]) -> None:
    content = saved(photograph(1_000, 800), format, **options)
    taken = ordinary(content, least=448)
    assert taken is not None
    assert taken >= 4 * 448 * 448


def test_photographs_of_a_camera_are_decoded_in_threads() -> None:
    assert ordinary(saved(photograph(6_000, 4_000), "JPEG", quality=90), least=448) is not None


@pytest.mark.parametrize("format", ["TIFF", "GIF", "ICO", "JPEG2000", "AVIF"])
def test_kinds_that_tell_little_by_their_first_bytes_are_not(format: str) -> None:
    assert ordinary(saved(Image.new("RGB", (64, 64)), format), least=16) is None


@pytest.mark.parametrize("cut", [3, 9, 20, 24, 26, 40])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "PPM"])
def test_a_cut_header_never_raises(format: str, cut: int) -> None:
    ordinary(saved(photograph(100, 100), format)[:cut], least=16)


def test_what_no_reader_begins_with_costs_nothing() -> None:
    assert ordinary(b"<html>", least=16) == 0
    assert ordinary(b"", least=16) == 0


def test_scans_are_counted() -> None:
    progressive = saved(photograph(1_000, 1_000), "JPEG", progressive=True)
    assert ordinary(progressive, least=448) is not None
    assert ordinary(scans(progressive, 100), least=448) is None


def test_what_is_decoded_in_threads_of_hostile_images_takes_little() -> None:
    here = {bomb.name: taken for bomb in bombs(2_000) if (taken := ordinary(bomb.content, least=448)) is not None}
    assert all(taken <= 128_000_000 for taken in here.values())
    assert not [name for name in here if name.startswith(("tiff", "ico", "gif", "jp2", "avif"))]


def test_the_size_of_a_webp_is_that_of_its_header() -> None:
    for options in ({}, {"lossless": True}, {"exif": b"Exif\0\0"}):
        assert size_of_webp(saved(photograph(150, 100), "WEBP", **options)) == (150, 100)
    assert size_of_webp(png(10, 10)) is None
