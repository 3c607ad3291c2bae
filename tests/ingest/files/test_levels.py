"""Which folders name the classes, and what else they could have meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sources import make, read, refusal

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.levels import Level
from noisecleaner.notices import Severity


def level(*paths: str, asked: int | None = None) -> Level:
    return Level.of(paths, asked)


def said(*paths: str) -> dict[str, str]:
    return {notice.code: notice.message for notice in level(*paths).notices()}


SITES = ["color/cat/1.png", "color/dog/2.png", "gray/cat/3.png", "gray/dog/4.png"]


def test_the_first_folders_name_the_classes_and_nothing_is_said_where_there_are_no_others() -> None:
    paths = ["cat/1.png", "dog/2.png", "3.png"]
    assert level(*paths).labels(paths).to_pylist() == ["cat", "dog", None]
    assert level(*paths).words == "the folders below the dataset"
    assert said(*paths) == {}


def test_splits_are_no_classes_where_every_folder_is_one() -> None:
    paths = ["train/cat/1.png", "Test/dog/2.png", "train/3.png", "4.png"]
    assert level(*paths).labels(paths).to_pylist() == ["cat", "dog", None, None]
    assert level(*paths).words == "the folders below Test/, train/"
    assert said(*paths) == {}


def test_a_split_beside_a_class_is_a_class_and_that_is_said() -> None:
    paths = ["train/cat/1.png", "train/dog/2.png", "cat/3.png"]
    assert level(*paths).labels(paths).to_pylist() == ["train", "train", "cat"]
    message = said(*paths)["split-taken-for-class"]
    assert message.startswith("train is called like a split, but taken for a class, because cat beside it is none.")
    assert "`Source(label_level=2)`" in message


def test_a_class_of_trains_without_folders_of_its_own_needs_no_words() -> None:
    assert said("train/1.png", "bus/2.png") == {}


def test_two_levels_that_could_name_the_classes_are_a_warning_with_both_counts() -> None:
    (notice,) = level(*SITES).notices()
    assert notice.severity is Severity.WARNING
    assert notice.code == "two-levels-of-folders"
    assert "level 1 name the classes (2: color, gray); those of level 2 would make 2 (cat, dog)" in notice.message
    assert "`Source(label_level=1)` or `Source(label_level=2)`" in notice.message


def test_folders_below_the_classes_that_differ_are_a_note() -> None:
    (notice,) = level("cat/siamese/1.png", "cat/tabby/2.png", "dog/pug/3.png").notices()
    assert notice.severity is Severity.NOTE
    assert "would make 3 (pug, siamese, tabby)" in notice.message


def test_below_splits_the_levels_count_on() -> None:
    (notice,) = level(*(f"train/{path}" for path in SITES)).notices()
    assert "level 2 name the classes (2: color, gray); those of level 3 would make 2 (cat, dog)" in notice.message


@pytest.mark.parametrize(
    ("asked", "labels"),
    [
        (1, ["color", "color", "gray", "gray"]),
        (2, ["cat", "dog", "cat", "dog"]),
        (3, [None] * 4),
        (-1, ["cat", "dog", "cat", "dog"]),
        (-2, ["color", "color", "gray", "gray"]),
        (-3, [None] * 4),
    ],
)
def test_the_level_that_is_asked_for_is_taken_and_nothing_is_said(asked: int, labels: list[str | None]) -> None:
    chosen = level(*SITES, asked=asked)
    assert chosen.labels(SITES).to_pylist() == labels
    assert list(chosen.notices()) == []


def test_a_split_is_a_class_where_that_is_asked_for() -> None:
    paths = ["train/1.png", "test/2.png"]
    assert level(*paths, asked=1).labels(paths).to_pylist() == ["train", "test"]


def test_level_zero_is_refused() -> None:
    with pytest.raises(NoisecleanerError, match=r"must be 1 or more .* or -1 or less .*, but it is 0"):
        level("a/1.png", asked=0)


def test_splits_without_class_folders_are_refused_and_what_could_hold_labels_is_named(tmp_path: Path) -> None:
    make(tmp_path, "train/1.png", "valid/2.png", "test/3.png", "stray.png")
    for split in ("train", "valid", "test"):
        (tmp_path / split / "_classes.csv").write_text("filename, cat, dog\n")
    (tmp_path / "data.yaml").write_text("nc: 2")
    said = refusal(tmp_path)
    assert "test, train and valid are no classes" in said
    assert "_classes.csv (Roboflow's multi-class CSV)" in said
    assert "data.yaml (YOLO)" in said
    assert "metadata.csv" in said
    assert "`Source(label_level=1)`" in said


def test_one_split_without_class_folders_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "train/1.png", "train/2.png")
    assert "but train is no class" in refusal(tmp_path)


def test_the_level_reaches_the_manifest(tmp_path: Path) -> None:
    make(tmp_path, *SITES)
    assert read(tmp_path).classes == ("color", "gray")
    manifest = read(tmp_path, label_level=-1)
    assert manifest.classes == ("cat", "dog")
    assert manifest.table["given_label"].to_pylist() == ["cat", "dog", "cat", "dog"]
    assert manifest.notices[0].message == "2 classes from the folders that hold the images: cat, dog."
    assert read(tmp_path, label_level=2).notices[0].message == "2 classes from the folders of level 2: cat, dog."


def test_a_level_without_folders_is_refused(tmp_path: Path) -> None:
    make(tmp_path, *SITES)
    assert "has 0 (none)" in refusal(tmp_path, label_level=3)


@pytest.mark.parametrize(
    "names",
    [
        ("train2017", "val2017"),
        ("train_images", "test_images"),
        ("Training Set", "validation-set"),
        ("seg_train", "seg_test"),
        ("trainset",),
    ],
)
def test_splits_have_many_names(names: tuple[str, ...]) -> None:
    paths = [f"{name}/{kind}/1.png" for name in names for kind in ("cat", "dog")]
    assert level(*paths).classes() == {"cat", "dog"}
    assert level(*(f"data/{path}" for path in paths)).classes() == {"data"}  # a wrapper is not looked through


@pytest.mark.parametrize(
    "names",
    [("valid", "invalid"), ("test_positive", "test_negative"), ("train", "bus"), ("blood_test",), ("dev", "ops")],
)
def test_other_names_are_classes(names: tuple[str, ...]) -> None:
    paths = [f"{name}/1.png" for name in names]
    assert level(*paths).classes() == set(names)


def test_splits_within_splits_are_none_either() -> None:
    paths = ["seg_train/seg_train/sea/1.png", "seg_test/seg_test/ice/2.png"]
    assert level(*paths).labels(paths).to_pylist() == ["sea", "ice"]
    assert level(*paths).words == "the folders below seg_test/seg_test/, seg_train/seg_train/"


def test_splits_below_the_classes_are_no_other_level() -> None:
    assert said("cat/train/1.png", "cat/test/2.png", "dog/train/3.png", "dog/test/4.png") == {}


def test_where_a_single_folder_wraps_all_the_level_below_is_told(tmp_path: Path) -> None:
    make(tmp_path, "images/cat/1.png", "images/dog/2.png")
    assert "Of its folders, those of level 2 would make 2 (cat, dog). " in refusal(tmp_path)
