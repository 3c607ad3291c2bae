"""`gate --data` on rows of which the run cannot look at all: through the real `main`, with its exit codes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import CLASSES, Command, Outcome, embeddings, image_folder, png, write_trusted

VECTORS = ("--embedding-column", "embedding")
FORMATS = ["console", "json", "junit", "markdown", "github"]


@pytest.fixture
def run(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fitted run, and a working directory for scores of new rows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return fitted / "run"


def new_rows(folder: Path, rows: int = 300) -> pa.Table:
    """Rows of the fitted kind under other ids."""
    embeddings(folder / "new.parquet", rows=rows, seed=1)
    table = pq.read_table(folder / "new.parquet")
    return table.set_column(0, "sample_id", pa.array([f"new {row}" for row in range(rows)]))


def relabelled(table: pa.Table, labels: Sequence[str | None]) -> pa.Table:
    return table.set_column(table.column_names.index("label"), "label", pa.array(labels, pa.string()))


def gated(command: Command, run: Path, table: pa.Table, *words: object) -> Outcome:
    pq.write_table(table, "new.parquet")
    return command("gate", run, "--data", "new.parquet", *VECTORS, "--out", "out", "--max-flagged", "0.9", *words)


def test_classes_that_were_not_fitted_make_the_gate_inconclusive(command: Command, run: Path, tmp_path: Path) -> None:
    table = new_rows(tmp_path)
    labels = [name if row % 5 < 2 else name.title() for row, name in enumerate(table["label"].to_pylist())]
    outcome = gated(command, run, relabelled(table, labels), "--min-kept-per-class", "1")
    assert outcome.code == 3
    lines = outcome.out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["passed", "passed", "inconclusive"]
    assert "180 of 300 rows were not scored (60 %): 180 carry classes that the run does not know (such as '" in lines[2]
    assert all(f"'{name.title()}' " in lines[2] for name in CLASSES)
    assert "or set the limit with --max-skipped SHARE." in lines[2]
    assert lines[-1].endswith("2 of 3 rules passed, 1 inconclusive; scored 120 of 300 rows (180 unknown_class): out")
    assert gated(command, run, relabelled(table, labels), "--max-skipped", "0.5").code == 1
    assert gated(command, run, relabelled(table, labels), "--max-skipped", "0.6").code == 0
    strict = gated(command, run, relabelled(table, labels), "--strict")
    assert strict.code == 2
    assert "--strict allows no row that cannot be used" in strict.err


def test_score_names_the_classes_that_it_does_not_know(command: Command, run: Path, tmp_path: Path) -> None:
    table = new_rows(tmp_path)
    labels = table["label"].to_pylist()
    pq.write_table(relabelled(table, [*["horse"] * 2, *labels[2:]]), "new.parquet")
    outcome = command("score", run, "--data", "new.parquet", *VECTORS, "--out", "out")
    assert outcome.code == 0
    assert "300, of which 298 scored; 2 skipped: 2 unknown_class (such as 'horse' 2)" in outcome.out


@pytest.mark.parametrize(("blank", "code"), [(180, 3), (12, 0)])
def test_labels_that_got_lost_are_said_and_make_the_gate_inconclusive(
    command: Command, run: Path, tmp_path: Path, blank: int, code: int
) -> None:
    """All fitted rows had labels."""
    table = new_rows(tmp_path)
    labels = [None] * blank + table["label"].to_pylist()[blank:]
    outcome = gated(command, run, relabelled(table, labels))
    assert outcome.code == code
    assert f"scored {300 - blank} of 300 rows ({blank} no_label)" in outcome.out
    said = "180 of 300 rows have no label, and of the fitted rows only 0 of 600 had none"
    assert (said in outcome.out) == (code == 3)
    assert said not in outcome.err
    assert "(--label-column)" in outcome.out or not code


def test_warnings_of_score_are_said_in_every_format(command: Command, run: Path, tmp_path: Path) -> None:
    """In the words of the command line."""
    table = new_rows(tmp_path)
    blank = relabelled(table, [None] * 20 + table["label"].to_pylist()[20:])
    for format in FORMATS:
        outcome = gated(command, run, blank, "--format", format, "--on-inconclusive", "pass")
        assert outcome.code == 0
        assert "20 of 300 rows have no label, and of the fitted rows only 0 of 600 had none" in outcome.out
        assert "(--label-column)" in outcome.out
        assert "scored 280 of 300 rows (20 no_label)" in outcome.out


def test_a_table_of_which_nothing_can_be_scored_is_refused_with_its_reason(
    command: Command, run: Path, tmp_path: Path
) -> None:
    table = new_rows(tmp_path)
    other = gated(command, run, relabelled(table, ["emu"] * 300))
    assert other.code == 2
    assert "none of the 300 rows can be scored (skipped: 300 unknown_class)." in other.err
    assert "Check --label-column" in other.err
    place = table.column_names.index("embedding")
    empty = table.set_column(place, "embedding", pa.nulls(300, table.schema.field("embedding").type))
    nothing = gated(command, run, empty)
    assert nothing.code == 2
    assert "(skipped: 300 no_vector). Check that the images" in nothing.err


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images to fit in `data`, 60 new ones in `img`, and a table of these and 140 missing ones."""
    folder = tmp_path_factory.mktemp("images")
    truth = image_folder(folder / "data", rows=90)
    write_trusted(folder / "trusted.parquet", truth, every=2)
    (folder / "img").mkdir()
    rng = np.random.default_rng(5)
    for row in range(60):
        (folder / "img" / f"{row}.png").write_bytes(png(row % 3, rng))
    lines = [f"n{row},img/{row}.png,{CLASSES[row % 3]}\n" for row in range(200)]
    (folder / "new.csv").write_text("sample_id,image,label\n" + "".join(lines))
    return folder


def test_a_checkout_without_most_of_its_images_does_not_pass(
    command: Command, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fit = ["fit", images / "data", "--trusted", images / "trusted.parquet", "--out", tmp_path / "run"]
    assert command(*fit, "--backbone", "cifar-quick", "--no-frozen", "--epochs", 1, "--folds", 1).code == 0
    words = ["gate", tmp_path / "run", "--data", images / "new.csv", "--max-flagged", "1", "--out", tmp_path / "out"]
    for format in FORMATS:
        outcome = command(*words, "--format", format)
        assert outcome.code == 3
        assert "scored 60 of 200 rows (140 missing_file)" in outcome.out
        assert "--max-skipped SHARE" in outcome.out
    content = json.loads(command(*words, "--format", "json").out)
    assert content["coverage"]["skipped"] == {"missing_file": 140}
    assert command(*words, "--max-skipped", "0.7").code == 0
    for image in (images / "img").iterdir():
        image.unlink()
    gone = command(*words)
    assert gone.code == 2
    assert "none of the 200 rows can be scored (skipped: 200 missing_file)." in gone.err
    assert "Check that the images are where the dataset says" in gone.err


def test_names_that_no_row_carries_are_in_no_table_and_break_no_rule(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    truth = embeddings(tmp_path / "data.parquet", rows=300)
    write_trusted(tmp_path / "trusted.parquet", truth, every=2)
    names = [*(f"unused{number}" for number in range(46)), *CLASSES]
    table = pq.read_table("data.parquet")
    indices = pa.array([names.index(name) for name in table["label"].to_pylist()])
    described = {"huggingface": json.dumps({"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}})}
    table = table.set_column(1, "label", indices).replace_schema_metadata(described)
    pq.write_table(table, "data.parquet")
    fitted = command("fit", "data.parquet", "--trusted", "trusted.parquet", *VECTORS, "--epochs", 2, "--out", "run")
    scored = command("score", "run")
    exported = command("export-clean", "run", "--out", "clean")
    assert (fitted.code, scored.code, exported.code) == (0, 0, 0)
    assert "no trusted row" not in fitted.err
    assert "unused" not in scored.out + scored.err + exported.err
    outcome = command("gate", "run", "--min-kept-per-class", "1")
    assert outcome.code == 0
    assert "each of 3 classes keeps that many." in outcome.out
    new = table.set_column(0, "sample_id", pa.array([f"new {row}" for row in range(300)]))
    pq.write_table(new.filter(pa.array(np.array(indices) != names.index("red"))), "new.parquet")
    outcome = command("gate", "run", "--data", "new.parquet", *VECTORS, "--min-kept-per-class", "1")
    assert outcome.code == 1
    assert "1 of 3 classes keep fewer: 'red' 0." in outcome.out
