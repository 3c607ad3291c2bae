"""What is no row is counted and named."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sources import VECTORS, labels, make, read, table, texts, told, write_metadata

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Manifest, refuse_skips
from noisecleaner.ingest.files.leftovers import CODE, unread
from noisecleaner.notices import Notice, Severity


def left(manifest: Manifest) -> Notice:
    (notice,) = [notice for notice in manifest.notices if notice.code == CODE]
    return notice


def test_a_folder_of_nothing_but_images_needs_no_words(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/2.png")
    assert told(read(tmp_path)) == []


def test_files_that_are_no_rows_are_counted_by_kind_and_litter_apart(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/2.png", "a/@eaDir/1.png")
    for name in ("README.md", "a/1.xml", "a/2.xml", "LICENSE", "a/.DS_Store", ".gitattributes"):
        (tmp_path / name).write_text("x")
    notice = left(read(tmp_path))
    assert notice.severity is Severity.NOTE
    assert f"7 files below {tmp_path} are no rows: 2 .xml, 1 " in notice.message
    for part in ("1 .md", "1 without an ending", "1 hidden", "2 litter (@eaDir, .DS_Store)", "2 .xml files (VOC)"):
        assert part in notice.message


def test_one_file_is_spoken_of_as_one(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "README.md").write_text("x")
    assert left(read(tmp_path)).message == f"1 file below {tmp_path} is no row: 1 .md."


def test_many_kinds_are_cut_short(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/2.png")
    for name in ("a.md", "a.py", "a.log", "a.zip", "a.pdf", "a.mp4", "a.wav", "a.mp3"):
        (tmp_path / name).write_text("x")
    assert left(read(tmp_path)).message.endswith(", 2 others.")


@pytest.mark.parametrize("name", ["a/.2.png", ".store/3.png", "4.svg"])
def test_images_that_may_be_lost_are_a_warning_and_strict_refuses_them(tmp_path: Path, name: str) -> None:
    make(tmp_path, "a/1.png", "b/2.png")
    refuse_skips(read(tmp_path))
    make(tmp_path, name)
    manifest = read(tmp_path)
    assert len(manifest) == 2
    assert left(manifest).severity is Severity.WARNING
    with pytest.raises(NoisecleanerError, match=r"`strict=True` allows no image that is no row, but: 1 file below"):
        refuse_skips(manifest)


def test_pictures_in_class_folders_are_rows(tmp_path: Path) -> None:
    make(tmp_path, "cat/1.png", "dog/2.jfif")
    for name in ("ship/3.heic", "cat/4.svg", "dog/5.dcm", "top.psd"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    manifest = read(tmp_path)
    assert manifest.classes == ("cat", "dog", "ship")
    assert labels(manifest) == {
        "cat/1.png": "cat",
        "cat/4.svg": "cat",
        "dog/2.jfif": "dog",
        "dog/5.dcm": "dog",
        "ship/3.heic": "ship",
    }
    assert "1 .psd" in left(manifest).message


def test_images_that_no_metadata_names_are_counted_with_the_split_that_has_none(tmp_path: Path) -> None:
    make(tmp_path, "train/1.png", "train/2.png", "train/extra.png", "test/a/3.png", "test/a/4.png")
    rows = [{"file_name": "./1.png", "label": "cat"}, {"file_name": "2.png", "label": "dog"}]
    write_metadata(tmp_path / "train" / "metadata.csv", rows)
    manifest = read(tmp_path)
    assert len(manifest) == 2
    notice = left(manifest)
    assert notice.severity is Severity.WARNING
    assert notice.message.startswith(
        "3 images are in no metadata file (such as test/a/3.png; 2 of them are below test/, which has none)"
    )
    with pytest.raises(NoisecleanerError, match="3 images are in no metadata file"):
        refuse_skips(manifest)


def test_metadata_that_names_everything_needs_no_words(tmp_path: Path) -> None:
    make(tmp_path, "1.png", "sub//2.png")
    rows = [{"file_name": "1.png", "label": "cat"}, {"file_name": "sub//2.png", "label": "dog"}]
    write_metadata(tmp_path / "metadata.csv", rows)
    assert told(read(tmp_path)) == []


def test_a_stray_table_in_an_image_folder_is_named(tmp_path: Path) -> None:
    make(tmp_path, *(f"{'ab'[row % 2]}/{row}.png" for row in range(20)))
    table(tmp_path / "vectors.parquet", sample_id=["x"], embedding=VECTORS[:1])
    (tmp_path / "labels.csv").write_text("a\n")
    manifest = read(tmp_path)
    assert len(manifest) == 20
    assert "labels.csv, vectors.parquet are not." in left(manifest).message


def test_a_picture_beside_tables_leaves_them_the_dataset(tmp_path: Path) -> None:
    make(tmp_path, "preview.png", "assets/more.png")
    for part in range(2):
        ids = [f"{part}-{row}" for row in range(2)]
        table(tmp_path / "data" / f"{part}.parquet", sample_id=ids, label=["a", "b"], embedding=VECTORS[:2])
    (tmp_path / "_SUCCESS").touch()
    manifest = read(tmp_path, embedding="embedding")
    assert texts(manifest, "sample_id") == ["0-0", "0-1", "1-0", "1-1"]
    assert left(manifest).severity is Severity.NOTE
    assert "those that end in .parquet: 2. What lies beside them is no row of its own: 2 .png, 1 hidden" in (
        left(manifest).message
    )
    (tmp_path / "more.csv").write_text("a\n")
    assert left(read(tmp_path, embedding="embedding")).severity is Severity.WARNING


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        ([], ""),
        (["README.md", "a.txt"], ""),
        (["train/_annotations.coco.json"], "train/_annotations.coco.json (COCO)"),
        (["annotations/instances_train2017.json"], "(COCO)"),
        (["a/1.xml", "a/2.xml"], "2 .xml files (VOC)"),
        (["labels/1.txt", "labels/2.txt", "labels/3.txt"], "3 .txt files (YOLO)"),
        (["readme.txt", "license.txt"], ""),
        (["annotations.xml"], "annotations.xml (CVAT)"),
        (["labels.csv"], "labels.csv is not"),
    ],
)
def test_what_may_hold_the_labels_is_named(paths: list[str], found: str) -> None:
    assert found in unread(paths)
    assert bool(unread(paths)) == bool(found)


def test_names_that_would_break_a_terminal_are_shown_safely(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/2.png", "a/.\x1b[31m.png")
    assert "\x1b" not in left(read(tmp_path)).message


def test_folders_without_any_image_are_named(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "1.mp4").write_bytes(b"x")
    assert left(read(tmp_path)).message == f"1 file below {tmp_path} is no row: 1 .mp4; no image lies below films/."
