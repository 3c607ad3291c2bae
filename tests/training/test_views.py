"""The second round end to end: no row is judged by anything that has seen what was verified of it or of its part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import CLASSES, Command, image_folder, write_trusted

from noisecleaner import fitting
from noisecleaner.arrays import UNVERIFIED, IntArray
from noisecleaner.errors import Interrupted
from noisecleaner.files import read_arrays
from noisecleaner.training.folds import FoldAssignment, assign_folds
from noisecleaner.training.views import PARTS, parts

FIRST, SECOND = "first_predicted_margin", "predicted_margin"
QUICK = ("--backbone", "cifar-quick", "--image-size", 16, "--no-frozen", "--epochs", 1, "--method", "l2b")
ROWS = 150


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    truth = image_folder(tmp_path / "images", rows=ROWS)
    write_trusted(tmp_path / "trusted.parquet", truth)
    return tmp_path


def fit(command: Command, out: str, *more: object, trusted: str = "trusted.parquet") -> pa.Table:
    outcome = command("fit", "images", "--trusted", trusted, "--out", out, *QUICK, *more)
    assert outcome.code == 0, outcome.err
    return pq.read_table(Path(out, "trace.parquet"))


def assigned(trace: pa.Table) -> tuple[FoldAssignment, IntArray]:
    """How a fit with seed 0 assigns the rows of a trace, and the part of each."""
    index = {name: number for number, name in enumerate(CLASSES)}
    given, trusted = (
        np.array([index.get(label, UNVERIFIED) for label in trace[column].to_pylist()])
        for column in ("given_label", "trusted_label")
    )
    assignment = assign_folds(given=given, trusted=trusted, clean_only=np.empty(0, np.int64), folds=1, seed=0)
    return assignment, parts(assignment, given=given, verified=trusted != UNVERIFIED, seed=0)


def predicted(trace: pa.Table, rows: IntArray, prefix: str = "") -> list[list[object]]:
    names = ("predicted_margin", "predicted_log_probability", "candidates", "candidate_log_probabilities")
    return [trace[prefix + name].take(pa.array(rows)).to_pylist() for name in names]


@pytest.mark.parametrize("lie", ["other", "none"])
def test_what_is_verified_of_rows_that_judge_reaches_no_prediction_of_their_part(
    data: Path, command: Command, lie: str
) -> None:
    honest = fit(command, "honest")
    assignment, part = assigned(honest)
    assert (np.asarray(honest["judging"]) == assignment.judging).all()
    planted = np.flatnonzero(assignment.judging & (part == 2))
    assert len(planted) >= 5
    trusted = pq.read_table("trusted.parquet").to_pydict()
    ids, rng = {honest["sample_id"][int(row)].as_py() for row in planted}, np.random.default_rng(1)
    trusted["trusted_label"] = [
        ("none" if lie == "none" else str(rng.choice(CLASSES))) if one in ids else label
        for one, label in zip(trusted["sample_id"], trusted["trusted_label"], strict=True)
    ]
    pq.write_table(pa.table(trusted), "planted.parquet")
    other = fit(command, "other", trusted="planted.parquet")
    everything, own = np.arange(ROWS), np.flatnonzero(part == 2)
    assert predicted(other, everything, "first_") == predicted(honest, everything, "first_")
    assert predicted(other, own) == predicted(honest, own)
    rest = np.flatnonzero(part != 2)
    assert predicted(other, rest) != predicted(honest, rest)  # they do learn from what is verified elsewhere


def test_every_part_gets_its_share_of_the_rows_that_judge_and_of_those_that_steer() -> None:
    rng = np.random.default_rng(0)
    given = rng.integers(0, 4, 1_000)
    trusted = np.where(rng.random(1_000) < 0.3, given, UNVERIFIED)
    assignment = assign_folds(given=given, trusted=trusted, clean_only=np.empty(0, np.int64), folds=1, seed=3)
    part = parts(assignment, given=given, verified=trusted >= 0, seed=3)
    assert (part >= 0).all()
    for rows in (assignment.judging, (trusted >= 0) & ~assignment.judging, trusted < 0):
        counts = np.bincount(part[rows], minlength=PARTS)
        assert counts.max() - counts.min() <= 1


def test_the_first_round_is_that_of_a_fit_without_a_second_one(data: Path, command: Command) -> None:
    two, one = fit(command, "two"), fit(command, "one", "--rounds", 1)
    assert one[FIRST].null_count == ROWS
    assert two[FIRST].to_pylist() == one[SECOND].to_pylist()
    assert two["alpha"].to_pylist() == one["alpha"].to_pylist()
    np.testing.assert_equal(*(read_arrays(Path(run, "auditor", "fold-0.safetensors"))[0] for run in ("two", "one")))
    assert Path("two", "auditor", "views.safetensors").exists()
    assert not Path("one", "auditor", "views.safetensors").exists()


def test_new_rows_are_judged_by_the_heads_of_the_second_round(data: Path, command: Command) -> None:
    trace = fit(command, "run")
    scored = command("score", "run", "--data", "images", "--out", "new")
    assert scored.code == 0, scored.err
    again = pq.read_table("new/scores.parquet")["label_quality"].to_numpy()
    # of one round or the other, the mean of five heads is near to each of them alone
    second = np.exp(trace["predicted_log_probability"].to_numpy())
    first = np.exp(trace["first_predicted_log_probability"].to_numpy())
    assert np.abs(again - second).mean() < 0.25 * np.abs(again - first).mean()


def test_a_head_that_lacks_makes_a_run_damaged(data: Path, command: Command) -> None:
    fit(command, "run")
    Path("run", "auditor", "views.safetensors").unlink()
    outcome = command("score", "run", "--data", "images", "--out", "new")
    assert outcome.code == 2
    assert "views.safetensors" in outcome.err


def test_a_fit_that_is_stopped_behind_the_second_round_ends_with_the_same_bits(
    data: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(command, "whole")

    def stopped(*arguments: object, **named: object) -> None:
        raise Interrupted(2)

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "fit_quality", stopped)
        words = ["fit", "images", "--trusted", "trusted.parquet", "--out", "resumed", *QUICK]
        assert command(*words).code == 130
    fit(command, "resumed", "--resume")
    assert Path("whole", "trace.parquet").read_bytes() == Path("resumed", "trace.parquet").read_bytes()
    views = [Path(run, "auditor", "views.safetensors").read_bytes() for run in ("whole", "resumed")]
    assert views[0] == views[1]


def test_folds_with_a_network_each_stay_at_one_round_and_say_why(data: Path, command: Command) -> None:
    words = ("fit", "images", "--trusted", "trusted.parquet", "--out", "run", *QUICK, "--folds", 3)
    outcome = command(*words)
    assert outcome.code == 0
    assert "There is one round: a second one looks at what one network shows of all rows" in outcome.err
    assert pq.read_table(Path("run", "trace.parquet"))[FIRST].null_count == ROWS
    asked = command(*words, "--rounds", 2, "--overwrite")
    assert asked.code == 2
    assert "but there are 3 folds" in asked.err
