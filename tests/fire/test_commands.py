"""Any command line, over any table: documented exit codes, no traceback, and nothing left of what was refused."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.datasets import image_folder, write_trusted
from support.fire import Commands, Ended, How, strays
from support.hostile import Chance, line, table, write
from support.hostile_files import FILES, damage, files, lies, restored


@pytest.fixture(scope="module")
def home(run: Commands, fitted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two scored runs, of vectors and of images, and their datasets."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(fitted, folder, dirs_exist_ok=True)
    truth = image_folder(folder / "images", rows=12)
    write_trusted(folder / "seen.parquet", truth, every=1)
    small = ["--backbone", "cifar-quick", "--image-size", "16", "--folds", "1", "--epochs", "1", "--method", "uniform"]
    assert run("fit", "images", "--trusted", "seen.parquet", "--out", "pictures", *small, folder=folder).code == 0
    for name in RUNS:
        assert run("score", name, "-q", folder=folder).code == 0
        shutil.copytree(folder / name, folder / f"{name}.kept")
    return folder


#: The runs of the folder.
RUNS = ["run", "pictures"]


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


def attack(run: Commands, home: Path, *, begin: int, tries: int) -> Outcomes:
    """Try as many command lines over as many tables, each begun by a number of its own."""
    outcomes = Outcomes()
    before = names(home)
    for number in range(begin, begin + tries):
        chance = Chance(number)
        drawn = write(home, table(chance))
        words = line(chance, drawn)
        for name, content in files(chance, words).items():
            (home / name).write_bytes(content)
        runs = [name for name in RUNS if name in words]
        struck = [file for name in runs if chance.once_in(5) for file in damage(chance, home / name)]
        lied = lies(chance)
        ended = run(*words, folder=home, seconds=120, how=How(environment=lied))
        new = sorted(names(home) - before - {drawn, *FILES})
        outcomes.take([str(number), *words, *struck, *map(str, lied.items())], ended, [*new, *strays(home)])
        _tidy(home, before, touched=runs)
    return outcomes


def _tidy(home: Path, before: set[str], *, touched: list[str]) -> None:
    """Remove what is new, and put runs back that may have been changed."""
    for name in touched:
        restored(home / name, home / f"{name}.kept")
    for name in {Path(name).parts[0] for name in names(home) - before}:
        shutil.rmtree(home / name) if (home / name).is_dir() else (home / name).unlink()


def test_any_command_line_ends_as_documented(run: Commands, home: Path) -> None:
    outcomes = attack(run, home, begin=0, tries=120)
    print(f"{outcomes.codes.total()} command lines and tables: {dict(outcomes.codes)}")
    assert outcomes.faults == {}
    assert outcomes.codes[0] > 10
    assert outcomes.codes[2] > 30


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(1, 21))
def test_ten_thousand_command_lines_end_as_documented(run: Commands, home: Path, chunk: int) -> None:
    outcomes = attack(run, home, begin=500 * chunk, tries=500)
    print(f"{outcomes.codes.total()} command lines and tables: {dict(outcomes.codes)}")
    assert outcomes.faults == {}
