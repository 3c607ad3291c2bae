"""What a plan knows of its data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.scored import make_run

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source
from noisecleaner.planning import Origin
from noisecleaner.runs.scored_run import ScoredRun

ORIGIN = Origin(
    source=Source("rows.parquet", columns=Columns(sample_id="key", label_names=("b", "a")), none_label="nothing"),
    classes=("b", "a", 'the "third", ☃'),
    none_label="nothing",
    run=None,
)


def test_it_comes_back_as_it_was() -> None:
    assert Origin.from_json(json.loads(json.dumps(ORIGIN.to_json()))) == ORIGIN


def test_scores_say_where_rows_come_from(tmp_path: Path) -> None:
    origin = Origin.of(ScoredRun(make_run(tmp_path, source=Source("new.parquet"))))
    assert (origin.source, origin.none_label, origin.run) == (Source("new.parquet"), "none", str(tmp_path))
    assert origin.classes == ScoredRun(tmp_path).metadata.classes


def test_a_word_for_no_class_that_is_a_class_is_refused(tmp_path: Path) -> None:
    run = ScoredRun(make_run(tmp_path))
    name = run.metadata.classes[0]
    make_run(tmp_path, source=Source("new.parquet", none_label=name))
    with pytest.raises(NoisecleanerError, match="is a class of the dataset"):
        Origin.of(ScoredRun(tmp_path))


@pytest.mark.parametrize(
    "change", [{"classes": "cat"}, {"classes": [1]}, {"none_label": 3}, {"run": []}, {"source": None}, {"source": {}}]
)
def test_what_is_no_origin_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        Origin.from_json({**ORIGIN.to_json(), **change})
