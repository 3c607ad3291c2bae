"""Labels that could be read in two ways, through the commands: the right reading, or a refusal with what to type."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, Outcome
from support.field import Refused

CLOTHES = ("tshirt", "trouser", "pullover", "dress")
GRADES = ("1", "2", "3", "4", "ungradable")
FIT = ["--embedding-column", "embedding", "--epochs", "2", "--folds", "3"]


class Rows:
    """Rows of overlapping clusters, one a class, of which a fifth is labelled wrongly."""

    def __init__(self, classes: int, rows: int = 300, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.true = rng.integers(0, classes, rows)
        wrong = rng.random(rows) < 0.2
        self.given = np.where(wrong, (self.true + rng.integers(1, classes, rows)) % classes, self.true)
        centres = 2 * np.random.default_rng(9).normal(size=(classes, 12))
        self.vectors = (centres[self.true] + rng.normal(size=(rows, 12))).astype(np.float32)
        self.ids = [f"{seed}-{row}" for row in range(rows)]

    @property
    def noise(self) -> float:
        return float((self.true != self.given).mean())

    def write(self, path: Path, labels: Sequence[object], names: Sequence[str] = ()) -> None:
        """Write a table with these labels, under ClassLabel if there are names."""
        made = pa.table({"sample_id": self.ids, "label": labels, "embedding": list(self.vectors)})
        if names:
            features = {"label": {"names": list(names), "_type": "ClassLabel"}}
            made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        pq.write_table(made, path)

    def verify(self, path: Path, labels: Sequence[object], tenths: int = 5) -> None:
        """Write a share of the labels as a CSV file of verified ones."""
        pairs = list(zip(self.ids, labels, strict=True))
        lines = [f"{name},{label}" for row, (name, label) in enumerate(pairs) if row % 10 < tenths]
        path.write_text("\n".join(["sample_id,trusted_label", *lines]) + "\n")


def named(names: Sequence[str], numbers: np.ndarray) -> list[str]:
    return [names[number] for number in numbers]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noise_of(outcome: Outcome) -> float:
    """The noise that `score` prints, as a share."""
    assert outcome.code == 0, outcome.err
    return float(outcome.out.split()[1]) / 100


def test_verified_numbers_for_classes_that_are_names(refused: Refused, tmp_path: Path) -> None:
    rows = Rows(4)
    rows.write(tmp_path / "data.parquet", named(CLOTHES, rows.given))
    rows.verify(tmp_path / "t.csv", rows.true.tolist())
    words = ["fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *FIT]
    mapping = "0 would be dress, 1 would be pullover, 2 would be trouser, 3 would be tshirt"
    refused(*words, says=[mapping, "--label-names FILE", "or write names"])


def test_class_names_say_what_numbers_are_at_the_fit_and_ever_after(command: Command, here: Path) -> None:
    rows, later = Rows(4), Rows(4, seed=1)
    rows.write(here / "data.parquet", named(CLOTHES, rows.given))
    rows.verify(here / "t.csv", rows.true.tolist())
    (here / "names.txt").write_text("\n".join(CLOTHES) + "\n")
    fitted = command("fit", "data.parquet", "--trusted", "t.csv", "--label-names", "names.txt", "--out", "run", *FIT)
    assert fitted.code == 0, fitted.err
    assert "read as positions in the class names: 0 is tshirt, 1 is trouser, 2 is pullover, 3 is dress" in fitted.err
    (here / "names.txt").unlink()  # the run knows them
    assert noise_of(command("score", "run")) == pytest.approx(rows.noise, abs=0.05)
    rows.verify(here / "more.csv", rows.true.tolist(), tenths=9)
    assert noise_of(command("score", "run", "--trusted", "more.csv")) == pytest.approx(rows.noise, abs=0.02)
    later.write(here / "new.parquet", later.given.tolist())
    judged = command("score", "run", "--data", "new.parquet", "--out", "new", "--embedding-column", "embedding")
    assert judged.code == 0, judged.err
    scores = pq.read_table(here / "new" / "scores.parquet")
    assert scores["given_label"].to_pylist() == named(CLOTHES, later.given)
    copied = command("export-clean", "new", "--out", "clean", "--on-flag", "keep")
    assert copied.code == 0, copied.err


def test_labels_verified_later_as_numbers_can_be_named_then(command: Command, here: Path) -> None:
    rows = Rows(4)
    rows.write(here / "data.parquet", named(CLOTHES, rows.given))
    rows.verify(here / "t.csv", named(CLOTHES, rows.true))
    assert command("fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *FIT).code == 0
    rows.verify(here / "more.csv", rows.true.tolist(), tenths=9)
    unnamed = command("score", "run", "--trusted", "more.csv")
    assert unnamed.code == 2
    assert "0 would be dress" in unnamed.err
    assert "--label-names FILE" in unnamed.err
    (here / "names.json").write_text(json.dumps(CLOTHES))
    words = ["score", "run", "--trusted", "more.csv", "--label-names", "names.json"]
    assert noise_of(command(*words)) == pytest.approx(rows.noise, abs=0.02)


def test_fitted_class_label_names_numbers_of_later_files(command: Command, here: Path) -> None:
    rows, later = Rows(4), Rows(4, seed=1)
    rows.write(here / "data.parquet", rows.given.tolist(), names=CLOTHES)
    rows.verify(here / "t.csv", named(CLOTHES, rows.true))
    assert command("fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *FIT).code == 0
    rows.verify(here / "more.csv", rows.true.tolist(), tenths=9)
    assert noise_of(command("score", "run", "--trusted", "more.csv")) == pytest.approx(rows.noise, abs=0.02)
    other = CLOTHES[::-1]
    later.write(here / "new.parquet", [3 - number for number in later.given.tolist()], names=other)
    words = ["gate", "run", "--data", "new.parquet", "--embedding-column", "embedding", "--max-flagged", "0.4"]
    judged = command(*words, "--out", "new")
    assert judged.code == 0, judged.err + judged.out
    assert pq.read_table(here / "new" / "scores.parquet")["given_label"].to_pylist() == named(CLOTHES, later.given)


def test_a_number_without_a_name_is_a_row_that_is_skipped_and_named(command: Command, here: Path) -> None:
    rows = Rows(4)
    rows.write(here / "data.parquet", [17, *rows.given.tolist()[1:]])
    (here / "names.txt").write_text("\n".join(CLOTHES))
    words = ["fit", "data.parquet", "--label-names", "names.txt", "--method", "uniform", *FIT]
    fitted = command(*words, "--out", "run")
    assert fitted.code == 0, fitted.err
    assert "(1 skipped: 1 unknown_class" in fitted.out
    assert "1 is skipped: 1 unknown_class (0-0). Labels that are no class: 17." in fitted.err
    strict = command(*words, "--strict", "--out", "strict")
    assert strict.code == 2
    assert "(unknown_class)" in strict.err


def test_names_verified_for_numbers(refused: Refused, tmp_path: Path) -> None:
    rows = Rows(4)
    rows.write(tmp_path / "data.parquet", rows.given.tolist())
    rows.verify(tmp_path / "t.csv", named(CLOTHES, rows.true))
    words = ["fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *FIT]
    refused(*words, says=["the classes are numbers (0, 1, 2, 3)", "0 would be dress", "--label-names FILE"])


def test_grades_are_names_also_where_nobody_wrote_the_one_word(command: Command, here: Path) -> None:
    rows, later = Rows(5, rows=400), Rows(5, seed=1)
    rows.write(here / "data.parquet", named(GRADES, rows.given))
    numbers = [name if name != "ungradable" else "" for name in named(GRADES, rows.true)]
    rows.verify(here / "t.csv", numbers, tenths=9)
    fitted = command("fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *FIT)
    assert fitted.code == 0, fitted.err
    true = {
        name: label if row % 10 < 9 else "" for row, (name, label) in enumerate(zip(rows.ids, numbers, strict=True))
    }
    trace = pq.read_table(here / "run" / "trace.parquet", columns=["sample_id", "trusted_label"]).to_pylist()
    assert {row["sample_id"]: row["trusted_label"] or "" for row in trace} == true
    new = pa.table(
        {
            "sample_id": later.ids,
            "label": named(GRADES, later.given),
            "embedding": list(later.vectors),
        }
    )
    pq.write_table(new.filter(pc.not_equal(new["label"], "ungradable")), here / "new.parquet")
    words = ["gate", "run", "--data", "new.parquet", "--embedding-column", "embedding", "--max-flagged", "0.4"]
    judged = command(*words, "--out", "new")
    assert judged.code == 0, judged.err + judged.out


@pytest.mark.parametrize(
    ("names", "numbers", "says"),
    [
        (GRADES, [0, 1, 2, 3], ["1, 2, 3 are names of classes and 0 are none", "(1 would be 2)", "Write the names"]),
        (CLOTHES, [1, 2, 3, 4], ["count from 0 to 3", "but", "holds 4", "Number the classes from 0"]),
    ],
)
def test_verified_numbers_that_cannot_be_positions(
    refused: Refused, tmp_path: Path, names: Sequence[str], numbers: list[int], says: list[str]
) -> None:
    rows = Rows(len(names))
    rows.write(tmp_path / "data.parquet", rows.given.tolist(), names=names)
    rows.verify(tmp_path / "t.csv", [numbers[row % 4] for row in range(len(rows.ids))])
    refused("fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *FIT, says=says)


def test_numbers_in_new_rows_of_a_run_of_names(command: Command, refused: Refused, tmp_path: Path) -> None:
    rows, later = Rows(4), Rows(4, seed=1)
    rows.write(tmp_path / "data.parquet", named(CLOTHES, rows.given))
    rows.verify(tmp_path / "t.csv", named(CLOTHES, rows.true))
    assert command("fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *FIT).code == 0
    later.write(tmp_path / "new.parquet", later.given.tolist())
    words = ["--data", "new.parquet", "--embedding-column", "embedding", "--out", "new"]
    for ask in (["score", "run"], ["gate", "run", "--max-flagged", "0.4"]):
        refused(*ask, *words, says=["0 would be dress, 1 would be pullover", "--label-names FILE"])
    (tmp_path / "names.txt").write_text("\n".join(CLOTHES))
    judged = command("gate", "run", "--max-flagged", "0.4", *words, "--label-names", "names.txt")
    assert judged.code == 0, judged.err + judged.out


def test_probabilities_that_name_other_classes(refused: Refused, tmp_path: Path) -> None:
    rows = Rows(3)
    made = pa.table({"sample_id": rows.ids, "label": named(CLOTHES, rows.given)})
    structs = pa.array([{"tshirt": 0.5, "trouser": 0.25, "hat": 0.25}] * len(rows.ids))
    pq.write_table(made.append_column("p", structs), tmp_path / "data.parquet")
    words = ["fit", "data.parquet", "--trusted", "none", "--probabilities-column", "p", "--out", "run"]
    refused(*words, says=["name hat and lack pullover", "--label-names FILE"])


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_minus_one_beside_zero_is_no_label_in_any_table(command: Command, here: Path, ending: str) -> None:
    rows = Rows(4)
    labels = [-1 if row % 5 == 0 else number for row, number in enumerate(rows.given.tolist())]
    np.save(here / "v.npy", rows.vectors)
    if ending == "csv":
        lines = [f"{name},{label}" for name, label in zip(rows.ids, labels, strict=True)]
        (here / "data.csv").write_text("\n".join(["sample_id,label", *lines]) + "\n")
    else:
        pq.write_table(pa.table({"sample_id": rows.ids, "label": labels}), here / "data.parquet")
    words = ["--trusted", "none", "--embedding-column", "v.npy", "--epochs", "2", "--folds", "3", "--out", "run"]
    fitted = command("fit", f"data.{ending}", *words)
    assert fitted.code == 0, fitted.err
    assert "60 no_label" in fitted.out
    assert "60 rows of" in fitted.err
    assert "carry -1 as their label: they are read as unlabelled." in fitted.err


def test_words_for_nothing_are_no_classes_and_stand_beside_the_noise(command: Command, here: Path) -> None:
    rows = Rows(4)
    words = ["nan", "None", "NULL", "N/A"]
    labels = [words[row // 10 % 4] if row % 10 == 0 else name for row, name in enumerate(named(CLOTHES, rows.given))]
    rows.write(here / "data.parquet", labels)
    rows.verify(here / "t.csv", named(CLOTHES, rows.true))
    fitted = command("fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *FIT)
    assert "30 no_label" in fitted.out
    scored = command("score", "run")
    assert noise_of(scored) == pytest.approx(rows.noise, abs=0.05)
    doubt = next(line for line in scored.out.splitlines() if "Warning" in line and "unlabelled" in line)
    assert "carry N/A, NULL, None, nan as their label" in doubt
    assert "--label-names FILE" in doubt


def test_classes_that_look_alike_stand_beside_the_noise(command: Command, here: Path) -> None:
    rows = Rows(4)
    labels = [(name, name.title(), f"{name} ")[row % 3] for row, name in enumerate(named(CLOTHES, rows.given))]
    rows.write(here / "data.parquet", labels)
    rows.verify(here / "t.csv", named(CLOTHES, rows.true))
    assert command("fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *FIT).code == 0
    scored = command("score", "run")
    (doubt,) = [line for line in scored.out.splitlines() if "look alike" in line]
    assert "Warning: 12 of 12 classes of" in doubt
    assert "'Dress' and 'dress' and 'dress ' (they differ in case and blanks)" in doubt
    assert "If they are 4 and not 12, write one spelling for each." in doubt


def test_verified_labels_in_another_unicode_form(command: Command, here: Path) -> None:
    rows = Rows(3)
    rows.write(here / "data.parquet", named(["mu\u0308cke", "do\u0308g", "horse"], rows.given))
    rows.verify(here / "t.csv", named(["m\u00fccke", "d\u00f6g", "horse"], rows.true))
    words = ["fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *FIT]
    fitted = command(*words)
    assert fitted.code == 0, fitted.err
    assert "'m\\xfccke' is spelled 'mu\\u0308cke' in the dataset (same letters, other Unicode form)" in fitted.err
    assert noise_of(command("score", "run")) == pytest.approx(rows.noise, abs=0.06)


def test_a_verified_class_that_no_row_was_given(command: Command, refused: Refused, tmp_path: Path) -> None:
    rows = Rows(4)
    rows.given[rows.given == 3] = 0
    rows.write(tmp_path / "data.parquet", named(CLOTHES, rows.given))
    rows.verify(tmp_path / "t.csv", named(CLOTHES, rows.true))
    words = ["fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *FIT]
    refused(*words, says=["holds dress, and", "--label-names FILE"])
    (tmp_path / "names.txt").write_text("\n".join(CLOTHES) + "\n")
    fitted = command(*words, "--label-names", "names.txt")
    assert fitted.code == 0, fitted.err
    assert noise_of(command("score", "run")) == pytest.approx(rows.noise, abs=0.06)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("tshirt\ntrouser\n", "which it does not name"),
        ("tshirt\n\ntrouser\n", "number 1 has none"),
        ("tshirt\ntshirt\n", "more than once"),
    ],
)
def test_class_names_that_cannot_be_used(refused: Refused, tmp_path: Path, content: str, says: str) -> None:
    rows = Rows(4)
    rows.write(tmp_path / "data.parquet", named(CLOTHES, rows.given))
    (tmp_path / "names.txt").write_text(content)
    words = ["fit", "data.parquet", "--trusted", "none", "--out", "run", "--label-names", "names.txt", *FIT]
    refused(*words, says=[says])
    refused(*words[: -len(FIT) - 1], "gone.txt", *FIT, says=["need a text file", "gone.txt"])


def test_a_label_column_that_is_an_id(refused: Refused, tmp_path: Path) -> None:
    rows = Rows(4)
    rows.write(tmp_path / "data.parquet", named(CLOTHES, rows.given))
    for column in ("file", "sample_id"):
        table = pq.read_table(tmp_path / "data.parquet")
        files = pa.array([f"img-{row}.png" for row in range(len(table))])
        pq.write_table(table.append_column("file", files), tmp_path / "wide.parquet")
        words = ["fit", "wide.parquet", "--trusted", "none", "--label-column", column, "--out", "run", *FIT]
        refused(*words, says=["Labels must be shared by rows", "label (4 values)", "--label-column NAME"])


# Class probabilities


class Probabilities(Rows):
    """Rows with the probabilities of a good model, the columns in the order of `CLOTHES`."""

    def table(self, order: Sequence[str] = CLOTHES, *, more: int = 0) -> pa.Table:
        rng = np.random.default_rng(3)
        numbers = 0.3 * rng.dirichlet(np.full(4, 0.3), len(self.ids))
        numbers[np.arange(len(self.ids)), self.true] += 0.7
        numbers = numbers[:, [CLOTHES.index(name) for name in order]]
        wide = np.hstack([numbers, np.zeros((len(numbers), more))]).astype(np.float32)
        return pa.table({"sample_id": self.ids, "label": named(CLOTHES, self.given), "p": list(wide)})

    def structs(self, order: Sequence[str] = CLOTHES) -> pa.Table:
        lists = self.table(order)
        rows = [dict(zip(order, numbers, strict=True)) for numbers in lists["p"].to_pylist()]
        return lists.set_column(2, "p", pa.array(rows))


BRING = ["--probabilities-column", "p", "--epochs", "2", "--folds", "3"]


@pytest.mark.parametrize("verified", [True, False])
def test_probabilities_in_the_order_of_the_model(refused: Refused, tmp_path: Path, verified: bool) -> None:
    rows = Probabilities(4)
    pq.write_table(rows.table(), tmp_path / "data.parquet")
    rows.verify(tmp_path / "t.csv", named(CLOTHES, rows.true))
    words = ["fit", "data.parquet", "--trusted", "t.csv" if verified else "none", "--out", "run", *BRING]
    says = ["(dress, pullover, trouser, tshirt)", "column 0 is tshirt, column 1 is trouser", "--label-names FILE"]
    refused(*words, says=[*says, "most likely tshirt, trouser, pullover, dress"])


def test_probabilities_whose_columns_are_named_have_the_right_ones(command: Command, here: Path) -> None:
    rows = Probabilities(4)
    rows.verify(here / "t.csv", named(CLOTHES, rows.true))
    (here / "names.txt").write_text("\n".join(CLOTHES))
    pq.write_table(rows.table(), here / "lists.parquet")
    pq.write_table(rows.structs(), here / "structs.parquet")
    pq.write_table(rows.table(sorted(CLOTHES)), here / "sorted.parquet")
    for name, more in (("lists", ["--label-names", "names.txt"]), ("structs", []), ("sorted", [])):
        words = [f"{name}.parquet", "--trusted", "t.csv", "--out", name, *BRING, *more]
        fitted = command("fit", *words)
        assert fitted.code == 0, fitted.err
        scored = command("score", name)
        assert noise_of(scored) == pytest.approx(rows.noise, abs=0.03)
        flagged = pq.read_table(here / name / "scores.parquet")["flagged"].to_numpy()
        assert (flagged == (rows.true != rows.given)).mean() > 0.97


def test_more_columns_than_classes_say_how_to_name_them(command: Command, refused: Refused, tmp_path: Path) -> None:
    rows = Probabilities(4)
    pq.write_table(rows.table(more=1), tmp_path / "data.parquet")
    rows.verify(tmp_path / "t.csv", named(CLOTHES, rows.true))
    words = ["fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *BRING]
    refused(*words, says=["each of the 4 classes, but the rows hold 5", "--label-names FILE"])
    (tmp_path / "names.txt").write_text("\n".join([*CLOTHES, "hat"]))
    assert command(*words, "--label-names", "names.txt").code == 0
    assert noise_of(command("score", "run")) == pytest.approx(rows.noise, abs=0.03)


def test_probabilities_of_new_rows_in_another_order(command: Command, refused: Refused, tmp_path: Path) -> None:
    rows, later = Probabilities(4), Probabilities(4, seed=1)
    pq.write_table(rows.table(sorted(CLOTHES)), tmp_path / "data.parquet")
    rows.verify(tmp_path / "t.csv", named(CLOTHES, rows.true))
    assert command("fit", "data.parquet", "--trusted", "t.csv", "--out", "run", *BRING).code == 0
    pq.write_table(later.table(), tmp_path / "new.parquet")
    words = ["--data", "new.parquet", "--probabilities-column", "p", "--out", "new"]
    for ask in (["score", "run"], ["gate", "run", "--max-flagged", "0.4"]):
        refused(*ask, *words, says=["column 0 is tshirt", "most likely tshirt, trouser, pullover, dress"])
    (tmp_path / "names.txt").write_text("\n".join(CLOTHES))
    assert command("gate", "run", "--max-flagged", "0.4", *words, "--label-names", "names.txt").code == 0
    pq.write_table(later.structs(), tmp_path / "new.parquet")
    assert command("gate", "run", "--max-flagged", "0.4", *words).code == 0
