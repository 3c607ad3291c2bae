"""Which rows are kept, and as what: against one row at a time, for all scores that there may be."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scored import metadata_of, scores_table

from noisecleaner.errors import NoisecleanerError
from noisecleaner.export.decisions import Decisions, OnFlag, Policy, decide

CLASSES = ("a", "b", "c")
LABELS = st.sampled_from(CLASSES)
SHARES = st.integers(0, 8).map(lambda eighths: eighths / 8)  # exact in single precision


@dataclass(frozen=True)
class Row:
    """One row of scores; `flagged` is None where it could not be scored."""

    given: str | None
    trusted: str | None
    corrected: str | None
    suggested: str | None
    quality: float
    confidence: float | None
    flagged: bool | None


ROWS = st.lists(
    st.builds(
        Row,
        st.none() | LABELS,
        st.none() | LABELS | st.just("none"),
        st.none() | LABELS | st.just("none"),
        st.none() | LABELS,
        SHARES,
        st.none() | SHARES,
        st.none() | st.booleans(),
    ),
    min_size=1,
    max_size=20,
)
POLICIES = st.builds(
    Policy,
    on_flag=st.sampled_from(OnFlag),
    threshold=st.none() | SHARES,
    min_confidence=st.sampled_from([0, 0.5, 0.875]),
)


def decided(rows: list[Row], policy: Policy) -> Decisions:
    scores = scores_table(
        given_label=[row.given for row in rows],
        trusted_label=[row.trusted for row in rows],
        corrected_label=[row.corrected for row in rows],
        second_label=[None] * len(rows),
        suggested_label=[row.suggested for row in rows],
        label_quality=[None if row.flagged is None else row.quality for row in rows],
        suggested_confidence=[row.confidence for row in rows],
        flagged=[row.flagged for row in rows],
        skip_reason=["unreadable" if row.flagged is None else None for row in rows],
    )
    return decide(scores, CLASSES, policy, none_label="none")


def outcome(row: Row, policy: Policy) -> tuple[str, str | None]:
    """What the manual says becomes of a row, and its label."""
    if row.flagged is None:
        return "skipped", None
    if label := row.corrected or row.trusted:
        became = "corrected" if row.corrected else "verified"
        return ("of no class", None) if label == "none" else (became, label)
    flagged = row.flagged
    if policy.threshold is not None:
        flagged = row.quality < policy.threshold or row.given is None
    if not flagged or policy.on_flag is OnFlag.KEEP:
        return "kept" if row.given else "left out", row.given
    confidence = row.confidence or 0
    sure = confidence >= policy.min_confidence and confidence > row.quality
    if policy.on_flag is OnFlag.RELABEL and row.suggested and sure:
        return "relabelled", row.suggested
    return "dropped", None


def reason(row: Row, policy: Policy, became: str) -> str | None:
    """Why the manual says that a row is left out, in one word."""
    told = {"skipped": "unreadable", "of no class": "no_class", "left out": "no_label"}
    if became != "dropped":
        return told.get(became)
    if policy.on_flag is not OnFlag.RELABEL:
        return "flagged"
    if row.suggested is None:
        return "no_suggestion"
    return "suggestion_less_likely" if (row.confidence or 0) <= row.quality else "suggestion_unsure"


@settings(deadline=None)
@given(ROWS, POLICIES)
def test_each_row_is_treated_as_the_manual_says(rows: list[Row], policy: Policy) -> None:
    decisions = decided(rows, policy)
    for number, row in enumerate(rows):
        became, label = outcome(row, policy)
        assert decisions.skipped[number] == (became == "skipped")
        assert decisions.verified[number] == (became == "verified")
        assert decisions.corrected[number] == (became == "corrected")
        assert decisions.no_class[number] == (became == "of no class")
        assert decisions.relabelled[number] == (became == "relabelled")
        assert decisions.dropped[number] == (became == "dropped")
        assert decisions.keep[number] == (label is not None)
        left_out = [lost.reason for lost in decisions.left_out() if lost.rows[number]]
        assert left_out == [why for why in [reason(row, policy, became)] if why is not None]
        if label is not None:
            assert CLASSES[decisions.labels[number]] == label


@settings(deadline=None)
@given(ROWS, POLICIES)
def test_a_row_becomes_one_thing(rows: list[Row], policy: Policy) -> None:
    decisions = decided(rows, policy)
    names = ("dropped", "relabelled", "corrected", "verified", "no_class", "skipped")
    things = np.stack([getattr(decisions, name) for name in names])
    assert (things.sum(axis=0) <= 1).all()
    assert not (decisions.keep & (decisions.dropped | decisions.skipped)).any()


@settings(deadline=None)
@given(ROWS, POLICIES)
def test_a_higher_threshold_keeps_no_more(rows: list[Row], policy: Policy) -> None:
    low, high = (decided(rows, replace(policy, on_flag=OnFlag.DROP, threshold=cut)) for cut in (0.25, 0.75))
    assert not (high.keep & ~low.keep).any()


def test_a_threshold_cuts_the_column_that_score_cut() -> None:
    scores = scores_table(given_label=["a", "b"], alpha=[0.2, 1.1], label_quality=[0.9, 0.1], flagged=[False, True])
    decisions = decide(scores, CLASSES, Policy(threshold=1.05), by="alpha")
    assert decisions.flagged.tolist() == [True, False]
    assert decisions.keep.tolist() == [False, True]


def test_a_threshold_of_best_f1_follows_from_label_quality() -> None:
    quality = [0.05, 0.3, 0.7, 0.9, 0.99]
    scores = scores_table(given_label=["a"] * 5, label_quality=quality, flagged=[False] * 5)
    assert decide(scores, CLASSES, Policy(threshold="auto")).flagged.tolist() == [True, True, False, False, False]


def test_a_threshold_that_these_scores_cannot_be_cut_at_is_refused() -> None:
    calibrated = metadata_of(["a"])
    Policy(threshold="auto").refuse_unsuited(calibrated)
    Policy(threshold=1.05).refuse_unsuited(replace(calibrated, by="alpha"))
    Policy().refuse_unsuited(replace(calibrated, quality="uncalibrated"))
    for threshold, metadata, why in (
        (1.05, calibrated, r"must lie in \[0, 1\]"),
        ("auto", replace(calibrated, by="alpha"), "is none"),
        ("auto", replace(calibrated, quality="uncalibrated"), "label quality that is calibrated"),
    ):
        with pytest.raises(NoisecleanerError, match=why):
            Policy(threshold=threshold).refuse_unsuited(metadata)  # type: ignore[arg-type]  # two kinds of thresholds


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_outside_its_range_is_refused(threshold: float) -> None:
    with pytest.raises(NoisecleanerError, match=r"`threshold` must lie in \[0, 1\]"):
        decide(scores_table(given_label=["a"], flagged=[True]), CLASSES, Policy(threshold=threshold))
