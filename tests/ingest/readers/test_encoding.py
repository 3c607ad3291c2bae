"""CSV of older programs is read as cp1252, with a notice; rubbish and mixtures are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers import _encoding
from noisecleaner.ingest.readers._encoding import Text
from noisecleaner.ingest.readers.csv import read_batches, read_notices, read_schema


def write(folder: Path, content: bytes) -> Place:
    (folder / "t.csv").write_bytes(content)
    return Place.parse(folder / "t.csv")


def test_what_excel_saves_is_read_and_said(tmp_path: Path) -> None:
    place = write(tmp_path, "gr\u00f6\u00dfe;label\r\n1;caf\u00e9\r\n2;\u20ac\r\n".encode("cp1252"))
    assert read_schema(place).names == ["gr\u00f6\u00dfe", "label"]
    (batch,) = read_batches(place, ["label"], 10)
    assert batch.column(0).to_pylist() == ["caf\u00e9", "\u20ac"]
    (notice,) = read_notices(place)
    assert "is not UTF-8 (byte 0xF6 in line 1); it was read as cp1252" in notice.message
    assert "that line says 'gr\u00f6\u00dfe'" in notice.message


def test_utf8_needs_no_word(tmp_path: Path) -> None:
    assert list(read_notices(write(tmp_path, "id\ncaf\u00e9\n".encode()))) == []


@pytest.mark.parametrize(
    "content",
    [b"a\n\xff\0", b"a\n\x81", "caf\u00e9\n".encode() + b"caf\xe9\n"],
    ids=["control characters", "no sign of cp1252", "a mix"],
)
def test_other_bytes_are_no_text(tmp_path: Path, content: bytes) -> None:
    assert Text.of(write(tmp_path, content)).odd is None


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.text(max_size=12), odd=st.sampled_from([b"\xe9", b"\xff", b"\xe2\x82", b"\xc3"]), size=st.integers(1, 7)
)
def test_the_first_odd_byte_is_found_across_blocks(tmp_path: Path, before: str, odd: bytes, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_encoding, "_BLOCK", size)
        text = before.encode("utf-8", "replace")
        assert _encoding._first_odd(write(tmp_path, text)) is None
        assert _encoding._first_odd(write(tmp_path, text + odd + b"\n")) == len(text)
