"""Nobody waits for what is no regular file, nor reads it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from noisecleaner.files import open_regular, read_regular, require_regular
from noisecleaner.files.regular import IrregularError, open_unbuffered


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(path))


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


READERS = (read_regular, require_regular, open_regular, open_unbuffered)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("make", [os.mkfifo, _socket, _device])
def test_another_kind_of_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object], make: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    make(tmp_path / "x")
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(IrregularError, match="x is no regular file"):
        read(tmp_path / "x")
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize("read", READERS)
def test_a_folder_and_nothing_are_said_as_the_system_says_them(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        read(tmp_path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "x")


def test_a_regular_file_is_read_through_links_too(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"one\ntwo")
    (tmp_path / "link").symlink_to("x")
    require_regular(tmp_path / "link")
    assert read_regular(tmp_path / "link") == b"one\ntwo"
    with open_regular(tmp_path / "link") as file:
        assert file.readline() == b"one\n"
