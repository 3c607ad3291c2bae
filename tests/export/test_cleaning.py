"""The clean copy holds exactly what the scores say, and the input is only read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, embeddings
from support.exports import (
    FORMAT,
    NOTES,
    ON_FLAG,
    ROWS,
    Row,
    ScoredData,
    by_hand,
    expect,
    names,
    read_scores,
    state,
    write_scores,
    written,
)

from noisecleaner.ingest import Source
from noisecleaner.notices import Notice, Severity


def first_line(text: str) -> str:
    return text.partition("\n")[0].strip()


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        (("drop",), {}),
        (("relabel",), {"bad": "b", "bad and unsure": "b"}),
        (("relabel", "--min-confidence", 0.5), {"bad": "b"}),
        (("relabel", "--min-confidence", 0.9), {}),
        (("keep",), {"bad": "a", "bad and unsure": "a"}),
        (("drop", "--threshold", 0.15), {"bad and unsure": "a"}),
        (("relabel", "--threshold", 0.15), {"bad": "b", "bad and unsure": "a"}),
        (("drop", "--threshold", 0), {"bad": "a", "bad and unsure": "a"}),
        (("keep", "--threshold", 1), {"bad": "a", "bad and unsure": "a"}),
    ],
)
@FORMAT
def test_flagged_rows_are_treated_as_asked_and_verified_ones_as_verified(
    tmp_path: Path, command: Command, format: str, options: tuple[object, ...], labels: dict[str, str]
) -> None:
    scored = by_hand(tmp_path)
    outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--format", format, "--on-flag", *options)
    assert outcome.code == 0
    always = {
        "good": "a",
        "bad but verified right": "a",
        "bad and verified wrong": "c",
        "good but verified wrong": "c",
        "at the limit": "c",
    }
    assert written(tmp_path / "out") == always | labels
    relabelled = sum(label == "b" for label in labels.values())
    assert f"Wrote {5 + len(labels)} of 9 rows" in outcome.out
    assert f"): {2 - len(labels)} dropped" in outcome.out
    assert f", {relabelled} relabelled, 3 with their verified label, 2 without" in outcome.out


@pytest.mark.parametrize(("threshold", "dropped"), [(0.5, 2), (0.51, 3), (1, 4)])
def test_a_threshold_flags_what_lies_below_it(tmp_path: Path, command: Command, threshold: float, dropped: int) -> None:
    scored = by_hand(tmp_path)
    outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--threshold", threshold)
    assert f"{dropped} dropped" in outcome.out
    assert ("at the limit" in written(tmp_path / "out")) == (threshold == 0.5)


@ON_FLAG
@FORMAT
def test_counts_and_labels_agree_with_the_scores(
    tmp_path: Path, images: ScoredData, command: Command, on_flag: str, format: str
) -> None:
    out = tmp_path / "out"
    outcome = command("export-clean", images.run, "--out", out, "--on-flag", on_flag, "--format", format)
    rows = images.rows
    expected = expect(rows, on_flag)
    assert outcome.code == 0
    assert first_line(outcome.out) == expected.line("Wrote", len(rows), out, format)
    assert written(out) == expected.labels
    assert expected.counts["skipped"] == 2
    assert expected.counts["verified"] == 45
    assert on_flag == "keep" or expected.counts["dropped"] + expected.counts["relabelled"] > 10


@ON_FLAG
def test_counts_and_labels_agree_with_the_scores_of_embeddings(
    tmp_path: Path, vectors: ScoredData, command: Command, on_flag: str
) -> None:
    out = tmp_path / "out"
    outcome = command("export-clean", vectors.run, "--out", out, "--on-flag", on_flag)
    rows = vectors.rows
    expected = expect(rows, on_flag)
    assert first_line(outcome.out) == expected.line("Wrote", 600, out, "parquet")
    assert written(out) == expected.labels
    assert on_flag == "keep" or expected.counts["dropped"] + expected.counts["relabelled"] > 50
    given_vectors = dict(
        zip(*pq.read_table(vectors.data, columns=["sample_id", "embedding"]).to_pydict().values(), strict=True)
    )
    table = pq.read_table(out / "data" / "train-00000-of-00001.parquet")
    assert table["embedding"].to_pylist() == [given_vectors[i] for i in table["sample_id"].to_pylist()]


def test_the_clean_copy_is_cleaner(tmp_path: Path, fitted: Path, vectors: ScoredData, command: Command) -> None:
    truth = json.loads((fitted / "truth.json").read_text())
    given_wrong = np.mean([row["given_label"] != truth[row["sample_id"]] for row in vectors.rows])
    for on_flag in ("drop", "relabel"):
        assert command("export-clean", vectors.run, "--out", tmp_path / on_flag, "--on-flag", on_flag).code == 0
        wrong = np.mean([label != truth[i] for i, label in written(tmp_path / on_flag).items()])
        assert wrong < given_wrong / 4


def test_a_threshold_that_flags_none_is_told(tmp_path: Path, vectors: ScoredData, command: Command) -> None:
    for threshold, says in ((0, "flags no row"), (0.5, None)):
        done = command("export-clean", vectors.run, "--out", tmp_path / "copy", "--dry-run", "--threshold", threshold)
        assert ("in this run label_quality lies between" in " ".join(done.err.split())) == (says is not None)
        assert says is None or says in " ".join(done.err.split())


def test_the_column_and_the_number_that_are_cut_are_told_and_stay_with_the_copy(
    tmp_path: Path, vectors: ScoredData, command: Command
) -> None:
    """A threshold is one of the column that `score` cut, which need not be label quality."""
    run = shutil.copytree(vectors.run, tmp_path / "run")
    assert command("score", run, "--by", "alignment").code == 0
    values = pq.read_table(run / "scores.parquet")["alignment"].to_numpy()
    for number, words in ((0.4, ("--threshold", 0.4)), (0.0, ())):
        out = tmp_path / str(number)
        outcome = command("export-clean", run, "--out", out, *words)
        assert outcome.out.splitlines()[1] == f"Flagged: alignment < {number:g}."
        told = json.loads((out / "noisecleaner.json").read_text())
        assert (told["by"], told["threshold"]) == ("alignment", number)
        (file,) = out.rglob("*.parquet")
        kept = dict(zip(*pq.read_table(file, columns=["sample_id", "nc_flagged"]).to_pydict().values(), strict=True))
        ids = pq.read_table(run / "scores.parquet")["sample_id"].to_pylist()
        below = {i: bool(value < number) for i, value in zip(ids, values, strict=True)}
        assert kept == {i: below[i] for i in kept}


def test_a_threshold_that_is_chosen_is_told_as_the_number_it_came_to(
    tmp_path: Path, vectors: ScoredData, command: Command
) -> None:
    outcome = command("export-clean", vectors.run, "--out", tmp_path / "copy", "--threshold", "auto")
    told = json.loads((tmp_path / "copy" / "noisecleaner.json").read_text())
    (file,) = (tmp_path / "copy").rglob("*.parquet")
    rows = pq.read_table(file, columns=["nc_label_quality", "nc_flagged"]).to_pylist()
    assert all((row["nc_label_quality"] < told["threshold"]) == row["nc_flagged"] for row in rows)
    dropped = len(vectors.rows) - told["written"]
    assert dropped == told["dropped"] > 0
    assert outcome.out.splitlines()[1] == f"Flagged: label_quality < {told['threshold']:g}."


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.9, 1.0])
def test_a_threshold_overrides_the_flags_of_the_scores(
    tmp_path: Path, vectors: ScoredData, command: Command, threshold: float
) -> None:
    out = tmp_path / "out"
    outcome = command("export-clean", vectors.run, "--out", out, "--threshold", threshold)
    expected = expect(vectors.rows, "drop", threshold)
    assert first_line(outcome.out) == expected.line("Wrote", 600, out, "parquet")
    assert written(out) == expected.labels
    table = pq.read_table(out / "data" / "train-00000-of-00001.parquet")
    quality = table["nc_label_quality"].to_pylist()
    assert table["nc_flagged"].to_pylist() == [q < threshold for q in quality]


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_a_least_confidence_drops_what_is_less_sure(
    tmp_path: Path, vectors: ScoredData, command: Command, confidence: float
) -> None:
    rows = vectors.rows
    out = tmp_path / "out"
    words = ("--on-flag", "relabel", "--min-confidence", confidence)
    outcome = command("export-clean", vectors.run, "--out", out, *words)
    expected = expect(rows, "relabel", min_confidence=confidence)
    assert first_line(outcome.out) == expected.line("Wrote", 600, out, "parquet")
    assert written(out) == expected.labels


@FORMAT
def test_notes_tell_for_each_row_what_was_known(tmp_path: Path, command: Command, format: str) -> None:
    scored = by_hand(tmp_path)
    words = ("--on-flag", "relabel", "--format", format)
    assert command("export-clean", scored.run, "--out", tmp_path / "out", *words).code == 0
    (file,) = (tmp_path / "out").rglob("*.parquet")
    by_id = {row["sample_id"]: row for row in scored.rows}
    for row in pq.read_table(file).to_pylist():
        for name in NOTES:
            assert row[f"nc_{name}"] == by_id[row["sample_id"]][name]
        assert row["nc_flagged"] == by_id[row["sample_id"]]["flagged"]


def test_each_row_that_is_left_out_has_its_reason_beside_the_copy(tmp_path: Path, command: Command) -> None:
    rows = [
        *ROWS,
        Row("no other class", "a", None, 0.1, None, flagged=True),
        Row("less likely", "a", "b", 0.4, 0.3, flagged=True),
        Row("of no class", "a", trusted="none"),
    ]
    scored = by_hand(tmp_path, rows)
    words = ("--on-flag", "relabel", "--min-confidence", "0.5", "--out", tmp_path / "out")
    outcome = command("export-clean", scored.run, *words)
    assert (
        "3 dropped (1 without a suggestion, 1 whose suggestion is less likely than the given label, 1 whose suggestion "
        "is less certain than asked for), 1 relabelled"
    ) in outcome.out
    told = json.loads((tmp_path / "out" / "noisecleaner.json").read_text())
    assert told["left_out"] == {
        "suggestion_unsure": ["bad and unsure"],
        "unreadable": ["unreadable"],
        "no_label": ["without label"],
        "no_suggestion": ["no other class"],
        "suggestion_less_likely": ["less likely"],
        "no_class": ["of no class"],
    }
    assert told["rows"] - told["written"] == sum(map(len, told["left_out"].values()))


def test_classes_that_lost_all_rows_are_named(tmp_path: Path, command: Command) -> None:
    scored = by_hand(tmp_path, [Row("1", "a"), Row("2", "b", "c", 0.1, flagged=True), Row("3", "c", trusted="a")])
    outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--format", "folder")
    assert outcome.code == 0
    assert "No row is left of: b, c." in outcome.err
    assert names(tmp_path / "out") == [".noisecleaner-manifest.json", "a", "metadata.parquet", "noisecleaner.json"]


def test_names_that_no_row_was_given_have_lost_none(tmp_path: Path, command: Command) -> None:
    rows = [Row("1", "a"), Row("2", "b", "a", 0.1, flagged=True)]
    scored = by_hand(tmp_path, rows, ["a", "b", *(f"unused{number}" for number in range(40))])
    outcome = command("export-clean", scored.run, "--out", tmp_path / "out")
    assert outcome.code == 0
    assert "No row is left of: b." in outcome.err


@ON_FLAG
@FORMAT
def test_a_dry_run_prints_the_same_counts_and_writes_nothing(
    tmp_path: Path, command: Command, on_flag: str, format: str
) -> None:
    scored = by_hand(tmp_path)
    before = state(tmp_path)
    words = ("export-clean", scored.run, "--out", tmp_path / "out", "--on-flag", on_flag, "--format", format)
    dry = command(*words, "--dry-run")
    assert dry.code == 0
    assert state(tmp_path) == before
    assert names(tmp_path) == ["data.parquet", "run"]
    assert dry.out.startswith("Would write ")
    assert command(*words).out == dry.out.replace("Would write", "Wrote")


def test_scores_of_new_rows_are_exported_from_their_own_dataset(
    tmp_path: Path, vectors: ScoredData, command: Command
) -> None:
    embeddings(tmp_path / "new.parquet", rows=50, seed=5)
    words = ("--data", tmp_path / "new.parquet", "--out", tmp_path / "scored", "--embedding-column", "embedding")
    assert command("score", vectors.run, *words).code == 0
    assert command("export-clean", tmp_path / "scored", "--out", tmp_path / "out").code == 0
    expected = expect(read_scores(tmp_path / "scored"), "drop")
    assert written(tmp_path / "out") == expected.labels
    assert 0 < expected.counts["dropped"] < 50


@pytest.mark.parametrize("on_flag", ["drop", "relabel", "keep"])
def test_what_makes_scores_doubtful_is_said_where_rows_are_changed_by_them(
    tmp_path: Path, command: Command, on_flag: str
) -> None:
    scored = by_hand(tmp_path)
    told = (
        Notice(code="scores-no-better-than-chance", message="Flags and suggestions mean nothing."),
        Notice(code="backbone", message="Somebody chose it.", severity=Severity.NOTE),
    )
    write_scores(scored.run, Source(str(scored.data)), ROWS, notices=told)
    outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--on-flag", on_flag)
    assert outcome.code == 0
    changed = on_flag != "keep"
    assert ("Warning: Flags and suggestions mean nothing." in outcome.err) == changed
    assert "Somebody chose it" not in outcome.err
    kept = json.loads(next((tmp_path / "out").glob("*noisecleaner.json")).read_text("utf-8"))["notices"]
    assert [notice["code"] for notice in kept] == (["scores-no-better-than-chance"] if changed else [])
