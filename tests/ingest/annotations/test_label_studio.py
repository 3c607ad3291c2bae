"""Label Studio's tasks: the newest annotation of each person, what was cancelled, and what is no class of an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.annotations import annotation, choice, task

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.annotations import Annotations, read_annotations
from noisecleaner.ingest.files.places import Place


def read(tmp_path: Path, *tasks: Any) -> Annotations:
    (tmp_path / "ls.json").write_text(json.dumps(tasks))
    found = read_annotations(Place.parse(tmp_path / "ls.json"))
    assert found is not None
    return found


def rows(found: Annotations, *names: str) -> list[tuple[str | None, ...]]:
    return [tuple(row[name] for name in names) for row in found.table.to_pylist()]


def test_the_newest_annotation_of_a_person_counts(tmp_path: Path) -> None:
    late = annotation("dog", at="2024-03-10T00:00:00+02:00")
    early = annotation("cat", at="2024-03-09T21:00:00Z")
    undated = {"result": [choice("emu")], "completed_by": 1}
    found = read(tmp_path, task("a.png", late, early, undated))
    assert rows(found, "file_name", "trusted_label", "verifier") == [("a.png", "dog", "1")]


def test_an_annotation_that_was_changed_later_is_newer(tmp_path: Path) -> None:
    changed = annotation("dog", at="2024-01-01T00:00:00Z", updated_at="2024-06-01T00:00:00Z")
    assert rows(read(tmp_path, task("a.png", changed, annotation("cat"))), "trusted_label") == [("dog",)]


def test_two_people_make_two_rows(tmp_path: Path) -> None:
    other = annotation("dog", by={"id": 2, "email": "eva@example.org", "first_name": "Eva"})
    found = read(tmp_path, task("a.png", annotation("cat"), other))
    assert rows(found, "trusted_label", "verifier") == [("cat", "1"), ("dog", "eva@example.org")]


def test_cancelled_annotations_are_left_out_and_counted(tmp_path: Path) -> None:
    gone = annotation("cat", by=2, was_cancelled=True)
    newer = annotation("emu", at="2025-01-01T00:00:00Z", was_cancelled=True)
    found = read(tmp_path, task("a.png", gone), task("b.png", annotation("dog"), newer), task("c.png"))
    assert rows(found, "file_name", "trusted_label") == [("a.png", None), ("b.png", "dog"), ("c.png", None)]
    (notice,) = found.notices
    assert "1 image has no label; 1 image was skipped there" in notice.message


def test_several_choices_are_counted_and_none_is_taken(tmp_path: Path) -> None:
    both = annotation("cat")
    both["result"][0]["value"]["choices"] = ["cat", "dog"]
    again = annotation("cat")
    again["result"] *= 2
    found = read(tmp_path, task("a.png", both), task("b.png", again))
    assert rows(found, "trusted_label") == [(None,), ("cat",)]
    assert "1 image has several labels, none is taken" in found.notices[0].message


def test_what_is_drawn_is_counted(tmp_path: Path) -> None:
    box = {"type": "rectanglelabels", "value": {"x": 1, "y": 2, "rectanglelabels": ["cat"]}}
    part = {**choice("dog"), "value": {"x": 1, "y": 2, "choices": ["dog"]}}
    whole = {**annotation("cat"), "result": [box, part, choice("cat")]}
    found = read(tmp_path, task("a.png", whole))
    assert rows(found, "trusted_label") == [("cat",)]
    assert "1 rectanglelabels, 1 choices are not read" in found.notices[0].message
    with pytest.raises(NoisecleanerError, match="holds none, only 2 rectanglelabels: what lies where") as refused:
        read(tmp_path, task("a.png", {**annotation(None), "result": [box, box]}))
    assert "Ask for one class for each image" in refused.value.hint


def test_several_questions_are_columns(tmp_path: Path) -> None:
    two = {**annotation(None), "result": [choice("cat", "animal"), choice("sharp", "quality")]}
    found = read(tmp_path, task("a.png", two), task("b.png", two))
    assert rows(found, "animal", "quality") == [("cat", "sharp")] * 2
    assert "trusted_label" not in found.table.column_names


def test_what_a_task_knows_of_an_image_is_carried(tmp_path: Path) -> None:
    known = {"nc_id": "r7", "sample_probability": 0.25, "given_label": "cat", "verifier": "x", "trusted_label": "x"}
    found = read(tmp_path, task("/data/upload/1/ab12cd34-r7.png", annotation("dog"), **known))
    assert found.table.to_pylist() == [
        {
            "sample_probability": "0.25",
            "given_label": "cat",
            "sample_id": "r7",
            "trusted_label": "dog",
            "file_name": "/data/upload/1/ab12cd34-r7.png",
            "verifier": "1",
        }
    ]


def test_predictions_verify_nothing(tmp_path: Path) -> None:
    guessed = {**task("a.png"), "predictions": [{"result": [choice("cat")], "score": 0.9}]}
    with pytest.raises(NoisecleanerError, match="holds none"):
        read(tmp_path, guessed)


@pytest.mark.parametrize("data", [{"image": "a.png"}, {"my picture": "https://x.org/a.png?sig=1"}, {"url": "blob:1"}])
def test_the_image_is_found_whatever_it_is_called(tmp_path: Path, data: dict[str, str]) -> None:
    found = read(tmp_path, {"id": 1, "data": {"text": "hello", **data}, "annotations": [annotation("cat")]})
    assert rows(found, "file_name") == [tuple(data.values())]


def test_labels_of_no_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="names the image of none"):
        read(tmp_path, {"id": 1, "data": {"text": "hello"}, "annotations": [annotation("cat")]})
