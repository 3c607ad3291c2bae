"""Verified rows tell the rates, how well scores rank, and how verifiers err; what is odd is told and kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from support.reports import scored_rows
from support.simulated import Array

from noisecleaner.noise.ranking import CODES
from noisecleaner.notices import Notice, Severity
from noisecleaner.progress import Progress
from noisecleaner.runs.assessment import Assessment
from noisecleaner.runs.scored import ScoredRows
from noisecleaner.runs.second_looks import SECOND_LOOKS

NAMES = ["cat", "dog", "emu"]
VOID = Notice(code="not-random", message="The rows were picked.", severity=Severity.VOID)


class Listener(Progress):
    """Notes what is told."""

    def __init__(self) -> None:
        self.told: list[Notice] = []

    def tell(self, *notices: Notice) -> None:
        self.told += notices


def looked_again(scored: ScoredRows, seen: Array, labels: list[str]) -> ScoredRows:
    """The same rows with second looks at some of them."""
    second = np.full(len(scored.identity), None, dtype=object)
    second[seen] = labels
    column = pa.array(second.tolist(), pa.string())
    where = scored.identity.schema.get_field_index("second_label")
    return replace(scored, identity=scored.identity.set_column(where, "second_label", column))


@pytest.fixture
def scored() -> ScoredRows:
    return scored_rows(900, 300, NAMES)


def test_rows_that_nobody_doubts_are_measured_as_they_are(scored: ScoredRows) -> None:
    listener = Listener()
    assessed = Assessment.of(scored, listener)
    assert listener.told == []
    assert assessed.scored.notices == ()
    assert (assessed.judged, assessed.weighted, assessed.rechecked) == (300, False, None)
    assert assessed.rankings is not None
    assert assessed.to_json()["ranking"] == assessed.rankings.to_json()
    assert assessed.to_json()["overall"]["rate"] == pytest.approx(scored.rows().rate().value)


def test_rows_that_a_plan_drew_are_told_apart_from_a_plain_sample(scored: ScoredRows) -> None:
    drawn = replace(scored, probability=np.where(scored.judging, 0.5, np.nan))
    assert Assessment.of(drawn, Progress()).weighted


def test_second_looks_move_the_rate_and_are_told(scored: ScoredRows) -> None:
    audited = np.flatnonzero(scored.judging)
    seen = np.random.default_rng(1).choice(audited, 60, replace=False)
    seen = seen[np.argsort(scored.trusted[seen] != scored.given[seen])]  # those called right first
    first = [NAMES[label] for label in scored.trusted[seen].tolist()]
    # at five rows the others see an error that the first look missed
    other = [NAMES[label] for label in scored.suggested[seen[:5]].tolist()]
    listener = Listener()
    assessed = Assessment.of(looked_again(scored, seen, other + first[5:]), listener)
    assert [notice.code for notice in listener.told] == [SECOND_LOOKS]
    assert assessed.scored.notices == tuple(listener.told)
    assert assessed.rechecked is not None
    assert assessed.rows.verifiers is assessed.rechecked.errors is not None
    assert assessed.to_json()["overall"]["rate"] != pytest.approx(scored.rows().rate().value)
    assert assessed.to_json()["verifiers"]["agree"] == len(seen) - 5


def test_second_looks_that_are_the_given_labels_leave_no_rate(scored: ScoredRows) -> None:
    seen = np.flatnonzero(scored.judging)
    given = [NAMES[label] for label in scored.given[seen].tolist()]
    assessed = Assessment.of(looked_again(scored, seen, given), Progress())
    assert assessed.rechecked is not None
    assert assessed.rechecked.void
    assert assessed.judged == 0
    assert assessed.to_json()["overall"]["rate"] is None


def test_scores_by_chance_are_told_and_stand_beside_the_numbers(scored: ScoredRows) -> None:
    quality = np.random.default_rng(3).random(len(scored.label_quality)).astype(np.float32)
    listener = Listener()
    assessed = Assessment.of(replace(scored, label_quality=quality), listener)
    (told,) = listener.told
    assert told.code in CODES
    assert assessed.scored.notices == (told,)
    assert assessed.to_json()["notices"] == [told.to_json()]


def test_where_verified_rows_measure_nothing_not_even_an_expectation_is_told(scored: ScoredRows) -> None:
    assessed = Assessment.of(scored.noting(VOID), Progress())
    content = assessed.to_json()
    assert (assessed.judged, assessed.rankings, content["calibration"]) == (0, None, None)
    assert content["overall"]["rate"] is None
    assert content["quality"] == "audited"  # how scores were made does not change
