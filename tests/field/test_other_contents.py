"""Images or vectors that changed while ids and labels stay: no run goes on with them, no score is told of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, embeddings, image_folder, write_trusted

from noisecleaner.files import read_record, write_record

VECTORS = ("--trusted", "trusted.parquet", "--folds", "3", "--epochs", "2", "--out", "run")
IMAGES = (*VECTORS, "--backbone", "cifar-quick", "--image-size", "16", "--batch-size", "32")
KINDS = ["column", "npy", "npz"]


def vectors(kind: str) -> list[str]:
    """Write 300 rows with embeddings; return the words of the fit that name them."""
    write_trusted(Path("trusted.parquet"), embeddings(Path("data.parquet"), rows=300), every=2)
    if kind == "column":
        return ["data.parquet", "--embedding-column", "embedding"]
    table = pq.read_table("data.parquet")
    written(kind, np.array(table["embedding"].to_pylist(), np.float32))
    pq.write_table(table.drop_columns(["embedding"]).append_column("image", pa.array(["x.png"] * 300)), "data.parquet")
    return ["data.parquet", "--embedding-column", f"v.{kind}"]


def read(kind: str) -> np.ndarray:
    if kind == "column":
        return np.array(pq.read_table("data.parquet")["embedding"].to_pylist(), np.float32)
    return np.load("v.npy") if kind == "npy" else np.load("v.npz")["embeddings"]


def written(kind: str, array: np.ndarray) -> None:
    """Write vectors in place of those of before."""
    if kind == "npy":
        np.save("v.npy", array)
    elif kind == "npz":
        np.savez("v.npz", ids=np.array(pq.read_table("data.parquet")["sample_id"].to_pylist()), embeddings=array)
    else:
        table = pq.read_table("data.parquet")
        place = table.schema.get_field_index("embedding")
        column = pa.array(array.tolist(), pa.list_(pa.float32()))
        pq.write_table(table.set_column(place, "embedding", column), "data.parquet")


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_does_not_go_on_with_other_vectors(command: Command, kind: str) -> None:
    words = vectors(kind)
    assert command("fit", *words, *VECTORS).code == 0
    array = read(kind)
    written(kind, array[np.random.default_rng(0).permutation(300)])
    for state in ("fitted", "fitting"):  # a run that has ended, and one that was interrupted
        write_record(Path("run/run.json"), {**read_record(Path("run/run.json")), "state": state})
        resumed = command("fit", *words, *VECTORS, "--resume")
        assert resumed.code == 2, resumed.err
        assert "its embeddings have changed since (those of 25" in resumed.err.replace("\n", " ")
        assert "of 256 rows that were compared, such as " in resumed.err
        assert "start again with --overwrite" in resumed.err
    written(kind, array)
    assert command("fit", *words, *VECTORS, "--resume").code == 0
    assert command("fit", *words, *VECTORS, "--overwrite").code == 0


def test_a_single_vector_that_changed_is_noticed_and_two_that_changed_places(command: Command) -> None:
    words = vectors("column")
    assert command("fit", *words, *VECTORS).code == 0
    array = read("column")
    looked_at = set(np.linspace(0, 299, 256).astype(int).tolist())
    first, second = [row for row in range(300) if row not in looked_at][3:5]
    for change in ("one", "two"):
        other = array.copy()
        if change == "one":
            other[first, 1] += 1e-3
        else:
            other[[first, second]] = other[[second, first]]
        written("column", other)
        resumed = command("fit", *words, *VECTORS, "--resume")
        assert resumed.code == 2
        assert "some of its embeddings have changed since" in resumed.err


def test_the_same_content_in_another_file_is_the_same(command: Command) -> None:
    words = vectors("column")
    assert command("fit", *words, *VECTORS).code == 0
    assert command("score", "run").code == 0
    table = pq.read_table("data.parquet").append_column("more", pa.array(range(300)))
    pq.write_table(table, "data.parquet", row_group_size=50, compression="none")
    os.utime("data.parquet", (0, 0))
    assert command("fit", *words, *VECTORS, "--resume").code == 0
    assert command("export-clean", "run", "--out", "clean").code == 0
    shutil.move("data.parquet", "moved.parquet")
    assert command("export-clean", "run", "--out", "again", "--data", "moved.parquet").code == 0


def test_other_content_behind_the_same_size_and_date_is_noticed(command: Command) -> None:
    words = vectors("npy")
    assert command("fit", *words, *VECTORS).code == 0
    before = os.stat("v.npy")
    written("npy", read("npy")[::-1])
    os.utime("v.npy", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat("v.npy").st_size == before.st_size
    assert command("fit", *words, *VECTORS, "--resume").code == 2


def test_a_copy_is_not_made_of_other_vectors(command: Command) -> None:
    words = vectors("column")
    assert command("fit", *words, *VECTORS).code == 0
    assert command("score", "run").code == 0
    new = command("score", "run", "--data", *words, "--out", "new")
    assert new.code == 0, new.err
    written("column", read("column")[::-1])
    for scored in ("run", "new"):
        exported = command("export-clean", scored, "--out", "clean")
        assert exported.code == 2
        assert "its embeddings have changed since (those of 25" in exported.err.replace("\n", " ")
        assert "noisecleaner fit … --overwrite" in exported.err.replace("\n", " ")
        assert "--data PATH" in exported.err.replace("\n", " ")
        assert not Path("clean").exists()


def swapped() -> None:
    """Give each image the content of another one."""
    paths = sorted(Path("images").rglob("*.png"))
    content = [path.read_bytes() for path in paths]
    for path, other in zip(paths, content[1:] + content[:1], strict=True):
        path.write_bytes(other)


@pytest.mark.parametrize("beside", [False, True])
def test_images_that_changed_are_noticed_also_beside_vectors(command: Command, beside: bool) -> None:
    write_trusted(Path("trusted.parquet"), image_folder(Path("images"), rows=150), every=2)
    words = ["fit", "images", *(("--embedding-column", "v.npy", *VECTORS) if beside else IMAGES)]
    np.save("v.npy", np.random.default_rng(0).normal(size=(150, 4)).astype(np.float32))
    fit = command(*words)
    assert fit.code == 0, fit.err
    assert command("score", "run").code == 0
    shutil.copytree("images", "copy")
    assert command("export-clean", "run", "--out", "clean", "--data", "copy").code == 0
    swapped()
    if not beside:
        assert command(*words, "--resume").code == 2
    exported = command("export-clean", "run", "--out", "again")
    assert exported.code == 2
    assert "its images have changed since (those of 150 of 150 rows" in exported.err.replace("\n", " ")
    assert command("export-clean", "run", "--out", "again", "--data", "copy").code == 0


def test_an_image_that_was_missing_may_come_back(command: Command) -> None:
    truth = image_folder(Path("images"), rows=150)
    write_trusted(Path("trusted.parquet"), truth, every=2)
    ids = list(truth)
    rows = {
        "sample_id": ids,
        "image": [f"images/{name}" for name in ids],
        "label": [name.split("/")[0] for name in ids],
    }
    pq.write_table(pa.table(rows), "data.parquet")
    Path("images", ids[7]).rename("away.png")
    assert command("fit", "data.parquet", *IMAGES).code == 0
    assert command("score", "run").code == 0
    Path("away.png").rename(Path("images", ids[7]))
    assert command("export-clean", "run", "--out", "clean").code == 0


def test_verified_rows_are_not_compared_with_other_vectors(command: Command) -> None:
    words = vectors("column")
    assert command("fit", *words, *VECTORS).code == 0
    table = pq.read_table("data.parquet").slice(0, 40)
    rows = {"sample_id": table["sample_id"], "trusted_label": table["label"], "embedding": table["embedding"]}
    pq.write_table(pa.table(rows), "more.parquet")
    written("column", read("column")[::-1])
    scored = command("score", "run", "--trusted", "more.parquet")
    assert scored.code == 2, scored.out
    assert "must hold as they were, but its embeddings have changed since" in scored.err.replace("\n", " ")


def test_runs_of_earlier_versions_go_on_as_before(command: Command) -> None:
    words = vectors("column")
    assert command("fit", *words, *VECTORS).code == 0
    Path("run/contents.json").unlink()
    written("column", read("column")[::-1])
    assert command("fit", *words, *VECTORS, "--resume").code == 0
    assert command("score", "run").code == 0
    assert command("export-clean", "run", "--out", "clean").code == 0
