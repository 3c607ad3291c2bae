"""Locks that the system lets go of, and files that tell who holds them and decide nothing."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from noisecleaner.files.lock_file import Found, LockFile, is_ours


def taken(path: Path, *, exclusive: bool = True, work: str = "") -> LockFile:
    lock = LockFile(path)
    assert lock.take(exclusive=exclusive, work=work) is Found.TAKEN
    return lock


def test_one_holds_it_alone_or_many_share_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    one = taken(path)
    assert LockFile(path).take(exclusive=True) is LockFile(path).take(exclusive=False) is Found.HELD
    one.release()
    first, second = taken(path, exclusive=False), taken(path, exclusive=False)
    assert LockFile(path).take(exclusive=True) is Found.HELD
    first.release()
    assert path.exists()
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_of_a_file_that_was_removed_meanwhile_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a lock may have opened the file that its holder removes: it would hold what nobody else sees."""
    path, flock = tmp_path / "lock", fcntl.flock

    def late(descriptor: int, kind: int) -> None:
        path.unlink()
        flock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", late)
    for exclusive in (True, False):
        assert LockFile(path).take(exclusive=exclusive) is Found.HELD


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF])
def test_where_the_file_system_has_no_locks_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(descriptor: int, kind: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert LockFile(tmp_path / "lock").take(exclusive=True) is Found.NONE
    assert list(tmp_path.iterdir()) == ([] if number != errno.EBADF else [tmp_path / "lock"])


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "nowhere"])
def test_what_is_no_file_is_no_lock_and_stays(tmp_path: Path, kind: str) -> None:
    """A link that came with a repository would have us empty the file that it leads to."""
    path, owned = tmp_path / "lock", tmp_path / "owned"
    owned.write_text("owned")
    makers = {"link": lambda: path.symlink_to(owned), "folder": path.mkdir, "pipe": lambda: os.mkfifo(path)}
    makers.get(kind, lambda: path.symlink_to("nowhere"))()
    lock = LockFile(path)
    assert lock.take(exclusive=True, work="fit") is Found.NONE
    lock.release()
    assert owned.read_text() == "owned"
    assert os.path.lexists(path)
    assert not (tmp_path / "nowhere").exists()


def test_a_file_of_somebody_else_is_locked_and_neither_changed_nor_removed(tmp_path: Path) -> None:
    path = tmp_path / ".x.lock"
    path.write_text("mine")
    lock = taken(path, work="fit")
    assert LockFile(path).take(exclusive=True) is Found.HELD
    lock.release()
    assert path.read_text() == "mine"
    assert not is_ours(path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_in_a_folder_that_may_only_be_read_a_lock_that_is_there_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path, opened = tmp_path / "lock", os.open

    def only_read(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_RDWR:
            raise OSError(number, os.strerror(number), path)
        return opened(path, flags, mode)

    holder = taken(path)
    monkeypatch.setattr(os, "open", only_read)
    assert LockFile(path).take(exclusive=False) is Found.HELD
    holder.release()
    assert LockFile(path).take(exclusive=False) is Found.NONE


def test_people_learn_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = taken(path, work="score")
    assert lock.holder().startswith(f"score (process {os.getpid()} on ")
    assert "UTC" in lock.holder()
    assert is_ours(path)


@pytest.mark.parametrize("content", ["", "{", "[]", "noisecleaner ", "noisecleaner [1]", 'noisecleaner {"work": 1}'])
def test_what_says_nothing_is_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "lock").write_text(content)
    assert LockFile(tmp_path / "lock").holder() == ""


def test_what_a_file_says_does_no_harm_to_a_terminal(tmp_path: Path) -> None:
    """Anybody may have written it."""
    hostile = r'noisecleaner {"work": "\u001b[31m::error::`x`", "pid": 1, "host": "a\nb", "since": "%s"}' % ("9" * 900)
    (tmp_path / "lock").write_text(hostile)
    assert LockFile(tmp_path / "lock").holder() == f"31m::error::x (process 1 on ab, since {'9' * 80})"


def test_a_program_that_is_started_does_not_hold_it_on(tmp_path: Path) -> None:
    """Image libraries run in children, and so do Ray's workers: they may outlive whoever started them for a moment."""
    lock = taken(tmp_path / "lock")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False) as child:
        lock.release()
        other = taken(tmp_path / "lock")
        child.kill()
    other.release()
