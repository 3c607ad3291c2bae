"""An image folder: each image once in its class, under a name that every file system takes."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support.datasets import CLASSES, Command
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
    assert table["file_name"].to_pylist() == [f"a/1{ending}", f"b/v2{ending}"]


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
