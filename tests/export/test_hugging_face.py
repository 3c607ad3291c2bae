"""What is written about columns is what Hugging Face `datasets` writes itself, and what the owner's file said."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from noisecleaner.export.hugging_face import IMAGE, described
from noisecleaner.ingest.labels.cells import class_names

datasets: Any = pytest.importorskip("datasets")
CLASSES = ["ant", "bee"]
NOTHING = pa.schema([])


def features(metadata: dict[bytes, bytes]) -> Any:
    return json.loads(metadata[b"huggingface"])["info"]["features"]


def test_features_are_those_of_hugging_face() -> None:
    own = datasets.Features({"label": datasets.ClassLabel(names=CLASSES), "picture": datasets.Image()})
    written = described(NOTHING, ["label", "picture"], label="label", names=CLASSES, image="picture")
    assert datasets.Features.from_dict(features(written)) == own


def test_an_image_has_the_type_of_hugging_face() -> None:
    assert datasets.Image().pa_type == IMAGE


@pytest.mark.parametrize("classes", [CLASSES, ["b", "a"], ['ä "quoted"', "日"]])
def test_class_names_come_back_in_their_order(classes: list[str]) -> None:
    metadata = described(NOTHING, ["label"], label="label", names=classes, image=None)
    schema = pa.schema([("label", pa.int64())], metadata=metadata)
    assert class_names(schema, "label") == tuple(classes)


def test_labels_that_are_no_class_label_need_no_description() -> None:
    assert described(NOTHING, ["label"], label="label", names=[], image=None) == {}


def test_what_the_owner_says_of_other_columns_stays() -> None:
    """What is not copied, what is made anew, and what belongs to the file as a whole does not."""
    coarse = {"names": ["x", "y"], "_type": "ClassLabel"}
    said = {"coarse": coarse, "gone": coarse, "label": {"names": ["ant"], "_type": "ClassLabel"}, "image": coarse}
    content = {"info": {"features": said}, "fingerprint": "0123"}
    owner = pa.schema([], metadata={b"huggingface": json.dumps(content).encode(), b"licence": b"MIT"})
    written = described(owner, ["image", "coarse", "label"], label="label", names=CLASSES, image="image")
    assert features(written) == {
        "coarse": coarse,
        "label": {"names": CLASSES, "_type": "ClassLabel"},
        "image": {"_type": "Image"},
    }
    assert written[b"licence"] == b"MIT"
    assert "fingerprint" not in json.loads(written[b"huggingface"])


@pytest.mark.parametrize("said", [b"{", b"[]", b'{"info": 3}', b'{"info": {"features": [1]}}', b"\xff"])
def test_metadata_that_cannot_be_understood_are_left_out(said: bytes) -> None:
    owner = pa.schema([], metadata={b"huggingface": said})
    written = described(owner, ["label"], label="label", names=CLASSES, image=None)
    assert features(written) == {"label": {"names": CLASSES, "_type": "ClassLabel"}}
