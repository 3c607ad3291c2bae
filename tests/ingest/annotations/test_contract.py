"""One contract for every file of `ingest/annotations/`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.annotations import WRITERS
from support.datasets import embeddings
from support.packages import with_file

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.annotations import Annotations, Document, Format, format_of, formats, read_annotations
from noisecleaner.ingest.files.places import Place
from noisecleaner.registry import names_in, table_endings

NAMES = names_in("ingest.annotations")
FORMATS = dict(zip(NAMES, formats(), strict=True))
LABELS = {"train/cat/a b.png": "cat", "t\u00e4st.jpeg": "<dog> & 'co'", "c.png": "cat", "nobody.png": None}
#: Texts that every format can hold.
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=8)
TEXTS = TEXTS.filter(lambda text: text != "None" and " is " not in text)  # what the one that is dropped in cannot hold

DROPPED_IN = '''"""Sentences: what an image is."""

from noisecleaner.ingest.annotations._marks import Found, Mark

ENDINGS = (".said",)
WHAT = "sentences"


def recognises(document):
    return b" is " in document.place.read()


def read(document):
    pairs = [line.split(" is ") for line in document.place.read().decode().splitlines()]
    marks = [Mark(file=name, labels={"it": [] if label == "None" else [label]}) for name, label in pairs]
    return Found(place=document.place, tool="somebody", marks=marks).annotations()
'''


def write(folder: Path, name: str, text: str) -> Place:
    path = folder / f"labels{FORMATS[name].ENDINGS[0]}"
    path.write_text(text, "utf-8")
    return Place.parse(path)


def read(place: Place) -> Annotations:
    found = read_annotations(place)
    assert found is not None
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_format_says_what_it_is(name: str) -> None:
    one: Format = FORMATS[name]
    assert one.WHAT
    assert all(ending == ending.lower() and ending.startswith(".") for ending in one.ENDINGS)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_recognised_by_its_own_format_alone(tmp_path: Path, name: str) -> None:
    place = write(tmp_path, name, WRITERS[name](LABELS))
    assert [other for other, one in FORMATS.items() if one.recognises(Document(place))] == [name]
    assert format_of(Document(place)) is FORMATS[name]


@pytest.mark.parametrize("name", NAMES)
def test_each_image_has_its_label(tmp_path: Path, name: str) -> None:
    rows = read(write(tmp_path, name, WRITERS[name](LABELS))).table.to_pylist()
    found = {row["file_name"].removesuffix(".png").removesuffix(".jpeg"): row["trusted_label"] for row in rows}
    assert found == {name.rpartition(".")[0]: label for name, label in LABELS.items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_without_any_label_is_refused(tmp_path: Path, name: str) -> None:
    place = write(tmp_path, name, WRITERS[name](dict.fromkeys(LABELS)))
    with pytest.raises(NoisecleanerError, match="holds none") as refused:
        read_annotations(place)
    assert str(place) in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.dictionaries(TEXTS.map(lambda text: f"{text}.png"), TEXTS, min_size=1, max_size=6))
def test_labels_come_out_as_they_went_in(tmp_path: Path, name: str, labels: dict[str, str]) -> None:
    rows = read(write(tmp_path, name, WRITERS[name](labels))).table.to_pylist()
    assert [row["trusted_label"] for row in rows] == list(labels.values())


KEYS = [
    *("data", "annotations", "result", "value", "choices", "classes", "labels", "label", "image", "annotator"),
    *("annotation_id", "completed_by", "updated_at", "from_name", "id", "was_cancelled", "predictions"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=JSON, wrapped=st.sampled_from(["", "task", "min", "fiftyone"]))
def test_any_json_is_read_or_refused(tmp_path: Path, content: Any, wrapped: str) -> None:
    text = {
        "": content,
        "task": [{"data": {"image": "a.png"}, "annotations": [{"result": [content]}, content, {"result": content}]}],
        "min": [{"annotator": 1, "annotation_id": 1, "image": "a.png", "label": content}],
        "fiftyone": {"classes": ["a"], "labels": {"a": content, "b": 0}},
    }[wrapped]
    (tmp_path / "x.json").write_text(json.dumps(text))
    try:
        found = read_annotations(Place.parse(tmp_path / "x.json"))
    except NoisecleanerError:
        return
    assert found is None or found.table.num_rows


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=40), ending=st.sampled_from([".json", ".xml"]), begins=st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, ending: str, begins: bool) -> None:
    start = {".json": b'[{"data": {}, "annotations": [', ".xml": b"<annotations><image name='a'><tag "}[ending]
    (tmp_path / f"x{ending}").write_bytes((start if begins else b"") + content)
    try:
        found = read_annotations(Place.parse(tmp_path / f"x{ending}"))
    except NoisecleanerError:
        return
    assert found is None or found.table.num_rows


def test_adding_a_format_is_one_file(tmp_path: Path) -> None:
    """A copy of the package with one more file in `ingest/annotations/`."""
    package = with_file(tmp_path, "ingest/annotations/dropped_in.py", DROPPED_IN)
    truth = embeddings(tmp_path / "d.parquet", rows=120)
    (tmp_path / "t.said").write_text(WRITERS["dropped-in"](dict(list(truth.items())[::2])))
    fit = "fit d.parquet --trusted t.said --embedding-column embedding --epochs 1 --folds 3 --out run"
    assert "with 60 audited trusted rows" in package.command(*fit.split())
    package.passes("ingest/annotations/test_contract.py", "dropped")


def test_no_ending_of_a_table_hides_a_format() -> None:
    assert {ending for one in formats() for ending in one.ENDINGS} & set(table_endings()) <= {".json"}
