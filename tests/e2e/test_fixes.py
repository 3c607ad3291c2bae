"""Corrections are applied, and what they did is told: by `score` and by `export-clean`, in words and in JSON."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.datasets import CLASSES, Command, embeddings

SAID = (
    "34 labels corrected (3 to none of the classes), 6 kept; reviewers agreed with 70 % of the suggestions; rates "
    "unchanged"
)
COUNTS = {"changed": 34, "kept": 6, "no_class": 3, "suggested": 40, "took_suggestion": 28, "audited": 0}


@pytest.fixture
def run(fitted: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scored run of its own."""
    monkeypatch.chdir(fitted)
    shutil.copytree(fitted / "run", tmp_path / "run")
    assert command("score", tmp_path / "run").code == 0
    return tmp_path / "run"


def noise_of(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "noise.json").read_text()))


def written(run: Path, *, verified: bool = False) -> Path:
    """Correct 40 rows, the worst first: 28 as suggested, 3 to the third class, 3 to none, 6 as they are."""
    rows = [row for row in pq.read_table(run / "scores.parquet").to_pylist() if row["label_quality"] is not None]
    rows = sorted((row for row in rows if (row["trusted_label"] is not None) == verified), key=_quality)[:40]
    others = [(set(CLASSES) - {row["given_label"], row["suggested_label"]}).pop() for row in rows]
    labels = [row["suggested_label"] for row in rows[:28]] + others[28:31] + ["none"] * 3
    labels += [row["given_label"] for row in rows[34:]]
    with (run.parent / "corrections.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sample_id", "corrected_label"])
        writer.writerows((row["sample_id"], label) for row, label in zip(rows, labels, strict=True))
    return run.parent / "corrections.csv"


def _quality(row: dict[str, Any]) -> float:
    return float(row["label_quality"])


def test_scores_say_what_corrections_did_and_their_rates_do_not_change(run: Path, command: Command) -> None:
    before = noise_of(run)
    assert before["corrections"] is None
    scored = command("score", run, "--corrections", written(run))
    assert scored.code == 0, scored.err
    assert f"Fixed    {SAID}; exports take them\n" in scored.out
    after = noise_of(run)
    assert after["corrections"] == {**COUNTS, "rates_unchanged": True}
    # flagged.csv holds the corrections
    assert {**after, "corrections": None, "flagged_csv": None} == {**before, "flagged_csv": None}
    told = json.loads(command("score", run, "--corrections", written(run), "--format", "json").out)
    assert told["corrections"]["changed"] == 34
    assert "Fixed" not in command("score", run).out


def test_flagged_csv_with_a_column_that_somebody_filled_in_outlives_the_next_scores(
    run: Path, command: Command
) -> None:
    """Saved in place, and handed back from there."""
    fresh = (run / "flagged.csv").read_bytes()
    lines = fresh.decode("utf-8-sig").splitlines()
    edited = "\n".join([f"{lines[0]},corrected_label", f"{lines[1]},{CLASSES[0]}", *(f"{line}," for line in lines[2:])])
    (run / "flagged.csv").write_text(edited)
    scored = command("score", run, "--corrections", run / "flagged.csv")
    assert scored.code == 0, scored.err
    assert "had been edited: what was in it is kept as" in " ".join(scored.err.split())
    assert (run / "flagged-edited.csv").read_text() == edited
    assert b"corrected_label" not in (run / "flagged.csv").read_bytes()
    again = command("score", run, "--corrections", run / "flagged-edited.csv", "--threshold", "0.2")
    assert again.code == 0, again.err
    assert "had been edited" not in again.err
    assert (run / "flagged-edited.csv").read_text() == edited


def test_who_hands_back_all_rows_was_asked_about_the_flagged_ones(run: Path, command: Command) -> None:
    """An export of a whole dataset, in which the first 20 of the flagged rows were changed as suggested."""
    rows = pq.read_table(run / "scores.parquet").to_pylist()
    flagged = sorted((row for row in rows if row["flagged"] and row["suggested_label"]), key=_quality)
    taken = {row["sample_id"] for row in flagged[:20]}
    with (run.parent / "all.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sample_id", "corrected_label"])
        writer.writerows(
            (row["sample_id"], row["suggested_label"] if row["sample_id"] in taken else row["given_label"])
            for row in rows
        )
    assert command("score", run, "--corrections", run.parent / "all.csv").code == 0
    fixes = noise_of(run)["corrections"]
    assert (fixes["changed"], fixes["kept"]) == (20, len(rows) - 20)
    assert (fixes["suggested"], fixes["took_suggestion"]) == (len(flagged), 20)


def test_rates_are_not_called_unchanged_where_they_changed(run: Path, command: Command) -> None:
    """Labels that were verified after the fit are left out where nobody passes them again."""
    truth = json.loads((Path.cwd() / "truth.json").read_text())
    ids = np.random.default_rng(0).choice(sorted(truth), 200, replace=False).tolist()
    more = run.parent / "more.csv"
    more.write_text("sample_id,trusted_label\n" + "".join(f"{name},{truth[name]}\n" for name in ids))
    assert command("score", run, "--trusted", more).code == 0
    table = written(run)
    scored = command("score", run, "--corrections", table)
    assert scored.code == 0, scored.err
    assert "of the suggestions; no rate counts them; exports take them" in scored.out
    assert noise_of(run)["corrections"]["rates_unchanged"] is False


def test_corrections_of_verified_rows_are_told_apart(run: Path, command: Command) -> None:
    before = noise_of(run)
    scored = command("score", run, "--corrections", written(run, verified=True))
    assert "no rate counts them (40 are of verified rows, and rates go by the verified label)" in scored.out
    after = noise_of(run)
    assert (after["overall"], after["corrections"]["audited"]) == (before["overall"], 40)


def test_a_copy_says_what_corrections_did(run: Path, command: Command) -> None:
    """Also where the scores carry them already, and know no suggestion any more for a row of no class."""
    table, out = written(run), run.parent / "clean"
    for _ in range(2):
        exported = command("export-clean", run, "--out", out, "--corrections", table)
        assert exported.code == 0, exported.err
        assert f"\n{SAID}.\n" in exported.out
        content = json.loads((out / "noisecleaner.json").read_text())
        assert content["corrections"] == {**COUNTS, "rates_unchanged": True}
        shutil.rmtree(out)
        assert command("score", run, "--corrections", table).code == 0
    exported = command("export-clean", run, "--out", out)
    assert "labels corrected" not in exported.out
    assert json.loads((out / "noisecleaner.json").read_text())["corrections"] is None


def test_new_rows_likewise(run: Path, command: Command) -> None:
    out, data = run.parent / "new", run.parent / "new.parquet"
    embeddings(data, seed=5)
    words = ["score", run, "--data", data, "--out", out, "--embedding-column", "embedding"]
    assert command(*words).code == 0
    scored = command(*words, "--corrections", written(out))
    assert scored.code == 0, scored.err
    assert f"Fixed    {SAID}; exports take them\n" in scored.out
    assert noise_of(out)["corrections"] == {**COUNTS, "rates_unchanged": True}
