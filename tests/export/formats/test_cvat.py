"""CVAT's archive: the annotations that datumaro accepted, and datumaro, CVAT's own reader, where it is installed."""

from __future__ import annotations

import json
from pathlib import Path
from xml.dom.minidom import parseString
from zipfile import ZipFile

import pytest
from support.datasets import Command
from support.exports import Row, by_hand
from support.interop import CLASSES, CONTENTS, LABELS, SPLITS, exported, read_by

GOLDEN = Path(__file__).parent / "golden"
READ = """
import json, sys, zipfile
import datumaro
from datumaro.components.annotation import AnnotationType
zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])
dataset = datumaro.Dataset.import_from(sys.argv[2], "cvat")
labels = dataset.categories()[AnnotationType.label]
rows = [
    {"subset": item.subset, "label": labels[tag.label].name, "path": item.media.path, "columns": tag.attributes}
    for item in dataset for tag in item.annotations
]
print(json.dumps({"labels": [label.name for label in labels], "subsets": list(dataset.subsets()), "rows": rows}))
"""


def test_the_archive_holds_what_was_accepted(tmp_path: Path, command: Command) -> None:
    out = exported(tmp_path, command, "cvat")
    own = [".noisecleaner-manifest.json", "noisecleaner.json"]
    assert sorted(path.name for path in out.iterdir()) == sorted(["dataset.zip", "labels.json", *own])
    assert (out / "labels.json").read_text("utf-8") == (GOLDEN / "cvat-labels.json").read_text("utf-8")
    with ZipFile(out / "dataset.zip") as archive:
        assert archive.read("annotations.xml").decode() == (GOLDEN / "cvat-annotations.xml").read_text("utf-8")
        images = [archive.read(name) for name in archive.namelist() if name.startswith("images/")]
    assert images == list(CONTENTS.values())


def test_every_attribute_is_declared_for_every_label(tmp_path: Path, command: Command) -> None:
    out = exported(tmp_path, command, "cvat")
    with ZipFile(out / "dataset.zip") as archive:
        document = parseString(archive.read("annotations.xml"))  # noqa: S318  # ours
    used = {
        attribute.getAttribute("name")
        for tag in document.getElementsByTagName("tag")
        for attribute in tag.getElementsByTagName("attribute")
    }
    for label in json.loads((out / "labels.json").read_text("utf-8")):
        assert used <= {attribute["name"] for attribute in label["attributes"]}
    assert {"number", "a.b", "note", "nc_label_quality", "nc_given_label", "nc_path"} <= used


def test_long_names_of_labels_differ_where_cvat_cuts_them(tmp_path: Path, command: Command) -> None:
    classes = ["x" * 70, "x" * 71]
    rows = [Row("1", classes[0], classes[1]), Row("2", classes[1], classes[0])]
    out = tmp_path / "out"
    assert command("export-clean", by_hand(tmp_path, rows, classes).run, "--out", out, "--format", "cvat").code == 0
    names = [label["name"] for label in json.loads((out / "labels.json").read_text("utf-8"))]
    assert names == ["x" * 64, f"{'x' * 62}-2"]


@pytest.mark.interop
def test_datumaro_imports_every_split_column_and_byte(tmp_path: Path, command: Command) -> None:
    out = exported(tmp_path, command, "cvat")
    told = read_by("datumaro", READ, out / "dataset.zip", tmp_path / "unpacked")
    assert set(told["subsets"]) == set(SPLITS)
    names = dict(zip(told["labels"], CLASSES, strict=True))
    rows = {row["columns"]["sample_id"]: row for row in told["rows"]}
    assert {name: names[row["label"]] for name, row in rows.items()} == LABELS
    assert {name: Path(row["path"]).read_bytes() for name, row in rows.items()} == CONTENTS
    assert all(row["subset"] == row["columns"]["split"] for row in rows.values())
    known = rows["id 5"]["columns"]
    assert [known[key] for key in ("number", "ratio", "a.b", "tags")] == ["4", "1.5", "[1, 2]", True]
    assert (known["confidence"], known["nc_flagged"], known["nc_label_quality"]) == ('c,"\n<&>', True, "0.125")


@pytest.mark.interop
def test_datumaro_imports_a_dataset_without_splits(tmp_path: Path, command: Command) -> None:
    out = tmp_path / "out"
    assert command("export-clean", by_hand(tmp_path).run, "--out", out, "--format", "cvat").code == 0
    told = read_by("datumaro", READ, out / "dataset.zip", tmp_path / "unpacked")
    assert {row["columns"]["sample_id"]: row["label"] for row in told["rows"]}["good"] == "a"
