"""The classes are always named, and what cannot be labels is not taken for them."""

from __future__ import annotations

from pathlib import Path

from support.datasets import Command, image_folder
from support.field import SMALL
from support.sources import make, read, refusal, told, vectors, write_metadata

from noisecleaner.ingest import Manifest
from noisecleaner.notices import Severity


def line(manifest: Manifest) -> str:
    (notice,) = [notice for notice in manifest.notices if notice.code == "classes"]
    assert notice.severity is Severity.NOTE
    return notice.message


def test_the_classes_of_folders_are_named(tmp_path: Path) -> None:
    make(tmp_path, "cat/1.png", "dog/2.png")
    assert line(read(tmp_path)) == "2 classes from the folders below the dataset: cat, dog."


def test_the_classes_of_splits_are_named(tmp_path: Path) -> None:
    make(tmp_path, "train/cat/1.png", "train/dog/2.png")
    assert line(read(tmp_path)) == "2 classes from the folders below train/: cat, dog."


def test_the_classes_of_metadata_are_named(tmp_path: Path) -> None:
    make(tmp_path, "1.png", "2.png")
    write_metadata(tmp_path / "metadata.csv", [{"file_name": f"{i}.png", "kind": "xy"[i - 1]} for i in (1, 2)])
    assert line(read(tmp_path, label="kind")) == "2 classes from column kind of metadata.csv: x, y."


def test_the_classes_of_a_table_are_named_and_cut_short(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", [f"class {row % 12:02d}" for row in range(120)])
    assert line(read(path, embedding="embedding")) == (
        f"12 classes from column label of {path}: " + ", ".join(f"class {i:02d}" for i in range(10)) + ", … (2 more)."
    )


def test_long_and_hostile_names_are_shortened(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["x" * 500, "\x1b[31mred"])
    said = line(read(path, embedding="embedding"))
    assert "\x1b" not in said
    assert f"{'x' * 39}…" in said
    assert len(said) < 300


def test_rows_that_were_not_fitted_tell_how_many_classes_of_the_run_they_have(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b", "new"])
    said = line(read(path, classes=("a", "b", "c"), embedding="embedding"))
    assert said == f"2 of the 3 classes of the run from column label of {path}: a, b, c."


def test_a_class_for_each_row_is_an_id(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", [f"img_{row}.png" for row in range(40)])
    said = refusal(path, embedding="embedding")
    assert (
        f"40 rows have 40 labels, from column label of {path} (such as img_0.png, img_1.png, img_2.png, … (37" in said
    )
    assert "looks like an id" in said
    assert "`Columns(label=NAME)`" in said


def test_columns_that_may_be_the_labels_are_named(tmp_path: Path) -> None:
    path = vectors(
        tmp_path / "d.parquet",
        ["cat", "dog"] * 20,
        file=[f"img_{row}.png" for row in range(40)],
        split=[1, 2] * 20,
        rare=["a", "b"] + [None] * 38,
        score=[0.5, 1.5] * 20,
    )
    said = refusal(path, embedding="embedding", label="file")
    assert "not like a label. Columns of few values are label (2 values), split (2 values). Name the column" in said


def test_a_label_column_that_holds_the_ids_is_refused_however_few_rows_there_are(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b", "a"])
    said = refusal(path, embedding="embedding", label="sample_id")
    assert f"column sample_id of {path} holds the id of each row." in said
    make(tmp_path, "1.png", "2.png")
    (tmp_path / "t.csv").write_text("image,label\n1.png,1.png\n2.png,2.png\n")
    assert "holds the id of each row" in refusal(tmp_path / "t.csv")


def test_folders_that_hold_one_image_each_are_no_classes(tmp_path: Path) -> None:
    make(tmp_path, *(f"{row}/x.png" for row in range(20)))
    assert "20 rows have 20 labels, from the folders below the dataset" in refusal(tmp_path)


def test_few_rows_for_each_class_are_a_warning(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", [f"person {row % 15}" for row in range(45)])
    manifest = read(path, embedding="embedding")
    (notice,) = [notice for notice in manifest.notices if notice.code == "many-classes"]
    assert notice.severity is Severity.WARNING
    assert "45 rows have 15 labels" in notice.message


def test_a_handful_of_rows_and_declared_classes_are_left_alone(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b"])
    assert told(read(path, embedding="embedding")) == []
    names = {"label": [str(i) for i in range(30)]}
    path = vectors(tmp_path / "e.parquet", list(range(30)), class_names=names)
    assert told(read(path, embedding="embedding")) == []


def test_the_commands_say_it(tmp_path: Path, command: Command) -> None:
    image_folder(tmp_path / "images", rows=45)
    fit = command("fit", tmp_path / "images", "--method", "uniform", "--out", tmp_path / "run", *SMALL)
    assert fit.code == 0, fit.err
    assert "3 classes from the folders below the dataset: blue, green, red." in fit.err
    new = command("score", tmp_path / "run", "--data", tmp_path / "images", "--out", tmp_path / "new")
    assert new.code == 0, new.err
    assert "3 of the 3 classes of the run from the folders below the dataset: blue, green, red." in new.err
