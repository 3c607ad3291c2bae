"""Every way in which a dataset may be laid out gives the same manifest, and what cannot be used gets its reason."""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.datasets import CLASSES, Command, image_folder, png

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Manifest, Skip, Source, ingest, refuse_skips, require_readable
from noisecleaner.ingest.payloads import MAX_FILE_BYTES, ImageColumn, ImageFiles
from noisecleaner.ingest.vectors import VectorColumn
from noisecleaner.inputs.batches import Data
from noisecleaner.inputs.encoders import pixel_encoder
from noisecleaner.inputs.prepare import prepare_images, prepare_vectors
from noisecleaner.progress import Progress
from noisecleaner.settings import Decoding

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
VECTORS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]


def red() -> bytes:
    return png(0, np.random.default_rng(0), (8, 8))


def green() -> bytes:
    return png(1, np.random.default_rng(1), (8, 8))


def make(folder: Path, *names: str) -> dict[str, bytes]:
    """Write an image of its own under each name."""
    rng = np.random.default_rng(3)
    content = {name: png(row % 3, rng, (8, 8)) for row, name in enumerate(names)}
    for name, image in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(image)
    return content


def table(
    path: Path, schema: pa.Schema | None = None, class_names: dict[str, list[str]] | None = None, **c: Any
) -> Path:
    """Write columns as Parquet, those in `class_names` as Hugging Face's ClassLabel."""
    features = {name: {"names": names, "_type": "ClassLabel"} for name, names in (class_names or {}).items()}
    made = pa.table(c, schema=schema)
    if features:
        made = made.replace_schema_metadata({b"huggingface": json.dumps({"info": {"features": features}}).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(made, path)
    return path


def vectors(path: Path, labels: object, **rest: Any) -> Path:
    """Write a table with embeddings and these labels."""
    column = labels if isinstance(labels, (pa.Array, pa.ChunkedArray)) else pa.array(labels)
    ids = [f"r{row}" for row in range(len(column))]
    return table(path, **{"sample_id": ids, "label": column, "embedding": [[1.0, 2.0]] * len(column), **rest})


def both(
    data: object,
    trusted: object = None,
    classes: tuple[str, ...] | None = None,
    allow_absolute: bool = False,
    verified: str = "trusted_label",
    **columns: Any,
) -> tuple[Manifest, Manifest | None]:
    source = Source(str(data), columns=Columns(trusted=verified, **columns), allow_absolute=allow_absolute)
    return ingest(source, None if trusted is None else str(trusted), classes)


def read(data: object, **options: Any) -> Manifest:
    return both(data, **options)[0]


def texts(manifest: Manifest, column: str) -> list[str | None]:
    return [None if v is None else str(v) for v in manifest.table[column].to_pylist()]


def labels(manifest: Manifest) -> dict[str | None, str | None]:
    return dict(zip(texts(manifest, "sample_id"), texts(manifest, "given_label"), strict=True))


def contents(manifest: Manifest) -> list[bytes | Skip]:
    assert isinstance(manifest.payload, (ImageFiles, ImageColumn))
    found = list(manifest.payload.read(np.arange(len(manifest))))
    assert [row for row, _ in found] == list(range(len(manifest)))
    return [content for _, content in found]


def refusal(*args: Any, **options: Any) -> str:
    with pytest.raises(NoisecleanerError) as error:
        both(*args, **options)
    return str(error.value)


# Image folders


def test_the_folders_of_an_image_folder_name_the_classes(tmp_path: Path) -> None:
    made = make(tmp_path, "dog/b.png", "cat/a.jpg", "dog/a.PNG", "dog/deep/er/c.png")
    manifest = read(tmp_path)
    assert labels(manifest) == {"cat/a.jpg": "cat", "dog/a.PNG": "dog", "dog/b.png": "dog", "dog/deep/er/c.png": "dog"}
    assert texts(manifest, "path") == texts(manifest, "sample_id")
    assert manifest.classes == ("cat", "dog")
    assert manifest.given.tolist() == [0, 1, 1, 1]
    assert manifest.trusted.tolist() == [-1] * 4
    assert contents(manifest) == [made[str(i)] for i in texts(manifest, "sample_id")]


def test_a_row_is_read_alone_like_among_all(tmp_path: Path) -> None:
    image_folder(tmp_path, rows=12)
    manifest = read(tmp_path)
    assert isinstance(manifest.payload, ImageFiles)
    assert list(manifest.payload.read(np.array([7]))) == [(7, contents(manifest)[7])]


@pytest.mark.parametrize("split", ["train", "Test", "validation"])
def test_split_folders_are_no_classes(tmp_path: Path, split: str) -> None:
    make(tmp_path, f"{split}/cat/a.png", f"{split}/dog/b.png", "test/dog/c.png", f"{split}/stray.png")
    manifest = read(tmp_path)
    assert manifest.classes == ("cat", "dog")
    assert labels(manifest) == {
        f"{split}/cat/a.png": "cat",
        f"{split}/dog/b.png": "dog",
        "test/dog/c.png": "dog",
        f"{split}/stray.png": None,
    }


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    make(tmp_path, "bus/a.png", "car/b.png", "train/c.png")
    assert labels(read(tmp_path)) == {"bus/a.png": "bus", "car/b.png": "car", "train/c.png": "train"}


def test_an_image_outside_the_class_folders_has_no_label(tmp_path: Path) -> None:
    make(tmp_path, "a/x.png", "b/y.png", "stray.png")
    manifest = read(tmp_path)
    assert texts(manifest, "skip_reason") == [None, None, "no_label"]
    assert manifest.given.tolist() == [0, 1, -1]


def test_hidden_files_and_what_is_no_image_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a/x.png", "b/y.png", "a/.x.png", ".cache/z.png", "b/.thumbs/y.png")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    assert texts(read(tmp_path), "sample_id") == ["a/x.png", "b/y.png"]


def test_classes_that_are_numbers_stand_in_numeric_order(tmp_path: Path) -> None:
    make(tmp_path, "10/a.png", "9/b.png", "1/c.png")
    assert read(tmp_path).classes == ("1", "9", "10")
    make(tmp_path, "x/a.png")
    assert read(tmp_path).classes == ("1", "10", "9", "x")


def test_a_link_back_to_its_own_folder_is_not_followed_for_ever(tmp_path: Path) -> None:
    make(tmp_path, "a/x.png", "b/y.png")
    (tmp_path / "a" / "loop").symlink_to("..", target_is_directory=True)
    (tmp_path / "b" / "self").symlink_to(".", target_is_directory=True)
    assert texts(read(tmp_path), "sample_id") == ["a/x.png", "b/y.png"]


def test_a_link_to_a_folder_inside_is_followed(tmp_path: Path) -> None:
    made = make(tmp_path, "a/x.png", ".store/y.png")
    (tmp_path / "b").symlink_to(".store", target_is_directory=True)
    manifest = read(tmp_path)
    assert labels(manifest) == {"a/x.png": "a", "b/y.png": "b"}
    assert contents(manifest) == [made["a/x.png"], made[".store/y.png"]]


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_a_file_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "a/x.png", "b/y.png")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/\xff.png")).write_bytes(red())
    assert "must be UTF-8" in refusal(tmp_path)


def test_one_class_or_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert "an empty folder" in refusal(tmp_path)
    assert "nothing" in refusal(tmp_path / "missing")
    make(tmp_path, "a/x.png")
    assert "has 1 (a)" in refusal(tmp_path)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "x.png")
    assert "A table must end in" in refusal(tmp_path / "x.png")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no parquet")
    assert "cannot be read" in refusal(tmp_path / "x.parquet")


# Hugging Face imagefolder


def write_metadata(path: Path, rows: Sequence[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(list(rows)), path)


METADATA = pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])


@METADATA
def test_metadata_names_files_and_labels(tmp_path: Path, ending: str) -> None:
    made = make(tmp_path, "images/1.png", "images/2.png", "unlisted.png")
    rows = [{"file_name": "images/2.png", "label": "dog"}, {"file_name": "images/1.png", "label": "cat"}]
    write_metadata(tmp_path / f"metadata.{ending}", rows)
    manifest = read(tmp_path)
    assert labels(manifest) == {"images/2.png": "dog", "images/1.png": "cat"}
    assert texts(manifest, "sample_id") == ["images/2.png", "images/1.png"]
    assert manifest.classes == ("cat", "dog")
    assert contents(manifest) == [made["images/2.png"], made["images/1.png"]]


@METADATA
def test_metadata_of_splits_names_files_below_the_split(tmp_path: Path, ending: str) -> None:
    made = make(tmp_path, "train/1.png", "test/1.png")
    write_metadata(tmp_path / "train" / f"metadata.{ending}", [{"file_name": "1.png", "label": "cat"}])
    write_metadata(tmp_path / "test" / f"metadata.{ending}", [{"file_name": "1.png", "label": "dog"}])
    manifest = read(tmp_path)
    assert labels(manifest) == {"test/1.png": "dog", "train/1.png": "cat"}
    assert contents(manifest) == [made["test/1.png"], made["train/1.png"]]


@METADATA
def test_metadata_may_bring_ids_verified_labels_and_other_names(tmp_path: Path, ending: str) -> None:
    make(tmp_path, "1.png", "2.png")
    rows = [
        {"file_name": "1.png", "key": "one", "kind": "cat", "checked": "dog"},
        {"file_name": "2.png", "key": "two", "kind": "dog", "checked": ""},
    ]
    write_metadata(tmp_path / f"metadata.{ending}", rows)
    manifest = read(tmp_path, sample_id="key", label="kind", verified="checked")
    assert labels(manifest) == {"one": "cat", "two": "dog"}
    assert texts(manifest, "trusted_label") == ["dog", None]
    assert manifest.trusted.tolist() == [1, -1]


def test_without_a_label_column_folders_name_the_classes(tmp_path: Path) -> None:
    make(tmp_path, "train/cat/1.png", "train/dog/2.png")
    rows = [{"file_name": "cat/1.png", "text": "a cat"}, {"file_name": "dog/2.png", "text": "a dog"}]
    write_metadata(tmp_path / "train" / "metadata.csv", rows)
    assert labels(read(tmp_path)) == {"train/cat/1.png": "cat", "train/dog/2.png": "dog"}


def test_metadata_without_file_names_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "1.png")
    write_metadata(tmp_path / "metadata.csv", [{"image": "1.png", "label": "a"}])
    assert "needs a column file_name" in refusal(tmp_path)


def test_class_label_of_metadata_parquet_keeps_its_names_and_order(tmp_path: Path) -> None:
    make(tmp_path, "1.png", "2.png", "3.png")
    table(
        tmp_path / "metadata.parquet",
        class_names={"label": ["zebra", "ant"]},
        file_name=["1.png", "2.png", "3.png"],
        label=[1, 0, -1],
    )
    manifest = read(tmp_path)
    assert manifest.classes == ("zebra", "ant")
    assert labels(manifest) == {"1.png": "ant", "2.png": "zebra", "3.png": None}
    assert texts(manifest, "skip_reason") == [None, None, "no_label"]


def test_a_file_that_metadata_names_but_is_not_there_is_missing(tmp_path: Path) -> None:
    make(tmp_path, "1.png")
    write_metadata(
        tmp_path / "metadata.csv", [{"file_name": "1.png", "label": "a"}, {"file_name": "2.png", "label": "b"}]
    )
    assert contents(read(tmp_path))[1] is Skip.MISSING_FILE


# Tables


def test_paths_in_a_table_start_at_its_folder(tmp_path: Path) -> None:
    made = make(tmp_path, "images/1.png", "images/2.png")
    path = table(tmp_path / "data.parquet", image=list(made), label=["a", "b"])
    manifest = read(path)
    assert texts(manifest, "path") == list(made)
    assert texts(manifest, "sample_id") == list(made)
    assert contents(manifest) == list(made.values())


def image_columns() -> dict[str, pa.Array]:
    return {
        "binary": pa.array([red(), green()], pa.binary()),
        "large_binary": pa.array([red(), green()], pa.large_binary()),
        "struct": pa.array([{"bytes": red(), "path": "1.png"}, {"bytes": green(), "path": "2.png"}], IMAGE),
        "struct of bytes": pa.array([{"bytes": red()}, {"bytes": green()}], pa.struct([("bytes", pa.binary())])),
        "list": pa.array([list(red()), list(green())], pa.list_(pa.uint8())),
    }


@pytest.mark.parametrize("kind", image_columns())
def test_encoded_images_in_a_table_come_out_as_they_went_in(tmp_path: Path, kind: str) -> None:
    column = image_columns()[kind]
    manifest = read(table(tmp_path / "d.parquet", sample_id=["x", "y"], label=["a", "b"], image=column))
    assert contents(manifest) == [red(), green()]
    assert isinstance(manifest.payload, ImageColumn)
    assert list(manifest.payload.read(np.array([1]))) == [(1, green())]


def test_bytes_win_over_the_path_and_the_path_serves_without_bytes(tmp_path: Path) -> None:
    made = make(tmp_path, "there.png")
    rows = [{"bytes": red(), "path": "gone.png"}, {"bytes": None, "path": "there.png"}]
    manifest = read(table(tmp_path / "d.parquet", label=["a", "b"], image=pa.array(rows, IMAGE)))
    assert texts(manifest, "sample_id") == ["gone.png", "there.png"]
    assert contents(manifest) == [red(), made["there.png"]]


def test_rows_beyond_one_batch_keep_their_order(tmp_path: Path) -> None:
    rows = 150
    images = [red() + str(row).encode() for row in range(rows)]
    path = table(tmp_path / "d.parquet", sample_id=list(range(rows)), label=["a", "b"] * 75, image=images)
    manifest = read(path)
    assert contents(manifest) == images
    assert isinstance(manifest.payload, ImageColumn)
    some = np.array([3, 63, 64, 149])
    assert list(manifest.payload.read(some)) == [(row, images[row]) for row in some]


LABELS: dict[str, tuple[Callable[[], pa.Array], list[str | None], tuple[str, ...]]] = {
    "text": (lambda: pa.array(["b", "a", None, ""]), ["b", "a", None, None], ("a", "b")),
    "large text": (lambda: pa.array(["b", "a", None], pa.large_string()), ["b", "a", None], ("a", "b")),
    "text that looks null": (lambda: pa.array(["NA", "null"]), ["NA", "null"], ("NA", "null")),
    "int64": (lambda: pa.array([10, 9, None]), ["10", "9", None], ("9", "10")),
    "uint8": (lambda: pa.array([1, 0, None], pa.uint8()), ["1", "0", None], ("0", "1")),
    "floats with null": (lambda: pa.array([2.0, None, 10.0]), ["2", None, "10"], ("2", "10")),
    "floats with NaN": (lambda: pa.array([2.0, float("nan"), 10.0]), ["2", None, "10"], ("2", "10")),
    "bool": (lambda: pa.array([True, False, None]), ["True", "False", None], ("False", "True")),
    "dictionary": (lambda: pa.array(["b", "a", None, ""]).dictionary_encode(), ["b", "a", None, None], ("a", "b")),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_every_type_become_class_names(tmp_path: Path, kind: str) -> None:
    make_column, expected, classes = LABELS[kind]
    manifest = read(vectors(tmp_path / "d.parquet", make_column()), embedding="embedding")
    assert texts(manifest, "given_label") == expected
    assert manifest.classes == classes
    assert manifest.given.tolist() == [-1 if name is None else classes.index(name) for name in expected]
    assert texts(manifest, "skip_reason") == ["no_label" if name is None else None for name in expected]


def test_fractions_and_lists_are_no_labels(tmp_path: Path) -> None:
    assert "fractions" in refusal(vectors(tmp_path / "d.parquet", [0.5, 1.0]), embedding="embedding")
    assert "must be text or integers" in refusal(vectors(tmp_path / "e.parquet", [[0], [1]]), embedding="embedding")


@pytest.mark.parametrize("kind", [pa.int64(), pa.int8(), pa.float64()], ids=str)
def test_class_label_indexes_its_names(tmp_path: Path, kind: pa.DataType) -> None:
    column = pa.array([2, 0, -1, None, 7], kind)
    path = vectors(tmp_path / "d.parquet", column, class_names={"label": ["zebra", "ant", "bee"]})
    manifest = read(path, embedding="embedding")
    assert manifest.classes == ("zebra", "ant", "bee")
    assert texts(manifest, "given_label") == ["bee", "zebra", None, None, "7"]
    assert manifest.given.tolist() == [2, 0, -1, -1, -1]
    assert texts(manifest, "skip_reason") == [None, None, "no_label", "no_label", "unknown_class"]
    assert manifest.skips() == {"no_label": 2, "unknown_class": 1}


def test_class_label_metadata_that_is_broken_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    for broken in (b"{", b"[]", b'{"info": null}', b'{"info": {"features": {"label": {"_type": "Value"}}}}'):
        path = vectors(tmp_path / "d.parquet", [1, 0])
        pq.write_table(pq.read_table(path).replace_schema_metadata({b"huggingface": broken}), path)
        assert read(path, embedding="embedding").classes == ("0", "1")


def test_renamed_columns_are_found(tmp_path: Path) -> None:
    made = make(tmp_path, "1.png", "2.png")
    path = table(tmp_path / "d.parquet", file=list(made), kind=["a", "b"], key=[7, 8], checked=["b", None])
    manifest = read(path, image="file", label="kind", sample_id="key", verified="checked")
    assert labels(manifest) == {"7": "a", "8": "b"}
    assert manifest.trusted.tolist() == [1, -1]
    assert contents(manifest) == list(made.values())


def test_a_dot_in_a_column_name_is_no_nesting(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    pq.write_table(pa.table({"my.id": [1, 2], "my.label": ["a", "b"], "my.vectors": VECTORS[:2]}), path)
    manifest = read(path, sample_id="my.id", label="my.label", embedding="my.vectors")
    assert labels(manifest) == {"1": "a", "2": "b"}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"label": "kind"}, "`Columns(label=NAME)`"),
        ({"embedding": "vectors"}, "`Columns(embedding=NAME)`"),
        ({"probabilities": "vectors"}, "`Columns(probabilities=NAME)`"),
        ({"image": "picture"}, "`Columns(image=NAME)`"),
        ({"sample_id": "key"}, "`Columns(sample_id=NAME)`"),
    ],
)
def test_a_column_that_is_not_there_names_its_parameter(tmp_path: Path, options: dict[str, str], named: str) -> None:
    path = table(tmp_path / "d.parquet", image=["1.png", "2.png"], label=["a", "b"])
    assert named in refusal(path, **options)


def test_a_folder_of_parquet_files_and_a_glob_are_read_in_order(tmp_path: Path) -> None:
    for part in range(3):
        ids = [f"{part}-{row}" for row in range(2)]
        path = tmp_path / "data" / ("sub" if part == 2 else ".") / f"part-{part}.parquet"
        table(path, sample_id=ids, label=["a", "b"], image=[red() + bytes([part]), green()])
    (tmp_path / "data" / "_metadata.parquet").write_bytes(b"hidden")
    (tmp_path / "data" / ".x.parquet").write_bytes(b"hidden")
    everything = read(tmp_path / "data")
    assert texts(everything, "sample_id") == ["0-0", "0-1", "1-0", "1-1", "2-0", "2-1"]
    assert contents(everything)[2] == red() + b"\x01"
    assert texts(read(tmp_path / "data" / "part-*.parquet"), "sample_id") == ["0-0", "0-1", "1-0", "1-1"]
    assert texts(read(tmp_path / "data" / "part-[1].parquet"), "sample_id") == ["1-0", "1-1"]
    assert texts(read(f"file://{tmp_path}/data/part-*.parquet"), "sample_id") == ["0-0", "0-1", "1-0", "1-1"]
    assert texts(read(f"file://{tmp_path}/data/part-1.parquet"), "sample_id") == ["1-0", "1-1"]


def test_files_with_other_columns_are_refused(tmp_path: Path) -> None:
    vectors(tmp_path / "1.parquet", ["a", "b"])
    vectors(tmp_path / "2.parquet", [0, 1])
    assert "same columns" in refusal(tmp_path, embedding="embedding")


def test_files_whose_integers_mean_other_classes_are_refused(tmp_path: Path) -> None:
    vectors(tmp_path / "1.parquet", [0, 1], class_names={"label": ["cat", "dog"]})
    vectors(tmp_path / "2.parquet", [0, 1], class_names={"label": ["dog", "cat"]}, sample_id=["x", "y"])
    assert "same class names" in refusal(tmp_path, embedding="embedding")
    vectors(tmp_path / "2.parquet", [0, 1], class_names={"label": ["cat", "dog"]}, sample_id=["x", "y"])
    assert texts(read(tmp_path, embedding="embedding"), "given_label") == ["cat", "dog", "cat", "dog"]


def test_csv_keeps_leading_zeros_and_reads_empty_fields_as_null(tmp_path: Path) -> None:
    made = make(tmp_path, "1.png", "2.png", "3.png")
    (tmp_path / "d.csv").write_text("sample_id,image,label\n0001,1.png,a\n0002,2.png,\n0003,3.png,NA\n")
    manifest = read(tmp_path / "d.csv")
    assert labels(manifest) == {"0001": "a", "0002": None, "0003": "NA"}
    assert contents(manifest) == list(made.values())


def test_json_lines_are_a_table(tmp_path: Path) -> None:
    made = make(tmp_path, "1.png", "2.png")
    rows = [{"sample_id": 5, "image": "1.png", "label": 1}, {"sample_id": 6, "image": "2.png", "label": 0}]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    manifest = read(tmp_path / "d.jsonl")
    assert labels(manifest) == {"5": "1", "6": "0"}
    assert contents(manifest) == list(made.values())


# Vectors


def blocks(manifest: Manifest) -> np.ndarray:
    assert isinstance(manifest.payload, VectorColumn)
    return np.concatenate(list(manifest.payload.blocks()))


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (pa.list_(pa.float32()), np.float32),
        (pa.large_list(pa.float32()), np.float32),
        (pa.list_(pa.float32(), 2), np.float32),
        (pa.list_(pa.float16()), np.float16),
        (pa.list_(pa.float16(), 2), np.float16),
        (pa.list_(pa.float64()), np.float32),
        (pa.list_(pa.int64()), np.float32),
    ],
    ids=str,
)
def test_embeddings_of_every_list_type_come_out_as_they_went_in(
    tmp_path: Path, kind: pa.DataType, dtype: np.dtype[Any]
) -> None:
    values = [np.asarray(v, dtype=np.float16) for v in VECTORS] if pa.types.is_float16(kind.value_type) else VECTORS
    column = pa.array([values[0], values[1], None, values[3]], kind)
    path = table(tmp_path / "d.parquet", sample_id=list("wxyz"), label=list("abab"), embedding=column)
    manifest = read(path, embedding="embedding")
    assert isinstance(manifest.payload, VectorColumn)
    assert (manifest.payload.kind, manifest.payload.width) == ("embeddings", 2)
    found = blocks(manifest)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.array([VECTORS[0], VECTORS[1], [np.nan, np.nan], VECTORS[3]]))


@pytest.mark.parametrize(
    ("broken", "said"), [([1.0], "has 1 numbers"), ([1.0, np.nan], "NaN"), ([np.inf, 1.0], "infinity")]
)
def test_a_broken_vector_is_refused_with_its_row(tmp_path: Path, broken: list[float], said: str) -> None:
    path = vectors(tmp_path / "d.parquet", list("abab"), embedding=[*VECTORS[:3], broken])
    with pytest.raises(NoisecleanerError, match="row 3") as error:
        blocks(read(path, embedding="embedding"))
    assert said in str(error.value)


def test_what_holds_no_vectors_is_refused(tmp_path: Path) -> None:
    for column in (["x", "y"], [1.0, 2.0], [["x"], ["y"]]):
        path = vectors(tmp_path / "d.parquet", ["a", "b"], embedding=column)
        assert "must be lists of numbers" in refusal(path, embedding="embedding")


def test_probabilities_become_logarithms_and_a_row_without_is_skipped(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b", "a"], p=[[0.25, 0.75], None, [1.0, 0.0]])
    manifest = read(path, probabilities="p")
    assert isinstance(manifest.payload, VectorColumn)
    assert manifest.payload.kind == "probabilities"
    inputs = prepare_vectors([manifest], folder=tmp_path, progress=Progress())
    assert inputs.skipped == {1: Skip.NO_VECTOR}
    data = Data(
        array=inputs.array,
        given=manifest.given,
        trusted=manifest.trusted,
        device=torch.device("cpu"),
        probabilities=True,
    )
    logarithms = data.inputs(np.array([0, 2])).numpy()
    np.testing.assert_allclose(np.exp(logarithms), np.array([[0.25, 0.75], [1, 0]]), atol=1e-6)


@pytest.mark.parametrize("wrong", [[0.5, 0.2], [-0.5, 1.5], [0.2, 0.3, 0.5]])
def test_what_is_no_distribution_over_the_classes_is_refused(tmp_path: Path, wrong: list[float]) -> None:
    manifest = read(vectors(tmp_path / "d.parquet", ["a", "b"], p=[wrong, wrong]), probabilities="p")
    with pytest.raises(NoisecleanerError, match="Class probabilities"):
        prepare_vectors([manifest], folder=tmp_path, progress=Progress())


# Verified labels


def test_a_trusted_table_is_joined_on_the_ids(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"])
    trusted = table(tmp_path / "t.parquet", sample_id=["r3", "r0", "r2"], trusted_label=["a", "a", None])
    manifest, clean_only = both(data, trusted, embedding="embedding")
    assert texts(manifest, "trusted_label") == ["a", None, None, "a"]
    assert manifest.trusted.tolist() == [0, -1, -1, 0]
    assert texts(manifest, "given_label") == ["a", "b", "a", "b"]
    assert clean_only is None


def test_a_trusted_csv_with_integer_ids_joins_integer_ids(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"], sample_id=[10, 20])
    (tmp_path / "t.csv").write_text("sample_id,label\n20,a\n")
    assert read(data, trusted=tmp_path / "t.csv", embedding="embedding").trusted.tolist() == [-1, 0]


@pytest.mark.parametrize("indices", [[1, 0], ["1", "0"]], ids=["integers", "as text"])
def test_verified_labels_may_be_indices_of_the_classes(tmp_path: Path, indices: list[object]) -> None:
    data = vectors(tmp_path / "d.parquet", ["cat", "dog"])
    trusted = table(tmp_path / "t.parquet", sample_id=["r0", "r1"], trusted_label=indices)
    assert texts(read(data, trusted=trusted, embedding="embedding"), "trusted_label") == ["dog", "cat"]


def test_verified_labels_of_classes_that_are_numbers_are_names(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", [5, 7])
    trusted = table(tmp_path / "t.parquet", sample_id=["r0", "r1"], trusted_label=[7, 5])
    assert texts(read(data, trusted=trusted, embedding="embedding"), "trusted_label") == ["7", "5"]


def test_a_trusted_label_column_of_the_dataset_is_read(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b", "a"], trusted_label=["b", None, ""])
    assert texts(read(path, embedding="embedding"), "trusted_label") == ["b", None, None]
    path = vectors(tmp_path / "e.parquet", [0, 1], class_names={"label": ["cat", "dog"]}, trusted_label=[1, -1])
    assert texts(read(path, embedding="embedding"), "trusted_label") == ["dog", None]


def test_a_trusted_folder_verifies_the_images_of_the_same_path(tmp_path: Path) -> None:
    make(tmp_path / "data", "a/1.png", "b/2.png", "b/3.png")
    make(tmp_path / "checked", "b/2.png", "a/9.png")
    manifest, clean_only = both(tmp_path / "data", tmp_path / "checked")
    assert texts(manifest, "trusted_label") == [None, "b", None]
    assert clean_only is not None
    assert texts(clean_only, "sample_id") == ["a/9.png", "b/2.png"]
    assert clean_only.trusted.tolist() == [0, -1]
    assert clean_only.readable.tolist() == [True, False]
    assert contents(clean_only)[0] == (tmp_path / "checked" / "a" / "9.png").read_bytes()


def test_trusted_rows_with_images_of_their_own_are_clean_only(tmp_path: Path) -> None:
    data = table(tmp_path / "d.parquet", sample_id=["x", "y"], label=["a", "b"], image=[red(), green()])
    trusted = table(
        tmp_path / "t.parquet",
        sample_id=["new", "x", "unverified"],
        trusted_label=["b", "b", None],
        image=[green(), red(), red()],
    )
    manifest, clean_only = both(data, trusted)
    assert manifest.trusted.tolist() == [1, -1]
    assert clean_only is not None
    assert texts(clean_only, "trusted_label") == ["b", None, None]
    assert clean_only.readable.tolist() == [True, False, False]
    assert clean_only.trusted.tolist() == [1, -1, -1]
    assert clean_only.given.tolist() == [-1, -1, -1]
    assert clean_only.classes == manifest.classes
    assert contents(clean_only)[0] == green()


def test_rows_that_nobody_verified_need_not_be_in_the_dataset(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"])
    trusted = table(tmp_path / "t.parquet", sample_id=["r0", "elsewhere"], trusted_label=["b", None])
    manifest, clean_only = both(data, trusted, embedding="embedding")
    assert manifest.trusted.tolist() == [1, -1]
    assert clean_only is None


def test_trusted_rows_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"])
    unknown = table(tmp_path / "1.parquet", sample_id=["r0"], trusted_label=["c"])
    assert "must be classes of the dataset" in refusal(data, unknown, embedding="embedding")
    outside = table(tmp_path / "2.parquet", sample_id=["r0", "elsewhere"], trusted_label=["a", "b"])
    assert "such as elsewhere" in refusal(data, outside, embedding="embedding")
    twice = table(tmp_path / "3.parquet", sample_id=["r0", "r0"], trusted_label=["a", "b"])
    assert "must be unique" in refusal(data, twice, embedding="embedding")
    nothing = table(tmp_path / "4.parquet", sample_id=["r0"], other=["a"])
    assert "`Columns(trusted=NAME)`" in refusal(data, nothing, embedding="embedding")


# What cannot be used


def test_each_row_that_cannot_be_used_has_the_right_reason(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    make(folder, "good.png", "other.png", "cut.png")
    (folder / "cut.png").write_bytes((folder / "good.png").read_bytes()[:-40])
    (folder / "text.png").write_text("this is no image")
    (folder / "empty.png").write_bytes(b"")
    (folder / "folder.png").mkdir()
    with (folder / "huge.png").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    names = ["good.png", "other.png", "cut.png", "text.png", "folder.png", "huge.png", "gone.png", "empty.png", None]
    path = table(folder / "d.parquet", sample_id=list(range(9)), label=["a", "b", *"abababa"], image=names)
    manifest = read(path)
    inputs = prepare_images(
        [manifest], encoder=pixel_encoder(8), folder=tmp_path, decoding=Decoding(threads=1), progress=Progress()
    )
    assert inputs.skipped == {
        2: Skip.TRUNCATED,
        3: Skip.UNSUPPORTED_FORMAT,
        4: Skip.MISSING_FILE,
        5: Skip.TOO_LARGE,
        6: Skip.MISSING_FILE,
        7: Skip.UNSUPPORTED_FORMAT,
        8: Skip.NO_IMAGE,
    }
    skipped = manifest.skipping(inputs.skipped)
    assert skipped.given.tolist() == [0, 1, *[-1] * 7]
    assert skipped.skips()["missing_file"] == 2
    with pytest.raises(NoisecleanerError, match=r"there are 7, such as 2 \(truncated\)"):
        refuse_skips(skipped)
    assert np.array_equal(inputs.array[1].mean(axis=(0, 1)).argmax(), 1)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([None, b"", red()], pa.binary()),
        pa.array([None, [], list(red())], pa.list_(pa.uint8())),
        pa.array([None, {"bytes": None, "path": None}, {"bytes": red(), "path": None}], IMAGE),
    ],
    ids=["bytes", "list", "struct"],
)
def test_null_and_empty_images_are_no_image(tmp_path: Path, column: pa.Array) -> None:
    manifest = read(table(tmp_path / "d.parquet", sample_id=list("xyz"), label=list("aba"), image=column))
    assert contents(manifest) == [Skip.NO_IMAGE, Skip.NO_IMAGE, red()]


def test_a_file_that_the_system_does_not_give_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/1.png", "b/2.png")

    def refuse(*_: object) -> bytes:
        raise PermissionError("denied")

    manifest = read(tmp_path)
    monkeypatch.setattr("noisecleaner.ingest.places.Place.open", refuse)
    assert contents(manifest) == [Skip.UNREADABLE, Skip.UNREADABLE]


def test_labels_that_a_fitted_run_does_not_know_are_unknown(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["cat", "fox", None])
    manifest = read(path, classes=("cat", "dog"), embedding="embedding")
    assert texts(manifest, "skip_reason") == [None, "unknown_class", "no_label"]
    assert texts(manifest, "given_label") == ["cat", "fox", None]


def test_a_first_reason_stands(tmp_path: Path) -> None:
    manifest = read(vectors(tmp_path / "d.parquet", ["a", "b", None]), embedding="embedding")
    again = manifest.skipping({0: Skip.TRUNCATED, 2: Skip.TRUNCATED})
    assert texts(again, "skip_reason") == ["truncated", None, "no_label"]
    assert manifest.skips() == {"no_label": 1}


def test_without_two_readable_classes_there_is_nothing_to_do(tmp_path: Path) -> None:
    manifest = read(vectors(tmp_path / "d.parquet", ["a", "b", "b"]), embedding="embedding")
    require_readable(manifest)
    with pytest.raises(NoisecleanerError, match="of 3 rows 2 can be used, of 1 classes"):
        require_readable(manifest.skipping({0: Skip.NO_VECTOR}))


# Sample ids


def test_integer_ids_become_text(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b"], sample_id=pa.array([12, 7], pa.int32()))
    assert texts(read(path, embedding="embedding"), "sample_id") == ["12", "7"]


def test_without_ids_unique_paths_serve_but_no_others(tmp_path: Path) -> None:
    unique = table(tmp_path / "1.parquet", image=["x.png", "y.png"], label=["a", "b"])
    assert texts(read(unique), "sample_id") == ["x.png", "y.png"]
    repeated = table(tmp_path / "2.parquet", image=["x.png", "x.png"], label=["a", "b"])
    assert "`Columns(row_ids=True)`" in refusal(repeated)
    missing = table(tmp_path / "3.parquet", image=["x.png", None], label=["a", "b"])
    assert "`Columns(row_ids=True)`" in refusal(missing)


def test_row_ids_number_the_rows_of_each_file(tmp_path: Path) -> None:
    for name in ("p", "q"):
        table(tmp_path / f"{name}.parquet", label=["a", "b"], embedding=VECTORS[:2])
    assert "`Columns(row_ids=True)`" in refusal(tmp_path, embedding="embedding")
    manifest = read(tmp_path, embedding="embedding", row_ids=True)
    assert texts(manifest, "sample_id") == ["p.parquet:0", "p.parquet:1", "q.parquet:0", "q.parquet:1"]
    table(tmp_path / "sub" / "p.parquet", label=["a", "b"], embedding=VECTORS[:2])
    assert "different names" in refusal(tmp_path, embedding="embedding", row_ids=True)


def test_null_and_repeated_ids_are_refused(tmp_path: Path) -> None:
    null = vectors(tmp_path / "1.parquet", ["a", "b"], sample_id=["x", None])
    assert "1 of 2 rows" in refusal(null, embedding="embedding")
    twice = vectors(tmp_path / "2.parquet", ["a", "b"], sample_id=["x", "x"])
    assert "must be unique" in refusal(twice, embedding="embedding")


# Paths that leave the folder


OUTSIDE = [
    "../secret.png",
    "images/../../secret.png",
    "images\\..\\..\\secret.png",
    "s3://bucket/secret.png",
    "file:///secret.png",
    "C:\\secret.png",
    "\\\\server\\secret.png",
    "a\0b.png",
]


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("allow_absolute", [False, True])
def test_paths_up_to_other_file_systems_and_drives_are_always_refused(
    tmp_path: Path, path: str, allow_absolute: bool
) -> None:
    (tmp_path / "secret.png").write_bytes(red())
    paths = table(tmp_path / "data" / "d.parquet", image=["ok.png", path], label=["a", "b"])
    assert "stay inside" in refusal(paths, allow_absolute=allow_absolute)
    rows = pa.array([{"bytes": red(), "path": "ok.png"}, {"bytes": None, "path": path}], IMAGE)
    structs = table(tmp_path / "data" / "s.parquet", image=rows, label=["a", "b"])
    with pytest.raises(NoisecleanerError, match="stay inside"):
        contents(read(structs, allow_absolute=allow_absolute))


@pytest.mark.parametrize("below", [".", "train"])
def test_absolute_paths_need_allow_absolute(tmp_path: Path, below: str) -> None:
    made = make(tmp_path, "1.png", "2.png")
    absolute = [str(tmp_path / name) for name in made]
    data = table(tmp_path / "data" / "d.parquet", image=absolute, label=["a", "b"])
    rows = [{"file_name": absolute[0], "label": "a"}, {"file_name": absolute[1], "label": "b"}]
    write_metadata(tmp_path / "folder" / below / "metadata.csv", rows)
    structs = [{"bytes": None, "path": path} for path in absolute]
    for dataset in (data, tmp_path / "folder"):
        assert "`Source(allow_absolute=True)`" in refusal(dataset)
        manifest = read(dataset, allow_absolute=True)
        assert texts(manifest, "path") == absolute
        assert contents(manifest) == list(made.values())
    nested = table(tmp_path / "data" / "s.parquet", image=pa.array(structs, IMAGE), label=["a", "b"])
    with pytest.raises(NoisecleanerError, match="allow_absolute=True"):
        contents(read(nested))
    assert contents(read(nested, allow_absolute=True)) == list(made.values())


def test_absolute_paths_are_refused_even_into_the_folder_itself(tmp_path: Path) -> None:
    made = make(tmp_path, "1.png", "2.png")
    data = table(tmp_path / "d.parquet", image=[str(tmp_path / "1.png"), "2.png"], label=["a", "b"])
    assert "`Source(allow_absolute=True)`" in refusal(data)
    assert contents(read(data, allow_absolute=True)) == list(made.values())


def test_links_out_of_the_folder_need_allow_absolute(tmp_path: Path) -> None:
    made = make(tmp_path, "secret/1.png", "data/a/0.png", "data/b/0.png")
    inside = tmp_path / "data" / "b" / "link.png"
    inside.symlink_to("../a/0.png")
    assert contents(read(tmp_path / "data"))[2] == made["data/a/0.png"]
    inside.unlink()
    inside.symlink_to(tmp_path / "secret" / "1.png")
    assert "'b/link.png'" in refusal(tmp_path / "data")
    assert contents(read(tmp_path / "data", allow_absolute=True))[2] == made["secret/1.png"]
    inside.unlink()
    (tmp_path / "data" / "c").symlink_to(tmp_path / "secret", target_is_directory=True)
    assert "'c/1.png'" in refusal(tmp_path / "data")
    manifest = read(tmp_path / "data", allow_absolute=True)
    assert labels(manifest) == {"a/0.png": "a", "b/0.png": "b", "c/1.png": "c"}


def test_the_dataset_itself_may_be_reached_through_a_link(tmp_path: Path) -> None:
    make(tmp_path / "real", "a/0.png", "b/1.png")
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert labels(read(tmp_path / "link")) == {"a/0.png": "a", "b/1.png": "b"}


def test_the_command_refuses_such_a_path_and_writes_nothing(tmp_path: Path, command: Command) -> None:
    make(tmp_path, "1.png", "2.png")
    data = table(tmp_path / "data" / "d.parquet", image=["../1.png", "../2.png"], label=["a", "b"])
    outcome = command("corrupt", data, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "stay inside" in outcome.err
    absolute = [str(tmp_path / "1.png"), str(tmp_path / "2.png")]
    table(data, image=absolute, label=["a", "b"])
    assert command("corrupt", data, "--out", tmp_path / "out").code == 2
    assert not (tmp_path / "out").exists()
    assert command("corrupt", data, "--out", tmp_path / "out", "--allow-absolute").code == 0


# Laws


NAMES = st.lists(st.text(min_size=1, max_size=20), min_size=2, max_size=8, unique=True)


@settings(max_examples=60, deadline=None)
@given(NAMES, st.data())
@example(["-1", "1"], None)
@example(["0", "nan"], None)
@example(["a", "A"], None)
def test_any_text_labels_survive(names: list[str], data: st.DataObject | None) -> None:
    more = [] if data is None else data.draw(st.lists(st.sampled_from(names), max_size=20))
    given_labels = [*names, *more]
    with tempfile.TemporaryDirectory() as folder:
        manifest = read(vectors(Path(folder) / "d.parquet", given_labels), embedding="embedding")
    assert sorted(manifest.classes) == sorted(names)
    assert texts(manifest, "given_label") == given_labels
    assert [manifest.classes[index] for index in manifest.given] == given_labels
    assert manifest.readable.all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(max_size=20), min_size=2, max_size=30, unique=True)
    | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=30, unique=True),
    st.integers(1, 7),
)
def test_ids_and_their_order_survive(ids: list[str] | list[int], rows_of_a_file: int) -> None:
    kind = pa.string() if isinstance(ids[0], str) else pa.int64()
    given_labels = [CLASSES[row % 2] for row in range(len(ids))]
    with tempfile.TemporaryDirectory() as folder:
        for first in range(0, len(ids), rows_of_a_file):
            part = slice(first, first + rows_of_a_file)
            column = pa.array(ids[part], kind)
            vectors(Path(folder) / f"{first:03d}.parquet", given_labels[part], sample_id=column)
        manifest = read(folder, embedding="embedding")
    assert labels(manifest) == dict(zip(map(str, ids), given_labels, strict=True))
    assert texts(manifest, "sample_id") == list(map(str, ids))


# Values that look like something else


@pytest.mark.parametrize(
    ("given", "classes"),
    [([-1, 0, 1, 2], ("0", "1", "2")), ([-1, 1, -1, 1], ("-1", "1")), ([1, 2, 1, 2], ("1", "2"))],
)
def test_minus_one_is_no_label_beside_zero_and_a_class_beside_one(
    tmp_path: Path, given: list[int], classes: tuple[str, ...]
) -> None:
    manifest = read(vectors(tmp_path / "d.parquet", given), embedding="embedding")
    assert manifest.classes == classes
    skipped = [None if str(label) in classes else "no_label" for label in given]
    assert texts(manifest, "skip_reason") == skipped


def test_ids_in_json_lines_that_look_like_times_stay_text(tmp_path: Path) -> None:
    rows = [{"sample_id": f"2020-01-0{i}", "label": "ab"[i % 2], "embedding": [0.5, 1.5]} for i in range(1, 5)]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    manifest = read(tmp_path / "d.jsonl", embedding="embedding")
    assert texts(manifest, "sample_id") == [row["sample_id"] for row in rows]


def test_truth_values_are_spelled_alike_in_parquet_and_csv(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", [True, False, True])
    (tmp_path / "t.csv").write_text("sample_id,trusted_label\nr0,True\nr1,False\n")
    assert read(data, trusted=tmp_path / "t.csv", embedding="embedding").trusted.tolist() == [1, 0, -1]


def test_a_verified_label_with_too_many_digits_is_unknown(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["cat", "dog"])
    (tmp_path / "t.csv").write_text("sample_id,trusted_label\nr0,99999999999999999999\n")
    assert "99999999999999999999" in refusal(data, trusted=tmp_path / "t.csv", embedding="embedding")


def test_numbers_that_are_no_bytes_are_no_image(tmp_path: Path) -> None:
    data = table(tmp_path / "d.parquet", sample_id=["1", "2"], label=["a", "b"], image=[[0.5], [300.0]])
    assert contents(read(data)) == [Skip.UNREADABLE] * 2


def test_a_file_uri_is_a_local_path(tmp_path: Path) -> None:
    make(tmp_path / "my images", "cat/a.png", "dog/b.png")
    assert len(read((tmp_path / "my images").as_uri())) == 2
