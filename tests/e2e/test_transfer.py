"""SOSELETO, section 4.3: source and target of different classes, and the two stages that use unlabelled rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, image_folder, png

WIDTH = 16
CENTRES = np.random.default_rng(99).normal(size=(5, WIDTH))


def rows(path: Path, classes: list[int], names: list[str | None], seed: int, noise: float = 1.0) -> None:
    """Write embeddings of rows around the centres of their classes."""
    rng = np.random.default_rng(seed)
    vectors = (2 * CENTRES[classes] + noise * rng.normal(size=(len(classes), WIDTH))).astype(np.float32)
    columns = {
        "sample_id": [f"{path.stem}{row}" for row in range(len(classes))],
        "label": pa.array(names, pa.string()),
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), WIDTH),
    }
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source of classes zero to two, a small target and unlabelled rows of classes three and four."""
    monkeypatch.chdir(tmp_path)
    source = [row % 3 for row in range(300)]
    rows(tmp_path / "source.parquet", source, [("zero", "one", "two")[c] for c in source], 0)
    target = [3 + row % 2 for row in range(12)]
    rows(tmp_path / "target.parquet", target, [("three", "four")[c - 3] for c in target], 1)
    fresh = [3 + row % 2 for row in range(200)]
    rows(tmp_path / "unlabelled.parquet", fresh, [None] * 200, 2)
    rows(tmp_path / "test.parquet", fresh, [("three", "four")[c - 3] for c in fresh], 3)
    return tmp_path


EMBEDDED = ("--embedding-column", "embedding")
FIT = ("fit", "source.parquet", "--trusted", "target.parquet", "--transfer", *EMBEDDED, "--epochs", "20")
TRUE = np.array([("three", "four")[row % 2] for row in range(200)])


def test_source_rows_get_alpha_and_no_label_quality(folder: Path, command: Command) -> None:
    assert command(*FIT, "--out", "run").code == 0
    outcome = command("score", "run")
    assert outcome.code == 0, outcome.err
    assert "no label quality" in outcome.out
    scores = pq.read_table("run/scores.parquet")
    assert scores["alpha"].null_count == 0
    assert scores["label_quality"].null_count == scores["suggested_label"].null_count == len(scores)
    alpha = scores["alpha"].to_numpy()
    np.testing.assert_array_equal(scores["flagged"].to_numpy(zero_copy_only=False), alpha < 0.5)
    assert set(pq.read_table("run/report.parquet")["by"].to_pylist()) == {"alpha"}
    kept = command("export-clean", "run", "--out", "helpful", "--threshold", "0.9")
    assert kept.code == 0, kept.err
    written = pq.read_table("helpful/data/train-00000-of-00001.parquet")
    assert len(written) == (alpha >= 0.9).sum()


def test_label_quality_of_a_transfer_is_refused(folder: Path, command: Command) -> None:
    assert command(*FIT, "--out", "run").code == 0
    outcome = command("score", "run", "--by", "label_quality")
    assert outcome.code == 2
    assert "leave --by out" in outcome.err


def test_new_rows_are_classified_as_the_targets_classes(folder: Path, command: Command) -> None:
    assert command(*FIT, "--out", "run").code == 0
    outcome = command("score", "run", "--data", "unlabelled.parquet", *EMBEDDED, "--out", "found")
    assert outcome.code == 0, outcome.err
    assert "without a label (200)" in outcome.out
    scores = pq.read_table("found/scores.parquet")
    assert (np.array(scores["suggested_label"].to_pylist()) == TRUE).mean() > 0.9
    assert scores["skip_reason"].null_count == len(scores)
    confidence = scores["suggested_confidence"].to_numpy()
    assert ((confidence >= 0.5) & (confidence <= 1)).all()
    assert scores["flagged"].to_pylist() == [True] * 200
    labelled = command("score", "run", "--data", "test.parquet", *EMBEDDED, "--out", "checked")
    assert labelled.code == 0, labelled.err
    checked = pq.read_table("checked/scores.parquet")
    assert checked["label_quality"].null_count == 0
    assert pc.sum(checked["flagged"]).as_py() < 20


def test_the_two_stages_make_a_dataset_of_unlabelled_rows_and_clean_it(folder: Path, command: Command) -> None:
    """The end of section 4.3, as noisecleaner/METHODS.md shows it."""
    steps = [
        (*FIT, "--out", "runs/one"),
        ("score", "runs/one", "--data", "unlabelled.parquet", *EMBEDDED, "--out", "runs/guessed"),
        ("export-clean", "runs/guessed", "--out", "guessed", "--on-flag", "relabel"),
        ("fit", "guessed/data", "--trusted", "target.parquet", *EMBEDDED, "--epochs", "20", "--out", "runs/two"),
        ("score", "runs/two"),
        ("score", "runs/two", "--data", "test.parquet", *EMBEDDED, "--out", "runs/test"),
    ]
    for words in steps:
        outcome = command(*words)
        assert outcome.code == 0, outcome.err
    guessed = pq.read_table("guessed/data/train-00000-of-00001.parquet")
    assert len(guessed) == 200
    scores = pq.read_table("runs/two/scores.parquet")
    wrong = np.array(scores["given_label"].to_pylist()) != TRUE
    assert wrong.mean() < 0.1
    assert scores["label_quality"].null_count == 0
    found = pq.read_table("runs/test/scores.parquet")
    assert pc.sum(found["flagged"]).as_py() < 20


def test_images_of_other_classes_transfer_end_to_end(tmp_path: Path, command: Command) -> None:
    image_folder(tmp_path / "source", rows=60, rate=0.0)
    rng = np.random.default_rng(5)
    for name, count in {"target/warm": 6, "target/cold": 6, "flat": 8}.items():
        (tmp_path / name).mkdir(parents=True)
        for row in range(count):
            colour = row % 2 if name == "flat" else int(name == "target/warm")
            (tmp_path / name / f"{row}.png").write_bytes(png(2 * colour, rng))
    words = ("--backbone", "lenet", "--no-frozen", "--epochs", "2", "--transfer", "--out", tmp_path / "run")
    outcome = command("fit", tmp_path / "source", "--trusted", tmp_path / "target", *words)
    assert outcome.code == 0, outcome.err
    scored = command("score", tmp_path / "run", "--data", tmp_path / "flat", "--out", tmp_path / "found")
    assert scored.code == 0, scored.err
    assert set(pq.read_table(tmp_path / "found/scores.parquet")["suggested_label"].to_pylist()) <= {"warm", "cold"}


def test_transfer_finds_the_source_rows_that_help(tmp_path: Path, command: Command) -> None:
    """Half of the source splits along the target's direction, half has labels by chance."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, WIDTH)).astype(np.float32)
    along = np.where(vectors[:, 0] > 0, "b", "a")
    chance = np.where(rng.random(400) > 0.5, "b", "a")
    helps = np.arange(400) % 2 == 0
    target = rng.normal(size=(60, WIDTH)).astype(np.float32)
    for name, inputs, labels in (
        ("source", vectors, np.where(helps, along, chance)),
        ("target", target, np.where(target[:, 0] > 0, "up", "down")),
    ):
        columns = {
            "sample_id": [f"{name}{row}" for row in range(len(inputs))],
            "label": labels.tolist(),
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(inputs.reshape(-1)), WIDTH),
        }
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    words = ("--trusted", tmp_path / "target.parquet", "--transfer", *EMBEDDED, "--out", tmp_path / "run")
    assert command("fit", tmp_path / "source.parquet", *words).code == 0
    alpha = pq.read_table(tmp_path / "run" / "trace.parquet")["alpha"].to_numpy()
    against = ~helps & (chance != along)
    assert alpha[against].mean() < 0.7 * alpha[helps].mean()


REFUSED = {
    "no target": ([], "--trusted PATH"),
    "none": (["--trusted", "none"], "--trusted PATH"),
    "a method that compares labels": (["--trusted", "target.parquet", "--method", "l2b"], "soseleto"),
    "folds": (["--trusted", "target.parquet", "--folds", "3"], "Leave --folds out"),
    "one class": (["--trusted", "single.parquet"], "two classes"),
    "no labels": (["--trusted", "bare.parquet"], "--trusted-column"),
    "no vectors": (["--trusted", "ids.parquet"], "--embedding-column"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_targets_are_refused_and_nothing_is_written(folder: Path, command: Command, case: str) -> None:
    rows(folder / "single.parquet", [3] * 10, ["three"] * 10, 4)
    table = pq.read_table("target.parquet")
    pq.write_table(table.drop_columns(["label"]), "bare.parquet")
    pq.write_table(table.drop_columns(["embedding"]), "ids.parquet")
    words, reason = REFUSED[case]
    outcome = command("fit", "source.parquet", "--transfer", *EMBEDDED, *words, "--out", "run")
    assert outcome.code == 2
    assert reason in outcome.err
    assert not (folder / "run").exists()


def test_a_dataset_with_verified_labels_of_its_own_is_no_source(folder: Path, command: Command) -> None:
    table = pq.read_table("source.parquet")
    pq.write_table(table.append_column("trusted_label", table["label"]), "source.parquet")
    outcome = command(*FIT, "--out", "run")
    assert outcome.code == 2
    assert "--trusted-column NAME" in outcome.err


def test_labels_of_another_task_are_refused_without_transfer(folder: Path, command: Command) -> None:
    rows(folder / "partly.parquet", [2, 3, 3, 2], ["two", "three", "three", "two"], 4)
    outcome = command("fit", "source.parquet", "--trusted", "partly.parquet", *EMBEDDED, "--out", "run")
    assert outcome.code == 2
    assert "--transfer" in outcome.err
    assert "three" in outcome.err
    assert not (folder / "run").exists()


def test_class_probabilities_have_no_features_to_share(folder: Path, command: Command) -> None:
    table = pq.read_table("source.parquet")
    shares = pa.FixedSizeListArray.from_arrays(pa.array([1 / 3] * 3 * len(table), pa.float32()), 3)
    pq.write_table(table.append_column("shares", shares), "source.parquet")
    rows_of_target = pq.read_table("target.parquet")
    shares = pa.FixedSizeListArray.from_arrays(pa.array([1 / 3] * 3 * len(rows_of_target), pa.float32()), 3)
    pq.write_table(rows_of_target.append_column("shares", shares), "target.parquet")
    words = ("--trusted", "target.parquet", "--transfer", "--probabilities-column", "shares", "--out", "run")
    outcome = command("fit", "source.parquet", *words)
    assert outcome.code == 2
    assert "features that are trained" in outcome.err


def test_a_transfer_is_reported_by_alpha_and_its_new_rows_by_their_suggestions(folder: Path, command: Command) -> None:
    assert command(*FIT, "--out", "run").code == 0
    assert command("score", "run").code == 0
    outcome = command("report", "run", "--out", "report.html", "--rows", "20")
    assert outcome.code == 0, outcome.err
    told = json.loads(Path("report.json").read_text("utf-8"))
    scores = pq.read_table("run/scores.parquet")
    assert told["gallery"]["by"] == told["by"] == "alpha"
    lowest = sorted(scores["alpha"].to_pylist())[:20]
    assert [row["value"] for row in told["gallery"]["rows"]] == lowest
    assert (told["noise"]["rate"], told["confusions"], told["calibration"]["bins"]) == (None, [], [])
    assert "alpha says how much a row helped the target" in Path("report.html").read_text("utf-8")
    assert command("score", "run", "--data", "unlabelled.parquet", *EMBEDDED, "--out", "found").code == 0
    outcome = command("report", "found", "--out", "found.html")
    assert outcome.code == 0, outcome.err
    rows = json.loads(Path("found.json").read_text("utf-8"))["gallery"]["rows"]
    assert [(row["given"], row["value"]) for row in rows] == [(None, None)] * 200
    assert np.mean([row["suggested"] == TRUE[row["row"]] for row in rows]) > 0.9
