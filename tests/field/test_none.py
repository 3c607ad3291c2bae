"""Handwritten numerals among which some are none of the classes: fit -> score -> plan -> export."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_digits
from support.datasets import Command

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
FIT = ["--embedding-column", "embedding", "--folds", "3", "--epochs", "12"]


class Numerals:
    """Nines were given the label of a numeral that they look like, and 4 % of the others a wrong one."""

    def __init__(self) -> None:
        digits, rng = load_digits(), np.random.default_rng(0)
        target = digits.target
        nines = target == 9
        flipped = ~nines & (rng.random(len(target)) < 0.04)
        given = np.where(flipped, (target + rng.integers(1, 9, len(target))) % 9, target)
        given = np.where(nines, rng.choice([3, 5, 8, 4, 7, 1], len(target)), given)
        self.vectors = (digits.data / 16).astype(np.float32)
        self.ids = [f"d{row:04d}" for row in range(len(target))]
        self.given = [NAMES[label] for label in given]
        self.true = ["none" if nine else NAMES[label] for nine, label in zip(nines, target, strict=True)]
        self.audited = rng.choice(len(target), 400, replace=False)

    @property
    def noise(self) -> float:
        return float(np.mean([one != other for one, other in zip(self.given, self.true, strict=True)]))

    def write(self, folder: Path, none_label: str = "none") -> None:
        table = {"sample_id": self.ids, "label": self.given, "embedding": list(self.vectors)}
        pq.write_table(pa.table(table), folder / "data.parquet")
        with (folder / "verified.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sample_id", "trusted_label"])
            said = [none_label if label == "none" else label for label in self.true]
            writer.writerows([self.ids[row], said[row]] for row in self.audited)


@pytest.fixture(scope="module")
def numerals() -> Numerals:
    return Numerals()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fit(command: Command, *more: str) -> None:
    outcome = command("fit", "data.parquet", "--trusted", "verified.csv", "--out", "run", *FIT, *more)
    assert outcome.code == 0, outcome.err


def suggested(numerals: Numerals) -> float:
    """The share of rows of no class that get a class suggested, of those that nobody verified."""
    rows = zip(pq.read_table("run/scores.parquet").to_pylist(), numerals.true, strict=True)
    open_rows = [row for row, label in rows if label == "none" and row["trusted_label"] is None]
    return float(np.mean([row["suggested_label"] is not None for row in open_rows]))


def noise() -> dict[str, Any]:
    return dict(json.loads(Path("run/noise.json").read_text()))


def test_rows_of_no_class_are_errors_that_teach_what_not_to_suggest(
    numerals: Numerals, here: Path, command: Command
) -> None:
    """The rate holds the truth; left blank it is void or far too low, and most such rows get a class suggested."""
    numerals.write(here)
    fit(command)
    assert command("score", "run").code == 0
    overall, confusion = noise()["overall"], noise()["confusion"]
    assert overall["audited"] == 400
    assert overall["low"] < numerals.noise < overall["high"]
    assert sum(confusion["audited_no_class_by_given"]) == [numerals.true[row] for row in numerals.audited].count("none")
    assert suggested(numerals) < 0.1
    shutil.rmtree("run")
    numerals.write(here, "")
    fit(command)
    outcome = command("score", "run")
    empty = sum(numerals.true[row] == "none" for row in numerals.audited)
    warning = f"{empty} of 400 rows of verified.csv are empty: they measure nothing; write none, in small letters, "
    warning += "where no class fits"
    assert warning in outcome.out
    assert noise()["overall"]["high"] is None or noise()["overall"]["high"] < numerals.noise
    assert suggested(numerals) > 0.3


@pytest.mark.parametrize("on_flag", ["drop", "relabel", "keep"])
def test_no_copy_keeps_them_and_a_plan_does(numerals: Numerals, here: Path, command: Command, on_flag: str) -> None:
    numerals.write(here)
    fit(command)
    assert command("score", "run").code == 0
    gone = {numerals.ids[row] for row in numerals.audited if numerals.true[row] == "none"}
    outcome = command("export-clean", "run", "--out", "clean", "--on-flag", on_flag)
    assert outcome.code == 0, outcome.err
    assert f"{400 - len(gone)} with their verified label, {len(gone)} of no class left out" in outcome.out
    written = pq.read_table("clean/data/train-00000-of-00001.parquet")["sample_id"].to_pylist()
    assert not gone & set(written)
    assert command("plan", "run", "--n", "20", "--out", "plan.parquet").code == 0
    planned = pq.read_table("plan.parquet").to_pylist()
    assert {row["sample_id"] for row in planned if row["trusted_label"] == "none"} == gone
    assert {row["suggested_label"] for row in planned if row["trusted_label"] == "none"} == {None}


def test_the_word_may_be_another_one_and_is_no_class(numerals: Numerals, here: Path, command: Command) -> None:
    numerals.write(here, "not a numeral")
    words = ["fit", "data.parquet", "--trusted", "verified.csv", "--out", "run", *FIT]
    unknown = command(*words)
    assert (unknown.code, "holds not a numeral" in unknown.err) == (2, True)
    assert "where no class of the dataset is right, write none" in unknown.err
    fit(command, "--none-label", "not a numeral")
    assert command("score", "run").code == 0
    assert sum(noise()["confusion"]["audited_no_class_by_given"]) > 0
    refused = command(*words, "--overwrite", "--none-label", "seven")
    assert refused.code == 2
    assert "--none-label says that no class is right, but 'seven' is a class of the dataset" in refused.err
    alone = command("score", "run", "--none-label", "other")
    assert (alone.code, "--none-label would do nothing: only for --data" in alone.err) == (2, True)


def test_new_rows_may_be_of_no_class(numerals: Numerals, here: Path, command: Command) -> None:
    numerals.write(here)
    fit(command)
    new = pa.table({"sample_id": [f"n{row}" for row in range(300)], "label": numerals.given[:300]})
    pq.write_table(new.append_column("embedding", [list(numerals.vectors[:300])]), "new.parquet")
    labels = [f"n{row},{label}" for row, label in enumerate(numerals.true[:300]) if row % 3 == 0]
    Path("checked.csv").write_text("\n".join(["sample_id,label", *labels]) + "\n")
    words = ["score", "run", "--data", "new.parquet", "--embedding-column", "embedding", "--out", "new"]
    outcome = command(*words, "--trusted", "checked.csv")
    assert outcome.code == 0, outcome.err
    found = json.loads(Path("new/noise.json").read_text())
    none = sum(label.endswith(",none") for label in labels)
    assert sum(found["confusion"]["audited_no_class_by_given"]) == none > 0
