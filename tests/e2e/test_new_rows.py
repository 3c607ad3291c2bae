"""New rows: alike, or no rate is told of them; measured, where some are verified."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support.datasets import CLASSES, Command, embeddings, image_folder, write_trusted

VECTORS = ("--embedding-column", "embedding")


def new_rows(path: Path, rows: int = 400, *, rate: float = 0.3, moved: float = 0.0, seed: int = 8) -> dict[str, str]:
    """Write rows of their own ids, perhaps noisier ones, or ones whose vectors are moved."""
    truth = embeddings(path, rows, rate, seed=seed)
    table = pq.read_table(path)
    vectors = np.stack(table["embedding"].to_pylist()).astype(np.float32) + np.float32(moved)
    table = table.set_column(0, "sample_id", pa.array([f"new-{name}" for name in truth]))
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    pq.write_table(table.set_column(2, "embedding", column), path)
    return {f"new-{name}": label for name, label in truth.items()}


def notices(folder: Path) -> dict[str, str]:
    """Code -> severity, as noise.json and scores.parquet hold them."""
    found = json.loads((folder / "noise.json").read_text())["notices"]
    metadata = json.loads(pq.read_schema(folder / "scores.parquet").metadata[b"noisecleaner"])
    assert metadata["notices"] == found
    return {notice["code"]: notice["severity"] for notice in found}


def noise(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "noise.json").read_text())
    return content


def test_of_like_rows_a_rate_is_expected_and_that_they_are_alike_is_said(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    new_rows(tmp_path / "new.parquet")
    outcome = command("score", fitted / "run", "--data", tmp_path / "new.parquet", *VECTORS, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "expected by label_quality; no audited rows, so no interval" in outcome.out
    assert "Warning" not in outcome.out + outcome.err
    assert "Quality  label_quality is calibrated on 150 audited rows of the fitted data\n" in outcome.out
    assert "The new rows look like the fitted ones: given labels look wrong in" in outcome.err
    assert notices(tmp_path / "out")["rows-like-fitted"] == "note"
    assert noise(tmp_path / "out")["overall"]["rate"] == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(
    ("shift", "says"),
    [
        ({"moved": 1.0}, "a classifier tells them apart with AUROC 1.0"),
        ({"rate": 0.5}, "given labels look wrong in 5"),
    ],
)
def test_of_unlike_rows_no_rate_is_told_and_a_gate_cannot_tell(
    command: Command, fitted: Path, tmp_path: Path, shift: dict[str, float], says: str
) -> None:
    truth = new_rows(tmp_path / "new.parquet", **shift)
    new = ["--data", tmp_path / "new.parquet", *VECTORS, "--out", tmp_path / "out"]
    outcome = command("score", fitted / "run", *new)
    assert outcome.code == 0, outcome.err
    noise_line, warning = outcome.out.splitlines()[:2]
    assert noise_line == "Noise    cannot tell, because these rows are unlike the fitted ones (see below)"
    assert "label_quality was fitted on rows that are unlike these: it ranks rows, and is no probability" in outcome.out
    assert "Warning: The new rows are unlike the fitted ones: " in warning
    assert says in warning
    assert "pass them with --trusted FILE" in warning
    assert notices(tmp_path / "out")["rows-unlike-fitted"] == "void"
    measured = noise(tmp_path / "out")
    assert measured["overall"]["rate"] is None
    assert {rate["rate"] for rate in measured["per_given_class"].values()} == {None}
    assert pq.read_table(tmp_path / "out" / "scores.parquet")["flagged"].null_count == 0
    gate = command("gate", fitted / "run", *new, "--max-noise", "0.9")
    assert gate.code == 3
    assert "rows-unlike-fitted: The new rows are unlike" in gate.out
    verified = write_trusted(tmp_path / "t.parquet", truth, every=4)
    audited = command("gate", fitted / "run", *new, "--max-noise", "0.9", "--trusted", verified)
    assert audited.code == 0, audited.out
    assert notices(tmp_path / "out")["rows-unlike-fitted"] == "warning"
    again = command("score", fitted / "run", *new, "--trusted", verified)
    assert "label_quality is calibrated on 100 audited rows of these data, each judged by a model that" in again.out
    assert "label_quality was calibrated again on these" in again.out
    low, high = (noise(tmp_path / "out")["overall"][end] for end in ("low", "high"))
    given = pq.read_table(tmp_path / "new.parquet").to_pylist()
    assert low < np.mean([row["label"] != truth[row["sample_id"]] for row in given]) < high


def test_few_audited_rows_measure_and_calibrate_nothing_again(command: Command, fitted: Path, tmp_path: Path) -> None:
    truth = new_rows(tmp_path / "new.parquet", moved=1.0)
    verified = write_trusted(tmp_path / "t.parquet", truth, every=40)
    new = ["--data", tmp_path / "new.parquet", *VECTORS, "--out", tmp_path / "out", "--trusted", verified]
    outcome = command("score", fitted / "run", *new)
    assert outcome.code == 0
    assert "10 audited rows, Wilson" in outcome.out
    assert "label_quality is that of the fitted rows, and may mislead" in outcome.out
    line = next(line for line in outcome.out.splitlines() if line.startswith("Quality"))
    assert "calibrated on 150 audited rows of the fitted data; on 10 audited rows of these data, calibration" in line
    assert " 0 audited rows" not in outcome.out


def test_new_rows_that_are_all_verified_are_counted(command: Command, fitted: Path, tmp_path: Path) -> None:
    truth = new_rows(tmp_path / "new.parquet", 300, rate=0.21)
    write_trusted(tmp_path / "verified.parquet", truth, every=1)
    given = dict(
        zip(*pq.read_table(tmp_path / "new.parquet", columns=["sample_id", "label"]).to_pydict().values(), strict=True)
    )
    wrong = sum(given[name] != label for name, label in truth.items())
    new = ["--data", tmp_path / "new.parquet", *VECTORS, "--out", tmp_path / "out"]
    outcome = command("score", fitted / "run", *new, "--trusted", tmp_path / "verified.parquet")
    assert outcome.code == 0, outcome.err
    share = f"{wrong / 3:.1f} %"
    lines = outcome.out.splitlines()
    assert lines[0] == f"Noise    {share} (counted) of the labels are wrong (all 300 rows were verified)"
    assert f"and {wrong} labels differ from the given ones ({wrong / 300:.1%}): if somebody looked at each" in lines[1]
    overall = noise(tmp_path / "out")["overall"]
    assert (overall["method"], overall["errors"], overall["audited"]) == ("count", wrong, 300)
    gate = ["gate", tmp_path / "out", "--max-noise"]
    assert command(*gate, wrong / 300).code == 0
    assert command(*gate, (wrong - 1) / 300).code == 1


def test_few_rows_cannot_be_compared_and_that_is_said(command: Command, fitted: Path, tmp_path: Path) -> None:
    new_rows(tmp_path / "new.parquet", 49, moved=5.0)
    outcome = command("score", fitted / "run", "--data", tmp_path / "new.parquet", *VECTORS, "--out", tmp_path / "out")
    assert outcome.code == 0
    assert "there are 49 new and 600 fitted ones" in outcome.err
    assert notices(tmp_path / "out")["likeness-untested"] == "note"


def test_a_run_of_an_earlier_version_kept_nothing_to_compare_with(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(fitted / "run", tmp_path / "run"))
    (run / "auditor" / "reference.safetensors").unlink()
    new_rows(tmp_path / "new.parquet", moved=5.0)
    outcome = command("score", run, "--data", tmp_path / "new.parquet", *VECTORS, "--out", tmp_path / "out")
    assert outcome.code == 0
    assert "An earlier version made this run, and kept nothing that new rows could be compared with" in outcome.err
    assert notices(tmp_path / "out")["likeness-untested"] == "note"


def test_fitted_rows_are_like_themselves_until_their_labels_change(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    """Each is seen by the network that did not train on it, so that labels known by heart do not look right."""
    again = command("score", fitted / "run", "--data", fitted / "data.parquet", *VECTORS, "--out", tmp_path / "out")
    assert again.code == 0
    assert notices(tmp_path / "out").keys() >= {"rows-were-fitted", "rows-like-fitted"}
    table = pq.read_table(fitted / "data.parquet")
    rng = np.random.default_rng(0)
    labels = [CLASSES[rng.integers(3)] if rng.random() < 0.4 else label for label in table["label"].to_pylist()]
    pq.write_table(table.set_column(1, "label", pa.array(labels)), tmp_path / "noisier.parquet")
    new = ["--data", tmp_path / "noisier.parquet", *VECTORS, "--out", tmp_path / "noisier"]
    assert command("score", fitted / "run", *new).code == 0
    assert notices(tmp_path / "noisier")["rows-unlike-fitted"] == "void"


def test_a_class_that_is_rarer_makes_no_rows_unlike(command: Command, fitted: Path, tmp_path: Path) -> None:
    new_rows(tmp_path / "new.parquet", 900)
    table = pq.read_table(tmp_path / "new.parquet")
    kept = [row for row, label in enumerate(table["label"].to_pylist()) if label == "red" or row % 5 == 0]
    pq.write_table(table.take(kept), tmp_path / "new.parquet")
    outcome = command("score", fitted / "run", "--data", tmp_path / "new.parquet", *VECTORS, "--out", tmp_path / "out")
    assert notices(tmp_path / "out") == {"other-mix-of-classes": "note", "rows-like-fitted": "note"} | {
        code: severity for code, severity in notices(tmp_path / "out").items() if severity == "note"
    }
    assert "red 7" in outcome.err


def test_probabilities_are_compared(command: Command, tmp_path: Path) -> None:
    """A model that was right, and one that is not: the vectors differ, and the labels look otherwise."""
    for name, seed, skill in (("old", 0, 3.0), ("like", 1, 3.0), ("worse", 2, 0.5)):
        truth = embeddings(tmp_path / f"{name}.parquet", 600, seed=seed)
        rng = np.random.default_rng(seed)
        logits = rng.normal(size=(600, 3))
        logits[np.arange(600), [CLASSES.index(label) for label in truth.values()]] += skill
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        table = pq.read_table(tmp_path / f"{name}.parquet").select(["sample_id", "label"])
        ids = pa.array([f"{name}{row}" for row in range(600)])
        table = table.set_column(0, "sample_id", ids).append_column("p", pa.array(p.tolist()))
        pq.write_table(table, tmp_path / f"{name}.parquet")
        labels = dict(zip(ids.to_pylist(), truth.values(), strict=True))
        write_trusted(tmp_path / f"{name}-trusted.parquet", labels, every=4)
    words = ["--out", tmp_path / "run", "--probabilities-column", "p", "--epochs", "3", "--folds", "3"]
    fit = command("fit", tmp_path / "old.parquet", "--trusted", tmp_path / "old-trusted.parquet", *words)
    assert fit.code == 0, fit.err
    for name, code in (("like", "rows-like-fitted"), ("worse", "rows-unlike-fitted")):
        words = ["--data", tmp_path / f"{name}.parquet", "--probabilities-column", "p", "--out", tmp_path / name]
        assert command("score", tmp_path / "run", *words).code == 0
        assert code in notices(tmp_path / name), name


def test_pictures_are_compared_where_the_only_network_has_trained_on_all_rows(command: Command, tmp_path: Path) -> None:
    truth = image_folder(tmp_path / "images", rows=150)
    write_trusted(tmp_path / "t.parquet", truth)
    fit = ["fit", tmp_path / "images", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run"]
    outcome = command(*fit, "--backbone", "lenet", "--no-frozen", "--epochs", "1", "--batch-size", "16")
    assert outcome.code == 0, outcome.err
    image_folder(tmp_path / "fresh", rows=90)
    assert command("score", tmp_path / "run", "--data", tmp_path / "fresh", "--out", tmp_path / "like").code == 0
    assert notices(tmp_path / "like")["rows-like-fitted"] == "note"
    for path in (tmp_path / "fresh").rglob("*.png"):
        with Image.open(path) as image:
            image.convert("L").convert("RGB").save(path)
    assert command("score", tmp_path / "run", "--data", tmp_path / "fresh", "--out", tmp_path / "grey").code == 0
    assert notices(tmp_path / "grey")["rows-unlike-fitted"] == "void"
