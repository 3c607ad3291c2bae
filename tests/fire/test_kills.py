"""Processes killed at any moment: what is there is whole, old or new, and the next of their kind mends the rest."""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest
from support.aftermath import FITS, Known, broken, known, mended, unfinished
from support.fire import Commands, How
from support.victims import Home, Victim, victims

#: Kills of each victim with `-m slow`; in CI, of those whose output is a folder that appears at once, and of others.
MANY, ONCE, FEW = 22, 1, 2


@pytest.fixture
def home(victims_home: Home) -> Home:
    return victims_home


@dataclass(frozen=True, kw_only=True)
class Toll:
    """What was tried, and what was found: by kind, how often."""

    kills: Counter[str] = field(default_factory=Counter)
    early: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def words(self) -> str:
        """One line of it."""
        return f"{self.kills.total()} kills, {self.early.total()} ends before them, {len(self.faults)} faults"


def kill(run: Commands, home: Home, victim: Victim, expected: Known, chance: Random) -> tuple[str, list[str]]:
    """Kill a command once: when, and what is wrong after that."""
    home.restore(victim)
    if chance.random() < 0.5:
        how, when = How(change=chance.randint(1, expected.ended.changes)), "at a change of a file"
    else:
        anew = chance.random() < 0.1
        seconds = chance.uniform(0.0, 1.1 * expected.ended.seconds + 2.0 * anew)
        how, when = How(sends=[(seconds, signal.SIGKILL)], anew=anew), "at a moment"
    ended = run(*victim.words, folder=home.path, how=how)
    if ended.code not in (-signal.SIGKILL, victim.code):
        return when, [f"ended with {ended.code}: {ended.err[-300:]}"]
    faults = [f"left {ended.left}"] if ended.left else []
    faults += broken(home, victim, expected) if victim.name not in FITS else unfinished(home, victim)
    faults += mended(run, home, victim, expected)
    return "" if ended.code == victim.code else when, [f"{how}: {fault}" for fault in faults]


def attack(run: Commands, home: Home, victim: Victim, *, times: int) -> Toll:
    """Kill a command so often."""
    toll, expected = Toll(), known(run, home, victim)
    chance = Random(f"{victim.name} {times}")
    for _ in range(times):
        when, faults = kill(run, home, victim, expected, chance)
        (toll.kills if when else toll.early)[when] += 1
        toll.faults.extend(faults)
    print(f"{victim.name}: {toll.words()}", *toll.faults[:3], sep="\n   ")
    return toll


@pytest.mark.parametrize("victim", victims(), ids=lambda victim: victim.name)
def test_a_command_that_is_killed_leaves_old_or_new(run: Commands, home: Home, victim: Victim) -> None:
    assert attack(run, home, victim, times=ONCE if victim.refuses_existing else FEW).faults == []


@pytest.mark.slow
@pytest.mark.parametrize("victim", victims(), ids=lambda victim: victim.name)
def test_five_hundred_kills_leave_old_or_new(run: Commands, home: Home, victim: Victim) -> None:
    assert attack(run, home, victim, times=MANY).faults == []
