"""FiftyOne's labels.json: classes by number, by name and as objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.annotations import Annotations, read_annotations
from noisecleaner.ingest.files.places import Place


def read(tmp_path: Path, classes: list[str] | None, **labels: Any) -> Annotations:
    (tmp_path / "labels.json").write_text(json.dumps({"classes": classes, "labels": labels}))
    found = read_annotations(Place.parse(tmp_path / "labels.json"))
    assert found is not None
    return found


def test_numbers_names_and_objects_may_be_mixed(tmp_path: Path) -> None:
    told = {"label": 0, "confidence": 0.93, "attributes": {"nc_alpha": 0.12}}
    found = read(tmp_path, ["cat", "dog"], a=1, b="cat", c=told, d={"label": "dog"}, e=None, f=[0], g=[0, 1])
    assert found.table["trusted_label"].to_pylist() == ["dog", "cat", "cat", "dog", None, "cat", None]
    assert found.table["file_name"].to_pylist() == list("abcdefg")
    assert "1 image has several labels, none is taken; 1 image has no label" in found.notices[0].message


def test_attributes_may_tell_the_id(tmp_path: Path) -> None:
    found = read(tmp_path, ["cat"], a={"label": 0, "attributes": {"sample_id": "x/1.png", "n": None, "list": []}})
    assert found.table.to_pylist() == [{"sample_id": "x/1.png", "trusted_label": "cat", "file_name": "a"}]


def test_without_classes_labels_say_so_themselves(tmp_path: Path) -> None:
    assert read(tmp_path, None, a="cat", b={"label": "dog"}).table["trusted_label"].to_pylist() == ["cat", "dog"]


@pytest.mark.parametrize("number", [2, -1])
def test_a_number_of_no_class_is_refused(tmp_path: Path, number: int) -> None:
    with pytest.raises(NoisecleanerError, match=r"from 0 to 1 \(cat, dog\), but one is"):
        read(tmp_path, ["cat", "dog"], a=number)


def test_boxes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="only 1 boxes"):
        read(tmp_path, ["cat"], a=[{"label": 0, "bounding_box": [0, 0, 1, 1]}])
