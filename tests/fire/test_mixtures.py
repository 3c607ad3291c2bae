"""What one score writes is there as a whole or not at all, wherever it stops; and scores that change are noticed."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from noisecleaner.api import Cutoff, GateConfig, ScoredRun, export_clean, gate, gather_config, report, score, verify
from noisecleaner.errors import NoisecleanerError

FILES = ("scores.parquet", "report.parquet", "noise.json", "flagged.csv", "scores-manifest.json")
OLD, NEW = Cutoff(threshold=0.02), Cutoff(threshold=0.98)


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


@pytest.fixture
def run(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scored run of its own."""
    # without what plans of other tests have left there
    shutil.copytree(fitted, tmp_path / "home", ignore=shutil.ignore_patterns("design*"))
    monkeypatch.chdir(tmp_path / "home")
    score("run", cutoff=OLD)
    return Path("run")


@dataclass(frozen=True)
class Story:
    """What all readers make of the scores, as plain values."""

    identity: str
    scored: tuple[Any, ...]
    judged: Any
    exported: tuple[Any, ...]
    reported: Any


def told(run: Path) -> Story:
    """Let every reader read."""
    scored = ScoredRun(run)
    assert scored.identity is not None
    judged = gate(run, rules())
    copy = export_clean(run, "copy", dry_run=True)
    page = report(run, "page.html", images=False)
    numbers = json.loads(page.numbers.read_text())
    return Story(
        scored.identity,
        (scored.metadata.threshold, scored.counts.flagged, len(scored.thresholds().lines), scored.noise.overall),
        [(finding.rule, finding.value) for finding in judged.findings],
        (copy.written, copy.threshold, copy.expectation.noise),
        {name: value for name, value in numbers.items() if name != "versions"},
    )


def rules() -> GateConfig:
    return gather_config({"max-noise": 0.5, "max-flagged": 0.5})


def test_a_score_that_is_killed_anywhere_leaves_all_of_one_score(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stories = {told(run).identity: told(run)}
    (old,) = stories
    kept = {name: (run / name).read_bytes() for name in FILES}
    score(run, cutoff=NEW)
    stories[told(run).identity] = told(run)
    outcomes = []
    for stop in count(1):
        for name, content in kept.items():
            (run / name).write_bytes(content)
        if killed_at(stop, run, monkeypatch):
            found = told(run)
            assert found == stories[found.identity], stop
            assert verify(run).soundness == "sound", stop
            outcomes.append("old" if found.identity == old else "new")
            assert not (run / ".committed").exists()
        else:
            break
    print(
        f"{len(outcomes)} places to stop: {outcomes.count('old')} leave the old score, {outcomes.count('new')} the new"
    )
    assert outcomes == sorted(outcomes, reverse=True)
    assert outcomes.count("old") > 3
    assert outcomes.count("new") == len(FILES)


def killed_at(stop: int, run: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Score, and stop before so many files have been renamed; False where there are not so many."""
    numbers, rename = count(1), os.replace

    def replace(*paths: Any) -> None:
        if next(numbers) >= stop:
            raise Killed
        rename(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        try:
            score(run, cutoff=NEW)
        except Killed:
            return True
    return False


def test_scores_that_are_written_anew_are_noticed_by_who_reads_them(run: Path) -> None:
    """Each file is read on its own: a reader would take the noise of others for that of its rows."""
    before = ScoredRun(run)
    flagged = before.counts.flagged
    score(run, cutoff=NEW)
    readers = (lambda: before.noise, before.thresholds, before.scores, before.summary)
    for read in readers:
        with pytest.raises(NoisecleanerError, match="must stay as they are while they are read, but others came"):
            read()
    assert ScoredRun(run).counts.flagged != flagged


def test_any_file_of_another_score_is_refused(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "other")
    score(run, cutoff=NEW)
    for name in FILES[:3]:
        shutil.copytree(run, tmp_path / name)
        shutil.copy(tmp_path / "other" / name, tmp_path / name / name)
        assert verify(tmp_path / name).soundness == "damaged"
        with pytest.raises(NoisecleanerError, match=rf"{name} is required, but it cannot be (read|used)"):
            ScoredRun(tmp_path / name).summary() and ScoredRun(tmp_path / name).thresholds()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_who_may_not_write_is_told_what_is_left_to_be_done(run: Path) -> None:
    committed(run)
    run.chmod(0o500)
    try:
        with pytest.raises(NoisecleanerError, match="holds files that a command committed before it was killed"):
            ScoredRun(run)
    finally:
        run.chmod(0o700)
    assert ScoredRun(run).counts.rows


def committed(run: Path) -> None:
    """Put the files back where they were committed."""
    (run / ".committed").mkdir()
    for name in FILES:
        (run / name).rename(run / ".committed" / name)


def test_a_disk_that_refuses_names_is_told_likewise(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: Any) -> None:
        raise OSError(30, "Read-only file system")

    committed(run)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(NoisecleanerError, match="cannot be written to \\(Read-only file system\\)"):
            ScoredRun(run)
    assert ScoredRun(run).counts.rows
