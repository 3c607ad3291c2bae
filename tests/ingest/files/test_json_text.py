"""JSON that is nested without end is refused before a parser crashes; brackets in texts do not count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.json_text import DEEPEST, load_json, refuse_deep
from noisecleaner.ingest.files.places import Place

PLACE = Place.parse("x.json")


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 300,
        b'{"a":' * 300,
        b'{"]]]]]]": [], "a":' * 300,  # closing brackets in a text close nothing
        b'{"\\"]]]]": [], "a":' * 300,
        b'{"\\\\": [], "a":' * 300,
        b'{"\\\\\\"]]]": [], "a":' * 300,
    ],
)
def test_too_many_brackets_are_refused(content: bytes) -> None:
    with pytest.raises(NoisecleanerError, match="brackets within brackets"):
        refuse_deep(content, PLACE)


@pytest.mark.parametrize("content", [b'{"a": [1]}\n' * 1000, json.dumps(["[" * 1000, '"[{' * 500]).encode(), b""])
def test_many_brackets_are_not_deep(content: bytes) -> None:
    refuse_deep(content, PLACE)


@given(st.integers(1, 2 * DEEPEST), st.text(max_size=5))
def test_depth_is_counted_exactly(depth: int, text: str) -> None:
    content = (b"[" + json.dumps(text).encode() + b",") * depth + b"0" + b"]" * depth
    if depth <= DEEPEST:
        refuse_deep(content, PLACE)
    else:
        with pytest.raises(NoisecleanerError):
            refuse_deep(content, PLACE)


def test_what_is_no_json_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('\ufeff{"a": 1}')
    assert load_json(Place.parse(tmp_path / "x.json")) == {"a": 1}
    (tmp_path / "x.json").write_bytes(b"\xff\0no")
    with pytest.raises(ValueError, match="Expecting value"):
        load_json(Place.parse(tmp_path / "x.json"))
