"""Signals at any moment of every command that writes: its code, no traceback, soon, and all as it was before."""

from __future__ import annotations

import signal
from collections import Counter
from random import Random

import pytest
from support.aftermath import FITS, Known, known, mended, unfinished
from support.fire import Commands, Ended, How
from support.victims import Home, Victim, different, victims

#: Signals to each victim: in CI, and with `-m slow`.
FEW, MANY = 1, 10
#: Seconds within which a command ends.
SOON = 10


@pytest.fixture
def home(victims_home: Home) -> Home:
    return victims_home


def told(chance: Random, expected: Known) -> How:
    """Draw a signal, and when it comes: while files change, or at any time."""
    signum = chance.choice([signal.SIGINT, signal.SIGTERM])
    if chance.random() < 0.5:
        return How(change=chance.randint(1, expected.ended.changes), signum=signum)
    anew = chance.random() < 0.1
    return How(sends=[(chance.uniform(0.0, expected.ended.seconds + 2.0 * anew), signum)], signum=signum, anew=anew)


def faults_of(ended: Ended, how: How, code: int) -> list[str]:
    """What is wrong with how a command ended that was sent a signal."""
    faults = []
    if how.anew and "KeyboardInterrupt" in ended.err and "noisecleaner" not in ended.err:
        return []  # Python itself, which was still starting
    # before our first line the system ends a process by itself, and a signal at the very end comes too late
    if ended.code not in (128 + how.signum, -how.signum, code):
        faults.append(f"ended with {ended.code}: {ended.err[-300:]}")
    if "Traceback" in ended.err + ended.out:
        faults.append(f"a traceback: {ended.err[-600:]}")
    if how.sends and ended.seconds - how.sends[0][0] > SOON:
        faults.append(f"ended {ended.seconds - how.sends[0][0]:.1f} s later")
    return [*faults, *([f"left {ended.left}"] if ended.left else [])]


def left(home: Home, victim: Victim, expected: Known) -> list[str]:
    """What a command left that should not be there; all that it writes may be, when the signal came at the end."""
    if victim.name in FITS:
        return unfinished(home, victim)
    if (found := home.files()) == expected.after:
        return []
    changed = {name for name, _ in found.items() ^ expected.before.items()} - {*victim.ahead}
    return [f"{name} is left, gone or another" for name in sorted(changed)]


def attack(run: Commands, home: Home, victim: Victim, *, times: int) -> list[str]:
    """Send a command signals so often."""
    expected, chance = known(run, home, victim), Random(f"{victim.name} {times}")
    codes, faults = Counter[int](), list[str]()
    for _ in range(times):
        home.restore(victim)
        how = told(chance, expected)
        ended = run(*victim.words, folder=home.path, how=how)
        codes[ended.code] += 1
        found = faults_of(ended, how, victim.code) + left(home, victim, expected)
        faults += [f"{how}: {fault}" for fault in [*found, *mended(run, home, victim, expected)]]
    print(f"{victim.name}: {times} signals, {dict(codes)}", *faults[:3], sep="\n    ")
    return faults


@pytest.mark.parametrize("victim", different(), ids=lambda victim: victim.name)
def test_a_signal_ends_a_command_and_leaves_nothing(run: Commands, home: Home, victim: Victim) -> None:
    assert attack(run, home, victim, times=FEW) == []


@pytest.mark.slow
@pytest.mark.parametrize("victim", victims(), ids=lambda victim: victim.name)
def test_many_signals_end_commands_and_leave_nothing(run: Commands, home: Home, victim: Victim) -> None:
    assert attack(run, home, victim, times=MANY) == []
