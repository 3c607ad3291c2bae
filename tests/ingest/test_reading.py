"""A dataset, and what stands beside it: unlabelled rows, task-irrelevant labels, the target of a transfer."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sources import contents, green, make, read, red, table, texts, vectors

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Skip, Source, read_beside, read_manifest, read_target

CAMERA = Columns(irrelevant="camera")


def dataset(folder: Path) -> Source:
    path = table(folder / "d.parquet", sample_id=["x", "y"], label=["a", "b"], image=[red(), green()])
    return Source(str(path), columns=CAMERA)


def test_classes_are_those_of_a_fitted_run_of_the_column_or_of_the_labels(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", [1, 0], class_names={"label": ["zebra", "ant"]})
    source = Source(str(path), columns=Columns(embedding="embedding"))
    assert read_manifest(source).classes == ("zebra", "ant")
    assert read_manifest(source, ("ant", "bee", "zebra")).classes == ("ant", "bee", "zebra")
    assert read(vectors(tmp_path / "e.parquet", ["b", "a"]), embedding="embedding").classes == ("a", "b")


def test_labels_that_no_class_has_are_unknown_and_verified_ones_are_refused(tmp_path: Path) -> None:
    source = Source(str(vectors(tmp_path / "d.parquet", ["a", "z"])), columns=Columns(embedding="embedding"))
    assert texts(read_manifest(source, ("a", "b")), "skip_reason") == [None, "unknown_class"]
    path = vectors(tmp_path / "e.parquet", ["a", "b"], trusted_label=["z", None])
    with pytest.raises(NoisecleanerError, match="must be classes of the dataset"):
        read_manifest(Source(str(path), columns=Columns(embedding="embedding")))


def test_irrelevant_labels_of_another_table_find_their_rows(tmp_path: Path) -> None:
    source = dataset(tmp_path)
    beside = table(tmp_path / "c.parquet", sample_id=["y", "elsewhere"], camera=["left", "right"])
    marked, others = read_beside(str(beside), source, read_manifest(source))
    assert texts(marked, "irrelevant_label") == [None, "left"]
    assert others is None


def test_rows_that_are_not_in_the_dataset_stand_beside_it(tmp_path: Path) -> None:
    source = dataset(tmp_path)
    images = [green(), red(), red()]
    beside = table(
        tmp_path / "c.parquet", sample_id=["new", "x", "more"], camera=["l", "r", None], label=["q"] * 3, image=images
    )
    marked, others = read_beside(str(beside), source, read_manifest(source))
    assert texts(marked, "irrelevant_label") == ["r", None]
    assert others is not None
    assert texts(others, "sample_id") == ["new", "x", "more"]
    assert texts(others, "irrelevant_label") == ["l", "r", None]
    assert texts(others, "skip_reason") == [None, Skip.IN_DATASET, None]
    assert texts(others, "given_label") == [None] * 3
    assert others.classes == marked.classes
    assert contents(others) == images


def test_a_table_that_brings_neither_labels_nor_content_is_refused(tmp_path: Path) -> None:
    source = dataset(tmp_path)
    beside = table(tmp_path / "c.parquet", sample_id=["x"], other=["left"])
    with pytest.raises(NoisecleanerError, match="needs a column 'image'"):
        read_beside(str(beside), source, read_manifest(source))


def test_rows_beside_need_ids_that_differ(tmp_path: Path) -> None:
    source = dataset(tmp_path)
    beside = table(tmp_path / "c.parquet", sample_id=["x", "x"], camera=["l", "r"])
    with pytest.raises(NoisecleanerError, match="must be unique"):
        read_beside(str(beside), source, read_manifest(source))


def test_a_target_has_classes_of_its_own(tmp_path: Path) -> None:
    source = dataset(tmp_path)
    path = table(
        tmp_path / "t.parquet",
        sample_id=["1", "2", "3"],
        label=["no"] * 3,
        trusted_label=["v", "u", None],
        image=[red()] * 3,
    )
    target = read_target(str(path), source)
    assert target.classes == ("u", "v")
    assert target.trusted.tolist() == [1, 0, -1]
    assert texts(target, "skip_reason") == [None, None, Skip.NO_LABEL]
    assert texts(target, "given_label") == [None] * 3


def test_without_a_trusted_column_the_labels_or_the_folders_are_those_of_the_target(tmp_path: Path) -> None:
    source = dataset(tmp_path)
    path = table(tmp_path / "t.parquet", sample_id=["1", "2"], label=["u", "v"], image=[red()] * 2)
    assert read_target(str(path), source).trusted.tolist() == [0, 1]
    make(tmp_path / "t", "v/1.png", "u/2.png")
    folder = read_target(str(tmp_path / "t"), source)
    assert texts(folder, "trusted_label") == ["u", "v"]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"other": ["u", "v"], "image": [b"1", b"2"]}, r"Columns\(trusted=NAME\)"),
        ({"label": ["u", "v"]}, "needs a column 'image'"),
        ({"label": ["u", "u"], "image": [b"1", b"2"]}, "At least two classes"),
    ],
)
def test_a_target_that_cannot_be_used_is_refused(tmp_path: Path, columns: dict[str, list[object]], says: str) -> None:
    path = table(tmp_path / "t.parquet", sample_id=["1", "2"], **columns)
    with pytest.raises(NoisecleanerError, match=says):
        read_target(str(path), dataset(tmp_path))
