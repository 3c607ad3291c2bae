"""Two real processes at once: one is refused in a paragraph, or waits a moment; whoever is killed leaves nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.datasets import Command, image_folder
from support.stopped import Stoppable, stoppable

from noisecleaner.files import locks

FIT = ["fit", "data.parquet", "--trusted", "trusted.parquet", "--embedding-column", "embedding", "--out", "run"]
SCORE, PLAN = ["score", "run"], ["plan", "run", "--n", "20", "--out", "verify.parquet"]
NEW = ["score", "run", "--data", "data.parquet", "--out", "new"]
REPORT, EXPORT = ["report", "run", "--out", "report.html"], ["export-clean", "run", "--out", "clean"]
CORRUPT = ["corrupt", "data.parquet", "--kind", "symmetric", "--rate", "0.2", "--embedding-column", "embedding"]
CORRUPT += ["--out", "noisy"]
REVIEW = ["review", "images.parquet", "--out", "first.html"]
GATE = ["gate", "run", "--max-noise", "0.9", "--format", "json", "--output", "gate.json"]


@pytest.fixture(scope="module")
def start() -> Iterator[Stoppable]:
    with stoppable() as started:
        yield started


@pytest.fixture(scope="module")
def made(fitted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset and a scored run."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copytree(fitted, folder, dirs_exist_ok=True)
    subprocess.run([sys.executable, "-m", "noisecleaner", *SCORE], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def scored(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to work in."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locks, "_PATIENCE", 0.1)
    return tmp_path


def hidden(folder: Path) -> list[str]:
    """What no command leaves; manifests of copies are hidden, too, and stay."""
    found = (path for path in folder.rglob(".*") if not path.name.startswith(".noisecleaner"))
    return sorted(str(path.relative_to(folder)) for path in found)


def whole(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (SCORE, SCORE, "run is written by one process at a time, and not while others read it, but score (process "),
        (SCORE, [*FIT, "--overwrite"], "but score (process "),
        ([*FIT, "--overwrite"], SCORE, "but fit (process "),
        ([*FIT, "--overwrite"], NEW, "run is not read while it is written, but fit (process "),
        (SCORE, REPORT, "run is not read while it is written, but score (process "),
        (SCORE, GATE, "run is not read while it is written, but score (process "),
        (REPORT, SCORE, "but report (process "),
        (PLAN, [*FIT, "--overwrite"], "but plan (process "),
        (NEW, NEW, "new is written by one process at a time"),
        (PLAN, PLAN, "verify.parquet is written by one process at a time"),
        (REPORT, REPORT, "report.html is written by one process at a time"),
        (EXPORT, EXPORT, "clean is written by one process at a time"),
        (CORRUPT, CORRUPT, "noisy is written by one process at a time"),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_the_second_is_refused_and_the_first_does_its_work(
    start: Stoppable, command: Command, scored: Path, first: list[str], second: list[str], told: str
) -> None:
    with start.stopped(*first, folder=scored) as running:
        outcome = command(*second)
        running.go_on()
        ended = running.ended()
    assert (outcome.code, ended.code) == (2, 0), outcome.err + ended.err
    assert told in outcome.err
    assert "Wait until that has ended" in outcome.err
    assert hidden(scored) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (REPORT, PLAN),
        (PLAN, REPORT),
        (NEW, GATE),
        (PLAN, ["plan", "run", "--n", "10", "--out", "second.csv"]),
        # images are copied when the scores have been read: nothing that comes then is in the copy
        (EXPORT, SCORE),
    ],
    ids=lambda words: words[0],
)
def test_readers_of_a_run_go_on_side_by_side(
    start: Stoppable, command: Command, scored: Path, first: list[str], second: list[str]
) -> None:
    with start.stopped(*first, folder=scored) as running:
        outcome = command(*second)
        running.go_on()
        ended = running.ended()
    assert (outcome.code, ended.code) == (0, 0), outcome.err + ended.err
    assert hidden(scored) == []


@pytest.mark.parametrize("words", [EXPORT, PLAN, SCORE, NEW, REPORT], ids=lambda words: words[0])
def test_of_several_that_start_at_once_none_spoils_what_another_writes(
    start: Stoppable, scored: Path, words: list[str]
) -> None:
    with ExitStack() as stack:
        running = [stack.enter_context(start(*words, folder=scored)) for _ in range(4)]
        ended = [one.ended() for one in running]
    assert {one.code for one in ended} <= {0, 2}, ended
    assert any(one.code == 0 for one in ended), ended
    assert all("Wait until that has ended" in one.err or "exists already" in one.err for one in ended if one.code)
    assert hidden(scored) == []


@pytest.mark.parametrize(
    ("killed", "following"),
    [
        (SCORE, SCORE),
        (NEW, NEW),
        (PLAN, [*PLAN[:-1], "verify.csv"]),
        (REPORT, [*REPORT[:-1], "report2.html"]),
        (REVIEW, [*REVIEW[:-1], "second.html"]),
        (EXPORT, [*EXPORT[:-1], "clean2"]),
        (CORRUPT, [*CORRUPT[:-1], "noisy2"]),
        (["demo", "demo"], ["demo", "demo2"]),
        (GATE, [*GATE[:-1], "gate2.json"]),
    ],
    ids=lambda words: words[0],
)
def test_the_next_command_of_its_kind_removes_what_a_killed_one_left(
    start: Stoppable, command: Command, scored: Path, killed: list[str], following: list[str]
) -> None:
    """Also where it writes something else, into the same folder."""
    image_folder(scored / "images", rows=6)
    assert command("plan", "images", "--n", "3", "--out", "images.parquet").code == 0
    before = whole(scored)
    with start.stopped(*killed, folder=scored) as running:
        running.kill()
    assert {
        name: bytes for name, bytes in whole(scored).items() if ".tmp-" not in name and ".lock" not in name
    } == before
    assert any(".tmp-" in name for name in hidden(scored))
    outcome = command(*following)
    assert outcome.code == 0, outcome.err
    assert "What a killed command had left was removed: " in outcome.err
    assert hidden(scored) == []


def test_a_killed_fit_is_removed_by_the_next_one(start: Stoppable, command: Command, scored: Path) -> None:
    with start.stopped(*FIT, "--overwrite", folder=scored) as running:
        running.kill()
    assert os.path.lexists(scored / ".run.replaced")
    outcome = command(*FIT, "--overwrite")
    assert outcome.code == 0, outcome.err
    assert hidden(scored) == []
