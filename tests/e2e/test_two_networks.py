"""`fit --method dividemix` from end to end: on images, with L2B's weights, folds, new rows; and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score
from support.datasets import Command, embeddings, image_folder, write_trusted

WORDS = ("--method", "dividemix", "--backbone", "cifar-quick", "--image-size", "16", "--no-frozen")
#: One network goes on where the first of two ended.
EARLIER = ("--method", "uniform", "--no-frozen", "--epochs", "1", "--rounds", "1")
EFFORT = ("--batch-size", "32", "--epochs", "8")


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_trusted(tmp_path / "trusted.parquet", image_folder(tmp_path / "images", rows=150))
    return tmp_path


def auroc(scores: Path, truth: dict[str, str], column: str = "label_quality") -> float:
    rows = [row for row in pq.read_table(scores).to_pylist() if row[column] is not None]
    return float(
        roc_auc_score([row["given_label"] == truth[row["sample_id"]] for row in rows], [r[column] for r in rows])
    )


@pytest.mark.parametrize("weights", ["mixture", "l2b"])
def test_two_networks_find_wrong_labels_and_judge_new_images(command: Command, tmp_path: Path, weights: str) -> None:
    truth = image_folder(tmp_path / "images", rows=150)
    write_trusted(tmp_path / "t.parquet", truth)
    fit = ("fit", tmp_path / "images", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run")
    outcome = command(*fit, *WORDS, *EFFORT, "--option", f"weights={weights}")
    assert outcome.code == 0, outcome.err
    assert "trained end to end, twice: two networks teach each other" in outcome.err
    trace = pq.read_table(tmp_path / "run" / "trace.parquet")
    assert trace["alpha"].null_count == trace["beta"].null_count == trace["margin"].null_count == 0
    assert (trace["alignment"].null_count < len(trace)) == (weights == "l2b")
    assert command("score", tmp_path / "run").code == 0
    assert auroc(tmp_path / "run" / "scores.parquet", truth) > 0.9
    assert auroc(tmp_path / "run" / "scores.parquet", truth, "alpha") > 0.8
    fresh = image_folder(tmp_path / "fresh", rows=60)
    score = command("score", tmp_path / "run", "--data", tmp_path / "fresh", "--out", tmp_path / "out")
    assert score.code == 0, score.err
    assert auroc(tmp_path / "out" / "scores.parquet", fresh) > 0.9


def test_folds_and_no_verified_row_at_all(images: Path, command: Command) -> None:
    words = ("fit", "images", *WORDS, "--batch-size", "32", "--epochs", "2", "--rounds", "1")
    folds = command(*words, "--folds", "3", "--trusted", "trusted.parquet", "--out", "folds")
    assert folds.code == 0, folds.err
    assert pq.read_table("folds/trace.parquet")["alpha"].null_count == 0
    assert len(list((images / "folds" / "auditor").glob("fold-*.safetensors"))) == 3
    alone = command(*words, "--option", "weights=l2b", "--option", "warmup=1", "--out", "alone")
    assert alone.code == 0, alone.err
    assert "of the meta set have high losses" in alone.err  # three classes of few rows
    onwards = command("fit", "images", "--weights", "alone", *EARLIER, "--out", "onwards")
    assert onwards.code == 0, onwards.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("images", "--backbone", "efficientnet-lite0"),
            "efficientnet-lite0 is frozen, on which two heads learn the same",
        ),
        (("images", "--no-frozen", "--trusted", "none"), "needs none"),
        (("images", "--no-frozen", "--meta", "last"), "takes no meta step"),
        (("images", "--no-frozen", "--transfer"), "needs a method in which the target"),
        (("data.parquet", "--embedding-column", "embedding"), "rows bring vectors, on which two heads learn the same"),
    ],
)
def test_what_two_networks_cannot_do_is_refused(
    images: Path, command: Command, words: tuple[str, ...], says: str
) -> None:
    embeddings(images / "data.parquet", rows=60)
    trusted = ("--trusted", "trusted.parquet") if "images" in words and "none" not in words else ()
    outcome = command("fit", *words, *trusted, "--method", "dividemix", "--out", "run")
    assert outcome.code == 2
    assert says in " ".join(outcome.err.split())
    assert not (images / "run").exists()
