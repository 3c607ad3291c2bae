"""A text in place of a path is called what it is, and never printed whole."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sources import red

from noisecleaner.ingest.files.no_paths import excerpt, named

JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01" + bytes(range(200))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (base64.b64encode(red()).decode(), "base64 (an encoded image as text)"),
        (base64.b64encode(JPEG).decode(), "base64 (an encoded image as text)"),
        (base64.urlsafe_b64encode(JPEG).decode(), "base64 (an encoded image as text)"),
        (base64.encodebytes(JPEG).decode(), "base64 (an encoded image as text)"),
        ("data:image/jpeg;base64,/9j/4AAQ", "a data: URI"),
        ("https://example.org/1.png?size=1", "a URL"),
        ("s3://bucket/1.png", "a URI"),
        ("file:///1.png", "a URI"),
        ("C:\\data\\1.png", "a path of Windows"),
        ("D:/data/1.png", "a path of Windows"),
        ("\\\\server\\share\\1.png", "a path of Windows"),
        ("b'\\x89PNG\\r\\n'", "the text of Python bytes"),
        ("{'bytes': b'\\x89PNG', 'path': None}", "the text of a Python dictionary"),
        ("[[0, 0, 12, 255, 3, 4, 5, 6]]", "an array of numbers (pixels)"),
        ("[[[0 1 2]\n  [3 4 5]\n  [6 7 8]]]", "an array of numbers (pixels)"),
        ("70 80 82 72 58 58 60 63 54", "an array of numbers (pixels)"),
        ("<img src='1.png'>", "markup"),
    ],
)
def test_what_is_no_path_is_called_what_it_is(text: str, what: str) -> None:
    found = named(text)
    assert found is not None
    assert found[0] == what
    assert found[1].endswith(".")


@pytest.mark.parametrize(
    "path",
    [
        "1.png",
        "images/cat/1.png",
        "/data/1.png",
        "images\\1.png",
        "b1.png",
        "[1] 2.png",
        "2024-01-01 12 30.png",
        "0001_0002_0003_0004_0005_0006_0007_0008_0009.png",
        "a" * 64,
        "0123456789abcdef" * 8,
        "C.png",
        "data/1.png",
        "https/1.png",
    ],
)
def test_paths_are_left_alone(path: str) -> None:
    assert named(path) is None


@given(st.text(max_size=200))
def test_any_text_may_be_asked_and_is_shown_short(text: str) -> None:
    named(text)
    assert len(excerpt(text)) <= 62


def test_a_text_is_shown_by_its_beginning() -> None:
    assert excerpt("images\\1.png") == "'images\\1.png'"
    assert excerpt("x" * 10_000) == f"'{'x' * 59}…'"
    assert excerpt("data:image/png;base64,iVBORw0KGgo") == "'data:image/png;base64,i…'"
    assert excerpt("a\x1b[31m") == "'a�[31m'"
