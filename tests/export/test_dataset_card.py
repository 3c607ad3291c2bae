"""The card says of columns and splits what Hugging Face itself would."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import pyarrow as pa
import yaml
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.export.dataset_card import card, class_label, feature

KINDS = {
    "int": pa.int16(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "text": pa.string(),
    "none": pa.null(),
    "list": pa.list_(pa.int64()),
    "lists": pa.list_(pa.list_(pa.string())),
    "struct": pa.struct([("a", pa.int8()), ("b", pa.list_(pa.float64()))]),
    "structs": pa.list_(pa.struct([("a", pa.bool_())])),
}


def test_columns_are_what_hugging_face_makes_of_them() -> None:
    wanted = datasets.Features.from_arrow_schema(pa.schema(list(KINDS.items())))
    assert datasets.Features._from_yaml_list([feature(name, kind) for name, kind in KINDS.items()]) == wanted


def test_what_json_holds_as_text_is_text() -> None:
    for kind in (pa.binary(), pa.timestamp("ns"), pa.decimal128(5, 2), pa.date32(), pa.large_string()):
        assert feature("a", kind) == {"name": "a", "dtype": "string"}
    assert feature("a", pa.dictionary(pa.int8(), pa.string())) == {"name": "a", "dtype": "string"}


@given(st.lists(st.text(), max_size=5))
def test_any_names_are_read_as_they_are(names: list[str]) -> None:
    (_, front, _) = card([class_label("label", names)], {}).split("---\n")
    (found,) = yaml.safe_load(front)["dataset_info"]["features"]
    assert list(found["dtype"]["class_label"]["names"].values()) == names


def test_a_folder_with_the_card_has_these_splits_and_columns(tmp_path: Path) -> None:
    odd = ["cat", 'say "no"', "日本\u2028"]
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"label": 1, "note": None}) + "\n")
    features = [class_label("label", odd), feature("note", pa.string())]
    (tmp_path / "README.md").write_text(card(features, {"x y": "a.jsonl", "x-y": "b.jsonl"}))
    loaded = datasets.load_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == {"x_y": 1, "x_y_": 1}
    assert loaded["x_y"].features["label"].names == odd
    assert loaded["x_y"].features["note"].dtype == "string"
