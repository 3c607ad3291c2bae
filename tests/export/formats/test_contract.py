"""One contract for every file of `export/formats/`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support.datasets import CLASSES, Command, embeddings
from support.exports import (
    FORMAT,
    Row,
    ScoredData,
    by_hand,
    expect,
    picture,
    state,
    with_files,
    written,
)
from support.packages import with_file

from noisecleaner.export.copying import Copy
from noisecleaner.export.formats import Format, writer_of
from noisecleaner.ingest import Columns, Source, ingest, read_manifest
from noisecleaner.progress import Stage
from noisecleaner.registry import names_in


@FORMAT
def test_batches_of_which_nothing_is_kept_do_not_shift_the_rest(tmp_path: Path, command: Command, format: str) -> None:
    flagged = [*range(100, 200), 3, 250, 299]
    rows = [Row(str(i), "abc"[i % 3], quality=0.1 if i in flagged else 0.9, flagged=i in flagged) for i in range(300)]
    scored = by_hand(tmp_path, rows, number=list(range(300)))
    assert command("export-clean", scored.run, "--out", tmp_path / "out", "--format", format).code == 0
    kept = [i for i in range(300) if i not in flagged]
    assert written(tmp_path / "out") == {str(i): "abc"[i % 3] for i in kept}
    if format == "parquet":
        table = pq.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
        assert table["number"].to_pylist() == kept
        assert [row["bytes"] for row in table["image"].to_pylist()] == [picture(i) for i in kept]
    else:
        for i in kept:
            assert (tmp_path / "out" / "abc"[i % 3] / f"{i}.png").read_bytes() == picture(i)


@FORMAT
def test_images_are_byte_identical_and_the_input_is_untouched(
    tmp_path: Path, images: ScoredData, command: Command, format: str
) -> None:
    before, scores = state(images.data), state(images.run)
    assert command("export-clean", images.run, "--out", tmp_path / "out", "--format", format).code == 0
    assert state(images.data) == before
    assert state(images.run) == scores
    (file,) = (tmp_path / "out").rglob("*.parquet")
    rows = pq.read_table(file).to_pylist()
    assert len(rows) > 40
    for row in rows:
        source = images.data / row["sample_id"]
        if format == "parquet":
            assert row["image"] == {"bytes": source.read_bytes(), "path": source.name}
        else:
            assert (tmp_path / "out" / row["file_name"]).read_bytes() == source.read_bytes()


@FORMAT
def test_the_copy_is_a_dataset_that_can_be_read_again(
    tmp_path: Path, images: ScoredData, command: Command, format: str
) -> None:
    out = tmp_path / "out"
    assert command("export-clean", images.run, "--out", out, "--on-flag", "relabel", "--format", format).code == 0
    manifest, _ = ingest(Source(str(out)))
    assert manifest.classes == tuple(CLASSES)
    labels = dict(zip(manifest.table["sample_id"].to_pylist(), manifest.table["given_label"].to_pylist(), strict=True))
    assert labels == expect(images.rows, "relabel").labels
    assert manifest.readable.all()


@FORMAT
def test_hugging_face_datasets_opens_either_format(
    tmp_path: Path, images: ScoredData, command: Command, load_dataset: Callable[..., Any], format: str
) -> None:
    import datasets

    out = tmp_path / "out"
    assert command("export-clean", images.run, "--out", out, "--on-flag", "relabel", "--format", format).code == 0
    builder = "imagefolder" if format == "folder" else "parquet"
    loaded = load_dataset(builder, data_dir=str(out))
    assert isinstance(loaded.features["image"], datasets.Image)
    assert isinstance(loaded.features["label"], datasets.ClassLabel)
    assert loaded.features["label"].names == CLASSES
    labels = loaded.features["label"].int2str(loaded["label"][:])
    assert dict(zip(loaded["sample_id"], labels, strict=True)) == expect(images.rows, "relabel").labels
    for row in loaded:
        with Image.open(images.data / row["sample_id"]) as image:
            assert np.array_equal(np.asarray(row["image"]), np.asarray(image))
        assert 0 <= row["nc_label_quality"] <= 1
    assert loaded.features["nc_given_label"].dtype == "string"
    assert loaded.features["nc_flagged"].dtype == "bool"


@pytest.mark.parametrize("format", Format)
def test_a_dry_run_says_what_a_real_one_does(tmp_path: Path, command: Command, format: str) -> None:
    scored = with_files(tmp_path)
    words = ("export-clean", scored.run, "--out", tmp_path / "out", "--format", format)
    dry = command(*words, "--dry-run")
    assert dry.code == 0
    assert not (tmp_path / "out").exists()
    assert command(*words).out.startswith(dry.out.replace("Would write", "Wrote"))  # and how to go on


# Whatever a file writes


DROPPED_IN = '''"""A table of ids and labels, as CSV."""

import pyarrow as pa
from pyarrow import csv

NEEDS_IMAGES = False


def write(folder, copy, stage):
    parts = []
    for part in copy.parts(1000):
        names = [None if label is None else copy.classes[label] for label in part.labels.to_pylist()]
        parts.append(pa.table({"sample_id": part.owned["sample_id"], "label": pa.array(names, pa.string())}))
        stage.advance(len(part.rows))
    csv.write_csv(pa.concat_tables(parts), folder / "labels.csv")
'''


@dataclass
class Counting(Stage):
    """Counts the rows that are told."""

    rows: int = 0

    def advance(self, count: int = 1, **numbers: float) -> None:
        self.rows += count


def copy_of(data: Path, keep: Sequence[bool], columns: Columns = Columns()) -> Copy:  # noqa: B008  # frozen
    source = Source(str(data), columns=columns)
    manifest = read_manifest(source)
    notes = pa.table({"nc_note": [f"note {row}" for row in range(len(manifest))]})
    return Copy(manifest=manifest, source=source, labels=manifest.given, keep=np.array(keep), notes=notes)


def images_with_odd_names(folder: Path) -> Path:
    """A table whose ids, labels and paths would leave any folder."""
    ids = ["../up", "/etc/passwd", "a/b", "a\\b", "con", ".hidden"]
    labels = ["..", "/", "..", "a/b", "/", "a/b"]
    pq.write_table(
        pa.table({"sample_id": ids, "label": labels, "image": [picture(i) for i in range(6)]}), folder / "d.parquet"
    )
    return folder / "d.parquet"


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def write(format: str, folder: Path, copy: Copy) -> int:
    """Write into a new folder; return how many rows the stage was told of."""
    folder.mkdir()
    stage = Counting()
    writer_of(format).write(folder, copy, stage)
    return stage.rows


def test_the_names_of_the_formats_are_those_of_the_files() -> None:
    assert [format.value for format in Format] == names_in("export.formats")


@pytest.mark.parametrize("format", Format)
def test_files_appear_in_the_folder_alone_and_each_row_is_told(tmp_path: Path, format: str) -> None:
    copy = copy_of(images_with_odd_names(tmp_path), [True, False, True, True, True, True])
    before = files(tmp_path)
    assert write(format, tmp_path / "out", copy) == 5
    after = files(tmp_path)
    assert {name: after[name] for name in before} == before
    assert len(after) > len(before)
    assert all(name.startswith("out/") for name in after.keys() - before.keys())


@pytest.mark.parametrize("format", Format)
def test_the_same_copy_is_written_as_the_same_bytes(tmp_path: Path, format: str) -> None:
    copy = copy_of(images_with_odd_names(tmp_path), [True] * 6)
    for name in ("one", "two"):
        write(format, tmp_path / name, copy)
    assert files(tmp_path / "one") == files(tmp_path / "two")


@pytest.mark.parametrize("format", Format)
def test_vectors_are_written_or_said_to_be_no_images(tmp_path: Path, format: str) -> None:
    embeddings(tmp_path / "d.parquet", rows=20)
    copy = copy_of(tmp_path / "d.parquet", [True] * 20, Columns(embedding="embedding"))
    if not writer_of(format).NEEDS_IMAGES:
        assert write(format, tmp_path / "out", copy) == 20


def test_adding_a_format_is_one_file(tmp_path: Path) -> None:
    """A copy of the package with one more file in `export/formats/`."""
    package = with_file(tmp_path, "export/formats/labels_csv.py", DROPPED_IN)
    assert "labels-csv" in package.command("export-clean", "--help")
    scored = by_hand(tmp_path)
    words = ("export-clean", scored.run, "--out", tmp_path / "out", "--format", "labels-csv")
    assert "(labels-csv)" in package.command(*words)
    assert (tmp_path / "out" / "labels.csv").read_text().splitlines()[:2] == ['"sample_id","label"', '"good","a"']
    package.passes("export/formats/test_contract.py", "labels-csv")


@pytest.mark.parametrize("format", names_in("export.formats"))
def test_classes_may_be_called_like_our_own_files_or_like_no_file(tmp_path: Path, format: str) -> None:
    """Each row is still told, and what is written for one class takes the place of nothing else."""
    classes = ["metadata.parquet", "Metadata.Parquet", "metadata.csv", "metadata.jsonl", "noisecleaner.json"]
    classes += [
        "_classes.csv",
        "labels.json",
        "con",
        ".",
        "..",
        "a.",
        "a",
        "a ",
        "\u00e9",
        "e\u0301",
        "Cat",
        "cat",
        "x/y",
    ]
    names = classes * 2
    images = [picture(row) for row in range(len(names))]
    table = pa.table({"sample_id": list(map(str, range(len(names)))), "label": names, "image": images})
    if getattr(writer_of(format), "ROWS_ALONE", False):
        table = table.drop_columns(["image"]).append_column("embedding", pa.array([[1.0, 2.0]] * len(names)))
    pq.write_table(table, tmp_path / "data.parquet")
    columns = Columns() if "image" in table.column_names else Columns(embedding="embedding")
    copy = copy_of(tmp_path / "data.parquet", [True] * len(names), columns)
    assert write(format, tmp_path / "out", copy) == len(names)
    assert not [file for file in files(tmp_path) if not file.startswith(("out/", "data.parquet"))]
    assert not [name for name in ("metadata.parquet", "noisecleaner.json") if (tmp_path / "out" / name).is_dir()]
