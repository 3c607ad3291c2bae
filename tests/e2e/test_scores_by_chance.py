"""Embeddings in another order than the rows: nothing fails, but every output says that the scores mean nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, embeddings, write_trusted

WORDS = "which is no better than chance: flags and suggestions mean nothing"


@pytest.fixture
def shuffled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset with its embeddings in a file of its own, in the order of its rows and in another one."""
    monkeypatch.chdir(tmp_path)
    truth = embeddings(Path("data.parquet"))
    write_trusted(Path("trusted.parquet"), truth)
    table = pq.read_table("data.parquet")
    vectors = np.stack(table["embedding"].to_numpy(zero_copy_only=False))
    np.save("right.npy", vectors)
    np.save("shuffled.npy", vectors[np.random.default_rng(1).permutation(len(vectors))])
    pq.write_table(table.drop_columns(["embedding"]), "data.parquet")
    return tmp_path


def scored(command: Command, name: str) -> tuple[str, str]:
    """Fit and score; return what score printed, and what it warned of."""
    columns = ["--trusted", "trusted.parquet", "--embedding-column", f"{name}.npy"]
    fit = command("fit", "data.parquet", *columns, "--out", name, "--folds", "3", "--epochs", "2")
    assert fit.code == 0, fit.err
    score = command("score", name)
    assert score.code == 0, score.err
    return score.out, score.err


def warned_of(notices: list[dict[str, str]]) -> list[str]:
    return [notice["code"] for notice in notices if notice["severity"] != "note"]


def test_shuffled_embeddings_are_noticed_beside_the_noise_and_in_every_file(command: Command, shuffled: Path) -> None:
    out, err = scored(command, "shuffled")
    assert WORDS not in " ".join(err.split())  # it is said once
    noise, warning, *_ = out.splitlines()
    assert noise.startswith("Noise")
    assert WORDS in warning
    content = json.loads((shuffled / "shuffled" / "noise.json").read_text())
    assert content["ranking"]["low"] <= 0.5
    assert warned_of(content["notices"]) == ["scores-no-better-than-chance"]
    gate = command("gate", "shuffled", "--max-noise", "0.9", "--format", "json")
    assert warned_of(json.loads(gate.out)["notices"]) == ["scores-no-better-than-chance"]


def test_embeddings_in_the_order_of_the_rows_rank_well(command: Command, shuffled: Path) -> None:
    out, err = scored(command, "right")
    assert "chance" not in err
    assert "; scores tell wrong from right with AUROC 1.00 (0.9" in out
    content = json.loads((shuffled / "right" / "noise.json").read_text())
    assert content["ranking"]["low"] > 0.8
    assert content["ranking"]["within_classes"]["low"] > 0.8
    assert warned_of(content["notices"]) == []
