"""Classes, ids, columns and files that look like Python in backticks: the command line tells them as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command

CLASSES = ["`fit(x)`", "`seed`", "`plan()`", "`Columns(label=NAME)`"]
#: What those would become.
WORDS = ["noisecleaner fit x", "--seed", "noisecleaner plan`", "--label-column NAME"]
FIT = ["--embedding-column", "`seed`", "--epochs", "2", "--folds", "3", "--out", "run"]


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[object]]:
    """Rows of such classes, in a table of such columns, of which every third was verified."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 300)
    given = np.where(rng.random(300) < 0.2, (true + 1) % 4, true)
    vectors = (2 * np.eye(4)[true] + rng.normal(size=(300, 4))).astype(np.float32)
    vectors[1], given[0], given[1] = vectors[0], 0, 1  # one image, two labels
    ids = [f"`seed`{row}" for row in range(299)] + ["`seed`"]
    rows = {"sample_id": ids, "label": [CLASSES[label] for label in given], "`seed`": list(vectors)}
    verified = {"sample_id": ids[::3], "trusted_label": [CLASSES[label] for label in true[::3]]}
    pq.write_table(pa.table(rows), "data.parquet")
    pq.write_table(pa.table(verified), "`seed`.parquet")
    return rows


def unworded(*texts: str) -> None:
    for text in texts:
        assert not [words for words in WORDS if words in text], text


def test_what_is_told_of_a_run_holds_the_names_as_they_are(command: Command, rows: dict[str, list[object]]) -> None:
    fit = command("fit", "data.parquet", "--trusted", "`seed`.parquet", *FIT)
    assert fit.code == 0, fit.err
    assert "data.parquet: '`Columns(label=NAME)`', '`fit(x)`', " in fit.err
    assert "'`seed`0' ('`fit(x)`') and '`seed`1' ('`seed`')" in fit.err
    score, gate = command("score", "run"), command("gate", "run", "--max-noise", "0.9")
    unworded(fit.err, fit.out, score.err, score.out, gate.out, gate.err)


def test_refusals_hold_them_and_still_say_what_to_type(command: Command, rows: dict[str, list[object]]) -> None:
    broken = {"sample_id": ["`seed`"], "trusted_label": ["`methods()`"]}
    pq.write_table(pa.table(broken), "unknown.parquet")
    fit = command("fit", "data.parquet", "--trusted", "unknown.parquet", *FIT)
    assert fit.code == 2
    assert "holds '`methods()`', and the classes are '`Columns(label=NAME)`', '`fit(x)`', " in fit.err
    assert "name the right column with --trusted-column NAME." in fit.err
    unworded(fit.err.replace("--trusted", ""))

    pq.write_table(pa.table(rows).rename_columns(["`plan()`", "label", "`seed`"]), "columns.parquet")
    fit = command("fit", "columns.parquet", *FIT)
    assert "has no column 'sample_id' (its columns are '`plan()`', label, '`seed`')" in fit.err
    assert "Name the id column with --id-column NAME" in fit.err
    unworded(fit.err)

    strange = rows | {"sample_id": [*rows["sample_id"][:-1], "`seed`0"]}  # type: ignore[dict-item]  # ids are texts
    pq.write_table(pa.table(strange), "twice.parquet")
    fit = command("fit", "twice.parquet", *FIT)
    assert "(such as '`seed`0')" in fit.err
    unworded(fit.err)
