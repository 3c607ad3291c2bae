"""Any command line, over any table: documented exit codes, no traceback, and nothing left of what was refused."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.datasets import image_folder
from support.fire import Commands, Ended, commands, strays
from support.hostile import lines, tables, write


@pytest.fixture(scope="module")
def run() -> Iterator[Commands]:
    with commands() as started:
        yield started


@pytest.fixture(scope="module")
def home(run: Commands, fitted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scored run, its dataset, and a few images."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(fitted, folder, dirs_exist_ok=True)
    image_folder(folder / "images", rows=12)
    assert run("score", "run", "-q", folder=folder).code == 0
    return folder


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """How often each exit code came, and the first of each kind of fault with its command line."""

    codes: Counter[int] = field(default_factory=Counter)
    faults: dict[str, list[str]] = field(default_factory=dict)

    def take(self, words: list[str], ended: Ended, left: list[str]) -> None:
        self.codes[ended.code] += 1
        fault = ended.fault or (f"left {left}" if left and ended.code == 2 else "")
        if fault:
            self.faults.setdefault(fault.strip()[-120:], words)


def attack(run: Commands, home: Path, *, tries: int, seconds: float) -> Outcomes:
    """Try as many command lines over as many tables."""
    outcomes = Outcomes()

    @settings(
        max_examples=tries,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def once(data: st.DataObject) -> None:
        before = names(home)
        table = write(home, data.draw(tables()))
        words = data.draw(lines(table))
        ended = run(*words, folder=home, seconds=seconds)
        (home / table).unlink(missing_ok=True)
        new = sorted(names(home) - before)
        outcomes.take(words, ended, [*new, *strays(home)])
        for name in {Path(name).parts[0] for name in new} - {"run", "images"}:
            shutil.rmtree(home / name) if (home / name).is_dir() else (home / name).unlink()

    once()
    return outcomes


def test_any_command_line_ends_as_documented(run: Commands, home: Path) -> None:
    outcomes = attack(run, home, tries=100, seconds=60)
    print(f"{outcomes.codes.total()} command lines and tables: {dict(outcomes.codes)}")
    assert outcomes.faults == {}
    assert outcomes.codes[0] > 3
    assert outcomes.codes[2] > 30


@pytest.mark.slow
def test_ten_thousand_command_lines_end_as_documented(run: Commands, home: Path) -> None:
    outcomes = attack(run, home, tries=10_000, seconds=120)
    print(f"{outcomes.codes.total()} command lines and tables: {dict(outcomes.codes)}")
    assert outcomes.faults == {}
    assert outcomes.codes.total() >= 10_000
