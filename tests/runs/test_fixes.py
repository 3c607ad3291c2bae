"""What corrections did, as it is counted, told and kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from noisecleaner.runs.fixes import Fixes, Fixing


def counted(
    *rows: tuple[str | None, ...], flagged: bool = True, fresh: bool = True, none_label: str | None = "none"
) -> Fixes:
    """Count rows of given, suggested, corrected and verified label."""
    given, suggested, corrected, trusted = (
        pa.chunked_array([pa.array([row[i] for row in rows], pa.string())]) for i in range(4)
    )
    table = pa.table({"given_label": given, "trusted_label": trusted, "corrected_label": corrected})
    # behind as many others
    fixing = Fixing(
        rows=table,
        places=np.arange(len(rows)) + len(rows),
        suggested=suggested,
        fresh=np.full(len(rows), fresh),
        none_label=none_label,
    )
    return fixing.fixes(pa.array([not flagged] * len(rows) + [flagged] * len(rows)))


ROWS = [
    *([("a", "b", "b", None)] * 28),
    *([("a", "b", "c", None)] * 2),  # wrong, and not what was suggested
    *([("a", "b", "none", None)] * 3),
    (None, None, "c", None),  # a row without a label, and without a suggestion
    *([("a", "b", "a", None)] * 6),
]


def test_rows_are_counted_by_what_became_of_them() -> None:
    fixes = counted(*ROWS)
    assert fixes == Fixes(changed=34, kept=6, no_class=3, suggested=39, took_suggestion=28, audited=0)
    assert (fixes.rows, fixes.rates_unchanged) == (40, None)


def test_where_none_is_a_class_nobody_said_that_no_class_is_right() -> None:
    assert counted(*ROWS, none_label=None) == replace(counted(*ROWS), no_class=0)


def test_a_suggestion_that_leans_on_a_correction_says_nothing() -> None:
    assert counted(*ROWS, fresh=False) == replace(counted(*ROWS), suggested=0, took_suggestion=0)


def test_nobody_was_asked_about_a_row_that_is_not_flagged_or_whose_suggestion_is_its_label() -> None:
    """A whole export brings every row back, most of them as they were."""
    assert counted(*ROWS, flagged=False) == replace(counted(*ROWS), suggested=0, took_suggestion=0)
    agreed = [("a", "a", "a", None)] * 900
    assert counted(*ROWS, *agreed) == replace(counted(*ROWS), kept=906)


def test_a_row_without_a_label_is_asked_about_by_its_suggestion() -> None:
    found = counted((None, "b", "b", None), (None, "b", "c", None))
    assert (found.suggested, found.took_suggestion) == (2, 1)


def test_a_verified_row_is_told() -> None:
    fixes = counted(*ROWS, ("a", "b", "b", "a")).compared(unchanged=True)
    assert fixes.audited == 1
    assert fixes.words().endswith("; no rate counts them (1 is of a verified row, and rates go by the verified label)")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"rates_unchanged": True},
            "34 labels corrected, 6 kept; reviewers agreed with 85 % of the suggestions; rates unchanged",
        ),
        (
            {"no_class": 3},
            "34 labels corrected (3 to none of the classes), 6 kept; reviewers agreed with 85 % of the suggestions; no "
            "rate counts them",
        ),
        ({"suggested": 0, "rates_unchanged": False}, "34 labels corrected, 6 kept; no rate counts them"),
        ({"audited": 2}, "no rate counts them (2 are of verified rows, and rates go by the verified label)"),
        ({"suggested": 999, "took_suggestion": 998}, "agreed with 99 % of the suggestions"),
        ({"suggested": 999, "took_suggestion": 999}, "agreed with 100 % of the suggestions"),
        ({"suggested": 999, "took_suggestion": 1}, "agreed with 1 % of the suggestions"),
        ({"suggested": 999, "took_suggestion": 0}, "agreed with 0 % of the suggestions"),
        ({"changed": 1, "kept": 1200}, "1 label corrected, 1,200 kept"),
    ],
)
def test_it_is_one_sentence(changes: dict[str, Any], words: str) -> None:
    fixes = Fixes(changed=34, kept=6, no_class=0, suggested=40, took_suggestion=34, audited=0)
    assert words in replace(fixes, **changes).words()


@pytest.mark.parametrize("unchanged", [True, False, None])
def test_it_is_kept_as_json(unchanged: bool | None) -> None:
    fixes = replace(counted(*ROWS), rates_unchanged=unchanged)
    assert Fixes.from_json(fixes.to_json()) == fixes


@pytest.mark.parametrize("change", [{"changed": -1}, {"kept": 1.5}, {"suggested": True}, {"rates_unchanged": "yes"}])
def test_what_is_no_count_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no number of rows|does not say"):
        Fixes.from_json({**counted(*ROWS).to_json(), **change})
