"""Embeddings and probabilities that cannot be used: refused in one paragraph, and nothing written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import CLASSES, Command, embeddings, image_folder, write_trusted
from support.field import UNIFORM, Refused, few_images, table


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ([1.0, 2.0, 3.0], "has 3 numbers"),
        ([1.0, 2.0, 3.0, 4.0, 5.0], "has 5 numbers"),
    ],
)
def test_embeddings_of_unequal_length(refused: Refused, tmp_path: Path, broken: list[float], says: str) -> None:
    vectors = np.random.default_rng(0).normal(size=(40, 4)).tolist()
    pq.write_table(table(embedding=[*vectors[:17], broken, *vectors[18:]]), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["row 17", says])


def test_embeddings_that_are_no_numbers(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(embedding=["1,2,3"] * 40), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["lists of numbers", "--embedding-column"])


@pytest.mark.parametrize(("width", "says"), [(-1, "at least one number"), (0, "at least one number"), (4, "no_vector")])
def test_embeddings_that_are_all_missing(refused: Refused, tmp_path: Path, width: int, says: str) -> None:
    empty = pa.array([None] * 40, pa.list_(pa.float32(), width))
    pq.write_table(table(embedding=empty), tmp_path / "data.parquet")
    refused(*UNIFORM, says=[says])


def test_probabilities_that_are_none(refused: Refused, tmp_path: Path) -> None:
    fit = ["fit", "data.parquet", "--method", "uniform", "--out", "run", "--probabilities-column", "p"]
    pq.write_table(table(p=[[2.0, -1.0]] * 40), tmp_path / "data.parquet")
    refused(*fit, says=["lie in [0, 1] and sum to 1", "softmax"])
    pq.write_table(table(p=[[0.5, 0.25, 0.25]] * 40), tmp_path / "data.parquet")
    refused(*fit, says=["one number for each of the 2 classes"])


def ruined(folder: Path, option: str, broken: str) -> list[str]:
    """Write what is wrong with a `.npy` file of 60 rows, 3 numbers each; return what must be said of it."""
    path, good = folder / "v.npy", np.full((60, 3), 1 / 3, dtype=np.float32)
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "rows": good[:59],
        "flat": good.ravel(),
        "integers": good.astype(np.int64),
    }
    arrays |= {"empty": good[:, :0], "other order": good.astype(">f4"), "logits": 3 * good}
    if broken in arrays:
        np.save(path, arrays[broken])
    elif broken == "pickle":
        np.save(path, np.array([[None] * 3] * 60, dtype=object), allow_pickle=True)
    elif broken == "archive":
        with path.open("wb") as file:
            np.savez(file, good)
    elif broken == "cut short":
        np.save(path, good)
        path.write_bytes(path.read_bytes()[:-100])
    says = {"rows": ["59", "60"], "logits": ["sum to 1"], "flat": ["[180]", "float32"]}
    return says.get(broken, [f"--{option}-column PATH"])


BROKEN = ["rows", "flat", "integers", "empty", "other order", "pickle", "archive", "cut short", "missing"]


@pytest.mark.parametrize(
    ("option", "broken"),
    [*(("embedding", broken) for broken in BROKEN), *(("probabilities", broken) for broken in (*BROKEN, "logits"))],
)
def test_files_of_vectors_that_cannot_be_used(
    refused: Refused, tmp_path: Path, fitted: Path, option: str, broken: str
) -> None:
    truth = embeddings(tmp_path / "data.parquet", rows=60)
    write_trusted(tmp_path / "trusted.parquet", truth)
    says = ruined(tmp_path, option, broken)
    words = ["data.parquet", f"--{option}-column", "v.npy"]
    refused("fit", *words, "--trusted", "trusted.parquet", "--out", "run", says=says)
    if option == "embedding" and broken != "logits":
        refused("score", fitted / "run", "--data", *words, "--out", "scored", says=says)


def test_vectors_of_new_rows_that_the_run_cannot_take(command: Command, refused: Refused, tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "data.parquet", rows=60)
    write_trusted(tmp_path / "trusted.parquet", truth)
    np.save(tmp_path / "p.npy", np.full((60, 3), 1 / 3, dtype=np.float32))
    fit = ["fit", "data.parquet", "--trusted", "trusted.parquet", "--out", "run", "--epochs", "1", "--folds", "3"]
    assert command(*fit, "--probabilities-column", "p.npy").code == 0
    says = ruined(tmp_path, "probabilities", "logits")
    words = ["--data", "data.parquet", "--probabilities-column", "v.npy", "--out", "scored"]
    refused("score", "run", *words, says=says)
    np.save(tmp_path / "wide.npy", np.full((60, 4), 1 / 4, dtype=np.float32))
    wide = ["--data", "data.parquet", "--probabilities-column", "wide.npy", "--out", "scored"]
    refused("score", "run", *wide, says=["vectors of 3 numbers", "vectors of 4 numbers"])


def test_a_file_of_vectors_is_that_of_the_dataset_alone(refused: Refused, tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "data.parquet", rows=60)
    embeddings(tmp_path / "target.parquet", rows=60)
    write_trusted(tmp_path / "trusted.parquet", {f"other-{name}": label for name, label in truth.items()})
    np.save(tmp_path / "v.npy", np.ones((60, 3), dtype=np.float32))
    words = ["fit", "data.parquet", "--embedding-column", "v.npy", "--out", "run", "--trusted"]
    refused(*words, "trusted.parquet", says=["must be rows of the dataset"])
    refused(*words, "target.parquet", "--transfer", says=["holds only the dataset's", "list column"])
    refused(*words, "trusted.parquet", "--probabilities-column", "p", says=["both"])


def test_a_column_of_vectors_of_an_image_folder(refused: Refused, tmp_path: Path) -> None:
    few_images(tmp_path / "images")
    write_trusted(tmp_path / "trusted.parquet", {f"cat/{number}.png": "cat" for number in range(5)})
    words = ["fit", "images", "--trusted", "trusted.parquet", "--out", "run", "--embedding-column", "vector"]
    refused(*words, says=["'vector' is no .npy, .npz, .parquet file", "noisecleaner ids"])


def test_vectors_with_ids_beside_an_image_folder(command: Command, refused: Refused, tmp_path: Path) -> None:
    truth = image_folder(tmp_path / "images", rows=150)
    write_trusted(tmp_path / "trusted.parquet", truth)
    listed = command("ids", "images").out.split()
    assert listed == sorted(truth)
    rng = np.random.default_rng(0)
    meant = np.array([CLASSES.index(truth[name]) for name in listed])
    vectors = (3 * np.eye(3)[meant] + rng.normal(size=(150, 3))).astype(np.float32)
    np.save(tmp_path / "in-order.npy", vectors)
    shuffled = rng.permutation(150)
    some, beside = shuffled[:140], ["elsewhere.png", "gone.png"]
    ids, rows = [listed[row] for row in some] + beside, np.vstack([vectors[some], np.ones((2, 3), np.float32)])
    np.savez(tmp_path / "with-ids.npz", ids=ids, embeddings=rows)
    pq.write_table(pa.table({"sample_id": ids, "embedding": list(rows)}), tmp_path / "with-ids.parquet")
    scores = {}
    for name in ("in-order.npy", "with-ids.npz", "with-ids.parquet"):
        words = ["--trusted", "trusted.parquet", "--epochs", "2", "--folds", "3", "--out", name[-4:]]
        fitted = command("fit", "images", "--embedding-column", name, *words)
        assert fitted.code == 0, fitted.err
        assert ("10 no_vector" in fitted.out) == ("2 of 142 vectors" in fitted.err) == (name != "in-order.npy")
        assert command("score", name[-4:]).code == 0
        table = pq.read_table(tmp_path / name[-4:] / "scores.parquet")
        scores[name] = dict(zip(table["sample_id"].to_pylist(), table["flagged"].to_pylist(), strict=True))
    wrong = {name: name.split("/")[0] != truth[name] for name in listed}
    for flagged in scores.values():
        scored = [name for name in listed if flagged[name] is not None]
        assert sum(flagged[name] == wrong[name] for name in scored) > 0.8 * len(scored)
    np.savez(tmp_path / "others.npz", ids=[f"x{row}" for row in range(150)], embeddings=vectors)
    words = ["fit", "images", "--embedding-column", "others.npz", "--trusted", "trusted.parquet", "--out", "run"]
    refused(*words, says=["none of", "(such as x0, x1, x2)", "`noisecleaner ids", "images`"])
