"""What is not done yet belongs to its process as long as that lives, wherever it runs, and to nobody afterwards."""

from __future__ import annotations

import errno
import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.held import Notes, held

from noisecleaner.files import replacing, scratch_folder, sweep, together
from noisecleaner.files.lock_file import Found, LockFile


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_folder_is_empty_and_goes_with_its_block(tmp_path: Path) -> None:
    with scratch_folder(tmp_path, "images") as folder:
        assert (names(folder), folder.stat().st_dev) == ([], tmp_path.stat().st_dev)
        (folder / "deep").mkdir()
        (folder / "deep" / "pixels").write_bytes(b"1234")
    assert names(tmp_path) == []


def test_folders_of_one_name_and_one_process_are_apart(tmp_path: Path) -> None:
    """Numbers of processes repeat: two containers may share the disk."""
    (tmp_path / f".x.tmp-{os.getpid()}").mkdir()
    with scratch_folder(tmp_path, "x") as one, scratch_folder(tmp_path, "x") as other:
        assert one != other
    assert names(tmp_path) == [f".x.tmp-{os.getpid()}"]


@pytest.mark.parametrize(
    ("block", "then"),
    [
        ("replacing(path / 'x')", "held.write_bytes(b'12345')"),
        ("replacing(path / 'd')", "held.mkdir(); (held / 'x').write_bytes(b'12345')"),
        ("together(path)", "(held / 'x').write_bytes(b'12345')"),
        ("scratch_folder(path, 'images')", "(held / 'x').write_bytes(b'12345')"),
    ],
)
def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(
    tmp_path: Path, block: str, then: str
) -> None:
    progress = Notes()
    with held(block, tmp_path, then=then) as process:
        (name,) = names(tmp_path)
        sweep(tmp_path, progress)
        assert names(tmp_path) == [name]
        assert progress.notes == []
        process.kill()
        process.wait()
        sweep(tmp_path, progress)
    assert names(tmp_path) == []
    assert progress.notes == [f"What a killed command had left was removed: {tmp_path / name} (5 bytes)."]


def test_the_number_of_a_process_says_nothing(tmp_path: Path) -> None:
    """That of a living process belongs to a dead one of another container; and the other way round."""
    with held("scratch_folder(path, 'x')", tmp_path) as process:
        (name,) = names(tmp_path)
        (tmp_path / name).rename(tmp_path / ".x.tmp-4194305")
        (tmp_path / f".y.tmp-{os.getpid()}").mkdir()
        sweep(tmp_path)
        assert names(tmp_path) == [".x.tmp-4194305"]
        process.kill()
        process.wait()
        sweep(tmp_path)
    assert names(tmp_path) == []


def test_what_others_made_stays(tmp_path: Path) -> None:
    (tmp_path / ".x.tmp-1").write_text("a file")
    (tmp_path / ".y.tmp-2" / "mine").mkdir(parents=True)
    (tmp_path / ".z.tmp-3").symlink_to(".y.tmp-2")
    (tmp_path / ".a.tmp-x").mkdir()
    (tmp_path / "owned" / "deep").mkdir(parents=True)
    (tmp_path / ".b.tmp-4").mkdir()
    (tmp_path / ".b.tmp-4" / "files").symlink_to("../owned")
    (tmp_path / ".c.tmp-5" / "files").mkdir(parents=True)  # ours have a lock as long as they have files
    (tmp_path / ".c.tmp-5" / "files" / "precious").touch()
    (tmp_path / ".d.tmp-6").mkdir()
    (tmp_path / ".d.tmp-6" / "lock").symlink_to("/etc/passwd")
    (tmp_path / ".todo.lock").write_text("noisecleaner runs: my to-do list\n")
    (tmp_path / ".note.lock").write_text('noisecleaner {"a": 1}')
    (tmp_path / ".other.lock").write_text("1234")
    (tmp_path / ".empty.lock").touch()
    before = names(tmp_path)
    sweep(tmp_path)
    assert names(tmp_path) == before
    assert names(tmp_path / "owned") == ["deep"]


def test_locks_that_nobody_holds_go(tmp_path: Path) -> None:
    with held("alone(path / 'out', work='fit')", tmp_path) as process:
        sweep(tmp_path)
        assert names(tmp_path) == [".out.lock"]
        process.kill()
        process.wait()
        sweep(tmp_path)
    assert names(tmp_path) == []


def test_without_locks_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / ".x.tmp-4194305" / "files").mkdir(parents=True)
    with replacing(tmp_path / "out") as temporary:
        temporary.write_text("done")
    with together(tmp_path) as staged:
        (staged / "manifest.json").write_text("done")
    sweep(tmp_path)
    assert [name for name in names(tmp_path) if "4194305" in name or not name.startswith(".")] == [
        ".x.tmp-4194305",
        "manifest.json",
        "out",
    ]
    assert len(names(tmp_path)) == 3


def test_sweeping_while_others_begin_and_end_harms_none_of_them(tmp_path: Path) -> None:
    """The moment between a folder and its lock is one of which a sweep knows, and so is that of its end."""

    def write(number: int) -> bool:
        for turn in range(40):
            with replacing(tmp_path / f"{number % 2}") as temporary:
                temporary.write_text(f"{number} {turn}")
                sweep(tmp_path)
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, range(4))) == [True] * 4
    sweep(tmp_path)
    assert names(tmp_path) == ["0", "1"]


def test_who_ends_leaves_the_lock_of_a_sweep_that_looks_at_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next folder of that name would take a lock of its own, and the sweep would empty it all the same."""
    release, sweeping = LockFile.release, LockFile(tmp_path / f".x.tmp-{os.getpid()}" / "lock")

    def then_sweep(lock: LockFile) -> None:
        release(lock)
        assert sweeping.take(exclusive=True) is Found.TAKEN

    with monkeypatch.context() as patch, scratch_folder(tmp_path, "x"):
        patch.setattr(LockFile, "release", then_sweep)
    with scratch_folder(tmp_path, "x") as folder:
        assert folder.parent.name == f".x.tmp-{os.getpid()}-2"
    sweeping.release()
    sweep(tmp_path)
    assert names(tmp_path) == []


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    sweep(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError), scratch_folder(tmp_path / "nowhere", "x"):
        pass
