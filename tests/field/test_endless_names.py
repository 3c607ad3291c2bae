"""Class names, ids and columns of thousands of characters: what is printed stays a page, and the files hold all."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import CLASSES, Command, embeddings

ENDLESS = {"blue": "b" * 5000, "green": "a caption, " * 500 + "end", "red": "red"}


def test_what_is_printed_stays_a_page(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    truth = embeddings(Path("data.parquet"), rows=300)
    table = pq.read_table("data.parquet").to_pydict()
    table["label"] = [ENDLESS[name] for name in table["label"]]
    table["sample_id"] = ["s" * 3000 + name for name in table["sample_id"]]
    pq.write_table(pa.table(table), "data.parquet")
    ids, labels = table["sample_id"], [ENDLESS[name] for name in truth.values()]
    verified = {"sample_id": ids[::4], "trusted_label": labels[::4]}
    pq.write_table(pa.table(verified), "verified.parquet")
    words = ("--embedding-column", "embedding", "--trusted", "verified.parquet", "--folds", "3", "--epochs", "2")
    outcomes = [command("fit", "data.parquet", *words, "--out", "run"), command("score", "run")]
    assert [outcome.code for outcome in outcomes] == [0, 0], outcomes[0].err[:2000]
    gate = command("gate", "run", "--max-noise-per-class", "0.01", "--max-flagged", "0.01")
    assert gate.code == 1
    pq.write_table(pa.table(verified | {"trusted_label": ["u" * 5000, *labels[4::4]]}), "unknown.parquet")
    refused = command("score", "run", "--trusted", "unknown.parquet")
    assert refused.code == 2
    for outcome in (*outcomes, gate, refused, command("export-clean", "run", "--out", "clean")):
        assert len(outcome.out + outcome.err) < 16_000
        assert "s" * 401 not in outcome.out + outcome.err
        assert "b" * 401 not in outcome.out + outcome.err
    assert set(pq.read_table("run/scores.parquet")["given_label"].to_pylist()) == {ENDLESS[name] for name in CLASSES}
