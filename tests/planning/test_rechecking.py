"""`plan --recheck` on scores that are made up: who is drawn, and what the table tells."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.outcomes import refused
from support.scored import metadata_of, scores_table

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source
from noisecleaner.noise.randomness import not_random
from noisecleaner.notices import Notice
from noisecleaner.planning import recheck
from noisecleaner.tables import RECHECK, SCORES, write_table

ROWS, VERIFIED = 200, 60


def labels(*verified: int, label: str | None = "a", other: str | None = None) -> list[str | None]:
    """A column that holds a label in some rows, and something else in others."""
    return [label if row in verified else other for row in range(ROWS)]


def make(folder: Path, *notices: Notice, source: Source | None = None, **columns: Any) -> Path:
    """Write scores of which the first rows are verified, one as none of the classes; return the run."""
    folder.mkdir(parents=True, exist_ok=True)
    values: dict[str, Any] = {"sample_id": [f"r{row:05d}" for row in range(ROWS)]}
    values |= {"path": [f"images/{row}.png" for row in range(ROWS)], "given_label": ["a"] * ROWS}
    values |= {"trusted_label": ["none", *labels(*range(VERIFIED))[1:]]}
    values |= {"label_quality": pa.array(np.full(ROWS, 0.5), pa.float32()), "suggested_label": ["b"] * ROWS}
    metadata = metadata_of(("a", "b"), notices=notices, source=source or Source("data.parquet"))
    write_table(folder / "scores.parquet", [scores_table(**values | columns)], SCORES, metadata.to_json())
    return folder


def drawn(table: Path) -> list[int]:
    """The rows of a table, in its order."""
    return [int(name[1:]) for name in pq.read_table(table)["sample_id"].to_pylist()]


def test_the_table_tells_nothing_but_which_row_it_is(tmp_path: Path) -> None:
    run, out = make(tmp_path / "run"), tmp_path / "new" / "second.parquet"
    found = recheck(run, out, count=20, seed=3)
    table = pq.read_table(out)
    assert table.schema.equals(RECHECK)
    assert table.column_names == ["sample_id", "path", "second_label"]
    assert table["second_label"].null_count == 20
    assert table["path"].to_pylist() == [f"images/{row}.png" for row in drawn(out)]
    assert len(set(drawn(out))) == 20
    assert set(drawn(out)) <= set(range(VERIFIED))
    assert (found.path, found.scores, found.run) == (out, run, Path("run"))
    assert (found.rows, found.verified, found.looked_at, found.telling) == (20, VERIFIED, 0, 0)
    assert [path.name for path in run.iterdir()] == ["scores.parquet"]  # no design: nothing new is verified


def test_rows_are_drawn_evenly_and_stand_in_any_order(tmp_path: Path) -> None:
    """Chi-square of 2,000 draws over 60 rows, and where in the table each row comes first."""
    run, counts, first = make(tmp_path), Counter[int](), Counter[int]()
    for seed in range(200):
        recheck(run, tmp_path / f"{seed}.parquet", count=10, seed=seed)
        rows = drawn(tmp_path / f"{seed}.parquet")
        counts.update(rows)
        first[rows[0] < VERIFIED / 2] += 1
    expected = 2000 / VERIFIED
    # of 59 degrees of freedom, drawn without replacement: 98 is passed once in a thousand times at most
    assert sum((counts[row] - expected) ** 2 / expected for row in range(VERIFIED)) < 98
    assert abs(first[True] - 100) < 24  # 3.3 standard deviations


def test_rows_that_were_verified_before_a_copy_was_made_are_not_looked_at_again(tmp_path: Path) -> None:
    run = make(tmp_path, certified=[row < 25 for row in range(ROWS)])
    assert recheck(run, tmp_path / "second.parquet", count=20, seed=3).verified == VERIFIED - 25
    assert min(drawn(tmp_path / "second.parquet")) >= 25


def test_the_same_seed_draws_the_same_rows_in_the_same_order(tmp_path: Path) -> None:
    run = make(tmp_path)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        recheck(run, tmp_path / f"{name}.parquet", count=30, seed=seed)
    one, again, other = (drawn(tmp_path / f"{name}.parquet") for name in "abc")
    assert one == again != other
    assert one != sorted(one)


def test_all_rows_may_be_drawn(tmp_path: Path) -> None:
    recheck(make(tmp_path), tmp_path / "all.parquet", count=VERIFIED)
    assert sorted(drawn(tmp_path / "all.parquet")) == list(range(VERIFIED))


def test_rows_that_do_not_measure_and_those_with_a_second_look_are_left_out(tmp_path: Path) -> None:
    run = make(
        tmp_path,
        given_label=labels(1, label=None, other="a"),
        corrected_label=labels(2),
        skip_reason=labels(3, label="missing_file"),
        second_label=labels(4, 5, label="b"),
    )
    found = recheck(run, tmp_path / "all.parquet", count=VERIFIED - 5)
    assert sorted(drawn(tmp_path / "all.parquet")) == [0, *range(6, VERIFIED)]
    assert (found.verified, found.looked_at) == (VERIFIED - 3, 2)


def test_scores_of_an_earlier_version_have_no_second_look(tmp_path: Path) -> None:
    run = make(tmp_path)
    table = pq.read_table(run / "scores.parquet")
    pq.write_table(table.drop_columns(["second_label"]), run / "scores.parquet")
    recheck(run, tmp_path / "second.parquet", count=VERIFIED)
    assert sorted(drawn(tmp_path / "second.parquet")) == list(range(VERIFIED))


@pytest.mark.parametrize(
    ("columns", "telling"),
    [
        ({"path": [f"train/cat/{row}.png" for row in range(ROWS)]}, VERIFIED),
        ({"sample_id": [f"cat_{row:05d}.png" for row in range(ROWS)]}, VERIFIED),
        ({"path": [rf"C:\Cat\{row}.png" for row in range(ROWS)]}, VERIFIED),
        ({"path": [f"{'cat' if row < 7 else 'dog'}.{row}.png" for row in range(ROWS)]}, 7),
        ({"path": [f"category/concat{row}.png" for row in range(ROWS)]}, 0),
        ({"path": [None] * ROWS}, 0),
    ],
)
def test_names_that_tell_the_given_label_are_counted(tmp_path: Path, columns: dict[str, Any], telling: int) -> None:
    run = make(tmp_path, given_label=["cat"] * ROWS, **columns)
    assert recheck(run, tmp_path / "all.parquet", count=VERIFIED).telling == telling


# through the command line


def test_what_is_drawn_and_what_comes_next_is_said(tmp_path: Path, command: Command) -> None:
    run, out = make(tmp_path / "run", given_label=["images"] * ROWS), tmp_path / "second.parquet"
    outcome = command("plan", run, "--recheck", "20", "--out", out)
    assert outcome.code == 0, outcome.err
    assert f"{out}: 20 rows for a second look, drawn evenly from 60 verified ones. It does not tell" in outcome.out
    assert "second_label" in outcome.out
    assert f"score run --data {Path.cwd() / 'data.parquet'} --out {run} --trusted {out}" in outcome.out
    assert outcome.err == (
        "Warning: The sample id or path of 20 rows names the given label: a look is blind only where it is hidden, as "
        "on the page of review.\n"
    )


@pytest.mark.parametrize(
    ("count", "columns", "says"),
    [
        (61, {}, "must be a number of verified rows without a second look, of which there are 60, but it is 61"),
        (0, {}, "of which there are 60, but it is 0. Give another --recheck"),
        (-1, {}, "but it is -1"),
        (41, {"second_label": labels(*range(20))}, "of which there are 40 (20 have had one), but it is 41"),
        (1, {"second_label": labels(*range(60))}, "of which there are 0 (60 have had one), but it is 1. Verify more"),
        (1, {"trusted_label": labels()}, "A second look is for verified rows, but"),
        (1, {"corrected_label": labels(*range(60))}, "holds none that measure. Verify some first"),
    ],
)
def test_rows_that_are_not_there_are_refused(
    tmp_path: Path, command: Command, count: int, columns: dict[str, Any], says: str
) -> None:
    run = make(tmp_path / "run", **columns)
    outcome = command("plan", run, "--recheck", count, "--out", tmp_path / "new" / "second.parquet")
    refused(outcome, says)
    assert "`" not in outcome.err.replace(f"`noisecleaner plan {run} --n N`", "").replace("`noisecleaner plan`", "")
    assert not (tmp_path / "new").exists()


def test_rows_that_are_no_sample_are_refused_with_the_reason(tmp_path: Path, command: Command) -> None:
    run = make(tmp_path / "run", not_random("The 60 verified rows were picked."))
    outcome = command("plan", run, "--recheck", "20", "--out", tmp_path / "second.parquet")
    refused(outcome, "no rate stands on those of", "The 60 verified rows were picked.", "--corrections FILE")
    assert not (tmp_path / "second.parquet").exists()


def test_a_table_that_is_there_or_is_none_is_refused(tmp_path: Path, command: Command) -> None:
    run, out = make(tmp_path / "run"), tmp_path / "second.parquet"
    out.write_text("filled in")
    refused(
        command("plan", run, "--recheck", "20", "--out", out), f"{out} exists already", "Name another", "--out FILE"
    )
    assert out.read_text() == "filled in"
    other = tmp_path / "second.xls"
    refused(command("plan", run, "--recheck", "20", "--out", other), "is a Parquet file", f"--out {out}")
    assert not other.exists()


def test_a_run_without_scores_has_no_second_look(tmp_path: Path, command: Command) -> None:
    outcome = command("plan", tmp_path, "--recheck", "20", "--out", tmp_path / "second.parquet")
    refused(outcome, "Scores are required", f"`noisecleaner score {tmp_path}`")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_no_half_table(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    run, out = make(tmp_path / "run"), tmp_path / "second.parquet"

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("noisecleaner.tables.table_files.pq.ParquetWriter.write", full)
    refused(command("plan", run, "--recheck", "20", "--out", out), "No space left on device")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_python_names_its_own_parameter(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match=r"`recheck\.count` must be a number of verified rows"):
        recheck(make(tmp_path), tmp_path / "second.parquet", count=61)
