"""Two commands at once over the same files: each ends as documented, and what is there afterwards is whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations_with_replacement
from random import Random

import pytest
from support.fire import Commands, Ended, commands
from support.readers import unreadable
from support.victims import Home, Victim, victims

#: Commands that touch the same run or the same output, by their names.
_TOUCHING = {
    "run": ["overwrite", "score", "score new", "plan", "gate"],
    "seen": ["report", "review", "export csv", "export folder"],
    "begun": ["resume"],
    "new": ["corrupt", "embed", "fit", "plan sheet"],
}
_VICTIMS = {victim.name: victim for victim in victims()}
#: Pairs; of commands that only read the same run, few.
PAIRS = [
    *combinations_with_replacement(_TOUCHING["run"], 2),
    *((name, name) for group in ("seen", "begun", "new") for name in _TOUCHING[group]),
    ("export csv", "report"),
]
#: Pairs that CI tries.
FEW = [("score", "score"), ("overwrite", "score"), ("plan", "gate"), ("fit", "fit"), ("export csv", "export csv")]


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Commands, Commands]]:
    with commands() as one, commands() as other:
        yield one, other


@pytest.fixture(scope="module")
def home(both: tuple[Commands, Commands], tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("at-once"), both[0])
    for victim in _VICTIMS.values():  # so that both have read everything in
        made.restore(victim)
        both[1](*victim.words, folder=made.path)
    return made


def together(both: tuple[Commands, Commands], home: Home, pair: tuple[Victim, Victim], apart: float) -> list[Ended]:
    """Run two commands, the second some seconds after the first."""

    def run(commands: Commands, victim: Victim, wait: float) -> Ended:
        time.sleep(wait)
        return commands(*victim.words, folder=home.path)

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(run, both, pair, (0.0, apart)))


def judged(home: Home, pair: tuple[Victim, Victim], ended: list[Ended], before: set[str]) -> list[str]:
    """What is wrong with how two commands ended, and with what they left."""
    faults = [one.fault for one in ended if one.fault]
    for victim, one in zip(pair, ended, strict=True):
        if one.code not in (victim.code, 2) and not (victim.name == "gate" and one.code in (0, 1, 3)):
            faults.append(f"{victim.name} ended with {one.code}: {one.err[-300:]}")
    if all(one.code == 2 for one in ended):
        faults.append(f"nobody got through: {ended[0].err[-300:]} {ended[1].err[-300:]}")
    faults += [f"{path.relative_to(home.path)} does not open: {why}" for path, why in unreadable(home.path)]
    return [
        *faults,
        *(
            f"{name} is left"
            for name in sorted(home.files().keys() - before)
            if ".tmp-" in name or name.endswith("lock")
        ),
    ]


def attack(both: tuple[Commands, Commands], home: Home, names: tuple[str, str], *, times: int) -> list[str]:
    pair, chance = (_VICTIMS[names[0]], _VICTIMS[names[1]]), Random(str(names))
    faults, codes = list[str](), list[tuple[int, ...]]()
    for _ in range(times):
        home.restore(pair[0])
        for words in pair[1].before:
            home.do(words)
        before = set(home.files())
        ended = together(both, home, pair, chance.uniform(0.0, 0.5))
        codes.append(tuple(one.code for one in ended))
        faults += judged(home, pair, ended, before)
    print(f"{names}: {times} times at once, {codes}", *faults[:3], sep="\n    ")
    return faults


@pytest.mark.parametrize("names", FEW, ids=" and ".join)
def test_two_commands_at_once_end_as_documented(
    both: tuple[Commands, Commands], home: Home, names: tuple[str, str]
) -> None:
    assert attack(both, home, names, times=1) == []


@pytest.mark.slow
@pytest.mark.parametrize("names", PAIRS, ids=" and ".join)
def test_any_two_commands_at_once_end_as_documented(
    both: tuple[Commands, Commands], home: Home, names: tuple[str, str]
) -> None:
    assert attack(both, home, names, times=4) == []
