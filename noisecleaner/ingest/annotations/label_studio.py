"""Label Studio's JSON: tasks with the annotations of each person, of which the newest that was not cancelled counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from noisecleaner.ingest.annotations._document import Document
from noisecleaner.ingest.annotations._label_studio import facts_of, image_in, person
from noisecleaner.ingest.annotations._marks import Annotations, Found, Mark, as_word

ENDINGS = (".json",)
WHAT = "tasks of Label Studio"

#: What stands beside the class where a choice is about a part of an image.
_PLACES = ("x", "points", "rle", "startOffset", "start")
#: Tasks that are looked at to tell whether these are tasks.
_FIRST = 20
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def recognises(document: Document) -> bool:
    """Whether a file is a list of tasks, or one task."""
    tasks = _tasks(document)
    return bool(tasks) and all(_is_task(task) for task in tasks[:_FIRST])


def read(document: Document) -> Annotations:
    """Read what each person chose in each task.

    Raises:
        NoisecleanerError: nobody chose one class of an image.
    """
    shapes: Counter[str] = Counter()
    marks, skipped = [], 0
    for task in filter(_is_task, _tasks(document)):
        for look in _looks(task):
            mark = _mark(task["data"], look, shapes)
            skipped += look.cancelled and not mark.chosen
            marks.append(mark)
    return Found(place=document.place, tool="Label Studio", marks=marks, shapes=shapes, skipped=skipped).annotations()


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What one person left of a task: results, and whether nothing but a cancelled annotation is there."""

    person: str | None
    results: Sequence[Mapping[str, Any]]
    cancelled: bool = False


def _tasks(document: Document) -> list[Any]:
    content = document.json
    return content if isinstance(content, list) else [content]


def _is_task(task: Any) -> bool:
    return (
        isinstance(task, dict)
        and isinstance(task.get("data"), dict)
        and any(isinstance(task.get(key), list) for key in ("annotations", "completions", "predictions"))
    )


def _looks(task: Mapping[str, Any]) -> Iterator[_Look]:
    """The newest annotation of each person that was not cancelled, else a cancelled one; an empty look without any."""
    both = (task.get(key) for key in ("annotations", "completions"))
    given = [one for some in both if isinstance(some, list) for one in some if isinstance(one, dict)]
    people: dict[str | None, list[Mapping[str, Any]]] = {}
    for one in sorted(given, key=_when):
        people.setdefault(person(one.get("completed_by")), []).append(one)
    for name, own in people.items():
        kept = [one for one in own if not (one.get("was_cancelled") or one.get("skipped"))]
        yield _Look(person=name, results=_results(kept[-1]) if kept else (), cancelled=not kept)
    if not people:
        yield _Look(person=None, results=())


def _results(annotation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    results = annotation.get("result")
    return [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []


def _when(annotation: Mapping[str, Any]) -> datetime:
    """When an annotation was changed last; those without a time come first, in their order."""
    times = (annotation.get(key) for key in ("updated_at", "created_at"))
    return next((when for text in times if (when := _time(text)) is not None), _LONG_AGO)


def _time(text: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):  # older exports have seconds since 1970, or none
        return None


def _mark(data: Mapping[str, Any], look: _Look, shapes: Counter[str]) -> Mark:
    """Take the choices of a look, and count what else is in it."""
    labels: dict[str, list[str]] = {}
    for result in look.results:
        value = result.get("value")
        choices = None if not isinstance(value, dict) or any(key in value for key in _PLACES) else value.get("choices")
        if not isinstance(choices, list):
            shapes[str(as_word(result.get("type")) or "results of no type")[:40]] += 1
            continue
        question = as_word(result.get("from_name")) or "choice"
        labels.setdefault(question, []).extend(word for choice in choices if (word := as_word(choice)) is not None)
    return Mark(file=image_in(data), labels=labels, verifier=look.person, facts=facts_of(data))
