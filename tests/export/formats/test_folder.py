"""An image folder: each image once in its class, under a name that every file system takes."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support.datasets import CLASSES, Command
from support.exported import scored as scored_as
from support.exports import (
    Row,
    ScoredData,
    by_hand,
    expect,
    names,
    picture,
    write_scores,
    written,
)
from support.sources import make, write_metadata

from noisecleaner.ingest import Source


def test_a_folder_holds_each_kept_image_once_in_its_class(tmp_path: Path, images: ScoredData, command: Command) -> None:
    out = tmp_path / "out"
    assert command("export-clean", images.run, "--out", out, "--on-flag", "relabel").code == 0
    expected = expect(images.rows, "relabel").labels
    table = pq.read_table(out / "metadata.parquet")
    files = table["file_name"].to_pylist()
    assert sorted(files) == sorted(p.relative_to(out).as_posix() for p in out.rglob("*.png"))
    for file, sample_id in zip(files, table["sample_id"].to_pylist(), strict=True):
        assert file == f"{expected[sample_id]}/{Path(sample_id).name}"


def test_labels_and_ids_of_any_text_become_file_names_that_differ(tmp_path: Path, command: Command) -> None:
    classes = ["../up", "A b", "a b", "a/b", "con", "日" * 100]
    ids = ["x/1.png", "y/1.PNG", "z\\1.png", "..", ".hidden", "1", "two.words", "日" * 200, "q" * 400, "x/1"]
    rows = [Row(f"{sample_id} {row}", name) for row, name in enumerate(classes) for sample_id in ids]
    rows += [Row(sample_id, "a/b", path=sample_id) for sample_id in ids]
    scored = by_hand(tmp_path, rows, classes)
    before = names(tmp_path)
    assert command("export-clean", scored.run, "--out", tmp_path / "out", "--format", "folder").code == 0
    assert names(tmp_path) == sorted([*before, "out"])
    assert written(tmp_path / "out") == {row.sample_id: row.given for row in rows}
    table = pq.read_table(tmp_path / "out" / "metadata.parquet")
    files = table["file_name"].to_pylist()
    assert len({file.casefold() for file in files}) == len(rows)
    folders = dict(zip(table["sample_id"].to_pylist(), [file.split("/")[0] for file in files], strict=True))
    assert len({folders[row.sample_id] for row in rows}) == len(classes)
    for index, file in enumerate(files):
        assert (tmp_path / "out" / file).read_bytes() == picture(index)
        assert file.count("/") == 1


@pytest.mark.parametrize(
    ("format", "ending"),
    [("PNG", ".png"), ("JPEG", ".jpg"), ("TIFF", ".tif"), ("WEBP", ".webp"), ("GIF", ".gif"), ("JPEG2000", ".jp2")],
)
def test_an_image_without_a_file_name_gets_the_ending_of_its_format(
    tmp_path: Path, command: Command, format: str, ending: str
) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (9, 99, 199)).save(buffer, format)
    image = pa.array([buffer.getvalue()] * 2, pa.binary())
    pq.write_table(pa.table({"sample_id": ["1", "v2.5"], "label": ["a", "b"], "image": image}), tmp_path / "d.parquet")
    write_scores(tmp_path / "run", Source(str(tmp_path / "d.parquet")), [Row("1", "a"), Row("v2.5", "b")])
    assert command("export-clean", tmp_path / "run", "--out", tmp_path / "out", "--format", "folder").code == 0
    table = pq.read_table(tmp_path / "out" / "metadata.parquet")
    assert table["file_name"].to_pylist() == [f"a/1{ending}", f"b/v2.5{ending}"]


def test_torchvision_opens_the_folder(tmp_path: Path, images: ScoredData, command: Command) -> None:
    from torchvision.datasets import ImageFolder

    out = tmp_path / "out"
    assert command("export-clean", images.run, "--out", out, "--on-flag", "relabel").code == 0
    opened = ImageFolder(str(out))
    expected = expect(images.rows, "relabel").labels
    assert opened.classes == CLASSES
    by_name = {Path(sample_id).name: label for sample_id, label in expected.items()}
    assert {Path(file).name: opened.classes[target] for file, target in opened.samples} == by_name
    image, target = opened[0]
    assert (image.size, opened.classes[target]) == ((32, 32), by_name[Path(opened.samples[0][0]).name])


def test_columns_that_imagefolder_would_take_for_images_have_other_names(tmp_path: Path, command: Command) -> None:
    own = {"file_name": ["x", "y"], "old_file_name": ["p", "q"], "more_file_names": [["p"], []]}
    scored = by_hand(tmp_path, [Row("1", "a"), Row("2", "b")], **own)
    assert command("export-clean", scored.run, "--out", tmp_path / "out", "--format", "folder").code == 0
    table = pq.read_table(tmp_path / "out" / "metadata.parquet")
    assert table["file_name"].to_pylist() == ["a/1.png", "b/2.png"]
    for name, cells in own.items():
        assert table[f"nc_given_{name.replace('file_name', 'filename')}"].to_pylist() == cells
    assert [name for name in table.column_names if name.endswith(("file_name", "file_names"))] == ["file_name"]


def test_files_that_differ_in_their_endings_or_in_the_case_of_folders_keep_their_names(
    tmp_path: Path, command: Command
) -> None:
    """A file system that does not tell North from north holds each of them."""
    names = ["North/cat/1.png", "North/cat/1.jpg", "north/cat/1.png", "north/dog/1.PNG", "north/dog/1 (2).png"]
    make(tmp_path / "in", *names)
    run = scored_as(tmp_path, Source(str(tmp_path / "in"), label_level=2))
    assert command("export-clean", run, "--out", tmp_path / "out").code == 0
    images = [path for path in (tmp_path / "out").rglob("*") if path.suffix.lower() in (".png", ".jpg")]
    files = [path.relative_to(tmp_path / "out").as_posix() for path in images]
    assert sorted(files) == sorted([*names[:2], "north/cat/1-2.png", *names[3:]])


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_links_are_copied_as_what_they_lead_to(tmp_path: Path, command: Command, link: str) -> None:
    content = make(tmp_path / "in", "cat/1.png", "dog/1.png")
    getattr(tmp_path / "in" / "cat" / "2.png", link)(tmp_path / "in" / "cat" / "1.png")
    run = scored_as(tmp_path, Source(str(tmp_path / "in")))
    assert command("export-clean", run, "--out", tmp_path / "out").code == 0
    made = tmp_path / "out" / "cat" / "2.png"
    assert made.read_bytes() == content["cat/1.png"]
    assert not made.is_symlink()
    assert made.stat().st_nlink == 1


def test_torchvision_opens_a_copy_of_which_a_class_is_gone(tmp_path: Path, command: Command) -> None:
    from torchvision.datasets import ImageFolder

    make(tmp_path / "in", "train/cat/1.png", "train/dog/1.png", "val/cat/1.png", "val/dog/1.png")
    run = scored_as(tmp_path, Source(str(tmp_path / "in")), suggested={"val/dog/1.png": "cat"})
    assert command("export-clean", run, "--out", tmp_path / "out").code == 0
    assert ImageFolder(str(tmp_path / "out" / "train")).classes == ["cat", "dog"]
    assert ImageFolder(str(tmp_path / "out" / "val")).classes == ["cat"]


def test_notes_that_text_would_give_two_types_are_left_out(tmp_path: Path, command: Command) -> None:
    """A suggestion in one split and none in the other: Hugging Face would refuse the folder."""
    make(tmp_path / "in", "train/1.png", "train/2.png", "test/1.png", "test/2.png")
    for split in ("train", "test"):
        rows = [{"file_name": f"{row}.png", "label": label} for row, label in ((1, "cat"), (2, "dog"))]
        write_metadata(tmp_path / "in" / split / "metadata.csv", rows)
    run = scored_as(tmp_path, Source(str(tmp_path / "in")), suggested={"train/1.png": "dog"})
    for on_flag, told in (("relabel", False), ("drop", True)):
        out = tmp_path / on_flag
        assert command("export-clean", run, "--out", out, "--on-flag", on_flag).code == 0
        for split in ("train", "test"):
            header = (out / split / "metadata.csv").read_text().splitlines()[0].split(",")
            assert header[:3] == ["file_name", "label", "sample_id"]
            assert {"nc_given_label", "nc_label_quality", "nc_flagged", "nc_verified"} < {*header}
            assert ("nc_suggested_label" in header) is told
