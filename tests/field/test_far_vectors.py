"""One vector far from all others, and vectors of an odd scale: the scores of all other rows are as without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import rankdata
from support.datasets import Command

ROWS, FAR = 400, 6
WORDS = ("--trusted", "verified.csv", "--epochs", "6", "--folds", "3", "--out", "run")


def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors of three classes, the true and the given ones."""
    rng = np.random.default_rng(3)
    true = rng.integers(0, 3, ROWS)
    given = np.where(rng.random(ROWS) < 0.2, (true + 1) % 3, true)
    return (3 * np.eye(8)[true] + rng.normal(size=(ROWS, 8))).astype(np.float32), true, given


def auroc(command: Command, kind: str, times: float, scale: float) -> float:
    """How well scores tell wrong labels from right ones, where one vector was multiplied, and then all of them."""
    vectors, true, given = drawn()
    vectors[FAR] *= np.float32(times)
    vectors *= np.float32(scale)
    rows = {"sample_id": [f"r{row}" for row in range(ROWS)], "label": [f"class {label}" for label in given]}
    if kind == "npy":
        np.save("v.npy", vectors)
    else:
        rows["vector"] = pa.array(vectors.tolist(), pa.list_(pa.float32()))
    pq.write_table(pa.table(rows), "data.parquet")
    lines = [f"r{row},class {true[row]}\n" for row in range(0, ROWS, 3)]
    Path("verified.csv").write_text("sample_id,trusted_label\n" + "".join(lines))
    column = "v.npy" if kind == "npy" else "vector"
    fit = command("fit", "data.parquet", "--embedding-column", column, *WORDS)
    assert fit.code == 0, fit.err
    assert (f"1 far_outside (r{FAR}). The vector of r{FAR} lies so far" in fit.err) == (times > 1)
    assert command("score", "run").code == 0
    scores = pq.read_table("run/scores.parquet", columns=["label_quality", "skip_reason"]).to_pydict()
    skipped = {row: why for row, why in enumerate(scores["skip_reason"]) if why}
    assert skipped == ({FAR: "far_outside"} if times > 1 else {})
    kept = np.array([row for row in range(ROWS) if row not in skipped])
    wrong = (true != given)[kept]
    ranks = rankdata(-np.array([scores["label_quality"][row] for row in kept]))
    return float((ranks[wrong].sum() - wrong.sum() * (wrong.sum() + 1) / 2) / (wrong.sum() * (~wrong).sum()))


@pytest.mark.parametrize(
    ("kind", "times", "scale"),
    [("column", 1e37, 1.0), ("npy", 1e5, 1.0), ("column", 1.0, 1e-35), ("column", 1e4, 1e-30), ("npy", 1.0, 1e30)],
)
def test_scores_are_as_good_as_without(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, times: float, scale: float
) -> None:
    monkeypatch.chdir(tmp_path)
    assert auroc(command, kind, times, scale) > 0.95


def test_a_new_row_far_from_the_fitted_ones_is_skipped(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    auroc(command, "column", 1.0, 1.0)
    vectors, _, given = drawn()
    for times, reason in ((1e37, "far_outside"), (1e5, "far_outside"), (3.0, None)):
        new = vectors.copy()
        new[FAR] *= np.float32(times)
        rows = {"sample_id": [f"n{row}" for row in range(ROWS)], "label": [f"class {label}" for label in given]}
        pq.write_table(pa.table(rows | {"vector": pa.array(new.tolist(), pa.list_(pa.float32()))}), "new.parquet")
        scored = command("score", "run", "--data", "new.parquet", "--embedding-column", "vector", "--out", "new")
        assert scored.code == 0, scored.err
        assert ("The vector of n6 lies so far from all others" in scored.out) == (reason is not None)
        assert pq.read_table("new/scores.parquet")["skip_reason"][FAR].as_py() == reason


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    ("scale", "odd"), [(1e-40, False), (1e37, False), (1e-35, False), (1e35, False), (1.0, True), (1e-40, True)]
)
def test_vectors_are_scored_as_they_were_fitted_or_refused(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, scale: float, odd: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    vectors, true, given = drawn()
    vectors = vectors.astype(np.float64) * scale
    if odd:  # most columns are next to nothing, and the others as usual
        vectors = np.hstack([vectors, drawn()[0] * 1e-40, drawn()[0] * 1e-40, drawn()[0]])
    rows = {"sample_id": [f"r{row}" for row in range(ROWS)], "label": [f"class {label}" for label in given]}
    column = pa.array(vectors.astype(np.float32).tolist(), pa.list_(pa.float32()))
    pq.write_table(pa.table(rows | {"vector": column}), "data.parquet")
    lines = [f"r{row},class {true[row]}\n" for row in range(0, ROWS, 3)]
    Path("verified.csv").write_text("sample_id,trusted_label\n" + "".join(lines))
    fit = command("fit", "data.parquet", "--embedding-column", "vector", *WORDS)
    if scale in (1e-40, 1e37) and not odd:
        assert fit.code == 2
        assert "Multiply all of them by" in fit.err
        return
    assert fit.code == 0, fit.err
    scored = command("score", "run", "--data", "data.parquet", "--out", "new")
    assert scored.code == 0, scored.err
    assert pq.read_table("new/scores.parquet")["skip_reason"].null_count == ROWS


def test_embeddings_of_two_kinds_are_told_beside_the_noise(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    vectors, true, given = drawn()
    vectors[::4] *= 1e5
    rows = {"sample_id": [f"r{row}" for row in range(ROWS)], "label": [f"class {label}" for label in given]}
    pq.write_table(pa.table(rows | {"vector": pa.array(vectors.tolist(), pa.list_(pa.float32()))}), "data.parquet")
    lines = [f"r{row},class {true[row]}\n" for row in range(0, ROWS, 3)]
    Path("verified.csv").write_text("sample_id,trusted_label\n" + "".join(lines))
    assert command("fit", "data.parquet", "--embedding-column", "vector", *WORDS).code == 0
    assert "The embeddings are of two kinds: 100 of 400 are so far" in command("score", "run").out
