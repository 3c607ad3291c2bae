"""Which file a row goes to, and in which order its columns stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from support.sources import make, vectors, write_metadata

from noisecleaner.export.copying import Copy
from noisecleaner.export.row_tables import RowFiles, with_labels
from noisecleaner.ingest import Columns, Source, read_manifest


def copy_of(data: Path, **columns: str) -> Copy:
    source = Source(str(data), columns=Columns(**columns))  # type: ignore[arg-type]  # all are texts
    manifest = read_manifest(source)
    keep = np.ones(len(manifest), bool)
    return Copy(manifest=manifest, source=source, labels=manifest.given, keep=keep, notes=pa.table({}))


def named(files: RowFiles) -> list[str]:
    return [str(files.names[place]) for place in files.rows.tolist()]


def test_each_of_the_owners_tables_has_one(tmp_path: Path) -> None:
    for name, ids in (("a/x.parquet", ["1", "2"]), ("b/x.parquet", ["3"]), ("b/y.parquet", ["4", "5"])):
        vectors(tmp_path / name, ["cat", "dog"][: len(ids)], sample_id=ids)
    files = RowFiles.of(copy_of(tmp_path, embedding="embedding"))
    assert named(files) == ["a/x", "a/x", "b/x", "b/y", "b/y"]
    assert files.one_by_one


def test_tables_that_differ_in_their_endings_alone_do_not_meet(tmp_path: Path) -> None:
    for name in ("d.jsonl", "d.ndjson"):
        (tmp_path / name).write_text(
            "".join(f'{{"sample_id": "{name}{row}", "label": "{row}", "e": [1.5]}}\n' for row in "ab")
        )
    assert named(RowFiles.of(copy_of(tmp_path / "d.*", embedding="e"))) == [
        "d",
        "d",
        "d-2",
        "d-2",
    ]


def test_tables_in_folders_that_name_a_column_become_one(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        path = vectors(tmp_path / f"label={label}" / "x.parquet", ["_"], sample_id=[f"a {label}"])
        table = pa.parquet.read_table(path).drop_columns(["label"])
        pa.parquet.write_table(table, path)
    assert named(RowFiles.of(copy_of(tmp_path, embedding="embedding"))) == ["rows", "rows"]


def test_splits_of_an_image_folder_have_one_each(tmp_path: Path) -> None:
    make(tmp_path, "cat/train/1.png", "cat/val/1.png", "dog/train/1.png")
    files = RowFiles.of(copy_of(tmp_path))
    assert named(files) == ["train", "val", "train"]
    assert not files.one_by_one


def test_columns_stand_as_the_owner_has_them_and_what_is_lacking_behind(tmp_path: Path) -> None:
    make(tmp_path, "1.png", "2.png")
    write_metadata(
        tmp_path / "metadata.csv",
        [{"site": "x", "file_name": f"{row}.png", "label": "ab"[row - 1], "more": ""} for row in (1, 2)],
    )
    copy = copy_of(tmp_path)
    (part,) = copy.parts(10)
    assert with_labels(part, copy, named=True).column_names == ["site", "label", "more", "sample_id"]


def test_classes_of_folders_are_names_where_numbers_would_say_nothing(tmp_path: Path) -> None:
    make(tmp_path, "cat/1.png", "dog/2.png")
    copy = copy_of(tmp_path)
    (part,) = copy.parts(10)
    assert with_labels(part, copy, named=True)["label"].to_pylist() == ["cat", "dog"]
    assert with_labels(part, copy, named=False)["label"].to_pylist() == [0, 1]
