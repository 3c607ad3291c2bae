"""JSON lines: types as JSON has them, but for times."""

from __future__ import annotations

import json
from pathlib import Path

from support.sources import (
    contents,
    labels,
    make,
    read,
    texts,
)


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
