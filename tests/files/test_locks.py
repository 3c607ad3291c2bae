"""One process at a time writes an output, and none while others read it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.held import Notes, held

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import alone, locks, shared

#: Holds a lock, and has children that could outlive it.
_WITH_CHILDREN = """
import multiprocessing, subprocess, sys, time
from pathlib import Path
from noisecleaner.files import alone
if __name__ == "__main__":
    with alone(Path(sys.argv[1]), work="fit"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"], close_fds=False)
        other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(20,))
        other.start()
        print(child.pid, other.pid, flush=True)
        time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_PATIENCE", 0.05)
    monkeypatch.setattr(locks, "_TOLD", 0.02)


def test_a_second_writer_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with alone(out, work="fit"), pytest.raises(NoisecleanerError) as error, alone(out, work="score"):
        pass
    assert f"{out} is written by one process at a time" in error.value.message
    assert f"but fit (process {os.getpid()} on " in error.value.message
    with alone(out, work="score"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_readers_share_and_keep_writers_off(tmp_path: Path) -> None:
    run = tmp_path / "run"
    refused = pytest.raises(NoisecleanerError, match=r"plan \(process")
    with shared(run, work="report"), shared(run, work="plan"), refused, alone(run, work="fit"):
        pass
    refused = pytest.raises(NoisecleanerError, match="is not read while it is written")
    with alone(run, work="fit"), refused, shared(run, work="gate"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_short_wait_is_told_and_ends_with_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_PATIENCE", 30)
    progress, first = Notes(), threading.Event()

    def hold() -> None:
        with shared(tmp_path / "run", work="report"):
            first.set()
            time.sleep(0.3)

    thread = threading.Thread(target=hold)
    thread.start()
    first.wait()
    with alone(tmp_path / "run", work="score", progress=progress):
        pass
    thread.join()
    assert len(progress.notes) == 1
    assert progress.notes[0].startswith("Waiting for report (process ")
    assert progress.notes[0].endswith(f"to let go of {tmp_path / 'run'}.")


@pytest.mark.parametrize("block", ["alone(path, work='fit')", "shared(path, work='plan')"])
def test_the_lock_of_a_killed_process_is_free(tmp_path: Path, block: str) -> None:
    with held(block, tmp_path / "out") as process:
        with pytest.raises(NoisecleanerError), alone(tmp_path / "out", work="fit"):
            pass
        process.kill()
        process.wait()
        assert [path.name for path in tmp_path.iterdir()] == [".out.lock"]
        with alone(tmp_path / "out", work="fit"):
            pass
    assert list(tmp_path.iterdir()) == []


def test_children_do_not_hold_it_on(tmp_path: Path) -> None:
    """Neither one that a program starts, nor one of `multiprocessing`, as folds are trained in."""
    (tmp_path / "holding.py").write_text(_WITH_CHILDREN)
    out = tmp_path / "folder" / "out"
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "holding.py"), str(out)], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        children = [int(number) for number in process.stdout.readline().split()]
        try:
            process.kill()
            process.wait()
            assert len(children) == 2
            assert os.path.exists(f"/proc/{children[0]}")
            with alone(out, work="fit"):
                pass
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_folders_above_are_made_and_go_again_where_they_stay_empty(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "out"
    with alone(deep, work="demo"):
        assert deep.parent.is_dir()
    assert list(tmp_path.iterdir()) == []
    with alone(deep, work="demo"):
        deep.mkdir()
    assert deep.is_dir()


def test_what_is_called_in_two_ways_is_one_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "link").symlink_to("runs")
    for other in (Path("runs/a"), Path("link/a"), Path("runs/../link/./a")):
        with alone(tmp_path / "runs" / "a", work="fit"), pytest.raises(NoisecleanerError), shared(other, work="plan"):
            pass


def test_reading_what_is_nowhere_makes_nothing(tmp_path: Path) -> None:
    with shared(tmp_path / "a" / "b", work="plan"), shared(Path("/"), work="plan"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_only_be_read_is_read_and_written_as_ever(tmp_path: Path) -> None:
    """As root every folder may be written to: somebody else tries."""
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom noisecleaner.files import alone, shared\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "with shared(Path(sys.argv[1]), work='plan'), shared(Path(sys.argv[1]), work='gate'): pass\n"
        "with alone(Path(sys.argv[1]), work='score'): print(os.listdir(Path(sys.argv[1]).parent))\n"
    )
    folder = tmp_path / "folder"
    (folder / "run").mkdir(parents=True)
    for above in (tmp_path, *tmp_path.parents[:-2]):
        above.chmod(above.stat().st_mode | 0o055)
    folder.chmod(0o555)
    try:
        command = [sys.executable, "-c", script, str(folder / "run")]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        folder.chmod(0o755)
    assert (ended.stdout, ended.stderr) == ("['run']\n", "")
