"""`verify` tells what is not what was written any more, of everything that we write."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.datasets import Command

from noisecleaner.api import Soundness, verify
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import seal_folder
from noisecleaner.progress import Progress


@pytest.fixture
def run(fitted: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scored run of its own."""
    # without what plans of other tests have left there
    shutil.copytree(fitted, tmp_path / "home", ignore=shutil.ignore_patterns("design*"))
    monkeypatch.chdir(tmp_path / "home")
    assert command("score", "run", "-q").code == 0
    return Path("run")


def flip(path: Path, place: int = -1, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def test_a_run_is_sound_until_a_bit_of_it_flips(run: Path, command: Command) -> None:
    outcome = command("verify", run)
    assert outcome.code == 0
    assert "The fit (manifest.json): sound." in outcome.out
    assert "The scores (scores-manifest.json): sound." in outcome.out
    flip(run / "trace.parquet", 2000)
    (run / "noise.json").unlink()
    outcome = command("verify", run)
    assert outcome.code == 1
    assert "The fit (manifest.json): damaged." in outcome.out
    assert "changed    trace.parquet" in outcome.out
    assert "missing    noise.json" in outcome.out


def test_json_tells_the_same_to_machines(run: Path, command: Command) -> None:
    (run / "mine.txt").write_text("mine")
    (run / "design.parquet").touch()
    flip(run / "run.json")
    told = json.loads(command("verify", run, "--format", "json").out)
    assert (told["path"], told["soundness"], told["others"]) == ("run", "damaged", ["mine.txt"])
    assert told["beside"] == ["design.parquet"]
    fit, scores = told["manifests"]
    assert (fit["kind"], fit["changed"], scores["kind"], scores["changed"]) == ("run", ["run.json"], "scores", [])
    assert scores["bytes"] == sum((run / name).stat().st_size for name in _names(run / "scores-manifest.json"))


def _names(manifest: Path) -> list[str]:
    return list(json.loads(manifest.read_text())["files"])


def test_a_list_that_somebody_worked_on_is_said_and_no_damage(run: Path, command: Command) -> None:
    (run / "flagged.csv").write_text("sample_id,corrected_label\n")
    outcome = command("verify", run)
    assert outcome.code == 0
    assert "Somebody has worked on flagged.csv" in outcome.out


@pytest.mark.parametrize("name", ["manifest.json", "scores-manifest.json"])
def test_a_manifest_is_missed_and_damaged_like_any_file(run: Path, command: Command, name: str) -> None:
    flip(run / name, 40)
    outcome = command("verify", run)
    assert (outcome.code, f"changed    {name}" in outcome.out) == (1, True)
    (run / name).unlink()
    outcome = command("verify", run)
    assert (outcome.code, f"missing    {name}" in outcome.out) == (1, True)
    outcome = command("gate", run, "--max-noise", "0.9") if name != "manifest.json" else command("score", run)
    assert outcome.code == 2
    assert f"{name} is required" in outcome.err


def test_scores_of_another_fit_are_told_and_refused(run: Path, command: Command, fitted: Path) -> None:
    words = ["--trusted", "trusted.parquet", "--embedding-column", "embedding", "--seed", "7"]
    assert command("fit", "data.parquet", *words, "--out", "other", "-q").code == 0
    for name in ("scores.parquet", "noise.json", "report.parquet", "flagged.csv", "scores-manifest.json"):
        shutil.copy(run / name, "other")
    assert "made of another fit" in command("verify", "other").out
    outcome = command("gate", "other", "--max-noise", "0.9")
    assert outcome.code == 2
    assert "of another one" in outcome.err
    outcome = command("score", "other", "-q")
    assert outcome.code == 0
    assert "The last scores cannot be read, and are replaced" in outcome.err
    assert command("verify", "other").code == 0
    (run.parent / "other" / "manifest.json").unlink()  # what would tell
    for words in (("gate", "other", "--max-noise", "0.9"), ("export-clean", "other", "--out", "copy")):
        outcome = command(*words)
        assert (outcome.code, "manifest.json is required" in outcome.err) == (2, True)


def test_copies_and_corrupted_datasets_are_verified_too(run: Path, command: Command) -> None:
    assert command("export-clean", run, "--out", "clean").code == 0
    assert command("corrupt", "data.parquet", "--embedding-column", "embedding", "--out", "noisy").code == 0
    for name, word in (("clean", "The copy"), ("noisy", "The corrupted dataset")):
        assert f"{word} (.noisecleaner-manifest.json): sound." in command("verify", name).out
        (Path(name) / "more.parquet").touch()
        (Path(name) / ".DS_Store").touch()
        outcome = command("verify", name)
        assert outcome.code == 1
        assert outcome.out.splitlines()[1].split() == ["added", "more.parquet"]
        assert outcome.out.splitlines()[2].startswith("Move what was added elsewhere")


def test_scores_of_new_rows_are_found_below_their_run(run: Path, command: Command) -> None:
    assert command("score", run, "--data", "data.parquet", "-q").code == 0
    (scored,) = (run / "new").iterdir()
    assert command("verify", run).code == 0
    flip(scored / "scores.parquet", 100)
    outcome = command("verify", run)
    assert outcome.code == 1
    assert f"changed    new/{scored.name}/scores.parquet" in outcome.out
    assert command("verify", scored).code == 1


def _of_an_earlier_version(run: Path) -> None:
    from noisecleaner.runs.run import Run
    from noisecleaner.runs.scored_run import ScoredRun
    from noisecleaner.tables import SCORES, write_table

    record, scored = Run(run).read(), ScoredRun(run)
    Run(run).write(record)
    write_table(run / "scores.parquet", [scored.scores()], SCORES, scored.metadata.to_json())
    for name in ("manifest.json", "scores-manifest.json"):
        (run / name).unlink()


def test_what_an_earlier_version_wrote_is_read_and_cannot_be_told(run: Path, command: Command) -> None:
    _of_an_earlier_version(run)
    outcome = command("verify", run)
    assert outcome.code == 3
    assert "2 files were written by an earlier version, without a manifest:" in outcome.out
    assert command("gate", run, "--max-noise", "1").code == 0
    assert command("score", run, "-q").code == 0
    assert verify(run).soundness is Soundness.UNKNOWN  # the fit still is
    flip(run / "noise.json")
    assert verify(run).soundness is Soundness.DAMAGED


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: None])
def test_where_nothing_is_ours_there_is_nothing_to_verify(
    tmp_path: Path, command: Command, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "x")
    outcome = command("verify", tmp_path / "x")
    assert outcome.code == 2
    assert "A run, scores, a clean copy" in outcome.err


def test_a_manifest_json_of_somebody_else_is_none(tmp_path: Path, command: Command) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "manifest.json").write_text("[]")
    assert command("verify", tmp_path / "x").code == 2


def test_a_fit_that_has_not_ended_is_refused(run: Path, command: Command) -> None:
    from dataclasses import replace

    from noisecleaner.runs.run import Run

    Run(run).write(replace(Run(run).read(), result=None))
    (run / "manifest.json").unlink()
    outcome = command("verify", run)
    assert outcome.code == 2
    assert "must hold a finished fit" in outcome.err


def test_what_is_written_to_meanwhile_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "clean"
    folder.mkdir()
    (folder / "a").write_text("1")
    seal_folder(folder, kind="export", progress=Progress())

    class Writes(Progress):
        def stage(self, *words: object, **more: object):  # type: ignore[no-untyped-def]  # as of Progress
            (folder / "a").write_text("2")
            seal_folder(folder, kind="export", progress=Progress())
            return super().stage(*words, **more)  # type: ignore[arg-type]

    with pytest.raises(NoisecleanerError, match="was written to meanwhile"):
        verify(folder, progress=Writes())


def test_what_was_committed_is_put_in_place_first(run: Path) -> None:
    before = verify(run).manifests[1].identity
    committed = run / ".committed"
    committed.mkdir()
    for name in (*_names(run / "scores-manifest.json"), "scores-manifest.json"):
        (run / name).rename(committed / name)
    assert verify(run).manifests[1].identity == before
    assert not committed.exists()


def test_a_file_that_the_system_does_not_read_is_damage(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from noisecleaner.files.seals import SealedFile

    looked = SealedFile.of

    def of(path: Path) -> SealedFile:
        if path.name == "trace.parquet":
            raise OSError(5, "Input/output error")
        return looked(path)

    monkeypatch.setattr(SealedFile, "of", of)
    (fit, _) = verify(run).manifests
    assert fit.unreadable == ("trace.parquet (Input/output error)",)
    assert not fit.sound


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("name", ["run.json", "manifest.json", "scores-manifest.json", "noise.json", "scores.parquet"])
def test_what_is_no_regular_file_is_damage_and_nobody_waits_for_it(
    run: Path, command: Command, name: str, kind: str
) -> None:
    (run / name).unlink()
    os.mkfifo(run / name) if kind == "pipe" else (run / name).symlink_to("/dev/zero")
    outcome = command("verify", run)
    assert outcome.code == 1
    assert "it is no regular file" in outcome.out
    assert f" {name}" in outcome.out


@pytest.mark.parametrize("name", ["run.json", "trace.parquet"])
def test_a_score_does_not_wait_for_a_pipe(run: Path, command: Command, name: str) -> None:
    (run / name).unlink()
    os.mkfifo(run / name)
    outcome = command("score", run)
    assert outcome.code == 2
    assert f"{name} is no regular file" in outcome.err


@pytest.mark.parametrize("name", ["noise.json", "scores.parquet", "report.parquet"])
def test_a_report_does_not_wait_for_a_pipe(run: Path, command: Command, name: str) -> None:
    (run / name).unlink()
    os.mkfifo(run / name)
    outcome = command("report", run, "--out", "page.html")
    assert outcome.code == 2
    assert f"{name} is no regular file" in outcome.err


def test_a_folder_in_the_place_of_a_file_is_damage(run: Path) -> None:
    (run / "noise.json").unlink()
    (run / "noise.json").mkdir()
    assert verify(run).manifests[1].unreadable == ("noise.json (Is a directory)",)


def test_a_missing_manifest_is_named_once_with_what_to_type(run: Path, command: Command) -> None:
    (run / "design.parquet").touch()
    (run / "flagged-edited-2.csv").touch()
    (run / "scores-manifest.json").unlink()
    outcome = command("verify", run)
    assert outcome.out.splitlines()[1:] == [
        "The scores: damaged.",
        "  missing    scores-manifest.json",
        "Bring these files back from a backup, or score again: `noisecleaner score run`.",
    ]


def test_a_damaged_manifest_keeps_its_kind_and_its_files(run: Path, command: Command) -> None:
    flip(run / "manifest.json", 40)
    (run / "notes.txt").touch()
    out = command("verify", run).out
    assert "The fit: damaged; it is not what was written: its checksum is wrong.\n  changed    manifest.json\n" in out
    assert "--overwrite --out run`, then score." in out
    assert "1 file that no manifest names: notes.txt." in out


def test_sizes_are_told_in_units_that_fit(run: Path, command: Command) -> None:
    size = sum((run / name).stat().st_size for name in _names(run / "scores-manifest.json"))
    assert f"4 files, {size / 1000:.1f} kB, bit for bit" in command("verify", run).out


def test_damage_of_new_scores_and_of_copies_says_what_to_type(run: Path, command: Command) -> None:
    assert command("score", run, "--data", "data.parquet", "-q").code == 0
    (scored,) = (run / "new").iterdir()
    (scored / "noise.json").unlink()
    assert f"`noisecleaner score run --data ROWS --out {scored}`" in command("verify", run).out
    assert command("export-clean", run, "--out", "clean").code == 0
    flip(Path("clean/noisecleaner.json"))
    assert "`noisecleaner export-clean RUN --out OTHER`" in command("verify", "clean").out


@pytest.mark.parametrize("below", ["clean/data", "clean/noisecleaner.json", "run/auditor"])
def test_below_an_output_the_folder_above_is_named(run: Path, command: Command, below: str) -> None:
    assert command("export-clean", run, "--out", "clean").code == 0
    outcome = command("verify", below)
    assert outcome.code == 2
    assert f"Name that: `noisecleaner verify {Path(below).parts[0]}`." in outcome.err


def test_a_kind_that_nobody_knows_is_told_like_others(tmp_path: Path, command: Command) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("one")
    seal_folder(tmp_path / "data", kind="nonsense", progress=Progress())
    (tmp_path / "data" / "a").write_text("two")
    outcome = command("verify", tmp_path / "data")
    assert outcome.code == 1
    assert "changed    a" in outcome.out
