"""The ending or the first bytes tell what a file is."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from noisecleaner.images.decoding import FORMATS
from noisecleaner.ingest.files.kinds import (
    IMAGE_ENDINGS,
    OTHER_ENDINGS,
    PICTURE_ENDINGS,
    SNIFFED,
    decodable,
    described,
    ending_of,
    format_of,
    is_pointer,
)

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 2345\n"


def encoded(format: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 30, 30)).save(buffer, format)
    return buffer.getvalue()


@pytest.mark.parametrize("format", [format for format in FORMATS if format not in ("MPO", "HEIF")])
def test_the_first_bytes_of_every_format_that_is_decoded_tell_it(format: str) -> None:
    start = encoded(format)[:SNIFFED]
    assert format_of(start) == format
    assert decodable(start)


@pytest.mark.parametrize(
    ("start", "format"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<!-- made by hand -->\n<svg/>", "SVG"),
        (b"8BPS\0\1", "PSD"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"\x93NUMPY\1\0", "NumPy"),
    ],
)
def test_pictures_that_nothing_decodes_are_told_from_images_and_from_other_files(start: bytes, format: str) -> None:
    assert format_of(start) == format
    assert not decodable(start)
    assert described(start) == format


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (POINTER, "a pointer of Git LFS"),
        (b"<!DOCTYPE html><title>404</title>", "a web page"),
        (b"\n<html><body>404", "a web page"),
        (b"<?xml version='1.0'?><Error>AccessDenied", "XML"),
        (b'{"error": "not found"}', "JSON"),
        (b"%PDF-1.7", "a PDF"),
        (b"PK\x03\x04", "a ZIP archive"),
        (bytes(100), "zeros"),
        (b"404: Not Found", "text"),
        (b"\x07\x91\xfe\x80", None),
        (b"", None),
    ],
)
def test_what_is_no_image_is_described(start: bytes, words: str | None) -> None:
    assert format_of(start) is None
    assert described(start) == words


def test_only_a_pointer_of_git_lfs_is_one() -> None:
    assert is_pointer(POINTER)
    assert not is_pointer(b"version 2")
    assert not is_pointer(b"")


def test_no_ending_belongs_to_two_kinds() -> None:
    assert not IMAGE_ENDINGS & PICTURE_ENDINGS
    assert not IMAGE_ENDINGS & OTHER_ENDINGS
    assert not PICTURE_ENDINGS & OTHER_ENDINGS
    assert all(ending == ending.lower() and ending.startswith(".") for ending in IMAGE_ENDINGS | PICTURE_ENDINGS)


@pytest.mark.parametrize(
    ("name", "ending"),
    [("a.PNG", ".png"), ("a.tar.gz", ".gz"), ("a", ""), (".png", ""), ("a.", "."), ("b.Jpe", ".jpe")],
)
def test_the_ending_is_what_stands_behind_the_last_dot(name: str, ending: str) -> None:
    assert ending_of(name) == ending


@given(st.binary(max_size=200))
def test_any_bytes_may_be_asked(start: bytes) -> None:
    assert decodable(start) <= (format_of(start) is not None)
    assert isinstance(described(start), str | None)
