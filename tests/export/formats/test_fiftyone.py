"""FiftyOne's labels.json: the bytes that its importer accepted, and the importer itself where it is installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.datasets import Command
from support.exports import Row, by_hand
from support.interop import CLASSES, CONTENTS, LABELS, SPLITS, exported, read_by

GOLDEN = Path(__file__).parent / "golden" / "fiftyone-labels.json"
READ = """
import json, sys
from fiftyone.utils.data.importers import FiftyOneImageClassificationDatasetImporter as Importer
rows = []
for folder in sys.argv[1:]:
    with Importer(dataset_dir=folder) as importer:
        classes = importer.get_dataset_info()["classes"]
        for path, _, label in importer:
            fields = {name: label[name] for name in label._fields_ordered if name not in ("id", "_id", "_cls")}
            rows.append({"path": path, "classes": classes, **fields})
print(json.dumps(rows))
"""


def test_labels_are_those_that_fiftyone_accepted(tmp_path: Path, command: Command) -> None:
    out = exported(tmp_path, command, "fiftyone")
    assert (out / "train" / "labels.json").read_text("utf-8") == GOLDEN.read_text("utf-8")
    own = [".noisecleaner-manifest.json", "noisecleaner.json"]
    assert sorted(path.name for path in out.iterdir()) == sorted(["extra", *own, *SPLITS])
    assert json.loads((out / "extra" / "labels.json").read_text("utf-8"))["labels"] == {}


def test_no_two_files_differ_in_their_ending_alone(tmp_path: Path, command: Command) -> None:
    rows = [Row("1", "a", path="x/1.png"), Row("2", "b", path="x/1.jpg"), Row("3", "b", path="y/1.png")]
    out = tmp_path / "out"
    assert command("export-clean", by_hand(tmp_path, rows).run, "--out", out, "--format", "fiftyone").code == 0
    labels = json.loads((out / "labels.json").read_text("utf-8"))["labels"]
    assert sorted(path.name for path in (out / "data").iterdir()) == ["1-2.jpg", "1-3.png", "1.png"]
    assert {key: label["attributes"]["sample_id"] for key, label in labels.items()} == {
        "1": "1",
        "1-2": "2",
        "1-3": "3",
    }


@pytest.mark.interop
def test_fiftyone_imports_every_split_column_and_byte(tmp_path: Path, command: Command) -> None:
    out = exported(tmp_path, command, "fiftyone")
    rows = {row["sample_id"]: row for row in read_by("fiftyone", READ, *(out / split for split in (*SPLITS, "extra")))}
    assert {name: row["label"] for name, row in rows.items()} == LABELS
    assert all(row["classes"] == CLASSES for row in rows.values())
    assert {name: Path(row["path"]).read_bytes() for name, row in rows.items()} == CONTENTS
    assert all(Path(row["path"]).parts[-3] == row["split"] for row in rows.values())
    known = rows["id 5"]
    assert (known["confidence"], known["number"], known["ratio"], known["nc_own_a_b"]) == (0.125, 4, 1.5, [1, 2])
    assert (known["nc_own_tags"], known["nc_own_confidence"], known["nc_flagged"]) == (True, 'c,"\n<&>', True)
    assert (known["nc_suggested_label"], known["nc_path"]) == (CLASSES[2], "d1/img.2.png")
