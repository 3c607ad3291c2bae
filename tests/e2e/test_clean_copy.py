"""Clean a dataset, then measure the copy: what was verified before says nothing of it, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, embeddings, write_trusted

FIT = ("--embedding-column", "embedding", "--folds", "3", "--epochs", "3")


@pytest.fixture
def copy(tmp_path: Path, command: Command) -> Path:
    """An export in which flagged rows are relabelled."""
    truth = embeddings(tmp_path / "data.parquet", rows=900, width=3)
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    write_trusted(tmp_path / "trusted.parquet", truth, every=4)
    fit = command(
        "fit", tmp_path / "data.parquet", "--trusted", tmp_path / "trusted.parquet", *FIT, "--out", tmp_path / "run"
    )
    assert fit.code == 0, fit.err
    assert command("score", tmp_path / "run").code == 0
    outcome = command("export-clean", tmp_path / "run", "--on-flag", "relabel", "--out", tmp_path / "clean")
    assert outcome.code == 0, outcome.err
    assert "Expected noise of the copy: " in outcome.out
    return tmp_path / "clean"


def test_the_copy_says_beside_it_how_much_of_it_is_wrong(tmp_path: Path, copy: Path, command: Command) -> None:
    told = json.loads((copy / "noisecleaner.json").read_text())
    truth = json.loads((tmp_path / "truth.json").read_text())
    table = pq.read_table(copy / "data" / "train-00000-of-00001.parquet")
    wrong = [row["label"] != truth[row["sample_id"]] for row in table.to_pylist()]
    assert told["written"] == len(table)
    assert told["expected_noise"]["low"] <= sum(wrong) / len(wrong) <= told["expected_noise"]["high"]
    assert sum(table["nc_verified"].to_pylist()) == told["verified"] == 225
    words = command("export-clean", tmp_path / "run", "--on-flag", "relabel", "--out", tmp_path / "dry", "--dry-run")
    assert f"{100 * told['expected_noise']['rate']:.1f} %" in words.out


def test_the_same_verified_rows_cannot_pass_the_copy_through_a_gate(
    tmp_path: Path, copy: Path, command: Command
) -> None:
    run = tmp_path / "again"
    outcome = command("fit", copy / "data", "--trusted", tmp_path / "trusted.parquet", *FIT, "--out", run)
    assert outcome.code == 0, outcome.err
    assert "225 of 225 verified rows carry their verified label since this copy was exported" in outcome.err
    scored = command("score", run)
    assert "unknown" in scored.out.splitlines()[0]
    assert "they cannot measure how much of it is wrong" in scored.out
    gate = command("gate", run, "--max-noise", "0.05")
    assert gate.code == 3
    assert "verified-before-the-copy" in gate.out


def test_rows_verified_before_the_copy_measure_nothing_when_they_are_given_to_score(
    tmp_path: Path, copy: Path, command: Command
) -> None:
    run = tmp_path / "bare"
    assert command("fit", copy / "data", "--method", "uniform", *FIT, "--out", run).code == 0
    outcome = command("score", run, "--trusted", tmp_path / "trusted.parquet")
    assert outcome.code == 0, outcome.err
    assert "225 of 225 verified rows carry their verified label since this copy was exported" in outcome.out
    assert "audited rows)" not in outcome.out
    scores = pq.read_table(run / "scores.parquet")
    assert scores["trusted_label"].null_count == len(scores)
    assert scores["corrected_label"].null_count == len(scores) - 225
    assert (
        "Before   225 rows carry a label that was verified when this copy was made, which exports keep and no rate"
        in outcome.out
    )
    assert "Fixed" not in outcome.out
    exported = command("export-clean", run, "--out", tmp_path / "second")
    assert "0 relabelled, 225 with their verified label" in exported.out


def test_other_rows_verified_later_measure_the_copy(tmp_path: Path, copy: Path, command: Command) -> None:
    truth = json.loads((tmp_path / "truth.json").read_text())
    table = pq.read_table(copy / "data" / "train-00000-of-00001.parquet")
    fresh = [row["sample_id"] for row in table.to_pylist() if not row["nc_verified"]][::4]
    pq.write_table(
        pa.table({"sample_id": fresh, "trusted_label": [truth[i] for i in fresh]}), tmp_path / "fresh.parquet"
    )
    run = tmp_path / "later"
    outcome = command("fit", copy / "data", "--trusted", tmp_path / "fresh.parquet", *FIT, "--out", run)
    assert outcome.code == 0, outcome.err
    scored = command("score", run)
    assert f"{len(fresh)} audited rows" in scored.out
    assert "since this copy was exported" not in scored.out


def test_rows_of_no_class_are_not_in_the_copy_and_the_same_verified_file_says_so(
    tmp_path: Path, command: Command
) -> None:
    truth = embeddings(tmp_path / "data.parquet", rows=600, width=3)
    numbers = pq.read_table(tmp_path / "data.parquet")
    names = sorted(set(truth.values()))
    labels = pa.array([names.index(label) for label in numbers["label"].to_pylist()])
    pq.write_table(numbers.set_column(1, "label", labels), tmp_path / "data.parquet")
    (tmp_path / "names.txt").write_text("\n".join(names))
    verified = list(truth)[::4]
    right = ["none" if number % 10 == 0 else truth[row] for number, row in enumerate(verified)]
    trusted = tmp_path / "trusted.parquet"
    pq.write_table(pa.table({"sample_id": verified, "trusted_label": right}), trusted)
    named = ("--label-names", tmp_path / "names.txt")
    fit = ("fit", tmp_path / "data.parquet", "--trusted", trusted, *named, *FIT, "--out", tmp_path / "run")
    assert command(*fit).code == 0
    assert command("score", tmp_path / "run").code == 0
    assert command("export-clean", tmp_path / "run", "--out", tmp_path / "clean").code == 0

    again = command("fit", tmp_path / "clean", "--trusted", trusted, *FIT, "--out", tmp_path / "again")
    assert again.code == 0, again.err
    assert f"15 verified rows of {trusted} are not in this copy" in again.err
    assert "The classes are called as the copy's own noisecleaner.json says: 0 is blue" in again.err
    assert "with 0 audited trusted rows (and 135 that were verified before this copy was made) in" in again.out

    bare = command("fit", tmp_path / "clean", "--method", "uniform", *FIT, "--out", tmp_path / "bare")
    assert bare.code == 0, bare.err
    scored = command("score", tmp_path / "bare", "--trusted", trusted)
    assert scored.code == 0, scored.err
    assert f"15 verified rows of {trusted} are not in this copy" in scored.err
