"""`fit --overwrite` on a run in which somebody has worked: what fit and score wrote is replaced, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command

from noisecleaner.runs.replaced import FIT_FILES, FIT_FOLDERS, SCORE_FILES

FIT = ["fit", "data.parquet", "--embedding-column", "embedding", "--out", "run", "--epochs", "3"]
AGAIN = [*FIT, "--trusted", "verified.parquet", "--overwrite"]


@pytest.fixture
def worked(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> Path:
    """A run with scores, two plans, scores of other rows, an edited flagged.csv and notes."""
    shutil.copytree(fitted, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    plan = ["plan", "run", "--n"]
    for words in (["score", "run"], [*plan, "20", "--out", "v.parquet"], [*plan, "30", "--out", "verified.parquet"]):
        done = command(*words)
        assert done.code == 0, done.err
    assert command("score", "run", "--data", "data.parquet").code == 0
    run = tmp_path / "run"
    with (run / "flagged.csv").open("a") as file:
        file.write("looked at by me\n")
    (run / "mynotes.csv").write_text("mine\n")
    truth, table = json.loads((tmp_path / "truth.json").read_text()), pq.read_table("verified.parquet")
    labels = pa.array([truth[name] for name in table["sample_id"].to_pylist()])
    place = table.schema.get_field_index("trusted_label")
    pq.write_table(table.set_column(place, "trusted_label", labels), "verified.parquet")
    return run


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_persons_files_plans_and_other_scores_outlive_it(worked: Path, command: Command) -> None:
    before = files(worked)
    mine = {
        name for name in before if name.startswith(("designs/", "new/")) or name in ("design.parquet", "mynotes.csv")
    }
    assert {name.split("/")[0] for name in mine} == {"design.parquet", "designs", "mynotes.csv", "new"}
    outcome = command(*AGAIN)
    assert outcome.code == 0, outcome.err
    told = "is kept there: design.parquet, designs, flagged-edited.csv, mynotes.csv, new."
    assert told in " ".join(outcome.err.split())
    after = files(worked)
    assert {name: after[name] for name in mine} == {name: before[name] for name in mine}
    assert after["flagged-edited.csv"] == before["flagged.csv"]
    assert not {"scores.parquet", "noise.json", "flagged.csv"} & after.keys()
    assert command("verify", "run").code == 0


def test_the_next_plan_finds_the_design_that_the_verified_rows_were_drawn_by(worked: Path, command: Command) -> None:
    assert command(*AGAIN).code == 0
    for words in (["score", "run"], ["plan", "run", "--n", "10", "--out", "next.parquet"]):
        done = command(*words)
        assert done.code == 0, done.err
    assert (worked / "designs" / "0002.parquet").exists()
    for name in ("design.parquet", "designs"):  # they are needed for that
        (worked / name).rename(worked.parent / name)
    refused = command("plan", "run", "--n", "10", "--out", "other.parquet")
    assert refused.code == 2
    assert "needs the probabilities" in refused.err


def test_all_that_fit_and_score_write_has_a_known_name(worked: Path, command: Command) -> None:
    """What has another one would stay beside a new fit."""
    assert command(*FIT[:-4], "--trusted", "trusted.parquet", "--out", "fresh", "--epochs", "3").code == 0
    assert command("score", "fresh").code == 0
    assert {path.name for path in Path("fresh").iterdir()} <= {*FIT_FILES, *FIT_FOLDERS, *SCORE_FILES}
