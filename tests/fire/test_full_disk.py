"""Every command that writes, on a disk that is full: 2, a paragraph that names the path, and all as it was before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from support.aftermath import FITS, Known, known, mended, unfinished
from support.fire import Commands, Ended, How
from support.victims import Home, Victim, different, victims

#: Bytes of a small disk, and of a page of it.
DISK, PAGE = 64 * 2**20, 4096
#: What the system says where a file may not grow, and where nothing more has room.
SAID = ("File too large", "No space left on device")


@contextmanager
def small_disk(path: Path) -> Iterator[bool]:
    """Put a small disk at a place, where one may; whether one is there."""
    path.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(path)]
    there = sys.platform == "linux" and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield there
    finally:
        if there:
            subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture(scope="module")
def disk_home(run: Commands, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The small home on a disk of its own."""
    folder = tmp_path_factory.mktemp("full")
    with small_disk(folder / "home") as there:
        if not there:
            pytest.skip("a small disk needs the right to mount one")
        yield Home(folder, run)


def limited(run: Commands, home: Home, victim: Victim, expected: Known, chance: Random) -> Ended:
    """Run a command of whose files none may grow beyond a limit."""
    home.restore(victim)
    return run(*victim.words, folder=home.path, how=How(room=chance.randint(1, max(expected.sizes) - 1)))


def filled(run: Commands, home: Home, victim: Victim, expected: Known, chance: Random) -> Ended:
    """Run a command on a disk that has room for a part of what it writes."""
    needed = sum(-(-size // PAGE) for size in expected.sizes)
    home.restore(victim)
    filler, room = home.path / "filler", chance.randrange(needed) * PAGE
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, os.statvfs(home.path).f_bavail * PAGE - room)
    try:
        return run(*victim.words, folder=home.path)
    finally:
        filler.unlink()


def judged(run: Commands, home: Home, victim: Victim, expected: Known, ended: Ended) -> list[str]:
    """What is wrong with how a command ended on a full disk, and with what it left."""
    faults = [ended.fault] if ended.fault else []
    if ended.code != 2:
        return faults or [f"ended with {ended.code}"]
    if not any(said in ended.err for said in SAID) or str(home.path) not in ended.err.replace("\n", ""):
        faults.append(f"does not say that there is no room, and where: {ended.err}")
    if victim.name in FITS:
        faults += unfinished(home, victim)
    elif (found := home.files()) != expected.before:
        faults += [f"{name} is left, gone or another" for name in sorted(found.items() ^ expected.before.items())]
    return [*faults, *mended(run, home, victim, expected)]


def attack(run: Commands, home: Home, victim: Victim, *, times: int, disk: bool) -> list[str]:
    expected, chance = known(run, home, victim), Random(f"{victim.name} {disk}")
    codes, faults = Counter[int](), list[str]()
    for _ in range(times):
        ended = (filled if disk else limited)(run, home, victim, expected, chance)
        codes[ended.code] += 1
        faults += [] if ended.code == victim.code and disk else judged(run, home, victim, expected, ended)
    print(f"{victim.name}: {times} times on a full disk, {dict(codes)}", *faults[:3], sep="\n    ")
    return faults


@pytest.mark.parametrize("victim", different(), ids=lambda victim: victim.name)
def test_a_file_that_may_not_grow_changes_nothing(run: Commands, victims_home: Home, victim: Victim) -> None:
    assert attack(run, victims_home, victim, times=1, disk=False) == []


@pytest.mark.slow
@pytest.mark.parametrize("victim", victims(), ids=lambda victim: victim.name)
def test_files_that_may_not_grow_change_nothing(run: Commands, victims_home: Home, victim: Victim) -> None:
    assert attack(run, victims_home, victim, times=5, disk=False) == []


@pytest.mark.slow
@pytest.mark.parametrize("victim", victims(), ids=lambda victim: victim.name)
def test_a_full_disk_changes_nothing(run: Commands, disk_home: Home, victim: Victim) -> None:
    assert attack(run, disk_home, victim, times=5, disk=True) == []
