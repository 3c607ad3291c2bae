"""What is expected of a copy, from labels that nobody has mended: held as often as its interval says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from support.scored import metadata_of, scores_table
from support.simulated import Array, trace, verify

from noisecleaner.export.decisions import OnFlag, Policy, decide
from noisecleaner.export.expectation import Expectation, expectation
from noisecleaner.noise.rate import UNKNOWN
from noisecleaner.notices import Notice, Severity
from noisecleaner.quality.fitting import fit_quality
from noisecleaner.quality.signals import Signals

CLASSES = ("a", "b", "c", "d")
ROWS, AUDITED = 2_000, 300


def named(labels: Array) -> Array:
    return np.array([*CLASSES, None], dtype=object)[labels]


def scored(signals: Signals, true: Array, judging: Array) -> pa.Table:
    """Score rows as `score` does, and flag those of a quality below one half."""
    judgements = fit_quality(signals, verify(true, judging)).judgements
    known = np.isin(np.arange(len(true)), judging)
    return scores_table(
        given_label=named(signals.predictions.given),
        trusted_label=named(np.where(known, true, -1)),
        label_quality=judgements.quality,
        suggested_label=named(judgements.suggested),
        suggested_confidence=judgements.confidence,
        flagged=judgements.quality < 0.5,
        judging=known,
    )


def expected(table: pa.Table, on_flag: OnFlag, **changes: object) -> Expectation:
    policy = Policy(on_flag=on_flag)
    decisions = decide(table, CLASSES, policy, none_label="none")
    metadata = metadata_of(CLASSES, **changes)
    return expectation(table, metadata, policy, decisions=decisions, none_label="none")


def share_held(on_flag: OnFlag, draws: int) -> float:
    """In which share of draws of the audit the interval holds the noise of what is written."""
    signals, correct, true = trace(ROWS)
    hits = []
    for draw in range(draws):
        judging = np.sort(np.random.default_rng((11, draw)).choice(ROWS, AUDITED, replace=False))
        table = scored(signals, true, judging)
        decisions = decide(table, CLASSES, Policy(on_flag=on_flag))
        noise = expected(table, on_flag).noise
        assert noise.interval is not None
        assert noise.sample_size <= AUDITED
        wrong = (decisions.labels != true)[decisions.keep].mean()
        hits.append(noise.interval.low <= wrong <= noise.interval.high)
    assert correct.mean() < 0.8
    return float(np.mean(hits))


@pytest.mark.parametrize("on_flag", list(OnFlag))
def test_the_interval_holds_the_noise_of_what_is_written(on_flag: OnFlag) -> None:
    """60 draws: a coverage of 95 % gives less than 87 % once in 100."""
    assert share_held(on_flag, 60) >= 0.87


@pytest.mark.slow
@pytest.mark.parametrize("on_flag", list(OnFlag))
def test_the_interval_holds_the_noise_of_what_is_written_in_95_of_100_draws(on_flag: OnFlag) -> None:
    """300 draws; the standard error of a coverage of 95 % is 1.3 points."""
    assert 0.93 <= share_held(on_flag, 300) <= 0.98


@pytest.fixture(scope="module")
def table() -> pa.Table:
    signals, _, true = trace(ROWS)
    return scored(signals, true, np.arange(0, ROWS, 6))


@pytest.mark.parametrize("on_flag", list(OnFlag))
def test_the_verified_labels_of_a_copy_do_not_make_it_look_clean(table: pa.Table, on_flag: OnFlag) -> None:
    """Without the audited rows the rest of the copy is as wrong as it is: the estimate is of that rest, diluted."""
    decisions = decide(table, CLASSES, Policy(on_flag=on_flag))
    _, _, true = trace(ROWS)
    judging = np.asarray(table["judging"])
    rest = decisions.keep & ~judging
    wrong = (decisions.labels != true)[rest].mean() * rest.sum() / decisions.keep.sum()
    value = expected(table, on_flag).noise.value
    assert value == pytest.approx(wrong, abs=0.04)
    assert value is not None
    assert value > 0


def test_corrections_mend_the_copy_and_change_no_interval_otherwise(table: pa.Table) -> None:
    """A corrected row was wrong for certain: one error less, in as many rows."""
    _, _, true = trace(ROWS)
    kept_wrong = np.flatnonzero(
        ~np.asarray(table["judging"]) & ~np.asarray(table["flagged"]) & (np.array(table["given_label"]) != named(true))
    )[:20]
    labels = np.full(ROWS, None, dtype=object)
    labels[kept_wrong] = named(true)[kept_wrong]
    place = table.schema.get_field_index("corrected_label")
    corrected = table.set_column(place, "corrected_label", pa.array(labels, pa.string()))
    before, after = (expected(one, OnFlag.DROP).noise for one in (table, corrected))
    written = decide(table, CLASSES, Policy()).keep.sum()
    assert before.value is not None
    assert before.low is not None
    assert before.high is not None
    assert (after.value, after.low, after.high) == pytest.approx(
        tuple(end - len(kept_wrong) / written for end in (before.value, before.low, before.high))
    )


def test_where_verified_rows_measure_nothing_the_copy_has_no_rate_and_the_reason_is_told(table: pa.Table) -> None:
    picked = Notice(code="not-random", message="They were picked.", severity=Severity.VOID)
    assert expected(table, OnFlag.DROP, notices=(picked,)) == Expectation(UNKNOWN, "They were picked.")
    place = table.schema.get_field_index("judging")
    nobody = table.set_column(place, "judging", pa.array(np.zeros(ROWS, dtype=bool)))
    assert "No row was verified" in expected(nobody, OnFlag.DROP).reason
    earlier = table.set_column(place, "judging", pa.nulls(ROWS, pa.bool_()))
    assert "Score again" in expected(earlier, OnFlag.DROP).reason


def test_suggested_labels_of_rows_without_one_are_measured_by_nobody(table: pa.Table) -> None:
    unlabelled = np.arange(ROWS) % 6 == 1
    given = np.where(unlabelled, None, np.array(table["given_label"], dtype=object))
    flagged = pa.array(np.where(unlabelled, True, np.asarray(table["flagged"])))
    changed = table.set_column(table.schema.get_field_index("given_label"), "given_label", pa.array(given, pa.string()))
    changed = changed.set_column(table.schema.get_field_index("flagged"), "flagged", flagged)
    none = np.where(unlabelled, np.nan, table["label_quality"].to_numpy())
    quality = pa.array(none, pa.float32(), from_pandas=True)
    changed = changed.set_column(table.schema.get_field_index("label_quality"), "label_quality", quality)
    found = expected(changed, OnFlag.RELABEL)
    assert found.noise == UNKNOWN
    assert "rows without a label got a suggested one" in found.reason
    assert expected(changed, OnFlag.DROP).noise.interval is not None


def correcting(table: pa.Table, rows: Array, labels: Array) -> pa.Table:
    """The scores with corrections of some rows."""
    column = np.full(ROWS, None, dtype=object)
    column[rows] = named(labels)
    place = table.schema.get_field_index("corrected_label")
    return table.set_column(place, "corrected_label", pa.array(column, pa.string()))


def test_corrections_are_taken_as_right_and_the_rate_of_the_other_rows_stands_apart(table: pa.Table) -> None:
    _, _, true = trace(ROWS)
    rows = np.flatnonzero(np.asarray(table["flagged"]) & ~np.asarray(table["judging"]))[:100]
    corrected = correcting(table, rows, true[rows])
    found = expected(corrected, OnFlag.DROP)
    written = int(decide(corrected, CLASSES, Policy()).keep.sum())
    assert found.corrected == 100
    assert 60 < found.agreeing <= 100
    assert found.noise.value is not None
    assert found.others.value == pytest.approx(found.noise.value * written / (written - 100))


def test_corrections_that_leave_no_error_make_no_certain_rate(table: pa.Table) -> None:
    """All wrong labels mended: the audited rows still allow for some. More than all of them: nothing is told."""
    _, _, true = trace(ROWS)
    rows = np.flatnonzero(~np.asarray(table["judging"]))
    right = expected(correcting(table, rows, true[rows]), OnFlag.KEEP)
    assert right.noise.high is None or right.noise.high > 0.0005
    given = np.array(table["given_label"], dtype=object)[rows]
    index = np.array([CLASSES.index(name) for name in given])
    other = expected(
        correcting(table, rows, np.where(np.arange(len(rows)) % 2 == 0, (index + 1) % 4, index)), OnFlag.KEEP
    )
    assert other.noise == UNKNOWN
    assert "some corrections may be wrong" in other.reason
    assert other.corrected == len(rows)
    everything = np.arange(ROWS)
    assert "Every row carries a correction" in expected(correcting(table, everything, true), OnFlag.KEEP).reason


def test_corrections_of_other_rows_let_nothing_be_told(table: pa.Table) -> None:
    _, _, true = trace(ROWS)
    rows = np.flatnonzero(~np.asarray(table["judging"]))[:200]
    found = expected(correcting(table, rows, np.random.default_rng(0).permutation(true[rows])), OnFlag.DROP)
    assert found.noise == UNKNOWN
    assert found.reason.startswith("The scores agree with")
    slipped = Notice(code="corrections-slipped", message="Corrections seem to stand beside the wrong rows.")
    found = expected(correcting(table, rows, true[rows]), OnFlag.DROP, notices=(slipped,))
    assert (found.noise, found.reason) == (UNKNOWN, slipped.message)
    assert expected(table, OnFlag.DROP, notices=(slipped,)).noise.interval is not None
