"""An image folder of Hugging Face whose splits name their files alike: each has its row, and people name them so."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.datasets import CLASSES, Command, png, wrong_labels

FIT = ["--epochs", "1", "--folds", "3", "--out", "run", "--trusted", "v.csv"]


@pytest.fixture
def truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """`data/train` and `data/test` with 000.png and so on, the working folder above them; true classes by path."""
    monkeypatch.chdir(tmp_path)
    true, given = wrong_labels(80, 0.2)
    rng, answers = np.random.default_rng(1), {}
    for split, rows in (("train", range(60)), ("test", range(60, 80))):
        (tmp_path / "data" / split).mkdir(parents=True)
        with (tmp_path / "data" / split / "metadata.csv").open("w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["file_name", "label"])
            for row in rows:
                name = f"{row - rows.start:03d}.png"
                (tmp_path / "data" / split / name).write_bytes(png(2 - int(true[row]), rng))
                lines.writerow([name, CLASSES[given[row]]])
                answers[f"{split}/{name}"] = CLASSES[true[row]]
    return answers


def write(header: list[str], rows: Iterator[list[str]]) -> None:
    with Path("v.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def verified() -> dict[str, str | None]:
    rows = pq.read_table("run/trace.parquet").to_pylist()
    return {row["sample_id"]: row["trusted_label"] for row in rows if row["trusted_label"] is not None}


def test_names_with_their_split_are_rows(command: Command, truth: dict[str, str]) -> None:
    some = dict(list(truth.items())[::2])
    write(["split", "file_name", "trusted_label"], ([*path.split("/"), label] for path, label in some.items()))
    fitted = command("fit", "data", "--id-column", "file_name", *FIT)
    assert fitted.code == 0, fitted.err
    assert (
        "20 ids of column 'file_name' are repeated in metadata files of other folders (such as '000.png')" in fitted.err
    )
    assert "ids begin with the folder there" in fitted.err
    assert verified() == some
    scored = command("score", "run")
    assert scored.code == 0, scored.err
    copied = command("export-clean", "run", "--out", "copy", "--format", "folder")
    assert copied.code == 0, copied.err
    assert sorted(path.name for path in Path("copy").iterdir() if path.is_dir()) == ["test", "train"]


def test_names_alone_are_rows_where_they_are_unique(command: Command, truth: dict[str, str]) -> None:
    some = dict(list(truth.items())[20:60])  # test has 000 to 019
    write(["file_name", "trusted_label"], ([path.split("/")[1], label] for path, label in some.items()))
    fitted = command("fit", "data", *FIT)
    assert fitted.code == 0, fitted.err
    assert "0 by id, 40 by file name" in fitted.err
    assert verified() == some


def test_names_that_are_not_unique_are_refused(command: Command, truth: dict[str, str]) -> None:
    write(["file_name", "trusted_label"], ([path.split("/")[1], label] for path, label in list(truth.items())[:15]))
    outcome = command("fit", "data", "--id-column", "file_name", *FIT)
    assert outcome.code == 2
    assert "have an id that the dataset does not hold (such as '000.png'" in outcome.err


def test_ids_that_are_repeated_in_one_split_are_refused(command: Command, truth: dict[str, str]) -> None:
    with Path("data/train/metadata.csv").open("a") as file:
        file.write("000.png,red\n")
    write(["file_name", "trusted_label"], (["000.png", "red"] for _ in range(1)))
    outcome = command("fit", "data", "--id-column", "file_name", *FIT)
    assert outcome.code == 2
    assert "Sample ids must be unique" in outcome.err
