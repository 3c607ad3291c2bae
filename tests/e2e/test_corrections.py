"""Audit and correction are two things: fit -> score -> look at what is flagged -> score, fit and export with that."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import CLASSES, Command, embeddings, write_trusted

from noisecleaner.cli import main

FIT = ["--embedding-column", "embedding", "--folds", "3", "--epochs", "4"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, truth, a run with 120 rows verified at random, scored, and corrections of 60 rows that were flagged."""
    folder = tmp_path_factory.mktemp("corrections")
    truth = embeddings(folder / "data.parquet", rows=1200, width=3)
    (folder / "truth.json").write_text(json.dumps(truth))
    write_trusted(folder / "trusted.parquet", truth, every=10)
    fit = ["fit", folder / "data.parquet", "--trusted", folder / "trusted.parquet", *FIT, "--out", folder / "run"]
    for words in (fit, ["score", folder / "run"]):
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        assert stop.value.code == 0
    scores = pq.read_table(folder / "run" / "scores.parquet").to_pylist()
    ids = [row["sample_id"] for row in scores if row["flagged"] and row["trusted_label"] is None][:60]
    labels = [*(truth[name] for name in ids[:57]), "none", "none", "none"]
    pq.write_table(pa.table({"sample_id": ids, "corrected_label": labels}), folder / "corrections.parquet")
    return folder


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Path:
    """A copy of the scored run."""
    return Path(shutil.copytree(folder / "run", tmp_path / "run"))


def corrected(folder: Path) -> dict[str, str]:
    rows = pq.read_table(folder / "corrections.parquet").to_pylist()
    return {row["sample_id"]: row["corrected_label"] for row in rows}


def noise(run: Path) -> dict[str, Any]:
    """What it says of the noise: which flagged rows the list beside it holds is another matter."""
    content = dict(json.loads((run / "noise.json").read_text()))
    assert content.pop("flagged_csv")
    return content


def test_sixty_corrections_change_no_rate_by_a_bit(folder: Path, run: Path, command: Command) -> None:
    assert command("score", run).code == 0
    report, rates = (run / "report.parquet").read_bytes(), noise(run)
    before = pq.read_table(run / "scores.parquet")
    outcome = command("score", run, "--corrections", folder / "corrections.parquet")
    assert outcome.code == 0, outcome.err
    assert (run / "report.parquet").read_bytes() == report
    assert noise(run) | {"corrections": None} == rates
    after = pq.read_table(run / "scores.parquet")
    for name in before.column_names:
        if name not in ("corrected_label", "suggested_label", "suggested_confidence"):
            assert after[name].equals(before[name]), name
    found = zip(after["sample_id"].to_pylist(), after["corrected_label"].to_pylist(), strict=True)
    assert {name: label for name, label in found if label} == corrected(folder)
    assert "\nFixed    " in outcome.out
    assert "60 corrections from the column corrected_label" in outcome.err


def test_they_change_none_beside_labels_that_were_verified_since(
    folder: Path, tmp_path: Path, command: Command
) -> None:
    truth = json.loads((folder / "truth.json").read_text())
    rows = np.random.default_rng(0).choice(sorted(truth), 60, replace=False)
    pq.write_table(
        pa.table({"sample_id": rows, "trusted_label": [truth[row] for row in rows]}), tmp_path / "more.parquet"
    )
    found = []
    for corrections in ([], ["--corrections", folder / "corrections.parquet"]):
        run = Path(shutil.copytree(folder / "run", tmp_path / f"run-{len(found)}"))
        assert command("score", run, "--trusted", tmp_path / "more.parquet", *corrections).code == 0
        found.append({name: part for name, part in noise(run).items() if name not in ("notices", "corrections")})
    assert found[0] == found[1]
    assert found[0]["overall"]["audited"] > noise(folder / "run")["overall"]["audited"]


@pytest.mark.parametrize("on_flag", ["drop", "relabel", "keep"])
@pytest.mark.parametrize("when", ["scored", "exported"])
def test_an_export_takes_them(
    folder: Path, run: Path, tmp_path: Path, command: Command, on_flag: str, when: str
) -> None:
    words = ["--corrections", folder / "corrections.parquet"]
    if when == "scored":
        assert command("score", run, *words).code == 0
        words = []
    outcome = command("export-clean", run, "--out", tmp_path / "clean", "--on-flag", on_flag, *words)
    assert outcome.code == 0, outcome.err
    assert "57 with their correction, 120 with their verified label, 3 of no class left out" in outcome.out
    table = pq.read_table(tmp_path / "clean" / "data" / "train-00000-of-00001.parquet")
    written = dict(zip(table["sample_id"].to_pylist(), table["label"].to_pylist(), strict=True))
    for name, label in corrected(folder).items():
        assert written.get(name, "none") == label


def test_a_fit_is_steered_by_them_and_measures_without_them(folder: Path, tmp_path: Path, command: Command) -> None:
    fit = ["fit", folder / "data.parquet", "--trusted", folder / "trusted.parquet", *FIT, "--out", tmp_path / "run"]
    outcome = command(*fit, "--corrections", folder / "corrections.parquet")
    assert outcome.code == 0, outcome.err
    assert "with 120 audited trusted rows and 60 corrections in" in outcome.out
    assert command("score", tmp_path / "run").code == 0
    found, before = noise(tmp_path / "run")["overall"], noise(folder / "run")["overall"]
    assert (found["audited"], found["errors"]) == (before["audited"], before["errors"]) == (120, before["errors"])
    scores = pq.read_table(tmp_path / "run" / "scores.parquet").to_pylist()
    assert {row["sample_id"]: row["corrected_label"] for row in scores if row["corrected_label"]} == corrected(folder)
    assert all(row["alpha"] is not None and row["label_quality"] is not None for row in scores)


def test_corrections_alone_steer_a_fit_that_claims_no_rate(folder: Path, tmp_path: Path, command: Command) -> None:
    fit = ["fit", folder / "data.parquet", *FIT, "--out", tmp_path / "run"]
    assert command(*fit, "--corrections", folder / "corrections.parquet").code == 0
    outcome = command("score", tmp_path / "run")
    assert "Noise    unknown: verify rows drawn at random and pass them with --trusted" in outcome.out
    assert noise(tmp_path / "run")["method"] == "none"
    assert command("gate", tmp_path / "run", "--max-noise", "0.5").code == 3


@pytest.mark.parametrize("verb", ["fit", "score", "score --data"])
def test_one_file_is_not_both(folder: Path, run: Path, tmp_path: Path, command: Command, verb: str) -> None:
    both = ["--trusted", folder / "trusted.parquet", "--corrections", folder / "trusted.parquet"]
    words = {
        "fit": ["fit", folder / "data.parquet", "--out", tmp_path / "new", *FIT],
        "score": ["score", run],
        "score --data": ["score", run, "--data", folder / "data.parquet", "--embedding-column", "embedding"],
    }
    outcome = command(*words[verb], *both)
    assert outcome.code == 2
    assert "but --trusted and --corrections are both" in outcome.err


def test_corrections_of_strangers_and_of_other_classes_are_refused(
    folder: Path, run: Path, tmp_path: Path, command: Command
) -> None:
    (tmp_path / "c.csv").write_text(f"sample_id,label\nelsewhere,{CLASSES[0]}\n")
    outcome = command("score", run, "--corrections", tmp_path / "c.csv")
    assert (outcome.code, "such as 'elsewhere'" in outcome.err) == (2, True)
    (tmp_path / "c.csv").write_text("sample_id,label\ns00001,mauve\n")
    outcome = command("export-clean", run, "--out", tmp_path / "clean", "--corrections", tmp_path / "c.csv")
    assert (outcome.code, "Corrections must be classes of the dataset" in outcome.err) == (2, True)
    assert not (tmp_path / "clean").exists()


def test_a_transfer_takes_none(folder: Path, tmp_path: Path, command: Command) -> None:
    fit = ["fit", folder / "data.parquet", "--trusted", folder / "trusted.parquet", *FIT, "--out", tmp_path / "run"]
    outcome = command(*fit, "--transfer", "--corrections", folder / "corrections.parquet")
    assert outcome.code == 2
    assert "Leave --corrections out" in outcome.err


def test_new_rows_take_them_too(folder: Path, run: Path, tmp_path: Path, command: Command) -> None:
    embeddings(tmp_path / "new.parquet", rows=200, width=3, seed=5)
    (tmp_path / "c.csv").write_text(f"sample_id,label\ns00001,{CLASSES[0]}\ns00002,none\n")
    new = ["--data", tmp_path / "new.parquet", "--embedding-column", "embedding", "--out", tmp_path / "scores"]
    assert command("score", run, *new, "--corrections", tmp_path / "c.csv").code == 0
    outcome = command("export-clean", tmp_path / "scores", "--out", tmp_path / "clean", "--on-flag", "keep")
    assert "Wrote 199 of 200 rows" in outcome.out
    assert "1 with their correction, 0 with their verified label, 1 of no class left out" in outcome.out


# Rows that were picked, given as verified


@pytest.fixture(scope="module")
def picked(folder: Path) -> Path:
    """The sixty flagged rows as if they were a random sample."""
    rows = pq.read_table(folder / "corrections.parquet").rename_columns(["sample_id", "trusted_label"])
    pq.write_table(rows, folder / "picked.parquet")
    return folder / "picked.parquet"


def test_reviewed_flagged_rows_given_as_verified_leave_the_rates_as_they_are(
    run: Path, picked: Path, command: Command
) -> None:
    assert command("score", run).code == 0
    before, quality = noise(run), pq.read_table(run / "scores.parquet")["label_quality"]
    outcome = command("score", run, "--trusted", picked)
    assert outcome.code == 0, outcome.err
    after = noise(run)
    new = [notice for notice in after.pop("notices") if notice not in before["notices"]]
    (notice,) = [notice for notice in new if notice["severity"] != "note"]
    assert after == {name: part for name, part in before.items() if name != "notices"}
    assert pq.read_table(run / "scores.parquet")["label_quality"].equals(quality)
    assert notice["severity"] == "warning"
    assert "all rates are those of the 120 rows that were audited before" in notice["message"]
    first, second = outcome.out.splitlines()[:2]
    assert first.startswith("Noise ")
    assert re.match(r"\s+Warning: (The 60 verified rows cannot be a random sample|Rows in doubt may have been)", second)
    assert "Pass rows that you picked with --corrections FILE." in second
    gated = command("gate", run, "--max-noise", "0.5")
    assert (gated.code, "picked-rows-measure-nothing" in gated.out) == (0, True)


def test_a_fit_on_them_claims_neither_a_rate_nor_a_calibration(
    folder: Path, picked: Path, tmp_path: Path, command: Command
) -> None:
    """Twelve labels are flagged although they are right: enough to fit label quality on."""
    truth = json.loads((folder / "truth.json").read_text())
    scores = pq.read_table(folder / "run" / "scores.parquet").to_pylist()
    right = [r["sample_id"] for r in scores if r["flagged"] and truth[r["sample_id"]] == r["given_label"]][:12]
    rows = pq.read_table(picked).to_pydict()
    ids = [*rows["sample_id"], *(name for name in right if name not in rows["sample_id"])]
    pq.write_table(
        pa.table({"sample_id": ids, "trusted_label": [truth[name] for name in ids]}), tmp_path / "picked.parquet"
    )
    fit = ["fit", folder / "data.parquet", "--trusted", tmp_path / "picked.parquet", *FIT, "--out", tmp_path / "run"]
    assert command(*fit).code == 0
    outcome = command("score", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    assert "Noise    cannot tell, because the verified rows cannot measure it" in outcome.out
    assert "audited rows" not in outcome.out
    assert "label_quality was fitted on verified rows that are no sample: it ranks rows, and is no prob" in outcome.out
    assert command("gate", tmp_path / "run", "--max-noise", "0.9").code == 3
    goal = command("score", tmp_path / "run", "--target-precision", "0.5")
    assert goal.code == 3
    assert "A precision of 0.5 cannot be guaranteed." in goal.err
    assert "cannot be a random sample: they look wrong far more often" in outcome.out


def test_a_goal_that_nobody_verified_rows_for_says_so(folder: Path, tmp_path: Path, command: Command) -> None:
    fit = ["fit", folder / "data.parquet", "--method", "uniform", *FIT, "--out", tmp_path / "run"]
    assert command(*fit).code == 0
    outcome = command("score", tmp_path / "run", "--target-noise", "0.1")
    assert outcome.code == 3
    assert "by 0 verified rows: nobody has verified rows that may judge. The scores were written to" in outcome.err
    assert f"Draw some with `noisecleaner plan {tmp_path / 'run'} --n 300" in outcome.err


def test_new_rows_that_were_picked_measure_nothing(folder: Path, run: Path, tmp_path: Path, command: Command) -> None:
    truth = embeddings(tmp_path / "new.parquet", rows=600, width=3, seed=5)
    new = ["score", run, "--data", tmp_path / "new.parquet", "--embedding-column", "embedding", "--out", tmp_path / "s"]
    assert command(*new).code == 0
    scores = pq.read_table(tmp_path / "s" / "scores.parquet").to_pylist()
    flagged = [row["sample_id"] for row in scores if row["flagged"]][:60]
    for name, ids in (("picked", flagged), ("random", list(np.random.default_rng(0).choice(list(truth), 60, False)))):
        rows = pa.table({"sample_id": ids, "trusted_label": [truth[row] for row in ids]})
        pq.write_table(rows, tmp_path / f"{name}.parquet")
        outcome = command(*new, "--trusted", tmp_path / f"{name}.parquet")
        assert outcome.code == 0, outcome.err
        assert ("Noise    cannot tell" in outcome.out) == (name == "picked")
        assert noise(tmp_path / "s")["overall"]["audited"] == (0 if name == "picked" else 60)


@pytest.mark.parametrize("words", [["--trusted", "data.parquet"], ["--trusted-column", "label"]])
def test_a_dataset_does_not_verify_itself(folder: Path, tmp_path: Path, command: Command, words: list[str]) -> None:
    options = [folder / word if word.endswith(".parquet") else word for word in words]
    outcome = command("fit", folder / "data.parquet", *FIT, "--out", tmp_path / "run", *options)
    assert outcome.code == 2
    assert "Verified labels must be those that somebody has checked, but" in outcome.err
    assert "--trusted-column NAME" in outcome.err
    assert not (tmp_path / "run").exists()


def test_nor_does_it_after_the_fit(folder: Path, run: Path, command: Command) -> None:
    outcome = command("score", run, "--trusted", folder / "data.parquet")
    assert (outcome.code, "is the dataset, and its column 'label'" in outcome.err) == (2, True)
