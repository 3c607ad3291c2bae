"""What the owner had survives a clean copy of either format: splits, types, columns, names, class numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.exported import scored
from support.exports import FORMAT
from support.outcomes import refused
from support.sources import make, red, table, write_metadata

from noisecleaner.ingest import Columns, Source, read_manifest
from noisecleaner.ingest.labels.cells import class_names

CODES = {"cat": 3, "dog": 5, "horse": 7, "zebra": 8}
LABELS = ["horse", "cat", "zebra", "cat", "dog", "horse"]


def tables(out: Path) -> dict[str, pa.Table]:
    """Each table of a copy by its place, rows by their ids."""
    return {file.relative_to(out).as_posix(): pq.read_table(file) for file in sorted(out.rglob("*.parquet"))}


def cells(out: Path, column: str = "label", key: str = "sample_id") -> dict[Any, Any]:
    pairs = [zip(read[key].to_pylist(), read[column].to_pylist(), strict=True) for read in tables(out).values()]
    return {name: value for pair in pairs for name, value in pair}


def own_table(folder: Path, labels: pa.Array, **more: Any) -> Source:
    columns = {"sample_id": [f"r{row}" for row in range(len(labels))], "label": labels, "image": [red()] * len(labels)}
    return Source(str(table(folder / "d.parquet", **{**columns, **more})))


@FORMAT
@pytest.mark.parametrize("kind", [pa.int64(), pa.int16(), pa.float32(), pa.string(), pa.large_string()])
def test_labels_come_out_as_they_went_in(tmp_path: Path, command: Command, format: str, kind: pa.DataType) -> None:
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    written: dict[str, Any] = {name: name if text else CODES[name] for name in CODES}
    source = own_table(tmp_path, pa.array([written[name] for name in LABELS], kind))
    names = {name: name if text else str(code) for name, code in CODES.items()}
    run = scored(tmp_path, source, suggested={"r0": names["zebra"]})
    for on_flag, first in (("keep", "horse"), ("relabel", "zebra")):
        out = tmp_path / on_flag
        words = ("export-clean", run, "--out", out, "--format", format, "--on-flag", on_flag)
        assert command(*words).code == 0
        expected = [written[first], *(written[name] for name in LABELS[1:])]
        assert cells(out) == {f"r{row}": cell for row, cell in enumerate(expected)}
        (read,) = tables(out).values()
        assert read.schema.field("label").type == kind
        assert class_names(read.schema, "label") == ()


@FORMAT
def test_a_class_label_stays_one(tmp_path: Path, command: Command, format: str) -> None:
    names = ["unused", *CODES]
    labels = pa.array([names.index(name) for name in LABELS])
    path = table(
        tmp_path / "d.parquet",
        class_names={"label": names, "coarse": ["a", "b"]},
        sample_id=[f"r{row}" for row in range(6)],
        label=labels,
        coarse=[0, 1, 0, 1, 0, 1],
        image=[red()] * 6,
    )
    run = scored(tmp_path, Source(str(path)), suggested={"r0": "zebra"})
    words = ("export-clean", run, "--out", tmp_path / "out", "--format", format, "--on-flag", "relabel")
    assert command(*words).code == 0
    (read,) = tables(tmp_path / "out").values()
    assert class_names(read.schema, "label") == tuple(names)
    assert class_names(read.schema, "coarse") == ("a", "b")
    assert cells(tmp_path / "out") == {f"r{row}": label for row, label in enumerate([4, *labels.to_pylist()[1:]])}


@FORMAT
def test_other_columns_keep_names_and_types_and_ids_theirs(tmp_path: Path, command: Command, format: str) -> None:
    field = pa.field("size", pa.int8(), metadata={b"unit": b"cm"})
    size = pa.array([1, 2, 3, 4, 5, 6], pa.int8())
    when = pa.array(range(6), pa.timestamp("ms", "UTC"))
    ids = pa.array([10, 11, 12, 13, 14, 15], pa.int32())
    source = own_table(tmp_path, pa.array(LABELS), sample_id=ids, when=when, size=size, file_name=list("abcdef"))
    whole = pq.read_table(source.data)
    label = pa.field("label", pa.string(), metadata={b"by": b"us"})
    for described in (field, label):
        whole = whole.set_column(whole.schema.get_field_index(described.name), described, whole[described.name])
    pq.write_table(whole, source.data)
    run = scored(tmp_path, source, suggested={"12": "cat"})
    assert command("export-clean", run, "--out", tmp_path / "out", "--format", format).code == 0
    (read,) = tables(tmp_path / "out").values()
    assert read.schema.field("sample_id").type == pa.int32()
    assert read.schema.field("when").type == when.type
    assert read.schema.field("size").type == pa.int8()
    assert read.schema.field("size").metadata[b"unit"] == b"cm"
    assert read.schema.field("label").metadata[b"by"] == b"us"
    assert cells(tmp_path / "out", "size") == {10: 1, 11: 2, 13: 4, 14: 5, 15: 6}
    own = "nc_given_filename" if format == "folder" else "file_name"
    assert cells(tmp_path / "out", own) == dict(zip([10, 11, 13, 14, 15], "abdef", strict=True))


def split_folders(folder: Path) -> Source:
    make(folder / "ds", *(f"{split}/{name}/1.png" for split in ("train", "val", "test") for name in ("cat", "dog")))
    return Source(str(folder / "ds"))


def test_split_folders_stay_split_folders(tmp_path: Path, command: Command) -> None:
    source = split_folders(tmp_path)
    run = scored(tmp_path, source, suggested={"test/cat/1.png": "dog"})
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--on-flag", "relabel")
    assert outcome.code == 0
    assert "The splits of the dataset are kept: test 2, train 2, val 2 rows." in outcome.out
    files = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png"))
    assert files == [
        "test/dog/1-2.png",
        "test/dog/1.png",
        "train/cat/1.png",
        "train/dog/1.png",
        "val/cat/1.png",
        "val/dog/1.png",
    ]
    read = tables(tmp_path / "out")
    assert list(read) == [f"{split}/metadata.parquet" for split in ("test", "train", "val")]
    for name, lines in read.items():
        split = name.partition("/")[0]
        assert all(line.startswith(f"{split}/") for line in lines["sample_id"].to_pylist())
        assert all((tmp_path / "out" / split / line).is_file() for line in lines["file_name"].to_pylist())
        assert class_names(lines.schema, "label") == ("cat", "dog")
    again = read_manifest(Source(str(tmp_path / "out")))
    assert again.readable.all()
    assert dict(zip(*(again.table[name].to_pylist() for name in ("sample_id", "given_label")), strict=True)) == {
        **{f"{split}/{name}/1.png": name for split in ("train", "val", "test") for name in ("cat", "dog")},
        "test/cat/1.png": "dog",
    }


def test_split_folders_become_files_of_their_own(tmp_path: Path, command: Command) -> None:
    run = scored(tmp_path, split_folders(tmp_path), suggested={"val/cat/1.png": "dog", "val/dog/1.png": "cat"})
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--format", "parquet")
    assert outcome.code == 0
    assert "The splits of the dataset are kept: test 2, train 2, val 0 rows." in outcome.out
    read = tables(tmp_path / "out")
    assert {name: lines["sample_id"].to_pylist() for name, lines in read.items()} == {
        "data/test-00000-of-00001.parquet": ["test/cat/1.png", "test/dog/1.png"],
        "data/train-00000-of-00001.parquet": ["train/cat/1.png", "train/dog/1.png"],
        "data/val-00000-of-00001.parquet": [],
    }
    assert len({str(lines.schema) for lines in read.values()}) == 1


def test_nested_folders_stay_nested(tmp_path: Path, command: Command) -> None:
    make(tmp_path / "ds", "north/cat/day/1.png", "north/cat/night/1.png", "south/dog/1.png", "south/cat/1.png")
    source = Source(str(tmp_path / "ds"), label_level=2)
    run = scored(tmp_path, source, suggested={"north/cat/night/1.png": "dog"})
    assert command("export-clean", run, "--out", tmp_path / "out", "--on-flag", "relabel").code == 0
    files = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert files == [
        ".noisecleaner-manifest.json",
        "metadata.parquet",
        "noisecleaner.json",
        "north/cat/day/1.png",
        "north/dog/night/1.png",
        "south/cat/1.png",
        "south/dog/1.png",
    ]
    assert cells(tmp_path / "out", "file_name")["north/cat/night/1.png"] == "north/dog/night/1.png"


def shards(folder: Path) -> Source:
    for split, rows in (("train", 4), ("test", 2)):
        ids = [f"{split} {row}" for row in range(rows)]
        labels = ["cat", "dog"] * (rows // 2)
        name = folder / "ds" / f"{split}-00000-of-00001.parquet"
        table(name, sample_id=ids, label=labels, image=[red()] * rows)
    return Source(str(folder / "ds"))


def test_shards_of_splits_stay_apart(tmp_path: Path, command: Command) -> None:
    run = scored(tmp_path, shards(tmp_path), suggested={"train 1": "cat"})
    outcome = command("export-clean", run, "--out", tmp_path / "parquet")
    assert outcome.code == 0
    assert {name: lines["sample_id"].to_pylist() for name, lines in tables(tmp_path / "parquet").items()} == {
        "data/test-00000-of-00001.parquet": ["test 0", "test 1"],
        "data/train-00000-of-00001.parquet": ["train 0", "train 2", "train 3"],
    }
    assert command("export-clean", run, "--out", tmp_path / "folder", "--format", "folder").code == 0
    files = sorted(path.relative_to(tmp_path / "folder").as_posix() for path in (tmp_path / "folder").rglob("*.png"))
    assert files == [
        "test/cat/test 0.png",
        "test/dog/test 1.png",
        "train/cat/train 0.png",
        "train/cat/train 2.png",
        "train/dog/train 3.png",
    ]


def test_a_column_of_splits_stays_a_column_and_becomes_folders(tmp_path: Path, command: Command) -> None:
    splits = ["train", "train", "test", "train", "test", "train"]
    run = scored(tmp_path, own_table(tmp_path, pa.array(LABELS), split=splits))
    assert command("export-clean", run, "--out", tmp_path / "parquet").code == 0
    assert list(tables(tmp_path / "parquet")) == ["data/train-00000-of-00001.parquet"]
    assert list(cells(tmp_path / "parquet", "split").values()) == splits
    outcome = command("export-clean", run, "--out", tmp_path / "folder", "--format", "folder")
    assert "The splits of the dataset are kept: train 4, test 2 rows." in outcome.out
    for file, split in cells(tmp_path / "folder", "split", "sample_id").items():
        (image,) = (tmp_path / "folder").rglob(f"{file}.png")
        assert image.relative_to(tmp_path / "folder").parts[0] == split


def test_metadata_of_an_image_folder_keep_their_columns(tmp_path: Path, command: Command) -> None:
    make(tmp_path / "ds", "train/1.png", "train/2.png", "test/1.png")
    for split, names, codes in (("train", ["1.png", "2.png"], [3, 5]), ("test", ["1.png"], [5])):
        metadata = {"file_name": names, "label": pa.array(codes, pa.int16()), "site": [f"{split} site"] * len(names)}
        pq.write_table(pa.table(metadata), tmp_path / "ds" / split / "metadata.parquet")
    run = scored(tmp_path, Source(str(tmp_path / "ds")), suggested={"train/1.png": "5"})
    assert command("export-clean", run, "--out", tmp_path / "out", "--on-flag", "relabel").code == 0
    assert cells(tmp_path / "out") == {"train/1.png": 5, "train/2.png": 5, "test/1.png": 5}
    assert cells(tmp_path / "out", "site")["test/1.png"] == "test site"
    assert {lines.schema.field("label").type for lines in tables(tmp_path / "out").values()} == {pa.int16()}
    assert (tmp_path / "out" / "test" / "5" / "1.png").read_bytes() == (tmp_path / "ds" / "test" / "1.png").read_bytes()


@FORMAT
def test_integers_of_csv_are_integers(tmp_path: Path, command: Command, format: str) -> None:
    make(tmp_path, *(f"{row}.png" for row in range(6)))
    lines = [{"image": f"{row}.png", "label": str(CODES[name]), "zip": "01069"} for row, name in enumerate(LABELS)]
    write_metadata(tmp_path / "d.csv", lines)
    run = scored(tmp_path, Source(str(tmp_path / "d.csv")), suggested={"0.png": "8"})
    words = ("export-clean", run, "--out", tmp_path / "out", "--format", format, "--on-flag", "relabel")
    assert command(*words).code == 0
    assert list(cells(tmp_path / "out").values()) == [8, 3, 8, 3, 5, 7]
    assert set(cells(tmp_path / "out", "zip").values()) == {"01069"}


def test_a_label_that_the_column_cannot_hold_is_refused_before_anything_is_written(
    tmp_path: Path, command: Command
) -> None:
    """As where a run on names scores new rows that carry numbers of two of them."""
    source = own_table(tmp_path, pa.array([3, 5, 3]))
    run = scored(tmp_path, source, suggested={"r0": "emu"}, classes=["3", "5", "emu"])
    for more in ([], ["--dry-run"]):
        outcome = command("export-clean", run, "--out", tmp_path / "out", "--on-flag", "relabel", *more)
        refused(outcome, "which holds int64, but no row there carries 'emu' (1 row)")
        assert not (tmp_path / "out").exists()
    assert command("export-clean", run, "--out", tmp_path / "out", "--on-flag", "drop").code == 0


def test_pandas_reads_the_index_and_the_categories_of_the_owner(tmp_path: Path, command: Command) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"sample_id": list("abc"), "label": pandas.Categorical(["x", "y", "x"]), "image": [red()] * 3},
        index=pandas.Index([10, 20, 30], name="nr"),
    )
    frame.to_parquet(tmp_path / "d.parquet")
    run = scored(tmp_path, Source(str(tmp_path / "d.parquet")), suggested={"b": "x"})
    assert command("export-clean", run, "--out", tmp_path / "out").code == 0
    read = pandas.read_parquet(tmp_path / "out" / "data")
    assert read.index.tolist() == [10, 30]
    assert read.index.name == "nr"
    assert read["label"].dtype == frame["label"].dtype
    assert read["label"].tolist() == ["x", "x"]


def test_hugging_face_finds_the_splits(
    tmp_path: Path, command: Command, load_dataset: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    run = scored(tmp_path, split_folders(tmp_path), suggested={"test/cat/1.png": "dog"})
    for format, builder in (("folder", "imagefolder"), ("parquet", None)):
        out = tmp_path / format
        assert command("export-clean", run, "--out", out, "--on-flag", "relabel", "--format", format).code == 0
        words = [builder] if builder else [str(out)]
        loaded = datasets.load_dataset(
            *words, cache_dir=str(tmp_path / "cache"), **({"data_dir": str(out)} if builder else {})
        )
        assert {name: len(part) for name, part in loaded.items()} in (
            {"train": 2, "validation": 2, "test": 2},
            {"train": 2, "val": 2, "test": 2},
        )
        assert set(loaded["test"]["sample_id"][:]) == {"test/cat/1.png", "test/dog/1.png"}
        assert loaded["test"].features["label"].names == ["cat", "dog"]


def test_the_copy_of_a_copy_has_the_same_splits(tmp_path: Path, command: Command) -> None:
    run = scored(tmp_path, shards(tmp_path))
    assert command("export-clean", run, "--out", tmp_path / "one").code == 0
    again = scored(tmp_path / "again", Source(str(tmp_path / "one"), columns=Columns()))
    assert command("export-clean", again, "--out", tmp_path / "two").code == 0
    one, two = tables(tmp_path / "one"), tables(tmp_path / "two")
    assert list(one) == list(two)
    assert all(one[name].drop_columns(["image"]).equals(two[name].drop_columns(["image"])) for name in one)


def test_hostile_splits_stay_inside_the_copy(tmp_path: Path, command: Command) -> None:
    splits = ["..", "/etc", "a/b", "..", "CON", "x"]
    run = scored(tmp_path, own_table(tmp_path, pa.array(LABELS), split=splits))
    assert command("export-clean", run, "--out", tmp_path / "out", "--format", "folder").code == 0
    images = list((tmp_path / "out").rglob("*.png"))
    assert len(images) == 6
    assert all(len(image.relative_to(tmp_path / "out").parts) == 3 for image in images)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.parquet", "out", "run"]
