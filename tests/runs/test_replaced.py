"""What a new fit replaces is what fit and score wrote; what a person put there outlives it, whenever it is killed."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.held import Notes

from noisecleaner.files import RUN_MANIFEST, SCORES_MANIFEST, sealed, write_seal
from noisecleaner.ingest import Source
from noisecleaner.progress import heard_by
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.edited import fingerprint
from noisecleaner.runs.record import FitResult, Record
from noisecleaner.runs.replaced import FIT_FILES, SCORE_FILES, Replaced
from noisecleaner.runs.run import Run, open_run

RESULT = FitResult(
    rows=9, skipped={}, audited=4, clean_only=0, judging=2, judged_wrong=1, quality="planted", seconds={}
)
OLD = Record(FitConfig(source=Source("/data"), seed=1, device="cpu"), "old")
NEW = replace(OLD, fingerprint="new")
#: What a person, and commands that read the run, put there.
OWN = {
    "mynotes.csv": b"mine",
    "design.parquet": b"the last plan",
    "designs/0001.parquet": b"a plan",
    "new/rows-1/scores.parquet": b"scores of other rows",
    "auditor/seen.txt": b"looked at",
}
EDITED = b"sample_id,corrected_label\na,cat\n"
#: How a process that is killed ends.
KILLED = 9


def fit(path: Path, record: Record = NEW, *, error: BaseException | None = None, resume: bool = False) -> None:
    """Fit as `fit` does, on a network that is frozen; fail before the end, if there is an error."""
    with open_run(path, record, overwrite=True, resume=resume) as (run, found):
        if found.result is not None:
            return
        (run.checkpoint / "state-0.safetensors").write_bytes(b"state")
        for name in ("features.npy", "trace.parquet", "auditor/fold-0.safetensors"):
            (run.path / name).write_bytes(record.fingerprint.encode())
        if error is not None:
            raise error
        run.finish(replace(record, result=RESULT))


def score(path: Path) -> None:
    """Put there what a score writes."""
    for name in ("scores.parquet", "report.parquet", "flagged.csv"):
        (path / name).write_bytes(b"sample_id,label_quality\n")
    (path / "noise.json").write_text(json.dumps({"flagged_csv": fingerprint(path / "flagged.csv")}))
    names = [name for name in SCORE_FILES if name != SCORES_MANIFEST]
    write_seal(path / SCORES_MANIFEST, sealed(path, sorted(names)), kind="scores")


def own(path: Path) -> None:
    for name, content in OWN.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_of(path: Path, record: Record) -> bool:
    """Whether a run is that of a record, and of nothing else."""
    run = Run(path)
    seal, word = run.seal(), record.fingerprint.encode()
    written = ("features.npy", "trace.parquet", "auditor/fold-0.safetensors")
    return (
        run.read_fitted().fingerprint == record.fingerprint
        and seal is not None
        and all((path / name).read_bytes() == word for name in written)
        and dict(sealed(path, sorted(seal.files))) == seal.files
    )


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    """A scored run that a person has worked in."""
    run = tmp_path / "run"
    fit(run, OLD)
    score(run)
    own(run)
    return run


def test_what_fit_and_score_wrote_is_replaced_and_all_else_stays(scored: Path) -> None:
    heard = Notes()
    with heard_by(heard):
        fit(scored)
    assert is_of(scored, NEW)
    found = files(scored)
    assert {name: found[name] for name in OWN} == OWN
    assert {*found} == {*OWN, *(name for name in found if name in FIT_FILES), "auditor/fold-0.safetensors"}
    (note,) = heard.notes
    assert note.endswith("is kept there: design.parquet, designs, mynotes.csv, new.")
    assert os.listdir(scored.parent) == ["run"]


def test_nothing_is_said_where_nothing_is_kept(tmp_path: Path) -> None:
    heard = Notes()
    with heard_by(heard):
        fit(tmp_path / "run", OLD)
        fit(tmp_path / "run")
    assert heard.notes == []


def test_what_stays_can_be_read_while_the_fit_runs(scored: Path) -> None:
    """Verified rows may lie in the run, and a fit that is resumed reads them again."""
    with open_run(scored, NEW, overwrite=True, resume=False) as (run, _):
        assert (run.path / "mynotes.csv").read_bytes() == b"mine"
        assert not (run.path / "scores.parquet").exists()


def test_what_stays_is_none_of_the_new_fit(scored: Path) -> None:
    fit(scored)
    assert set(Run(scored).seal().files) == {"run.json", "features.npy", "trace.parquet", "auditor/fold-0.safetensors"}  # type: ignore[union-attr]  # it has ended


def test_a_list_that_somebody_worked_on_is_kept_and_one_that_nobody_touched_is_not(scored: Path) -> None:
    (scored / "flagged.csv").write_bytes(EDITED)
    (scored / "flagged-edited.csv").write_bytes(b"an earlier one")
    with open_run(scored, NEW, overwrite=True, resume=False) as (run, _):
        assert (scored / "flagged.csv").read_bytes() == EDITED  # it may be the corrections of this very fit
        run.finish(replace(NEW, result=RESULT))
    assert not (scored / "flagged.csv").exists()
    assert (scored / "flagged-edited.csv").read_bytes() == b"an earlier one"
    assert (scored / "flagged-edited-2.csv").read_bytes() == EDITED


def test_a_file_of_somebody_else_under_a_name_of_ours_gets_another_one(tmp_path: Path) -> None:
    """A run on vectors has no features.npy: the manifest tells that this one is not its own."""
    run = tmp_path / "run"
    with open_run(run, OLD, overwrite=False, resume=False) as (opened, _):
        opened.finish(replace(OLD, result=RESULT))
    for name in ("features.npy", "report.parquet"):
        (run / name).write_bytes(b"mine")
    write_seal(run / SCORES_MANIFEST, [], kind="scores")
    fit(run)
    assert is_of(run, NEW)
    assert (run / "features-before.npy").read_bytes() == b"mine"
    assert (run / "report.parquet").read_bytes() == b"mine"


def test_without_manifests_names_tell(scored: Path) -> None:
    """Earlier versions wrote none."""
    for name in (RUN_MANIFEST, SCORES_MANIFEST, "noise.json"):
        (scored / name).unlink()
    fit(scored)
    assert {name for name in files(scored) if name not in OWN} == {
        *("run.json", RUN_MANIFEST, "features.npy", "trace.parquet", "auditor/fold-0.safetensors"),
    }


def test_links_stay_links(scored: Path) -> None:
    there = scored.parent / "there"
    there.mkdir()
    (there / "photo.png").write_bytes(b"photo")
    (scored / "photos").symlink_to("../there")
    (scored / "trace.parquet").unlink()
    (scored / "trace.parquet").symlink_to("../there/photo.png")
    (scored / "cache").symlink_to("../there")
    fit(scored)
    assert os.readlink(scored / "photos") == "../there"
    assert files(there) == {"photo.png": b"photo"}
    assert is_of(scored, NEW)


def test_a_fit_that_fails_brings_all_of_the_old_one_back(scored: Path) -> None:
    (scored / "flagged.csv").write_bytes(EDITED)
    before = files(scored)
    with pytest.raises(ZeroDivisionError):
        fit(scored, error=ZeroDivisionError())
    assert files(scored) == before
    assert os.listdir(scored.parent) == ["run"]


def test_what_cannot_be_moved_brings_all_of_it_back(scored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, rename = files(scored), Path.rename

    def refusing(path: Path, place: Path) -> Path:
        if path.name == "trace.parquet" and place.parent.name == ".run.moving":
            raise PermissionError(13, "Permission denied", str(path))
        return rename(path, place)

    monkeypatch.setattr(Path, "rename", refusing)
    with pytest.raises(PermissionError):
        fit(scored)
    assert files(scored) == before
    assert os.listdir(scored.parent) == ["run"]


def test_what_an_earlier_version_left_when_it_was_killed_is_carried_over(scored: Path) -> None:
    """It put the whole folder aside."""
    (scored / "flagged.csv").write_bytes(EDITED)
    scored.rename(scored.with_name(".run.replaced"))
    with open_run(scored.with_name("other"), NEW, overwrite=False, resume=False) as (run, _):
        (run.checkpoint / "state-0.safetensors").write_bytes(b"state")
    run.path.rename(scored)
    (scored / "mynotes.csv").write_bytes(b"new notes")
    fit(scored, resume=True)
    assert is_of(scored, NEW)
    found = files(scored)
    assert {name: found[name] for name in OWN} == {**OWN, "mynotes.csv": b"new notes"}
    assert found["mynotes-before.csv"] == b"mine"
    assert found["flagged-edited.csv"] == EDITED
    assert os.listdir(scored.parent) == ["run"]


def killed(path: Path, change: int) -> bool:
    """Fit in a process that ends without a word before it changes files for the n-th time; whether it did."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            left = [change]

            def watch(event: str, _: object) -> None:
                if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
                    left[0] -= 1
                    if left[0] == 0:
                        os._exit(KILLED)

            sys.addaudithook(watch)
            fit(path)
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED)
    return code == KILLED


#: What is done after a kill; each is tried after a third of the changes, and with `-m slow` after all of them.
FOLLOWING = ("resume", "overwrite", "fail")


@pytest.mark.parametrize("following", FOLLOWING)
def test_a_kill_at_a_change_of_a_file_loses_nothing(
    tmp_path: Path, following: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(tmp_path, following, monkeypatch, first=1 + FOLLOWING.index(following), step=3)


@pytest.mark.slow
@pytest.mark.parametrize("following", FOLLOWING)
def test_a_kill_at_any_change_of_a_file_loses_nothing(
    tmp_path: Path, following: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(tmp_path, following, monkeypatch, first=1, step=1)


def kill_at(tmp_path: Path, following: str, monkeypatch: pytest.MonkeyPatch, *, first: int, step: int) -> None:
    """Kill a fit at some of its changes: neither a person's files are lost, nor the old run unless the new is whole."""
    for name in ("sync", "fsync"):  # the machine stays on
        monkeypatch.setattr(os, name, lambda *_: None)
    change, seen = first, set[bool]()
    mine = {name: content for name, content in OWN.items() if name != "auditor/seen.txt"}  # it moves with its folder
    while True:
        run = tmp_path / str(change) / "run"
        fit(run, OLD)
        score(run)
        own(run)
        (run / "flagged.csv").write_bytes(EDITED)
        if not killed(run, change):
            break
        found = files(run)
        assert {name: found[name] for name in mine} == mine, change
        assert EDITED in found.values(), change
        if following == "fail":
            with pytest.raises(ZeroDivisionError):
                fit(run, error=ZeroDivisionError())
            seen.add(is_of(run, OLD))
            assert is_of(run, OLD) or is_of(run, NEW), change
        else:
            fit(run, resume=following == "resume" and not is_old(run))
            assert is_of(run, NEW), change
            assert (run / "flagged-edited.csv").read_bytes() == EDITED
        found = files(run)
        assert {name: found[name] for name in OWN} == OWN, change
        assert os.listdir(run.parent) == ["run"], change
        change += step
    assert change > 30
    assert seen == ({True, False} if following == "fail" else set())


def is_old(path: Path) -> bool:
    """Whether nothing of the new fit is there yet: the old run comes back, or is still whole."""
    Replaced(path).recover()
    return Run(path).read().fingerprint == OLD.fingerprint
