"""Folders from the field: what is no row is said, and what cannot name classes is refused, through the command."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from support.datasets import Command, embeddings, image_folder, png
from support.field import SMALL, Refused, few_images
from support.sources import read, write_metadata

FIT = ["fit", "images", "--method", "uniform", "--out", "run", *SMALL]


def test_splits_without_class_folders(refused: Refused, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("train/1.png", "train/2.png", "valid/3.png", "test/4.png"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(png(0, rng))
    (tmp_path / "images" / "train" / "_classes.csv").write_text("filename, cat\n1.png,1\n")
    refused(*FIT, says=["test, train and valid are no classes", "train/_classes.csv", "--label-level 1"])


def test_images_in_no_metadata_file(refused: Refused, command: Command, tmp_path: Path) -> None:
    image_folder(tmp_path / "images" / "train", rows=45)
    image_folder(tmp_path / "images" / "test", rows=9)
    names = sorted(p.relative_to(tmp_path / "images" / "train") for p in (tmp_path / "images" / "train").rglob("*.png"))
    rows = [{"file_name": str(name), "label": name.parts[0]} for name in names[:40]]
    write_metadata(tmp_path / "images" / "train" / "metadata.csv", rows)
    says = ["14 images are in no metadata file", "9 of them are below test/, which has none"]
    refused(*FIT, "--strict", says=["--strict allows no image that is no row", *says])
    outcome = command(*FIT)
    assert outcome.code == 0, outcome.err
    assert f"Warning: {says[0]}" in outcome.err
    assert "Fitted 40 rows (0 skipped)" in outcome.out
    assert f"Warning: {says[0]}" in command("score", "run").out  # beside the noise
    notices = json.loads((tmp_path / "run" / "noise.json").read_text())["notices"]
    assert [notice["code"] for notice in notices][:2] == ["classes", "files-are-no-rows"]


def test_a_class_of_photographs_that_nothing_decodes_does_not_vanish(command: Command, tmp_path: Path) -> None:
    image_folder(tmp_path / "images", rows=45)
    for row, path in enumerate(sorted((tmp_path / "images" / "red").iterdir())):
        if row % 2:
            buffer = io.BytesIO()
            Image.open(path).convert("RGB").save(buffer, "JPEG")
            path.with_suffix((".jfif", ".jpe")[row % 4 // 2]).write_bytes(buffer.getvalue())
            path.unlink()
    (tmp_path / "images" / "ship").mkdir()
    for row in range(6):
        (tmp_path / "images" / "ship" / f"{row}.psd").write_bytes(b"8BPS\0\1" + bytes(64))
    outcome = command("fit", tmp_path / "images", "--method", "uniform", "--out", tmp_path / "run", *SMALL)
    assert outcome.code == 0, outcome.err
    assert "4 classes from the folders below the dataset: blue, green, red, ship." in outcome.err
    assert "Fitted 51 rows (6 skipped: 6 unsupported_format)" in outcome.out
    rows = pq.read_table(tmp_path / "run" / "trace.parquet").to_pylist()
    assert [row["given_label"] for row in rows if row["skip_reason"]] == ["ship"] * 6


def test_the_level_of_the_classes_is_told_and_chosen(command: Command, refused: Refused, tmp_path: Path) -> None:
    for site in ("colour", "grey"):
        image_folder(tmp_path / "images" / site, rows=24)
    outcome = command(*FIT)
    assert outcome.code == 0, outcome.err
    assert "2 classes from the folders below the dataset: colour, grey." in outcome.err
    assert "those of level 2 would make 3 (blue, green, red)" in outcome.err
    assert "Say which are meant: --label-level 1 or --label-level 2." in command("score", "run").out
    outcome = command(*FIT, "--overwrite", "--label-level", "2")
    assert outcome.code == 0, outcome.err
    assert "3 classes from the folders of level 2: blue, green, red." in outcome.err
    assert "Warning: The folders" not in outcome.err
    again = ["--data", "images", "--out", "new"]
    assert "0 of the 3 classes of the run" in command("score", "run", *again).err
    assert "3 of the 3 classes of the run" in command("score", "run", *again, "--label-level", "-1").err
    exported = command("export-clean", "run", "--on-flag", "keep", "--out", "clean")
    assert exported.code == 2  # no scores yet
    command("score", "run")
    assert command("export-clean", "run", "--on-flag", "keep", "--out", "clean").code == 0
    copied = {p.relative_to(tmp_path / "clean").parts[:-1] for p in (tmp_path / "clean").rglob("*.png")}
    assert copied == {(site, name) for site in ("colour", "grey") for name in ("blue", "green", "red")}
    assert read(tmp_path / "clean").classes == ("blue", "green", "red")
    assert len(read(tmp_path / "clean")) == 48
    refused(*FIT, "--overwrite", "--label-level", "0", says=["--label-level must be 1 or more", "it is 0"])
    refused(*FIT, "--overwrite", "--label-level", "9", says=["At least two classes", "--label-level"])


def test_a_level_is_for_image_folders(refused: Refused, tmp_path: Path) -> None:
    embeddings(tmp_path / "d.parquet", rows=30)
    fit = ["fit", "d.parquet", "--method", "uniform", "--out", "run", "--embedding-column", "embedding"]
    refused(*fit, "--label-level", "1", says=["--label-level", "d.parquet is a table"])
    few_images(tmp_path / "images")
    rows = [{"file_name": p.name, "label": "ab"[i % 2]} for i, p in enumerate((tmp_path / "images").rglob("*.png"))]
    write_metadata(tmp_path / "images" / "metadata.csv", rows)
    refused(*FIT, "--label-level", "1", says=["--label-level", "column label of metadata.csv"])


def test_a_column_of_ids_is_no_label(refused: Refused, tmp_path: Path) -> None:
    embeddings(tmp_path / "d.parquet", rows=30)
    fit = ["fit", "d.parquet", "--method", "uniform", "--out", "run", "--embedding-column", "embedding"]
    refused(*fit, "--label-column", "sample_id", says=["sample_id of", "holds the id of each row", "--label-column"])


def test_a_folder_of_nothing_that_can_be_read(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "labels.csv").write_text("a\n")
    refused(*FIT, says=["a folder without images or Parquet files", "labels.csv is not", "Check the path"])
