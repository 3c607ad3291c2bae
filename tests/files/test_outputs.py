"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import replacing, settle, together


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
        (staged / "b-manifest.json").write_text("new")
    assert names(tmp_path / "out") == ["a", "b-manifest.json"]
    assert (tmp_path / "out" / "a").read_text() == "new"
    with pytest.raises(AssertionError, match="manifest"), together(tmp_path / "out") as staged:
        (staged / "a").write_text("newer")
    assert (tmp_path / "out" / "a").read_text() == "new"


def put(folder: Path, **files: str) -> None:
    """Make a folder with such files, `_` in a name for a dot."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)


def test_what_was_committed_is_no_link(tmp_path: Path) -> None:
    put(tmp_path / "other", a="mine", manifest_json="mine")
    put(tmp_path / "out", a="old")
    (tmp_path / "out" / ".committed").symlink_to("../other")
    settle(tmp_path / "out")
    assert names(tmp_path / "other") == ["a", "manifest.json"]
    assert (tmp_path / "out" / "a").read_text() == "old"


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "no manifest"])
def test_what_was_committed_are_files_and_their_manifest(tmp_path: Path, kind: str) -> None:
    put(tmp_path / "out", a="old", b="old")
    committed, manifest = tmp_path / "out" / ".committed", {} if kind == "no manifest" else {"manifest_json": ""}
    put(committed, a="other", **manifest)
    if kind == "folder":
        (committed / "b").mkdir()
    elif kind == "link":
        (committed / "b").symlink_to("/etc/passwd")
    elif kind == "pipe":
        os.mkfifo(committed / "b")
    before = names(committed)
    settle(tmp_path / "out")
    assert (names(committed), (tmp_path / "out" / "a").read_text()) == (before, "old")
    with pytest.raises(NoisecleanerError, match="Move it away"), together(tmp_path / "out"):
        raise AssertionError("it must not begin")


def test_what_was_committed_is_put_in_place(tmp_path: Path) -> None:
    put(tmp_path / "out", a="old", manifest_json="old")
    put(tmp_path / "out" / ".committed", a="new", manifest_json="new")
    settle(tmp_path / "out")
    assert names(tmp_path / "out") == ["a", "manifest.json"]
    assert {(tmp_path / "out" / name).read_text() for name in ("a", "manifest.json")} == {"new"}
    (tmp_path / "out" / ".committed").mkdir()  # killed when all was in place
    settle(tmp_path / "out")
    assert names(tmp_path / "out") == ["a", "manifest.json"]


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
