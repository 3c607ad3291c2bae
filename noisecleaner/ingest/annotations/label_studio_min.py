"""Label Studio's JSON-MIN: a flat object for each annotation, in which the answer has the name of its question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from noisecleaner.ingest.annotations._document import Document
from noisecleaner.ingest.annotations._label_studio import facts_of, image_in, image_key, person
from noisecleaner.ingest.annotations._marks import Annotations, Found, Mark, as_word

ENDINGS = (".json",)
WHAT = "annotations of Label Studio (JSON-MIN)"
#: Its objects are rows of a table, too.
TABULAR = True

#: Keys that Label Studio writes itself.
_TOOL = frozenset(
    ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement", "comments")
)
#: Keys that say that an object is an annotation.
_TELLING = ("annotation_id", "annotator")
#: What the data of a task may hold, and nobody answered.
_GIVEN = ("given_label", "suggested_label", "sample_id", "sample_probability", "nc_")
#: What people mostly call the question.
_QUESTIONS = ("trusted_label", "corrected_label", "choice", "choices", "class", "label", "category")
_FIRST = 20


def recognises(document: Document) -> bool:
    """Whether a file is a list of such objects."""
    rows = document.json
    return (
        isinstance(rows, list)
        and bool(rows)
        and all(isinstance(row, dict) and all(key in row for key in _TELLING) for row in rows[:_FIRST])
    )


def read(document: Document) -> Annotations:
    """Read the answers; where it cannot be told which key is the question, each key is a column.

    Raises:
        NoisecleanerError: nobody chose one class of an image.
    """
    rows = [row for row in document.json if isinstance(row, dict)]
    question = _question(rows)
    newest: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for number, row in enumerate(sorted(rows, key=_when)):
        task = as_word(row.get("id"))
        newest[number if task is None else task, person(row.get("annotator"))] = row
    marks = [_mark(row, question) for row in newest.values()]
    return Found(place=document.place, tool="Label Studio, JSON-MIN", marks=marks).annotations()


def _when(row: Mapping[str, Any]) -> str:
    return as_word(row.get("updated_at")) or as_word(row.get("created_at")) or ""


def _question(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The key with the answers: the only one that could be it, or one that is called so; None where neither tells."""
    keys = dict.fromkeys(key for row in rows for key in row)
    images = {image_key(_data(row)) for row in rows[:_FIRST]}
    could = [key for key in keys if key not in _TOOL | images and not key.startswith(_GIVEN)]
    called = [key for key in _QUESTIONS if key in could]
    return could[0] if len(could) == 1 else next(iter(called), None)


def _data(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in _TOOL}


def _mark(row: Mapping[str, Any], question: str | None) -> Mark:
    data = _data(row)
    image = image_in(data)
    verifier = person(row.get("annotator"))
    if question is None:
        own = image_key(data)
        labels = {str(as_word(key)): _choices(value) for key, value in data.items() if key != own}
        return Mark(file=image, labels=labels, verifier=verifier)
    facts = {key: value for key, value in facts_of(data).items() if key != question}
    return Mark(
        file=image, labels={str(as_word(question)): _choices(row.get(question))}, verifier=verifier, facts=facts
    )


def _choices(value: Any) -> list[str]:
    """The classes that an answer names: a text, or an object with a list of them."""
    if isinstance(value, dict):
        value = value.get("choices")
    several = value if isinstance(value, list) else [value]
    return [word for one in several if (word := as_word(one))]
