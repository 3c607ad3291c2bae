"""The last verified labels of a table stand in reverse order: nothing stands on them, at the fit and afterwards."""

from __future__ import annotations

import json
from pathlib import Path

from support.datasets import Command, embeddings

FIT = ("--embedding-column", "embedding", "--folds", "3", "--epochs", "3")


def write(path: Path, rows: list[str], labels: list[str]) -> Path:
    path.write_text("sample_id,trusted_label\n" + "".join(f"{r},{t}\n" for r, t in zip(rows, labels, strict=True)))
    return path


def test_a_run_in_reverse_order_has_no_rate_and_the_mended_table_has_one(tmp_path: Path, command: Command) -> None:
    truth = embeddings(tmp_path / "data.parquet", rows=900)
    # the order of the table is none of the dataset
    rows = sorted(truth, key=lambda row: row[::-1])[:225]
    labels = [truth[row] for row in rows]
    odd = write(tmp_path / "odd.csv", rows, [*labels[:-60], *labels[-60:][::-1]])
    right = write(tmp_path / "right.csv", rows, labels)
    run = tmp_path / "run"
    fit = command("fit", tmp_path / "data.parquet", "--trusted", odd, *FIT, "--out", run)
    assert fit.code == 0, fit.err
    assert "Verified labels seem to have lost their rows from about" in fit.err
    assert "cannot tell" in command("score", run).out.splitlines()[0]
    assert command("gate", run, "--max-noise", "0.9").code == 3
    codes = {notice["code"] for notice in json.loads((run / "noise.json").read_text())["notices"]}
    assert "verified-labels-disordered" in codes
    mended = command("score", run, "--trusted", right)
    assert "of the labels are wrong (95 % interval; 225 audited rows" in mended.out.splitlines()[0]
    assert "verified-labels-disordered" not in (run / "noise.json").read_text()
    assert "cannot tell" in command("score", run, "--trusted", odd).out.splitlines()[0]
