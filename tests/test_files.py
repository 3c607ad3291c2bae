"""Outputs appear whole or not at all, and a flipped bit is found."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import (
    named,
    read_arrays,
    read_record,
    refuse_existing,
    replacing,
    sweep,
    together,
    unused,
    write_arrays,
    write_json,
    write_record,
)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_file_appears_only_when_its_block_has_ended(tmp_path: Path) -> None:
    with replacing(tmp_path / "x") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "x").exists()
        assert temporary.parent == tmp_path
    assert (tmp_path / "x").read_text() == "new"
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_when_writing_fails_the_old_file_stays_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    def fail() -> None:
        with replacing(tmp_path / "x") as temporary:
            temporary.write_text("half")
            raise error

    (tmp_path / "x").write_text("old")
    with pytest.raises(type(error)):
        fail()
    assert (tmp_path / "x").read_text() == "old"
    assert names(tmp_path) == ["x"]


def test_a_whole_directory_appears_at_once(tmp_path: Path) -> None:
    with replacing(tmp_path / "d") as temporary:
        temporary.mkdir()
        (temporary / "one").write_text("1")
        assert not (tmp_path / "d").exists()
    assert names(tmp_path / "d") == ["one"]


def test_sweep_removes_what_dead_processes_left_and_nothing_else(tmp_path: Path) -> None:
    dead = 2**22 + 1  # above the greatest process number that Linux gives
    for name in (f".x.tmp-{dead}", f".y.tmp-{os.getpid()}", "z"):
        (tmp_path / name).write_text("")
    sweep(tmp_path)
    assert names(tmp_path) == [f".y.tmp-{os.getpid()}", "z"]


def test_an_output_directory_that_holds_something_is_refused(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    refuse_existing(tmp_path / "empty")
    with pytest.raises(NoisecleanerError, match="exists already"):
        refuse_existing(tmp_path)


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


def test_an_output_always_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert named(Path(".")).name == tmp_path.name
    with pytest.raises(NoisecleanerError, match="root"):
        named(Path("/"))


@pytest.mark.parametrize("target", ["file", "folder", "nowhere"])
def test_a_link_is_neither_followed_nor_replaced(tmp_path: Path, target: str) -> None:
    """A link that came with a dataset or a repository would lead an output wherever its writer likes."""
    (tmp_path / "file").write_text("owned")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / target)
    with pytest.raises(NoisecleanerError, match=f"link is a link to .*{target}"), replacing(tmp_path / "link"):
        pass
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "owned"
    (tmp_path / "above").symlink_to(tmp_path / "folder")
    with replacing(tmp_path / "above" / "x") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "folder" / "x").read_text() == "new"


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00", "{}"])
def test_a_broken_record_is_called_damaged(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(NoisecleanerError, match="damaged"):
        read_record(tmp_path / "a.json")


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


def test_an_unused_name_is_that_of_no_file(tmp_path: Path) -> None:
    path = tmp_path / "verify.parquet"
    assert unused(path) == path
    path.touch()
    (tmp_path / "verify-2.parquet").symlink_to("nowhere")
    assert unused(path) == tmp_path / "verify-3.parquet"


def test_files_that_belong_together_are_replaced_together(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_text("old")
    with suppress(KeyError), together(tmp_path / "out") as staged:
        (staged / "a").write_text("new")
        raise KeyError
    assert (names(tmp_path / "out"), (tmp_path / "out" / "a").read_text()) == (["a"], "old")
    with together(tmp_path / "out") as staged:
        (staged / "a").write_text("new")
        (staged / "b").write_text("new")
    assert (names(tmp_path / "out"), (tmp_path / "out" / "a").read_text()) == (["a", "b"], "new")


def test_an_error_of_a_full_disk_names_the_output(tmp_path: Path) -> None:
    """What writes to an open file gets an error without a name; the temporary one would tell nobody anything."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(OSError, match=r"No space left on device: '.*/scores\.parquet'"),
        replacing(tmp_path / "scores.parquet"),
    ):
        raise full
    with pytest.raises(OSError, match=r"No space left on device: '.*/run'"), together(tmp_path / "run"):
        raise full
    elsewhere = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/elsewhere")
    with pytest.raises(OSError, match="/elsewhere"), replacing(tmp_path / "x"):
        raise elsewhere
