"""A cut that parts nothing says so, with the range that its column has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.reports import scored_rows

from noisecleaner.export.decisions import Policy
from noisecleaner.ingest import Source
from noisecleaner.noise.goal import Goal
from noisecleaner.notices import Severity
from noisecleaner.progress import Progress
from noisecleaner.runs.cut_notices import one_sided, tied
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.runs.scored import By
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.writing import write

VALUES = np.array([0.2, 0.5, 0.5, 0.5, 1.1])


@pytest.mark.parametrize(
    ("threshold", "by", "says", "severity"),
    [
        (1.2, "alpha", "every one of the 5 scored rows", Severity.WARNING),
        (1e308, "margin", "every one of the 5 scored rows", Severity.WARNING),
        (-0.1, "alpha", "flags no row", Severity.WARNING),
        (0.2, "alpha", "flags no row", Severity.WARNING),
        (None, "margin", "A threshold of 0 on margin flags no row", Severity.WARNING),
        (0.1, "label_quality", "flags no row", Severity.NOTE),
        (2.0, "label_quality", "every one", Severity.WARNING),
    ],
)
def test_a_threshold_that_flags_all_or_none_names_the_range(
    threshold: float | None, by: By, says: str, severity: Severity
) -> None:
    notice = one_sided(VALUES, threshold, by)
    assert notice is not None
    assert says in notice.message
    assert "between 0.2 and 1.1" in notice.message
    assert notice.severity is severity


@pytest.mark.parametrize(
    ("threshold", "by"), [(0.21, "alpha"), (1.1, "alpha"), (None, "alpha"), (None, "label_quality"), ("auto", "alpha")]
)
def test_what_parts_rows_or_may_flag_none_says_nothing(threshold: float | None, by: By) -> None:
    assert one_sided(VALUES, threshold, by) is None
    assert one_sided(np.linspace(0.6, 1, 5), None, "label_quality") is None
    assert one_sided(VALUES[:0], threshold, by) is None


def test_where_all_values_are_one_no_threshold_is_asked_for() -> None:
    notice = one_sided(np.full(3, 0.4), 0.4, "alpha")
    assert notice is not None
    assert notice.message.endswith("between 0.4 and 0.4. No threshold parts them.")


def test_a_budget_that_ends_among_equal_values_says_so() -> None:
    few = tied(VALUES, 0.5, Goal("budget", 3), "alpha")
    assert few is not None
    assert few.message.startswith(
        "3 rows tie at 0.5 of alpha; a budget of 3 cannot part them, so that 1 row is flagged"
    )
    assert few.severity is Severity.NOTE
    none = tied(np.array([0.0, 0.0, 0.0, 1.0]), 0.0, Goal("budget", 2), "alpha")
    assert none is not None
    assert none.severity is Severity.WARNING
    assert "3 rows tie at 0 " in none.message
    assert tied(VALUES, 0.5, Goal("budget", 1), "alpha") is None
    assert tied(VALUES, 1.2, Goal("budget", 9), "alpha") is None
    assert tied(VALUES, 0.5, Goal("f1"), "label_quality") is None


def test_scores_and_copies_tell_it(tmp_path: Path) -> None:
    said: list[str] = []
    scored = scored_rows(600, 300, ("cat", "dog"))
    scored = replace(scored, alpha=scored.label_quality)

    class Heard(Progress):
        def warn(self, text: str) -> None:
            said.append(text)

    summary = write(
        tmp_path,
        scored,
        Cutoff(by="alpha", threshold=1.2),
        run=tmp_path,
        source=Source("d.parquet"),
        progress=Heard(),
    )
    assert summary.flagged == 599
    assert len(said) == 1
    assert [notice.code for notice in summary.notices] == ["threshold-parts-nothing"]
    scores = ScoredRun(tmp_path).scores()
    (again,) = Policy(threshold=5.0).notices(scores, "alpha")
    assert "every one of the 599 scored rows" in again.message
    assert Policy(threshold=0.5).notices(scores, "alpha") == ()
    assert Policy().notices(scores, "alpha") == ()
