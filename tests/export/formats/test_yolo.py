"""Class folders for Ultralytics: train, val, test; or none."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support import exports
from support.datasets import Command, png
from support.exports import Row, by_hand, picture
from support.interop import CONTENTS, LABELS, exported, read_by

from noisecleaner.export.formats.yolo import _folder

READ = """
import json, sys
from ultralytics.cfg import get_cfg
from ultralytics.data.dataset import ClassificationDataset
from ultralytics.data.utils import check_cls_dataset
found = check_cls_dataset(sys.argv[1])
rows = {
    split: [sample[:2] for sample in ClassificationDataset(str(found[split]), get_cfg(), names=found["names"]).samples]
    for split in ("train", "val", "test") if found[split]
}
print(json.dumps({"names": list(found["names"].values()), "rows": rows}))
"""


def test_splits_are_called_as_ultralytics_looks_for_them_and_nothing_is_lost(tmp_path: Path, command: Command) -> None:
    out = exported(tmp_path, command, "yolo")
    assert sorted(path.name for path in out.iterdir()) == [
        ".noisecleaner-manifest.json",
        "noisecleaner.json",
        "test",
        "train",
        "val",
    ]
    found = {}
    for split in ("train", "val", "test"):
        table = pq.read_table(out / split / "metadata.parquet")
        assert {"number", "ratio", "blob", "confidence", "a.b", "nc_label_quality", "nc_flagged"} <= set(
            table.column_names
        )
        for row in table.to_pylist():
            assert (out / split / row["file_name"]).read_bytes() == CONTENTS[row["sample_id"]]
            found[row["sample_id"]] = row["label"]
    assert found == LABELS


def test_torchvision_numbers_the_classes_alike_in_every_split(tmp_path: Path, command: Command) -> None:
    from torchvision.datasets import ImageFolder

    rows = [Row(str(row), "abc"[row % 3]) for row in range(6)] + [Row("6", "b"), Row("7", "c")]
    scored = by_hand(tmp_path, rows, split=["train"] * 6 + ["validation"] * 2)
    out = tmp_path / "out"
    assert command("export-clean", scored.run, "--out", out, "--format", "yolo").code == 0
    train, val = (ImageFolder(str(out / split), allow_empty=True) for split in ("train", "val"))
    assert train.class_to_idx == val.class_to_idx == {"a": 0, "b": 1, "c": 2}
    assert sorted(val.targets) == [1, 2]


def test_hugging_face_opens_the_splits(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    out = exported(tmp_path, command, "yolo")
    loaded = datasets.load_dataset("imagefolder", data_dir=str(out), cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == {"train": 4, "validation": 4, "test": 4}
    assert {row["sample_id"]: row["label"] for split in loaded.values() for row in split} == LABELS


def test_without_splits_the_classes_lie_on_top_where_ultralytics_splits_them(tmp_path: Path, command: Command) -> None:
    out = tmp_path / "out"
    assert command("export-clean", by_hand(tmp_path).run, "--out", out, "--format", "yolo").code == 0
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["a", "c"]


def test_a_split_alone_is_left_to_ultralytics_to_split(tmp_path: Path, command: Command) -> None:
    rows = [Row("1", "a"), Row("2", "b"), Row("3", "a", None, None, None, None, skip="unreadable")]
    scored = by_hand(tmp_path, rows, split=["train", "train", "val"])
    out = tmp_path / "out"
    assert command("export-clean", scored.run, "--out", out, "--format", "yolo").code == 0
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["a", "b"]
    assert set(pq.read_table(out / "metadata.parquet")["split"].to_pylist()) == {"train"}


def test_a_class_called_like_a_split_needs_splits(tmp_path: Path, command: Command) -> None:
    scored = by_hand(tmp_path, [Row("1", "train", "bus"), Row("2", "bus", "train")], ["bus", "train"])
    outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--format", "yolo")
    assert outcome.code == 2
    assert "takes its folder for the split" in outcome.err.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_splits_without_one_to_train_on_are_refused(tmp_path: Path, command: Command) -> None:
    scored = by_hand(tmp_path, [Row("1", "a"), Row("2", "b")], split=["val", "test"])
    outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--format", "yolo")
    assert outcome.code == 2
    assert "needs a split to train on" in outcome.err.replace("\n", " ")


def test_an_image_that_ultralytics_passes_over_is_refused(tmp_path: Path, command: Command) -> None:
    buffer = io.BytesIO()
    Image.new("P", (8, 8)).save(buffer, "GIF")
    scored = by_hand(tmp_path, [Row("1", "a"), Row("2", "b", path="x.gif")])
    table = pq.read_table(scored.data)
    images = [{"bytes": picture(0), "path": None}, {"bytes": buffer.getvalue(), "path": "x.gif"}]
    column = table.schema.get_field_index("image")
    pq.write_table(table.set_column(column, table.schema.field(column), [images]), scored.data)
    outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--format", "yolo")
    assert outcome.code == 2
    assert "is of the kind .gif" in outcome.err.replace("\n", " ")


@pytest.mark.parametrize(
    ("split", "folder"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("train2017", "train"),
        ("seg_train", "train"),
        ("trainset", "train"),
        ("validation", "val"),
        ("dev", "val"),
        ("test-images", "test"),
        ("latest", None),
        ("train-test", None),
        ("fold 1", None),
    ],
)
def test_names_of_splits(split: str, folder: str | None) -> None:
    assert _folder(split) == folder


def large(row: int) -> bytes:
    """Ultralytics leaves out what is less than 10 pixels wide."""
    return png(row % 3, np.random.default_rng(row), (16, 16))


@pytest.mark.interop
def test_ultralytics_numbers_classes_alike_where_a_split_lacks_one(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "picture", large)
    rows = [Row(str(row), "abc"[row % 3]) for row in range(6)] + [Row("6", "b"), Row("7", "c")]
    scored = by_hand(tmp_path, rows, split=["train"] * 6 + ["validation"] * 2)
    out = tmp_path / "out"
    assert command("export-clean", scored.run, "--out", out, "--format", "yolo").code == 0
    told = read_by("ultralytics", READ, out)
    assert told["names"] == ["a", "b", "c"]
    found = {split: {Path(path).stem: label for path, label in rows} for split, rows in told["rows"].items()}
    assert found == {"train": {str(row): row % 3 for row in range(6)}, "val": {"6": 1, "7": 2}}


@pytest.mark.interop
def test_ultralytics_splits_what_has_no_splits(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "picture", large)
    scored = by_hand(tmp_path, [Row(str(row), "abc"[row % 3]) for row in range(30)])
    out = tmp_path / "out"
    assert command("export-clean", scored.run, "--out", out, "--format", "yolo").code == 0
    told = read_by("ultralytics", READ, out)
    assert {split: len(rows) for split, rows in told["rows"].items()} == {"train": 24, "val": 6}
    for path, label in [*told["rows"]["train"], *told["rows"]["val"]]:
        assert label == int(Path(path).stem) % 3
        assert Path(path).read_bytes() == large(int(Path(path).stem))
