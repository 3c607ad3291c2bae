"""`noisecleaner plan`: what it asks of the library, and a first plan from the rows to the rate."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.asking import Asked
from support.datasets import Command, embeddings, image_folder
from support.outcomes import refused
from support.scored import make_run

from noisecleaner.ingest import Columns, Source


def test_rows_of_a_run_are_drawn(asked: Asked, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    call = asked("plan", "plan", run, "--out", "verify.parquet", "--n", "50", "--seed", "3")
    assert (call.positional, call.named) == ((run, Path("verify.parquet")), {"count": 50, "seed": 3})
    assert asked("plan", "plan", run, "--out", "v.parquet").named == {"count": 200, "seed": 0}


def test_verified_rows_are_drawn_for_a_second_look(asked: Asked, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    call = asked("recheck", "plan", run, "--out", "second.parquet", "--recheck", "50", "--seed", "3")
    assert (call.positional, call.named) == ((run, Path("second.parquet")), {"count": 50, "seed": 3})


def test_what_is_no_run_is_data(asked: Asked) -> None:
    words = ["--label-column", "l", "--none-label", "nothing", "--label-level", "2", "--seed", "3", "--n", "50"]
    call = asked("plan_data", "plan", "images", "--out", "v.csv", *words)
    source = Source("images", columns=Columns(label="l"), none_label="nothing", label_level=2)
    assert (call.positional, call.named) == ((source, Path("v.csv")), {"count": 50, "seed": 3})
    assert asked("plan_data", "plan", "images", "--out", "v.csv").named == {"seed": 0}


@pytest.mark.parametrize("words", [["--n", "50", "--recheck", "50"], ["--recheck", "0", "--n", "0"]])
def test_new_rows_and_verified_ones_are_two_plans(command: Command, words: list[str]) -> None:
    outcome = command("plan", "run", "--out", "table.parquet", *words)
    refused(outcome, "--n draws new rows and --recheck verified ones, but both are given. Keep one.")


def test_options_that_would_do_nothing_are_refused(command: Command, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    words = ["plan", run, "--out", "v.csv", "--label-column", "l", "--row-ids", "--label-level", "0"]
    refused(command(*words), "--label-column and --row-ids and --label-level would do nothing: only for a dataset")


def test_who_names_no_run_is_told_what_was_meant(command: Command, tmp_path: Path) -> None:
    make_run(tmp_path / "run" / "new" / "may")
    refused(command("plan", tmp_path / "run" / "new" / "june", "--out", "v.csv"), "There are scores of new rows in: ")
    refused(command("plan", tmp_path / "images", "--out", "v.csv"), "An image folder (class/x.png), a table or a glob")


def test_a_plan_needs_no_torch(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image_folder(tmp_path / "images", 12)
    for name in ("torch", "torchvision"):
        monkeypatch.setitem(sys.modules, name, None)
    outcome = command("plan", tmp_path / "images", "--n", "5", "--out", tmp_path / "v.tsv")
    assert outcome.code == 0, outcome.err
    assert f"review {tmp_path / 'v.tsv'} --data {tmp_path / 'images'} --out {tmp_path / 'v.html'}" in outcome.out


def test_rows_without_images_are_filled_in_by_hand(command: Command, tmp_path: Path) -> None:
    """What is told next works: a page would be refused."""
    data, read = tmp_path / "data.parquet", ["--embedding-column", "embedding"]
    truth = embeddings(data)
    for name in ("verify.csv", "verify.parquet"):
        outcome = command("plan", data, *read, "--n", "120", "--out", tmp_path / name)
        assert outcome.code == 0, outcome.err
        told = outcome.out.splitlines()
        assert "noisecleaner review" not in outcome.out
        assert told[1].startswith(f"Next: fill in the column trusted_label of {tmp_path / name} by hand")
        assert told[-1] == (
            f"Then: noisecleaner fit {data} --embedding-column embedding --trusted {tmp_path / name} --out runs/first"
        )
        spreadsheet = [line for line in told if f"--out {tmp_path / 'verify.csv'}" in line]
        assert bool(spreadsheet) == (name == "verify.parquet")
        assert command("review", tmp_path / name, "--data", data, "--out", tmp_path / "v.html").code == 2
    again = pq.read_table(tmp_path / "verify.parquet")["sample_id"].to_pylist()
    assert filled(tmp_path / "verify.csv", truth) == again
    words = ["fit", data, *read, "--trusted", tmp_path / "verify.csv", "--out", tmp_path / "run", "--epochs", "1"]
    assert command(*words).code == 0


def filled(path: Path, truth: dict[str, str]) -> list[str]:
    """Fill in a table of text as a person would; return the ids."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file))
    assert header == ["sample_id", "path", "trusted_label", "sample_probability"]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *([name, image, truth[name], p] for name, image, _, p in rows)])
    return [row[0] for row in rows]


def test_rates_after_a_first_plan_are_those_of_a_plain_random_sample(command: Command, tmp_path: Path) -> None:
    """The same rows, in the same order, without a word of how they were drawn: every number agrees to the last bit."""
    data, read = tmp_path / "data.parquet", ["--embedding-column", "embedding"]
    truth = embeddings(data)
    assert command("plan", data, *read, "--n", "120", "--out", tmp_path / "verify.csv").code == 0
    ids = filled(tmp_path / "verify.csv", truth)
    plain = {"sample_id": ids, "trusted_label": [truth[name] for name in ids]}
    pq.write_table(pa.table(plain), tmp_path / "plain.parquet")
    measured = []
    for name in ("verify.csv", "plain.parquet"):
        run = tmp_path / Path(name).stem
        words = ["fit", data, *read, "--trusted", tmp_path / name, "--out", run, "--epochs", "2"]
        assert command(*words).code == 0
        assert command("score", run).code == 0
        noise = json.loads((run / "noise.json").read_text())
        assert noise["overall"]["audited"] == 120
        measured.append({part: value for part, value in noise.items() if part != "notices"})
        outcome = command("plan", run, "--n", "40", "--out", run / "next.parquet")
        assert outcome.code == 0, outcome.err
    assert measured[0] == measured[1]
    planned, plainly = (pq.read_table(tmp_path / name / "next.parquet") for name in ("verify", "plain"))
    assert planned.equals(plainly)
