"""What is written about columns is what Hugging Face `datasets` writes itself."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from noisecleaner.export.hugging_face import IMAGE, features
from noisecleaner.ingest.labels import class_names

datasets: Any = pytest.importorskip("datasets")
CLASSES = ["ant", "bee"]


def test_features_are_those_of_hugging_face() -> None:
    own = datasets.Features({"label": datasets.ClassLabel(names=CLASSES), "picture": datasets.Image()})
    written = json.loads(features("label", CLASSES, image="picture")["huggingface"])["info"]["features"]
    assert datasets.Features.from_dict(written) == own


def test_an_image_has_the_type_of_hugging_face() -> None:
    assert datasets.Image().pa_type == IMAGE


@pytest.mark.parametrize("classes", [CLASSES, ["b", "a"], ['ä "quoted"', "日"]])
def test_class_names_come_back_in_their_order(classes: list[str]) -> None:
    schema = pa.schema([("label", pa.int64())], metadata=features("label", classes))
    assert class_names(schema, "label") == tuple(classes)
