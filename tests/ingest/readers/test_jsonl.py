"""JSON lines: types as JSON has them, but for times; they may be long, and are not an array."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.sources import contents, labels, make, read, texts

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers.jsonl import read_batches, read_schema


def test_json_lines_are_a_table(tmp_path: Path) -> None:
    made = make(tmp_path, "1.png", "2.png")
    rows = [{"sample_id": 5, "image": "1.png", "label": 1}, {"sample_id": 6, "image": "2.png", "label": 0}]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    manifest = read(tmp_path / "d.jsonl")
    assert labels(manifest) == {"5": "1", "6": "0"}
    assert contents(manifest) == list(made.values())


def test_ids_in_json_lines_that_look_like_times_stay_text(tmp_path: Path) -> None:
    rows = [{"sample_id": f"2020-01-0{i}", "label": "ab"[i % 2], "embedding": [0.5, 1.5]} for i in range(1, 5)]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    manifest = read(tmp_path / "d.jsonl", embedding="embedding")
    assert texts(manifest, "sample_id") == [row["sample_id"] for row in rows]


def test_lines_of_megabytes_are_read(tmp_path: Path) -> None:
    place = Place.parse(tmp_path / "t.jsonl")
    with (tmp_path / "t.jsonl").open("w") as file:
        for row in range(20):
            file.write(json.dumps({"id": row, "blob": "x" * 1_300_000}) + "\n")
    assert read_schema(place).names == ["id", "blob"]
    assert [row["id"] for batch in read_batches(place, ["id"], 7) for row in batch.to_pylist()] == list(range(20))


def test_a_field_of_an_object_is_read(tmp_path: Path) -> None:
    rows = [{"image": {"bytes": None, "path": "a.png"}}, {"image": None}]
    (tmp_path / "t.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (batch,) = read_batches(Place.parse(tmp_path / "t.ndjson"), ["image.path"], 10)
    assert batch.to_pylist() == [{"image": {"path": "a.png"}}, {"image": None}]


@pytest.mark.parametrize("text", ['[{"a": 1}]', '\n [\n{"a": 1}]'])
def test_an_array_is_refused_with_the_ending_that_reads_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.jsonl").write_text(text)
    with pytest.raises(NoisecleanerError, match=r"it holds one array\. Rename it to \.json"):
        read_schema(Place.parse(tmp_path / "t.jsonl"))
