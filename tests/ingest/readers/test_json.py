"""An array of objects is a table, lines of objects are one, and exports of annotation tools are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers.json import read_batches, read_schema

ROWS = [{"id": "a", "label": 1, "when": "2024-01-01"}, {"id": "ü", "label": None, "when": None}]


def read(tmp_path: Path, text: str) -> list[dict[str, Any]]:
    (tmp_path / "t.json").write_text(text, encoding="utf-8")
    place = Place.parse(tmp_path / "t.json")
    return [row for batch in read_batches(place, read_schema(place).names, 100) for row in batch.to_pylist()]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\ufeff" + json.dumps(ROWS, ensure_ascii=False),
        "\n".join(map(json.dumps, ROWS)),
    ],
    ids=["array", "indented", "marked", "lines"],
)
def test_rows_come_back(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == ROWS


def test_one_line_is_one_row(tmp_path: Path) -> None:
    assert read(tmp_path, '{"id": "a"}\n') == [{"id": "a"}]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([{"id": 1, "data": {"image": "a.png"}, "annotations": []}], "tasks of Label Studio"),
        ([{"data": {"image": "a.png"}, "predictions": []}], "Pass it as `trusted=FILE` or `corrections=FILE`"),
        ({"classes": None, "labels": {"a": "cat"}}, "labels of FiftyOne"),
        ({"images": [], "annotations": [], "categories": []}, "COCO annotations"),
        ({"shapes": [], "imagePath": "a.png"}, "a file of LabelMe"),
        ({"label": {"0": "cat"}, "image": {"0": "a.png"}}, "Write rows, with pandas"),
        ([], "an empty array"),
        ([1, 2], "something else"),
        ("text", "something else"),
    ],
)
def test_what_is_no_table_is_called_what_it_is(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(NoisecleanerError) as refused:
        read(tmp_path, json.dumps(content, indent=1))
    assert says in str(refused.value)


def test_broken_json_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="must hold a JSON array of objects, but it cannot be read"):
        read(tmp_path, '[{"a": 1},')
    with pytest.raises(NoisecleanerError, match="must hold a JSON array"):
        read(tmp_path, "[" * 100)
    with pytest.raises(NoisecleanerError, match="brackets within brackets"):
        read(tmp_path, "[" * 100_000)
