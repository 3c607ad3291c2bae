"""Identical rows from fit to gate: pairs with two labels, and images in two splits, however splits are told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.datasets import CLASSES, Command, embeddings, image_folder

from noisecleaner.tables import DUPLICATES, read_table

QUICK = ["--backbone", "cifar-quick", "--image-size", "16", "--no-frozen", "--method", "uniform", "--epochs", "1"]


def twins(folder: Path, count: int) -> dict[str, str]:
    """Copy images into the folder of another class; id of the image -> id of its copy."""
    found = {}
    for image in sorted(folder.glob("*/*.png"))[:count]:
        other = CLASSES[(CLASSES.index(image.parent.name) + 1) % 3]
        copy = folder / other / f"copy-{image.name}"
        shutil.copy(image, copy)
        found[f"{image.parent.name}/{image.name}"] = f"{other}/{copy.name}"
    return found


def test_pairs_with_two_labels_are_said_beside_the_noise_and_listed(command: Command, tmp_path: Path) -> None:
    image_folder(tmp_path / "images", rows=60)
    pairs = twins(tmp_path / "images", 7)
    outcome = command("fit", tmp_path / "images", *QUICK, "--out", tmp_path / "run")
    assert outcome.code == 0
    said = "7 pairs of identical images carry two labels: at least one of each is wrong (such as "
    assert f"Warning: {said}" in outcome.err
    listed, _ = read_table(tmp_path / "run" / "duplicates.parquet", DUPLICATES)
    ids = listed["sample_id"].to_pylist()
    assert {frozenset(ids[row : row + 2]) for row in range(0, 14, 2)} == {frozenset(pair) for pair in pairs.items()}
    lines = command("score", tmp_path / "run").out.splitlines()
    assert said in lines[1]
    outcome = command("gate", tmp_path / "run", "--max-flagged", "1", "--format", "json")
    assert any(said in notice["message"] for notice in json.loads(outcome.out)["notices"])


@pytest.mark.parametrize("told", ["folders", "column", "files"])
def test_images_in_two_splits_are_said(command: Command, tmp_path: Path, told: str) -> None:
    embeddings(tmp_path / "data.parquet", rows=90)
    table = pq.read_table(tmp_path / "data.parquet")
    train, test = table, table.slice(10, 3).set_column(0, "sample_id", [["t0", "t1", "t2"]])
    words, data = ["--embedding-column", "embedding", "--epochs", "1"], tmp_path / "data"
    data.mkdir()
    if told == "files":
        pq.write_table(train, data / "train-00000-of-00001.parquet")
        pq.write_table(test, data / "test-00000-of-00001.parquet")
    elif told == "column":
        parts = [part.append_column("split", [[name] * len(part)]) for part, name in ((train, "train"), (test, "test"))]
        for number, part in enumerate(parts):
            pq.write_table(part, data / f"{number}.parquet")
    else:
        image_folder(data / "train", rows=60)
        for image in sorted((data / "train").glob("*/*.png"))[:3]:
            (data / "test" / image.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(image, data / "test" / image.parent.name / image.name)
        words = QUICK
    outcome = command("fit", data, *words, "--method", "uniform", "--out", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    things = "images" if told == "folders" else "embeddings"
    assert f"3 {things} stand in more than one split (" in outcome.err
    splits = pq.read_table(tmp_path / "run" / "duplicates.parquet")["split"].to_pylist()
    assert sorted(splits) == ["test"] * 3 + ["train"] * 3


def test_rows_that_all_differ_bring_no_file(fitted: Path) -> None:
    assert not (fitted / "run" / "duplicates.parquet").exists()
