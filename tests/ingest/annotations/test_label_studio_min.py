"""JSON-MIN: which key holds the answer, and who gave it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.annotations import Annotations, read_annotations
from noisecleaner.ingest.files.places import Place


def row(number: int, **values: Any) -> dict[str, Any]:
    told = {"annotator": 1, "annotation_id": number, "created_at": "2024-01-01", "updated_at": "2024-01-01"}
    return {"image": f"{number}.png", "id": number, **told, "lead_time": 1.5, **values}


def read(tmp_path: Path, *rows: dict[str, Any]) -> Annotations:
    (tmp_path / "min.json").write_text(json.dumps(rows))
    found = read_annotations(Place.parse(tmp_path / "min.json"))
    assert found is not None
    return found


def labels(found: Annotations) -> list[str | None]:
    return found.table["trusted_label"].to_pylist()


def test_the_only_key_that_could_be_it_is_the_question(tmp_path: Path) -> None:
    found = read(tmp_path, row(1, animal="cat", nc_id="r1", given_label="dog"), row(2, nc_id="r2", given_label="cat"))
    assert labels(found) == ["cat", None]
    assert found.table["sample_id"].to_pylist() == ["r1", "r2"]


def test_of_several_keys_one_that_is_called_so_is_the_question(tmp_path: Path) -> None:
    found = read(tmp_path, row(1, camera="north", choice="cat"))
    assert labels(found) == ["cat"]
    assert found.table["camera"].to_pylist() == ["north"]


def test_where_nothing_tells_each_key_is_a_column(tmp_path: Path) -> None:
    found = read(tmp_path, row(1, camera="north", animal="cat"))
    assert found.table.select(["camera", "animal", "file_name", "verifier"]).to_pylist() == [
        {"camera": "north", "animal": "cat", "file_name": "1.png", "verifier": "1"}
    ]


def test_several_choices_are_an_object_and_none_is_taken(tmp_path: Path) -> None:
    found = read(tmp_path, row(1, label={"choices": ["cat", "dog"]}), row(2, label={"choices": ["cat"]}))
    assert labels(found) == [None, "cat"]
    assert "several labels" in found.notices[0].message


def test_the_newest_answer_of_a_person_counts(tmp_path: Path) -> None:
    new, old = row(1, label="dog", updated_at="2024-02-01"), row(1, label="cat")
    found = read(tmp_path, new, old, row(1, label="emu", annotator=2))
    assert sorted(zip(labels(found), found.table["verifier"].to_pylist(), strict=True)) == [("dog", "1"), ("emu", "2")]


def test_boxes_are_no_answers(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="holds none"):
        read(tmp_path, row(1, label=[{"x": 1, "y": 2, "rectanglelabels": ["cat"]}]))
