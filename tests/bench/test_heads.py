"""`bench heads` times all folds beside each by itself."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
from support.datasets import Command


def test_it_compares_a_step_of_all_folds_with_one_of_each(command: Command, tmp_path: Path) -> None:
    outcome = command("bench", "heads", "--out", tmp_path, "--seeds", 1, "--scale", 0.02, "--device", "cpu")
    assert outcome.code == 0, outcome.err
    table = pq.read_table(tmp_path / "heads.parquet").to_pandas()
    assert set(table["method"]) == {"uniform", "l2b", "l2rw", "soseleto"}
    assert (table["lower"] <= table["times"]).all()
    assert (table["times"] <= table["upper"]).all()
    assert (table[["milliseconds", "apart_milliseconds"]] > 0).all(axis=None)
