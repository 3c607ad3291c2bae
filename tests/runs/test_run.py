"""The run directory: made whole or not at all, resumed only with the same options and data, and one fit at a time."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.files import read_record, write_record
from noisecleaner.ingest import Source
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.record import FitResult, Record
from noisecleaner.runs.run import SCHEMA_VERSION, Run, open_run

CONFIG = FitConfig(source=Source("/data"), seed=3, device="cpu")
WANTED = Record(CONFIG, "abc")
RESULT = FitResult(
    rows=9, skipped={"no label": 1}, audited=4, clean_only=0, judging=2, judged_wrong=1, quality="planted", seconds={}
)
DONE = replace(WANTED, result=RESULT)


def begin(
    path: Path,
    record: Record = WANTED,
    *,
    overwrite: bool = False,
    resume: bool = False,
    checkpoint: bool = True,
    error: BaseException | None = None,
) -> tuple[Run, Record]:
    """Open a run as a fit does, and write a checkpoint; fail, if there is an error, finish, if there is a result."""
    with open_run(path, record, overwrite=overwrite, resume=resume) as (run, found):
        if checkpoint:
            (run.checkpoint / "state-0.safetensors").write_bytes(b"state")
        if error is not None:
            raise error
        if record.result is not None:
            run.finish(record)
    return run, found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_run_holds_its_record_and_folders(tmp_path: Path) -> None:
    with open_run(tmp_path / "deep" / "run", WANTED, overwrite=False, resume=False) as (run, record):
        assert record == WANTED
        assert run.read() == WANTED
        assert names(run.path) == ["auditor", "cache", "checkpoint", "run.json"]
    assert names(tmp_path / "deep") == ["run"]


def test_a_finished_run_keeps_what_scoring_needs(tmp_path: Path) -> None:
    run, _ = begin(tmp_path / "run", DONE)
    assert names(run.path) == ["auditor", "manifest.json", "run.json"]
    assert run.read_fitted() == DONE


def test_a_run_is_not_replaced_unasked(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    with pytest.raises(NoisecleanerError, match="exists already") as error:
        begin(tmp_path / "run", DONE)
    assert "`resume=True`" in error.value.hint
    assert Run(tmp_path / "run").read() == WANTED
    begin(tmp_path / "run", DONE, overwrite=True)
    assert Run(tmp_path / "run").read() == DONE


def test_what_is_no_run_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    with pytest.raises(NoisecleanerError, match=r"holds no run\.json, so it is something else"):
        begin(tmp_path / "run", overwrite=True)
    assert names(tmp_path / "run") == ["mine.txt"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert begin(tmp_path / "run")[0].read() == WANTED


def test_a_replacement_that_fails_brings_the_old_run_back(tmp_path: Path) -> None:
    begin(tmp_path / "run", DONE)
    with pytest.raises(ZeroDivisionError):
        begin(tmp_path / "run", replace(WANTED, fingerprint="other"), overwrite=True, error=ZeroDivisionError())
    assert Run(tmp_path / "run").read() == DONE
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_new_run_that_fails_stays_only_if_there_is_something_to_go_on_from(tmp_path: Path, checkpoint: bool) -> None:
    with pytest.raises(ZeroDivisionError):
        begin(tmp_path / "run", checkpoint=checkpoint, error=ZeroDivisionError())
    assert names(tmp_path) == (["run"] if checkpoint else [])


def test_an_interrupted_run_stays_and_can_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as stop:
        begin(tmp_path / "run", checkpoint=False, error=Interrupted(signal.SIGTERM))
    assert stop.value.resumable
    run, record = begin(tmp_path / "run", resume=True)
    assert record == WANTED
    run.finish(DONE)
    assert begin(tmp_path / "run", resume=True, checkpoint=False)[1] == DONE


def test_a_fit_that_was_killed_at_its_very_end_is_whole(tmp_path: Path) -> None:
    run, _ = begin(tmp_path / "run", DONE)
    for folder in (run.checkpoint, run.cache):  # it had not removed them yet
        folder.mkdir()
    assert begin(tmp_path / "run", resume=True, checkpoint=False)[1] == DONE
    assert names(run.path) == ["auditor", "manifest.json", "run.json"]


def test_resuming_sweeps_what_a_killed_process_left(tmp_path: Path) -> None:
    run, _ = begin(tmp_path / "run")
    half = run.checkpoint / ".state-0.safetensors.tmp-999999999" / "files"
    half.mkdir(parents=True)
    (half / "state-0.safetensors").write_bytes(b"half")
    (half.parent / "lock").touch()
    run.cache.rmdir()
    begin(tmp_path / "run", resume=True)
    assert names(run.checkpoint) == ["state-0.safetensors"]
    assert run.cache.is_dir()


def test_a_run_is_resumed_with_its_own_options(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    with pytest.raises(NoisecleanerError) as error:
        begin(tmp_path / "run", replace(WANTED, config=replace(CONFIG, seed=4, method="l2b")), resume=True)
    assert error.value.message == (
        f"`resume=True` needs the options that {tmp_path / 'run'} was started with: `method='soseleto'` "
        "(now `method='l2b'`), `seed=3` (now `seed=4`)."
    )
    assert Run(tmp_path / "run").read() == WANTED


def test_a_run_is_resumed_with_what_changes_nothing(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    faster = replace(CONFIG, effort=replace(CONFIG.effort, workers=7), decoding=replace(CONFIG.decoding, threads=9))
    assert begin(tmp_path / "run", replace(WANTED, config=faster), resume=True)[1] == WANTED


def test_a_run_is_resumed_with_its_own_data(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    with pytest.raises(NoisecleanerError, match="ids or labels have changed"):
        begin(tmp_path / "run", replace(WANTED, fingerprint="other"), resume=True)


def test_one_fit_at_a_time_gets_a_directory(tmp_path: Path) -> None:
    with (
        open_run(tmp_path / "run", WANTED, overwrite=False, resume=False),
        pytest.raises(NoisecleanerError, match=r"run is written by one process at a time.*fit \(process"),
    ):
        begin(tmp_path / "run", overwrite=True)
    assert names(tmp_path) == ["run"]


def test_what_is_no_run_is_refused_with_how_to_make_one(tmp_path: Path) -> None:
    for found in ("does not exist", r"holds no run\.json"):
        with pytest.raises(NoisecleanerError, match=found) as error:
            Run(tmp_path / "run").read()
        assert f"out={str(tmp_path / 'run')!r}" in error.value.hint
        (tmp_path / "run").mkdir(exist_ok=True)


def test_a_run_that_has_not_ended_is_not_fitted(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="must hold a finished fit") as error:
        begin(tmp_path / "run")[0].read_fitted()
    assert "resume=True" in error.value.hint


def test_a_run_of_another_schema_is_refused(tmp_path: Path) -> None:
    run, _ = begin(tmp_path / "run")
    write_record(run.record, {**read_record(run.record), "schema_version": SCHEMA_VERSION + 1, "noisecleaner": "9.9"})
    with pytest.raises(NoisecleanerError, match=r"version 3 \(written by noisecleaner 9\.9\)"):
        run.read()


@pytest.mark.parametrize("change", [{"options": {}}, {"options": 7}, {"state": "fitted"}, {"options": {"seed": 1}}])
def test_a_record_that_no_fit_writes_is_damaged(tmp_path: Path, change: dict[str, object]) -> None:
    run, _ = begin(tmp_path / "run")
    write_record(run.record, {**read_record(run.record), **change})
    with pytest.raises(NoisecleanerError, match="cannot be read"):
        run.read()
