"""Records come back as they were written, or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_record, write_json, write_record


def test_records_are_read_back_and_nan_is_refused(tmp_path: Path) -> None:
    content = {"täg": [1, None, 0.1 + 0.2], "path": ("a", 2)}
    write_record(tmp_path / "a.json", content)
    assert read_record(tmp_path / "a.json") == {**content, "path": ["a", 2]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert read_record(tmp_path / "a.json") == {**content, "path": ["a", 2]}


def test_any_flipped_bit_of_a_record_is_found_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_record(path, {"classes": ["cat", "dog"], "folds": 5, "weights": [0.25, -1e-3]})
    before, whole = read_record(path), path.read_bytes()
    for position in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:position] + bytes([whole[position] ^ 1 << bit]) + whole[position + 1 :])
            with suppress(NoisecleanerError):
                assert read_record(path) == before  # white space between the words


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00", "{}"])
def test_a_broken_record_is_called_damaged(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(NoisecleanerError, match="damaged"):
        read_record(tmp_path / "a.json")
