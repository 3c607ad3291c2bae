"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import replacing, together


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_file_appears_only_when_its_block_has_ended(tmp_path: Path) -> None:
    with replacing(tmp_path / "x") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "x").exists()
        assert tmp_path in temporary.parents
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
    inside = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / ".x.tmp-7" / "files" / "x"))
    with pytest.raises(OSError, match=r"device: '[^']*/x'") as error, replacing(tmp_path / "x"):
        raise inside
    assert error.value.filename == str(tmp_path / "x")
    elsewhere = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/elsewhere")
    with pytest.raises(OSError, match="/elsewhere"), replacing(tmp_path / "x"):
        raise elsewhere
