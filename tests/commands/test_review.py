"""`noisecleaner review`: exit codes, and what it tells."""

from __future__ import annotations

import shlex
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
    assert "Save on the page that you finish last: its verified.csv holds all answers" in outcome.out
    assert "(verified-1.csv, …) is a part" in outcome.out


def test_a_csv_is_read_with_the_columns_of_its_dataset(tmp_path: Path, command: Command) -> None:
    data, plan = table_of_bytes(tmp_path, ["a", "b", "c"], ["x", "y", "x"])
    renamed = pq.read_table(data).rename_columns(["key", "class", "picture"])
    pq.write_table(pa.table(renamed), data)
    words = ["--id-column", "key", "--label-column", "class", "--image-column", "picture"]
    outcome = command("review", plan, "--data", data, *words, "--out", tmp_path / "verify.html")
    assert outcome.code == 0, outcome.err
    spelled = "--image-column picture --label-column class --id-column key"
    assert f"Next: noisecleaner fit {data} {spelled} --trusted verified.csv --out runs/first" in outcome.out


def test_what_plan_prints_for_a_spreadsheet_can_be_typed(tmp_path: Path, command: Command) -> None:
    """Columns of other names, and numbers that a file names: both commands that follow are told all of it again."""
    data, _ = table_of_bytes(tmp_path, list("abcdef"), ["0", "1"] * 3)
    pq.write_table(pq.read_table(data).rename_columns(["key", "class", "picture"]), data)
    (tmp_path / "names.txt").write_text("cat\ndog\nemu\n")
    columns = ["--id-column", "key", "--label-column", "class", "--image-column", "picture"]
    names = ["--label-names", tmp_path / "names.txt"]
    drawn = command("plan", data, *columns, *names, "--n", 4, "--out", tmp_path / "drawn.csv")
    assert drawn.code == 0, drawn.err
    shown, following = (
        shlex.split(line.partition(": noisecleaner ")[2])
        for line in drawn.out.splitlines()
        if line.startswith(("Next: ", "Then: "))
    )
    outcome = command(*shown)
    assert outcome.code == 0, outcome.err
    assert data_of(tmp_path / "drawn.html")["classes"] == ["cat", "dog", "emu"]
    again = next(line for line in outcome.out.splitlines() if line.startswith("Next: "))
    typed = shlex.split(again.partition(": noisecleaner ")[2])
    trusted = typed.index("--trusted") + 1
    assert (typed[:trusted], typed[trusted]) == (following[:trusted], "verified.csv")
    assert typed[0] == "fit"


def test_a_table_of_a_run_is_not_sent_to_a_fit(plan: Path, tmp_path: Path, command: Command) -> None:
    """A CSV does not name its run; second looks are of one, and so are unequal probabilities."""
    assert command("plan", plan.parent / "run", "--recheck", 9, "--out", tmp_path / "again.csv").code == 0
    shown = command(
        "review", tmp_path / "again.csv", "--data", plan.parent / "data.parquet", "--out", tmp_path / "a.html"
    )
    assert shown.code == 0, shown.err
    assert "Next: give second-looks.csv to --trusted, as `plan` has said." in shown.out


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
