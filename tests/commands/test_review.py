"""`noisecleaner review`: exit codes, and what it tells."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.reviews import data_of, planned, table_of_bytes


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planned(tmp_path_factory.mktemp("command"))


def test_it_tells_what_to_do_with_the_page(plan: Path, tmp_path: Path, command: Command) -> None:
    outcome = command("review", plan, "--out", tmp_path / "verify.html")
    assert outcome.code == 0
    lost = len(data_of(tmp_path / "verify.html")["lost"])
    assert f"Wrote {tmp_path / 'verify.html'} ({40 - lost} images; " in outcome.out
    assert "120 more rows of the plan have an answer already" in outcome.out
    assert "save verified.csv" in outcome.out
    assert f"{lost} image" in outcome.err


def test_flagged_rows_are_taken_back_as_corrections(plan: Path, tmp_path: Path, command: Command) -> None:
    outcome = command("review", plan.parent / "run", "--flagged", "--out", tmp_path / "fix.html")
    assert outcome.code == 0
    assert "save corrections.csv" in outcome.out
    assert (
        f"Next: noisecleaner export-clean {plan.parent / 'run'} --out DIR --corrections corrections.csv" in outcome.out
    )


def test_many_rows_are_several_pages(plan: Path, tmp_path: Path, command: Command) -> None:
    outcome = command("review", plan, "--out", tmp_path / "verify.html", "--rows", 20)
    assert outcome.code == 0
    assert f"Wrote 2 pages, {tmp_path / 'verify-1.html'} to verify-2.html" in outcome.out


def test_a_csv_is_read_with_the_columns_of_its_dataset(tmp_path: Path, command: Command) -> None:
    data, plan = table_of_bytes(tmp_path, ["a", "b", "c"], ["x", "y", "x"])
    renamed = pq.read_table(data).rename_columns(["key", "class", "picture"])
    pq.write_table(pa.table(renamed), data)
    words = ["--id-column", "key", "--label-column", "class", "--image-column", "picture"]
    outcome = command("review", plan, "--data", data, *words, "--out", tmp_path / "verify.html")
    assert outcome.code == 0, outcome.err
    assert "Next: give verified.csv to --trusted." in outcome.out  # with the options of the columns


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--label-column", "x"], "column options would do nothing: only for --data"),
        (["--link-images"], "--link-images needs images in files of this machine"),
        (["--rows", "0"], "--rows"),
        (["--flagged"], "Scores are required"),
    ],
)
def test_what_cannot_be_is_one_paragraph(
    plan: Path, tmp_path: Path, command: Command, words: list[str], said: str
) -> None:
    outcome = command("review", plan, "--out", tmp_path / "verify.html", *words)
    assert outcome.code == 2
    assert said in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_no_plan_and_the_hint_says_what_to_type(plan: Path, tmp_path: Path, command: Command) -> None:
    run = plan.parent / "run"
    outcome = command("review", run, "--out", tmp_path / "verify.html")
    assert outcome.code == 2
    assert f"`noisecleaner plan {run} --out FILE`" in outcome.err
    assert "--flagged" in outcome.err


def test_a_csv_without_a_dataset_is_told_to_name_it(tmp_path: Path, command: Command) -> None:
    _, plan = table_of_bytes(tmp_path, ["a", "b"], ["x", "y"])
    outcome = command("review", plan, "--out", tmp_path / "verify.html")
    assert outcome.code == 2
    assert "Name the dataset with --data DATA" in outcome.err
