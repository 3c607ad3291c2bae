"""A vector with NaN or infinity, as a model leaves that failed on an image: a skipped row, whatever kind of file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command

ROWS = 300
NAN, INF = float("nan"), float("inf")
#: Row -> what its vector holds: the first number, the last one, all of them, one that single precision cannot hold.
BROKEN = {7: [NAN, 0, 0], 20: [0, 0, -INF], 33: [NAN, NAN, NAN], 41: [0, 1e300, 0]}
KINDS = ["column", "column of doubles", "npy", "npy of doubles", "npz", "parquet", "probabilities", "structs"]


def written(kind: str, *, first: int = 0) -> list[str]:
    """Write 300 rows with broken vectors and two missing ones; return the options that name the vectors."""
    rng = np.random.default_rng(first)
    true = rng.integers(0, 3, ROWS)
    given = np.where(rng.random(ROWS) < 0.2, (true + 1) % 3, true)
    vectors = 3 * np.eye(3)[true] + rng.normal(size=(ROWS, 3))
    if kind in ("probabilities", "structs"):
        vectors = np.exp(vectors) / np.exp(vectors).sum(axis=1, keepdims=True)
    for row, broken in BROKEN.items():
        vectors[row] = broken
    ids = [f"r{first + row}" for row in range(ROWS)]
    rows = {"sample_id": ids, "label": [f"class {label}" for label in given]}
    with np.errstate(over="ignore"):
        single = vectors.astype(np.float32)
    lists = [None if row == 50 else [] if row == 51 else vector for row, vector in enumerate(vectors.tolist())]
    options = ["--embedding-column", {"npz": "v.npz", "parquet": "v.parquet"}.get(kind, "v.npy")]
    if kind == "npz":
        np.savez("v.npz", ids=np.array(ids), embeddings=single)
    elif kind == "parquet":
        pq.write_table(pa.table({"sample_id": ids, "embeddings": pa.array(lists, pa.list_(pa.float32()))}), "v.parquet")
    elif kind.startswith("npy"):
        np.save("v.npy", vectors if "doubles" in kind else single)
    elif kind == "structs":
        names = {f"class {label}": single[:, label] for label in range(3)}
        rows["vector"] = pa.StructArray.from_arrays([pa.array(v) for v in names.values()], list(names))
    else:
        rows["vector"] = pa.array(lists, pa.list_(pa.float64() if "doubles" in kind else pa.float32()))
    if "vector" in rows:
        options = [f"--{'embedding' if kind.startswith('column') else 'probabilities'}-column", "vector"]
    pq.write_table(pa.table(rows), "data.parquet")
    verified = {"sample_id": ids[::4], "trusted_label": [f"class {label}" for label in true[::4]]}
    pq.write_table(pa.table(verified), "verified.parquet")
    return options


def reasons(run: str) -> dict[str, str]:
    rows = pq.read_table(Path(run) / "scores.parquet", columns=["sample_id", "skip_reason"]).to_pylist()
    return {row["sample_id"]: row["skip_reason"] for row in rows if row["skip_reason"]}


@pytest.mark.parametrize("kind", KINDS)
def test_the_row_is_skipped_and_counted_in_fit_and_in_score(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    options = written(kind)
    words = ["--trusted", "verified.parquet", "--epochs", "2", "--folds", "3", "--out", "run"]
    fit = command("fit", "data.parquet", *options, *words)
    assert fit.code == 0, fit.err
    missing = 2 if kind in ("column", "column of doubles", "parquet", "probabilities") else 0
    assert f"{ROWS - 4 - missing} of 300 rows can be used" in fit.err
    assert "4 not_finite" in fit.err
    assert "The vector of r7 holds NaN, infinity or a number beyond single precision." in fit.err
    assert command("score", "run").code == 0
    gone = {"r50": "no_vector", "r51": "no_vector"} if missing else {}
    assert reasons("run") == {f"r{row}": "not_finite" for row in BROKEN} | gone
    noise = json.loads(Path("run/noise.json").read_text())
    assert 0.0 < noise["overall"]["low"] < 0.2 < noise["overall"]["high"] < 0.5

    options = written(kind, first=ROWS)
    new = command("score", "run", "--data", "data.parquet", *options, "--out", "new")
    assert new.code == 0, new.err
    assert "4 not_finite" in new.out
    assert len(reasons("new")) == 4 + missing


@pytest.mark.parametrize("kind", ["column", "npy", "probabilities"])
def test_strict_refuses_it(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    options = written(kind)
    fit = command("fit", "data.parquet", *options, "--trusted", "verified.parquet", "--strict", "--out", "run")
    assert fit.code == 2
    assert "r7 (not_finite)" in fit.err
    assert not Path("run").exists()


def test_where_all_are_broken_nothing_is_left(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = written("npy")
    np.save("v.npy", np.full((ROWS, 3), np.nan, np.float32))
    fit = command("fit", "data.parquet", *options, "--trusted", "verified.parquet", "--out", "run")
    assert fit.code == 2
    assert "skipped: 300 not_finite" in fit.err
