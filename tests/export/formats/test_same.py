"""What came in is what comes out: each kind of dataset is written as its own kind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.exported import scored
from support.sources import IMAGE, METADATA, make, red, write_metadata

from noisecleaner.ingest import Source

ROWS = [{"image": f"{row}.png", "label": "ab"[row % 2], "sample_id": f"r{row}"} for row in range(4)]


def written(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".arrow":
        made = pa.Table.from_pylist(list(rows))
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, made.schema) as writer:
            writer.write_table(made)
    elif path.suffix == ".tsv":
        path.write_text("".join("\t".join(row) + "\n" for row in [list(rows[0]), *(row.values() for row in rows)]))
    else:
        write_metadata(path, list(rows))


def files(out: Path) -> list[str]:
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    own = (".noisecleaner-manifest.json", ".noisecleaner.json", "noisecleaner.json")
    return [name for name in found if name not in own]


@pytest.mark.parametrize(
    ("name", "format", "made"),
    [
        ("d.csv", "csv", "d.csv"),
        ("d.tsv", "csv", "d.tsv"),
        ("d.jsonl", "jsonl", "d.jsonl"),
        ("d.json", "json", "d.json"),
        ("d.parquet", "parquet", "data/train-00000-of-00001.parquet"),
        ("d.arrow", "parquet", "data/train-00000-of-00001.parquet"),
    ],
)
def test_a_table_stays_a_table_of_its_kind(tmp_path: Path, command: Command, name: str, format: str, made: str) -> None:
    make(tmp_path / "in", *(row["image"] for row in ROWS))
    written(tmp_path / "in" / name, ROWS)
    run = scored(tmp_path, Source(str(tmp_path / "in" / name)))
    outcome = command("export-clean", run, "--out", tmp_path / "out")
    assert outcome.code == 0
    assert f"out ({format})" in outcome.out
    assert files(tmp_path / "out") == [made]
    asked = command("export-clean", run, "--out", tmp_path / "asked", "--format", "same")
    assert asked.out == outcome.out.replace(f"{tmp_path / 'out'}", f"{tmp_path / 'asked'}")


def test_a_workbook_becomes_csv_with_its_columns_in_order(tmp_path: Path, command: Command) -> None:
    openpyxl: Any = pytest.importorskip("openpyxl")
    make(tmp_path / "in", *(row["image"] for row in ROWS))
    book = openpyxl.Workbook()
    for cells in ([*ROWS[0], "site"], *([*row.values(), "north"] for row in ROWS)):
        book.active.append(cells)
    book.save(tmp_path / "in" / "d.xlsx")
    run = scored(tmp_path, Source(str(tmp_path / "in" / "d.xlsx")), suggested={"r0": "b"})
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--on-flag", "relabel")
    assert "out (csv)" in outcome.out
    assert files(tmp_path / "out") == ["d.csv"]
    lines = (tmp_path / "out" / "d.csv").read_text().splitlines()
    assert lines[0].startswith("image,label,sample_id,site,nc_")
    assert lines[1].startswith(f"{tmp_path}/in/0.png,b,r0,north,")


def test_json_that_holds_images_becomes_parquet(tmp_path: Path, command: Command) -> None:
    rows = [{"image": list(red()), "label": label, "sample_id": label} for label in "ab"]
    (tmp_path / "d.json").write_text(json.dumps([*rows, {"image": list(red()), "label": "b", "sample_id": "c"}]))
    run = scored(tmp_path, Source(str(tmp_path / "d.json")))
    outcome = command("export-clean", run, "--out", tmp_path / "out")
    assert files(tmp_path / "out") == ["data/train-00000-of-00001.parquet"]
    assert "(parquet)" in outcome.out
    assert "Images are not copied" not in outcome.out
    read = pq.read_table(tmp_path / "out" / "data")
    assert read.schema.field("image").type == IMAGE
    assert read["image"][0].as_py()["bytes"] == red()


def test_tables_of_splits_stay_apart_and_keep_their_names(tmp_path: Path, command: Command) -> None:
    for split in ("train", "test"):
        rows = [{**row, "sample_id": f"{split} {row['sample_id']}", "image": f"../{row['image']}"} for row in ROWS]
        written(tmp_path / "in" / f"{split}.csv", [{**row, "image": row["image"][3:]} for row in rows])
    make(tmp_path / "in", *(row["image"] for row in ROWS))
    suggested = {f"test r{row}": "b" for row in range(4)}
    run = scored(tmp_path, Source(str(tmp_path / "in" / "*.csv")), suggested={"train r0": "b", **suggested})
    outcome = command("export-clean", run, "--out", tmp_path / "out")
    assert outcome.code == 0
    assert "The splits of the dataset are kept: test 0, train 3 rows." in outcome.out
    assert "The copy has no row of these splits: test." in outcome.err
    assert files(tmp_path / "out") == ["train.csv"]
    assert command("export-clean", run, "--out", tmp_path / "all", "--on-flag", "keep").code == 0
    assert files(tmp_path / "all") == ["test.csv", "train.csv"]
    assert [line.split(",")[2] for line in (tmp_path / "all" / "test.csv").read_text().splitlines()] == [
        "sample_id",
        *(f"test r{row}" for row in range(4)),
    ]


def test_splits_that_relative_paths_tell_get_a_column(tmp_path: Path, command: Command) -> None:
    """An absolute path may hold folders called like splits that are none."""
    home = tmp_path / "test" / "in"
    make(home, "train/1.png", "train/2.png", "val/3.png")
    names = ["train/1.png", "val/3.png", "train/2.png"]
    written(home / "d.csv", [{"image": name, "label": label} for name, label in zip(names, "aba", strict=True)])
    run = scored(tmp_path, Source(str(home / "d.csv")))
    outcome = command("export-clean", run, "--out", tmp_path / "out")
    assert "The splits of the dataset are kept: train 2, val 1 rows." in outcome.out
    lines = (tmp_path / "out" / "d.csv").read_text().splitlines()
    assert [line.split(",")[:4] for line in lines] == [
        ["image", "label", "sample_id", "split"],
        *([f"{home}/{name}", label, name, name.split("/")[0]] for name, label in zip(names, "aba", strict=True)),
    ]
    again = scored(tmp_path / "again", Source(str(tmp_path / "out" / "d.csv"), allow_absolute=True))
    outcome = command("export-clean", again, "--out", tmp_path / "two")
    assert "The splits of the dataset are kept: train 2, val 1 rows." in outcome.out


@METADATA
@pytest.mark.parametrize("labelled", [True, False])
def test_an_image_folder_keeps_the_kind_of_its_metadata(
    tmp_path: Path, command: Command, ending: str, labelled: bool
) -> None:
    """Labels stand in a column, or folders tell them."""
    content = make(tmp_path / "in", "train/cat/1.png", "train/dog/1.png", "test/cat/1.png")
    for split, names in (("train", ["cat/1.png", "dog/1.png"]), ("test", ["cat/1.png"])):
        rows = [
            {"file_name": name, "site": f"{split}, 7", "zip": "01069", **({"label": name[:3]} if labelled else {})}
            for name in names
        ]
        write_metadata(tmp_path / "in" / split / f"metadata.{ending}", rows)
    run = scored(tmp_path, Source(str(tmp_path / "in")), suggested={"train/cat/1.png": "dog"})
    assert command("export-clean", run, "--out", tmp_path / "out", "--on-flag", "relabel").code == 0
    images = {"train/dog/1.png": "", "train/dog/1-2.png": "train/cat/1.png", "test/cat/1.png": ""}
    metadata = [f"{split}/metadata.{ending}" for split in ("test", "train")]
    assert files(tmp_path / "out") == sorted([*images, *metadata])
    for name, before in images.items():
        assert (tmp_path / "out" / name).read_bytes() == content[before or name]
    again = scored(tmp_path / "again", Source(str(tmp_path / "out")))
    assert command("export-clean", again, "--out", tmp_path / "tables", "--format", "parquet").code == 0
    (rows,) = [pq.read_table(tmp_path / "tables" / "data" / "train-00000-of-00001.parquet").to_pylist()]
    assert [row["sample_id"] for row in rows] == ["train/cat/1.png", "train/dog/1.png"]
    assert {(row["site"], row["zip"]) for row in rows} == {("train, 7", "01069")}
