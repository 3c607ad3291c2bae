"""plan --recheck -> a second look -> score --trusted, through the real command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command


@pytest.fixture
def run(fitted: Path, tmp_path: Path, command: Command) -> Path:
    """A copy of the fitted run, scored."""
    shutil.copytree(fitted / "run", tmp_path / "run")
    assert command("score", tmp_path / "run").code == 0
    return tmp_path / "run"


@pytest.fixture
def truth(fitted: Path) -> dict[str, str]:
    return dict(json.loads((fitted / "truth.json").read_text()))


def audited(scores: Path) -> int:
    """Verified rows that the noise rate rests on."""
    return int(json.loads((scores / "noise.json").read_text())["overall"]["audited"])


def second_looks(scores: Path) -> dict[str, str]:
    """What second looks saw: sample id -> label."""
    rows = pq.read_table(scores / "scores.parquet", columns=["sample_id", "second_label"]).to_pylist()
    return {row["sample_id"]: row["second_label"] for row in rows if row["second_label"] is not None}


def test_what_comes_next_can_be_typed(run: Path, fitted: Path, truth: dict[str, str], command: Command) -> None:
    out = run.parent / "second.parquet"
    verified = set(pq.read_table(fitted / "trusted.parquet")["sample_id"].to_pylist())
    planned = command("plan", run, "--recheck", "40", "--out", out)
    assert (planned.code, planned.err) == (0, "")
    assert f"40 rows for a second look, drawn evenly from {len(verified)} verified ones." in planned.out
    table = pq.read_table(out)
    ids = table["sample_id"].to_pylist()
    assert len(set(ids)) == 40
    assert set(ids) <= verified
    assert not (run / "design.parquet").exists()
    pq.write_table(table.set_column(2, "second_label", pa.array([truth[name] for name in ids])), out)
    before = audited(run)
    words = planned.out.split("Then: noisecleaner ")[1].split()
    scored = command(*words)
    assert scored.code == 0, scored.err
    # both looks say the same, and the first ones still measure
    assert audited(run) == before == len(verified)
    assert second_looks(run) == {name: truth[name] for name in ids}
    # who had a second look is not asked again
    again = command("plan", run, "--recheck", str(len(verified) - 40), "--out", run.parent / "third.parquet")
    assert again.code == 0, again.err
    assert f"from the {len(verified) - 40} of {len(verified)} verified ones that had none" in again.out
    assert not set(pq.read_table(run.parent / "third.parquet")["sample_id"].to_pylist()) & set(ids)


@pytest.mark.parametrize("new", [False, True])
def test_first_looks_that_the_fit_does_not_know_are_those_of_the_last_scores(
    run: Path, fitted: Path, truth: dict[str, str], command: Command, new: bool
) -> None:
    """What was verified after the fit, or of rows that are not its own, stands in scores.parquet."""
    first, second, scores = run.parent / "first.parquet", run.parent / "second.parquet", run
    names = [name for row, name in enumerate(truth) if row % 8 in (0, 1)]
    pq.write_table(pa.table({"sample_id": names, "trusted_label": [truth[name] for name in names]}), first)
    words = ["score", run]
    if new:
        scores = run.parent / "new"
        words += ["--data", fitted / "data.parquet", "--embedding-column", "embedding", "--out", scores]
    assert command(*words, "--trusted", first).code == 0
    before = audited(scores)
    planned = command("plan", scores, "--recheck", "60", "--out", second)
    assert planned.code == 0, planned.err
    table = pq.read_table(second)
    looks = {name: truth[name] for name in table["sample_id"].to_pylist()}
    pq.write_table(table.set_column(2, "second_label", pa.array(list(looks.values()))), second)
    for _ in range(2):  # and once more with what is there then
        scored = command(*words, "--trusted", second)
        assert scored.code == 0, scored.err
        assert audited(scores) == before
        assert second_looks(scores) == looks


def test_rows_that_a_plan_drew_are_looked_at_again(run: Path, truth: dict[str, str], command: Command) -> None:
    """plan, score, plan --recheck, score: all of them still measure, with the probabilities of the plan."""
    for words, column in ((["--n", "80"], "trusted_label"), (["--recheck", "60"], "second_label")):
        out = run.parent / f"{column}.parquet"
        planned = command("plan", run, *words, "--out", out)
        assert planned.code == 0, planned.err
        table = pq.read_table(out)
        place = table.schema.get_field_index(column)
        filled = pa.array([truth[name] for name in table["sample_id"].to_pylist()])
        pq.write_table(table.set_column(place, column, filled), out)
        before = audited(run)
        scored = command("score", run, "--trusted", out)
        assert scored.code == 0, scored.err
        assert audited(run) == before + (80 if column == "trusted_label" else 0)
    noise = json.loads((run / "noise.json").read_text())
    assert noise["verifiers"]["agree"] == noise["verifiers"]["rows"] == 60
    codes = {notice["code"] for notice in noise["notices"] if notice["severity"] != "note"}
    assert codes <= {"sample-may-be-off"}
    assert "cells-empty" not in str(noise["notices"])
    again = command("plan", run, "--n", "10", "--out", run.parent / "next.parquet")
    assert f"{audited(run)} that are verified already" in again.out


def test_verifiers_who_err_move_the_rate_and_every_output_says_so(
    fitted: Path, truth: dict[str, str], command: Command, tmp_path: Path
) -> None:
    """The first of two verifiers calls a tenth of the labels by another name."""
    shutil.copytree(fitted / "run", tmp_path / "run")
    names = pq.read_table(fitted / "trusted.parquet")["sample_id"].to_pylist()
    classes = sorted(set(truth.values()))
    slips = {name: classes[(classes.index(truth[name]) + 1) % len(classes)] for name in names[::10]}
    rows = [(name, slips.get(name, truth[name]), "Ann") for name in names] + [(n, truth[n], "Ben") for n in names[::2]]
    table = tmp_path / "verified.csv"
    table.write_text("\n".join(["sample_id,trusted_label,verifier", *map(",".join, rows)]) + "\n")
    scored = command("score", tmp_path / "run", "--trusted", table)
    assert scored.code == 0, scored.err
    noise = json.loads((tmp_path / "run" / "noise.json").read_text())
    apart = len(set(names[::2]) & set(slips))
    assert noise["verifiers"]["rows"] == len(names[::2])
    assert noise["verifiers"]["agree"] == len(names[::2]) - apart
    given = pq.read_table(fitted / "data.parquet", columns=["sample_id", "label"]).to_pylist()
    wrong = sum(row["label"] != truth[row["sample_id"]] for row in given) / len(given)
    assert noise["overall"]["low"] < wrong < noise["overall"]["high"]
    said = f"Both looks agree at {len(names[::2]) - apart} of {len(names[::2])} verified rows that were looked at twice"
    assert said in " ".join(scored.out.split())
    for form in ("console", "json", "junit", "markdown"):
        judged = command("gate", tmp_path / "run", "--max-noise", "0.9", "--format", form)
        assert "rows that were looked at twice" in " ".join(judged.out.split()), form
