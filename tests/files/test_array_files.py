"""Arrays come back bit for bit, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_arrays, write_arrays


def test_arrays_of_every_kind_come_back_bit_for_bit(tmp_path: Path) -> None:
    arrays = {
        "float": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32).T,
        "half": np.array([1.5, np.nan, np.inf], np.float16),
        "int": np.arange(5),
        "flag": np.array([True, False]),
        "empty": np.empty((0, 7), np.float32),
        "scalar": np.array(3, np.int64),
    }
    write_arrays(tmp_path / "a", arrays, {"step": 7})
    found, meta = read_arrays(tmp_path / "a")
    assert meta == {"step": 7}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array, equal_nan=array.dtype.kind == "f"), name


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_bit_of_the_arrays_is_found(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a"
    write_arrays(path, {"x": np.arange(12, dtype=np.float32)}, {"step": 1})
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(len(content) - 48, len(content) - 1))  # the twelve floats are the file's end
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with pytest.raises(NoisecleanerError, match="checksum"):
        read_arrays(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_broken_array_file_is_an_error_or_still_right(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a"
    write_arrays(path, {"x": np.arange(12, dtype=np.float32)}, {"step": 1})
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content[: data.draw(st.integers(len(content) - 3, len(content)))])
    try:
        found, _ = read_arrays(path)
    except NoisecleanerError:
        return
    assert all(np.array_equal(a, np.arange(12, dtype=np.float32)) for a in found.values())


def test_every_bit_of_every_byte_is_covered(tmp_path: Path) -> None:
    """Kinds and shapes that one bit may turn into others of the same bytes, and the header's padding."""
    path = tmp_path / "a"
    arrays = {
        "a": np.arange(6, dtype=np.int32).reshape(2, 3),
        "b": np.zeros((0, 4), np.uint16),
        "c": np.ones((3, 1), np.float16),
    }
    write_arrays(path, arrays, {"step": 1, "scale": 0.1})
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            with pytest.raises(NoisecleanerError, match="damaged"):
                read_arrays(path)


def test_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    from safetensors.numpy import save

    from noisecleaner.files.array_files import _checksum

    arrays = {"x": np.arange(3)}
    header = {"noisecleaner": json.dumps({"crc32": _checksum(arrays, {}), "meta": {}})}
    (tmp_path / "a").write_bytes(save(arrays, metadata=header))
    assert read_arrays(tmp_path / "a")[0]["x"].tolist() == [0, 1, 2]
