"""Everything that `fit` and `score` can be given beside a plain dataset of images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score
from support.datasets import CLASSES, Command, embeddings, image_folder, write_trusted
from support.weightings import SINGLES

from noisecleaner import api
from noisecleaner.runs.trace import TRACE
from noisecleaner.tables import REPORT, SCORES

VECTORS = ["--embedding-column", "embedding"]


def auroc(scores: Path, truth: dict[str, str]) -> float:
    rows = [row for row in pq.read_table(scores).to_pylist() if row["label_quality"] is not None]
    wrong = [row["given_label"] != truth[row["sample_id"]] for row in rows]
    return float(roc_auc_score(wrong, [-row["label_quality"] for row in rows]))


def test_a_run_directory_holds_what_the_design_says(command: Command, fitted: Path) -> None:
    run = fitted / "run"
    assert command("score", run).code == 0
    names = sorted(p.name for p in run.iterdir())
    tables = ["report.parquet", "run.json", "scores-manifest.json", "scores.parquet", "trace.parquet"]
    assert names == ["auditor", "contents.json", "flagged.csv", "manifest.json", "noise.json", *tables]
    for name, schema in (("scores", SCORES), ("report", REPORT), ("trace", TRACE)):
        table = pq.read_table(run / f"{name}.parquet")
        assert table.schema.equals(schema)
        notes = json.loads(table.schema.metadata[b"noisecleaner"])
        assert notes["classes"] == CLASSES
    record = json.loads((run / "run.json").read_text())
    assert record["options"]["method"] == "soseleto"
    assert record["torch"]
    assert set(record["fitted"]["seconds"]) == {"prepare", "train", "conclude"}
    noise = json.loads((run / "noise.json").read_text())
    truth = json.loads((fitted / "truth.json").read_text())
    given = pq.read_table(fitted / "data.parquet", columns=["sample_id", "label"]).to_pylist()
    wrong = np.mean([row["label"] != truth[row["sample_id"]] for row in given])
    assert noise["method"] == noise["overall"]["method"]
    assert noise["overall"]["low"] < wrong < noise["overall"]["high"]
    assert set(noise["per_given_class"]) == set(CLASSES)
    assert np.sum(noise["confusion"]["audited_true_by_given"]) == 150


def test_scores_stand_in_the_order_of_the_dataset(fitted: Path, command: Command) -> None:
    assert command("score", fitted / "run").code == 0
    ids = pq.read_table(fitted / "data.parquet")["sample_id"].to_pylist()
    assert pq.read_table(fitted / "run" / "scores.parquet")["sample_id"].to_pylist() == ids


@pytest.mark.parametrize("method", SINGLES)
def test_every_method_finds_wrong_labels_among_embeddings(command: Command, tmp_path: Path, method: str) -> None:
    truth = embeddings(tmp_path / "data.parquet")
    write_trusted(tmp_path / "t.parquet", truth, every=4)
    fit = ["fit", tmp_path / "data.parquet", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run", *VECTORS]
    assert command(*fit, "--method", method, "--folds", "3").code == 0
    assert command("score", tmp_path / "run").code == 0
    scores = pq.read_table(tmp_path / "run" / "scores.parquet")
    assert scores["alpha"].null_count == 0
    assert scores["beta"].null_count == (0 if method in ("l2b", "bootstrap") else 600)
    assert auroc(tmp_path / "run" / "scores.parquet", truth) > 0.9
    wrong = [r for r in scores.to_pylist() if r["given_label"] != truth[r["sample_id"]]]
    assert np.mean([r["suggested_label"] == truth[r["sample_id"]] for r in wrong]) > 0.8


@pytest.mark.parametrize("options", [["--folds", "1"], ["--hidden", "16", "--folds", "3"], ["--method", "l2b"]])
def test_heads_of_every_kind_find_wrong_labels(command: Command, tmp_path: Path, options: list[str]) -> None:
    truth = embeddings(tmp_path / "data.parquet")
    write_trusted(tmp_path / "t.parquet", truth, every=4)
    fit = ["fit", tmp_path / "data.parquet", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run", *VECTORS]
    outcome = command(*fit, *options)
    assert outcome.code == 0, outcome.err
    assert command("score", tmp_path / "run").code == 0
    assert auroc(tmp_path / "run" / "scores.parquet", truth) > 0.85


def test_class_probabilities_of_the_users_own_model(command: Command, tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "data.parquet")
    data = pq.read_table(tmp_path / "data.parquet")
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(600, 3))
    logits[np.arange(600), [CLASSES.index(label) for label in truth.values()]] += 3
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    pq.write_table(data.append_column("p", pa.array(probabilities.tolist())), tmp_path / "data.parquet")
    write_trusted(tmp_path / "t.parquet", truth, every=4)
    fit = ["fit", tmp_path / "data.parquet", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run"]
    outcome = command(*fit, "--probabilities-column", "p")
    assert outcome.code == 0, outcome.err
    assert command("score", tmp_path / "run").code == 0
    assert auroc(tmp_path / "run" / "scores.parquet", truth) > 0.93


def test_rows_without_a_vector_are_skipped(command: Command, tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "data.parquet", rows=120)
    data = pq.read_table(tmp_path / "data.parquet")
    vectors = data["embedding"].to_pylist()
    vectors[3] = None
    index = data.schema.get_field_index("embedding")
    pq.write_table(data.set_column(index, "embedding", pa.array(vectors)), tmp_path / "data.parquet")
    write_trusted(tmp_path / "t.parquet", truth)
    fit = ["fit", tmp_path / "data.parquet", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run", *VECTORS]
    outcome = command(*fit, "--epochs", "1")
    assert "1 skipped: 1 no_vector" in outcome.out
    assert command("score", tmp_path / "run").code == 0
    rows = pq.read_table(tmp_path / "run" / "scores.parquet").to_pylist()
    empty = {"alpha", "beta", "margin", "label_quality", "suggested_label", "suggested_confidence", "flagged"}
    assert {name for name in empty if rows[3][name] is not None} == set()
    assert rows[3]["skip_reason"] == "no_vector"


def test_clean_only_rows_steer_and_the_interval_is_not_claimed(command: Command, tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "data.parquet")
    side = embeddings(tmp_path / "side.parquet", rows=90, rate=0.0, seed=5)
    table = pq.read_table(tmp_path / "side.parquet")
    names = [f"side-{name}" for name in side]
    pq.write_table(table.set_column(0, "sample_id", pa.array(names)), tmp_path / "side.parquet")
    fit = ["fit", tmp_path / "data.parquet", "--trusted", tmp_path / "side.parquet", "--out", tmp_path / "run"]
    outcome = command(*fit, *VECTORS)
    assert outcome.code == 0, outcome.err
    assert "0 audited and 90 clean-only trusted rows" in outcome.out
    assert "planted" not in outcome.out
    assert "known wrong labels put on verified rows" in outcome.err
    assert "wrong verified rows to be calibrated on, but none could: " in outcome.err
    score = command("score", tmp_path / "run")
    assert "no audited rows, so no interval" in score.out
    assert auroc(tmp_path / "run" / "scores.parquet", truth) > 0.9
    noise = json.loads((tmp_path / "run" / "noise.json").read_text())
    assert noise["method"] == "planted"
    assert noise["overall"]["low"] is None
    assert noise["overall"]["rate"] == pytest.approx(0.3, abs=0.08)


def test_new_rows_are_scored_without_training(command: Command, fitted: Path, tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "new.parquet", rows=300, seed=8)
    table = pq.read_table(tmp_path / "new.parquet")
    table = table.set_column(0, "sample_id", pa.array([f"new-{name}" for name in truth]))
    pq.write_table(table, tmp_path / "new.parquet")
    renamed = {f"new-{name}": label for name, label in truth.items()}
    before = {p.name: p.stat().st_mtime_ns for p in (fitted / "run").iterdir() if p.is_file()}
    score = ["score", fitted / "run", "--data", tmp_path / "new.parquet", *VECTORS, "--out", tmp_path / "out"]
    outcome = command(*score)
    assert outcome.code == 0, outcome.err
    assert "Warning" not in outcome.err
    assert auroc(tmp_path / "out" / "scores.parquet", renamed) > 0.9
    assert {p.name: p.stat().st_mtime_ns for p in (fitted / "run").iterdir() if p.is_file()} == before
    rows = pq.read_table(tmp_path / "out" / "scores.parquet")
    assert rows["alpha"].null_count == 300
    verified = write_trusted(tmp_path / "t.parquet", renamed, every=2)
    measured = command(*score, "--trusted", verified)
    assert "150 audited rows, " in measured.out
    export = command("export-clean", tmp_path / "out", "--out", tmp_path / "clean")
    assert export.code == 0, export.err


def test_scoring_fitted_rows_as_new_warns(command: Command, fitted: Path, tmp_path: Path) -> None:
    outcome = command("score", fitted / "run", "--data", fitted / "data.parquet", *VECTORS, "--out", tmp_path / "out")
    assert outcome.code == 0
    assert "600 of 600 sample ids belong to rows that were fitted" in outcome.err


def test_new_rows_of_unknown_classes_are_skipped_and_of_another_kind_refused(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    embeddings(tmp_path / "new.parquet", rows=30)
    table = pq.read_table(tmp_path / "new.parquet")
    labels = ["purple", *table["label"].to_pylist()[1:]]
    pq.write_table(table.set_column(1, "label", pa.array(labels)), tmp_path / "new.parquet")
    score = ["score", fitted / "run", "--data", tmp_path / "new.parquet", "--out", tmp_path / "out"]
    assert "1 skipped: 1 unknown_class" in command(*score, *VECTORS).out
    assert command(*score, *VECTORS, "--strict").code == 2
    embeddings(tmp_path / "new.parquet", rows=30, width=5)
    outcome = command(*score, *VECTORS)
    assert outcome.code == 2
    assert "vectors of 16 numbers" in outcome.err


def test_new_images_are_scored_by_a_network_trained_end_to_end(command: Command, tmp_path: Path) -> None:
    truth = image_folder(tmp_path / "images", rows=150)
    write_trusted(tmp_path / "t.parquet", truth)
    fit = ["fit", tmp_path / "images", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run"]
    outcome = command(*fit, "--backbone", "cifar-quick", "--no-frozen", "--epochs", "8", "--batch-size", "16")
    assert outcome.code == 0, outcome.err
    assert "cifar-quick at 32 px, trained end to end" in outcome.err
    assert command("score", tmp_path / "run").code == 0
    assert auroc(tmp_path / "run" / "scores.parquet", truth) > 0.9
    fresh = image_folder(tmp_path / "fresh", rows=60)
    score = command("score", tmp_path / "run", "--data", tmp_path / "fresh", "--out", tmp_path / "out")
    assert score.code == 0, score.err
    assert "uncalibrated" in score.out
    assert "Noise    unknown: verify rows drawn at random" in score.out
    assert auroc(tmp_path / "out" / "scores.parquet", fresh) > 0.9


def test_the_functions_do_what_the_commands_do_and_print_nothing(
    fitted: Path, tmp_path: Path, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    config = api.FitConfig(
        source=api.Source(str(fitted / "data.parquet"), columns=api.Columns(embedding="embedding")),
        trusted=str(fitted / "trusted.parquet"),
    )
    done = api.fit(config, tmp_path / "run")
    assert (done.rows, done.audited, done.quality) == (600, 150, "audited")
    summary = api.score(tmp_path / "run", cutoff=api.Cutoff(threshold=0.5))
    assert summary.flagged + summary.kept == 600
    exported = api.export_clean(tmp_path / "run", tmp_path / "clean", policy=api.Policy(on_flag=api.OnFlag.DROP))
    assert exported.written == 600 - exported.dropped
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "run" / "trace.parquet").read_bytes() == (fitted / "run" / "trace.parquet").read_bytes()
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = api.fitt
    assert all(getattr(api, name) is not None for name in api.__all__)


def test_bilevel_needs_no_verified_rows_and_uses_them(command: Command, tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "data.parquet")
    fit = ["fit", tmp_path / "data.parquet", *VECTORS, "--method", "bilevel", "--batch-size", "64", "--folds", "3"]
    assert command(*fit, "--out", tmp_path / "without").code == 0
    score = command("score", tmp_path / "without")
    assert "Noise    unknown" in score.out
    assert auroc(tmp_path / "without" / "scores.parquet", truth) > 0.9
    verified = write_trusted(tmp_path / "t.parquet", truth, every=4)
    assert command(*fit, "--trusted", verified, "--out", tmp_path / "with").code == 0
    trace = pq.read_table(tmp_path / "with" / "trace.parquet")
    wrong = np.array([row["given_label"] != truth[row["sample_id"]] for row in trace.to_pylist()])
    assert roc_auc_score(wrong, -trace["alignment"].to_numpy()) > 0.6


@pytest.mark.parametrize("method", ["l2b", "soseleto"])
def test_without_verified_rows_those_of_low_loss_steer(command: Command, tmp_path: Path, method: str) -> None:
    truth = embeddings(tmp_path / "data.parquet")
    fit = ["fit", tmp_path / "data.parquet", *VECTORS, "--method", method, "--folds", "3"]
    outcome = command(*fit, "--trusted", "none", "--out", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    assert json.loads((tmp_path / "run" / "run.json").read_text())["options"]["trusted"] == "none"
    assert "Noise    unknown" in command("score", tmp_path / "run").out
    assert auroc(tmp_path / "run" / "scores.parquet", truth) > 0.9
    trace = pq.read_table(tmp_path / "run" / "trace.parquet")
    wrong = np.array([row["given_label"] != truth[row["sample_id"]] for row in trace.to_pylist()])
    assert roc_auc_score(wrong, -trace["alpha"].to_numpy()) > 0.7


def test_two_rows_a_class_are_enough_to_end(command: Command, tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "data.parquet", rows=6, rate=0.0)
    write_trusted(tmp_path / "t.parquet", truth, every=1)
    fit = ["fit", tmp_path / "data.parquet", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run", *VECTORS]
    outcome = command(*fit)
    assert outcome.code == 0, outcome.err
    assert "Verify about 300 rows, drawn at random" in outcome.err
    assert command("score", tmp_path / "run").code == 0
