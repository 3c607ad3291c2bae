"""Tables of all kinds from the field: read, or refused with what they are and what to do, through the command."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, embeddings, image_folder, png, write_trusted
from support.field import SMALL, VECTORS, Refused

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 2345\n"
FIT = ["--method", "uniform", "--out", "run", *VECTORS]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("d.xls", ["is a workbook", ".xlsx or as CSV UTF-8"]),
        ("d.pkl", ["is a pickle, which is never loaded", "Parquet"]),
        ("d.tar.gz", ["is an archive", "Unpack it"]),
        ("d.npy", ["holds arrays", "--embedding-column FILE"]),
        ("data.yaml", ["is a configuration, such as YOLO's"]),
        ("1.xml", ["is no table", "--trusted FILE or --corrections FILE"]),
        ("d.parquet.dvc", ["is a pointer of DVC", "`dvc pull`"]),
        ("d.feather", ["Write it as Parquet"]),
        ("d.heic", ["a single image is no dataset"]),
        ("d", ["does not", "image folder"]),
    ],
)
def test_what_is_no_table_is_called_what_it_is(refused: Refused, tmp_path: Path, name: str, says: list[str]) -> None:
    (tmp_path / name).write_bytes(b"x")
    refused("fit", name, *FIT, says=["A table must end in", *says])


@pytest.mark.parametrize("name", ["d.parquet", "d.csv", "d.jsonl", "d.json", "d.arrow"])
def test_pointers_of_git_lfs(refused: Refused, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(POINTER)
    refused("fit", name, *FIT, says=[f"{name} is a pointer of Git LFS", "git lfs pull"])
    embeddings(tmp_path / "good.parquet", rows=40)
    refused("fit", "good.parquet", "--trusted", name, *FIT, says=[f"{name} is a pointer of Git LFS"])


def test_a_pointer_of_git_lfs_in_place_of_vectors(refused: Refused, tmp_path: Path) -> None:
    embeddings(tmp_path / "d.parquet", rows=40)
    (tmp_path / "v.npy").write_text(POINTER)
    fit = ["fit", "d.parquet", "--method", "uniform", "--out", "run", "--embedding-column", "v.npy"]
    refused(*fit, says=["v.npy is a pointer of Git LFS", "git lfs pull"])


def test_exports_of_annotation_tools(refused: Refused, tmp_path: Path) -> None:
    embeddings(tmp_path / "d.parquet", rows=40)
    tasks = [{"id": 1, "data": {"image": "s00000"}, "annotations": [{"result": []}]}]
    (tmp_path / "ls.json").write_text(json.dumps(tasks))
    says = ["tasks of Label Studio", "--trusted FILE or --corrections FILE"]
    refused("fit", "ls.json", *FIT, says=says)
    refused("fit", "d.parquet", "--trusted", "ls.json", *FIT, says=["(Label Studio) holds none", "Label images there"])
    (tmp_path / "coco.json").write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    refused("fit", "coco.json", *FIT, says=["COCO annotations"])


def test_an_array_of_objects_may_verify(command: Command, tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "d.parquet", rows=60)
    rows = [{"sample_id": name, "trusted_label": label} for name, label in list(truth.items())[::4]]
    (tmp_path / "t.json").write_text(json.dumps(rows))
    fit = ["fit", tmp_path / "d.parquet", "--trusted", tmp_path / "t.json", "--out", tmp_path / "run", *VECTORS]
    outcome = command(*fit, "--epochs", "2", "--folds", "3")
    assert outcome.code == 0, outcome.err
    assert "with 15 audited trusted rows" in outcome.out


def test_a_plan_comes_back_from_a_spreadsheet(command: Command, tmp_path: Path) -> None:
    """With a mark at the beginning, semicolons and decimal commas: the rate is that of the table as it was written."""
    truth = embeddings(tmp_path / "d.parquet", rows=120)
    write_trusted(tmp_path / "t.parquet", truth, every=4)
    fit = ["fit", tmp_path / "d.parquet", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run", *VECTORS]
    assert command(*fit, "--epochs", "4", "--folds", "3").code == 0
    assert command("score", tmp_path / "run").code == 0
    assert command("plan", tmp_path / "run", "--n", "20", "--out", tmp_path / "v.parquet").code == 0
    plan = pq.read_table(tmp_path / "v.parquet").to_pylist()
    for row in plan:
        row["trusted_label"] = truth[row["sample_id"]]
    filled = tmp_path / "v.jsonl"
    filled.write_text("".join(json.dumps(row) + "\n" for row in plan))
    as_written = command("score", tmp_path / "run", "--trusted", filled)
    assert as_written.code == 0, as_written.err
    cells = [[str(row[c] or "").replace(".", ",") for c in plan[0]] for row in plan]
    lines = [";".join(plan[0]), *(";".join(row) for row in cells)]
    (tmp_path / "v.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    from_excel = command("score", tmp_path / "run", "--trusted", tmp_path / "v.csv")
    assert from_excel.code == 0, from_excel.err
    assert from_excel.out == as_written.out


@pytest.mark.parametrize("folder", ["my data [v1] #2 100% ü 😀", "a*b", "what?"])
def test_names_with_signs_of_a_glob(command: Command, tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    embeddings(tmp_path / folder / "a [x].parquet", rows=60)
    for row, name in enumerate(("*.parquet", "a [x].parquet", "a [x]*", "a*[x]*")):
        data, out = tmp_path / folder / name, tmp_path / f"run{row}"
        outcome = command("corrupt", data, "--rate", "0", "--out", out, "--embedding-column", "embedding")
        assert outcome.code == 0, (data, outcome.err)
        assert "of 60 labels" in outcome.out


PICTURE = base64.b64encode(png(0, np.random.default_rng(0))).decode()


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (PICTURE, ["base64 (an encoded image as text)", "column of bytes"]),
        (f"data:image/png;base64,{PICTURE}", ["a data: URI", "column of bytes"]),
        ("https://example.org/1.png", ["a URL: 'https://example.org/1.png'", "Download the images"]),
        ("C:\\data\\1.png", ["a path of Windows", "such as images/1.png"]),
        ("0 1 2 3 4 5 6 7 8 9", ["an array of numbers (pixels)", "--embedding-column NAME"]),
    ],
)
@pytest.mark.parametrize("more", [[], ["--allow-absolute"]], ids=["inside", "absolute"])
def test_what_is_no_path(refused: Refused, tmp_path: Path, image: str, says: list[str], more: list[str]) -> None:
    rows = [f'{row},"{image}",{"ab"[row % 2]}' for row in range(40)]
    (tmp_path / "d.csv").write_text("\n".join(["sample_id,image,label", *rows]))
    outcome = refused("fit", "d.csv", "--method", "uniform", "--out", "run", *more, says=says)
    assert len(outcome.err) < 1000
    assert "--allow-absolute" not in outcome.err


def test_paths_from_windows(command: Command, tmp_path: Path) -> None:
    truth = image_folder(tmp_path / "images", rows=45)
    rows = ["images\\" + name.replace("/", "\\") + f",{label}" for name, label in truth.items()]
    (tmp_path / "d.csv").write_text("\r\n".join(["image,label", *rows]))
    outcome = command("fit", tmp_path / "d.csv", "--method", "uniform", "--out", tmp_path / "run", *SMALL)
    assert outcome.code == 0, outcome.err
    assert "45 paths are written with backslashes" in outcome.err
    assert "Fitted 45 rows (0 skipped)" in outcome.out
