"""Scored rows, and labels that were verified after the fit: joined by id, refused where they cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.simulated import trace as simulated

from noisecleaner.arrays import NO_CLASS, UNVERIFIED, Array
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source
from noisecleaner.notices import Notice
from noisecleaner.progress import Progress
from noisecleaner.quality.model import Judgements
from noisecleaner.runs.refitting import fitted_again
from noisecleaner.runs.scored import NOT_CALIBRATED, ScoredRows, from_trace
from noisecleaner.runs.since import corrected_since, verified_since
from noisecleaner.runs.trace import TRACE, Trace

CLASSES = ("a", "b", "c", "d")
ROWS = 300
LIKE = Source("data.parquet")


def names(labels: Array) -> pa.Array:
    return pa.array([CLASSES[label] if label >= 0 else None for label in labels.tolist()], pa.string())


@pytest.fixture
def true() -> Array:
    return simulated(ROWS)[2]


@pytest.fixture
def trace() -> Trace:
    """300 rows of which the first ten are verified, the first five of them steered, and the last was skipped."""
    signals, _, true = simulated(ROWS)
    judgements = Judgements.unknown(ROWS)
    judgements.quality[:] = np.linspace(0, 1, ROWS)
    numbers = signals.to_table()
    row = np.arange(ROWS)
    columns = {name: numbers[name] for name in numbers.column_names} | {
        "sample_id": pa.array([f"r{number}" for number in row]),
        "path": pa.nulls(ROWS, pa.string()),
        "given_label": names(signals.predictions.given),
        "trusted_label": names(np.where(row < 10, true, -1)),
        "second_label": pa.nulls(ROWS, pa.string()),
        "corrected_label": pa.nulls(ROWS, pa.string()),
        "label_quality": pa.array(judgements.quality, from_pandas=True),
        "suggested": pa.array(np.where(row % 2, 1, -1), pa.int32(), mask=row % 2 == 0),
        "suggested_confidence": pa.array(judgements.confidence, from_pandas=True),
        "judging": pa.array((row >= 5) & (row < 10)),
        "sample_probability": pa.array(np.where(row < 10, 0.5, np.nan), from_pandas=True),
        "certified": pa.nulls(ROWS, pa.bool_()),
        "skip_reason": pa.array([*[None] * (ROWS - 1), "unreadable"]),
    }
    table = pa.table({name: columns[name] for name in TRACE.names}, schema=TRACE)
    return Trace(table, CLASSES, "planted", none_label="none")


@pytest.fixture
def scored(trace: Trace) -> ScoredRows:
    return from_trace(trace)


def verified(folder: Path, ids: list[str], labels: pa.Array, **more: object) -> str:
    pq.write_table(pa.table({"sample_id": ids, "trusted_label": labels, **more}), folder / "t.parquet")
    return str(folder / "t.parquet")


def test_rows_have_the_numbers_of_the_trace_rounded_as_in_files(trace: Trace, scored: ScoredRows) -> None:
    for name in ("alpha", "beta", "margin", "label_quality", "suggested_confidence"):
        values = getattr(scored, name)
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, np.asarray(trace.table[name].to_numpy()))
    assert scored.suggested.tolist() == [-1, 1] * (ROWS // 2)
    np.testing.assert_array_equal(scored.values("alpha"), scored.alpha.astype(np.float64))
    np.testing.assert_array_equal(scored.values("label_quality"), scored.label_quality.astype(np.float64))
    assert scored.model == "planted"


def test_a_skipped_row_has_no_labels(scored: ScoredRows) -> None:
    assert scored.identity["given_label"][ROWS - 1].is_valid
    assert scored.given[ROWS - 1] == scored.trusted[ROWS - 1] == -1
    assert (scored.given[: ROWS - 1] >= 0).all()


def test_the_noise_is_measured_on_what_is_wrong_with_the_quality(scored: ScoredRows) -> None:
    rows = scored.rows()
    np.testing.assert_array_equal(rows.expected, 1 - scored.label_quality.astype(np.float64))
    np.testing.assert_array_equal(rows.audited, np.arange(ROWS) < 10)
    np.testing.assert_array_equal(rows.judging, scored.judging)


def test_a_probability_that_only_some_verified_rows_have_is_refused(scored: ScoredRows) -> None:
    probability = scored.probability.copy()
    probability[3] = np.nan
    with pytest.raises(NoisecleanerError, match="1 of 10 have none"):
        replace(scored, probability=probability).rows()
    assert replace(scored, probability=np.full(ROWS, np.nan)).rows().audited.sum() == 10


def test_labels_join_by_id_in_any_order_and_replace_old_ones(
    tmp_path: Path, trace: Trace, scored: ScoredRows, true: Array
) -> None:
    rows = np.random.default_rng(0).permutation(np.arange(2, 14))
    labels = np.where(rows == 2, (true[2] + 1) % 4, true[rows])
    table = verified(tmp_path, [f"r{row}" for row in rows], names(labels))
    after = verified_since(scored, trace, table, LIKE).rows
    wanted = np.where(np.arange(ROWS) < 14, true, -1)
    wanted[2] = (true[2] + 1) % 4
    np.testing.assert_array_equal(after.trusted, wanted)
    # the first five steered the fit: to verify them again does not make them judge
    np.testing.assert_array_equal(after.judging, (np.arange(ROWS) >= 5) & (np.arange(ROWS) < 14))
    np.testing.assert_array_equal(after.given, scored.given)
    # too few to fit on again: what the fit made of them stands
    after = fitted_again(after, trace)
    np.testing.assert_array_equal(after.label_quality, scored.label_quality)
    assert after.model == "planted"


def test_with_enough_verified_rows_quality_and_suggestions_are_fitted_again(
    tmp_path: Path, trace: Trace, scored: ScoredRows, true: Array
) -> None:
    rows = np.arange(0, ROWS, 2)
    stale = (Notice(code=NOT_CALIBRATED, message="too few"), Notice(code="other", message="stays"))
    table = verified(tmp_path, [f"r{row}" for row in rows], names(true[rows]))
    after = fitted_again(verified_since(scored.noting(*stale), trace, table, LIKE).rows, trace)
    assert after.model == "audited"
    assert [notice.code for notice in after.notices] == ["other", "verified-labels"]
    wrong = scored.given != true
    wrong[ROWS - 1] = False
    unseen = ~np.isin(np.arange(ROWS), rows)
    assert after.label_quality[wrong & unseen].mean() < after.label_quality[~wrong & unseen].mean() - 0.3
    some = after.suggested >= 0
    np.testing.assert_array_equal(np.isfinite(after.suggested_confidence), some)
    assert (after.suggested == true)[wrong & unseen & some].mean() > 0.5
    np.testing.assert_array_equal(after.alpha, scored.alpha)


def test_rows_at_which_two_looks_disagree_calibrate_nothing(
    tmp_path: Path, trace: Trace, scored: ScoredRows, true: Array
) -> None:
    """First looks at them are all wrong: label quality is that of a fit without them."""
    rows = np.arange(10, ROWS, 2)
    odd = np.arange(len(rows)) % 5 == 0
    ids, first = [f"r{row}" for row in rows], np.where(odd, (true[rows] + 1) % len(CLASSES), true[rows])
    second = pa.array([name if apart else None for name, apart in zip(names(true[rows]).to_pylist(), odd, strict=True)])
    table = verified(tmp_path, ids, names(first), second_label=second)
    after = fitted_again(verified_since(scored, trace, table, LIKE).rows, trace)
    assert after.disputed.sum() == odd.sum()
    without = verified(tmp_path, [ids[row] for row in np.flatnonzero(~odd)], names(first[~odd]))
    expected = fitted_again(verified_since(scored, trace, without, LIKE).rows, trace)
    np.testing.assert_array_equal(after.label_quality, expected.label_quality)


def test_probabilities_of_a_plan_come_along(tmp_path: Path, trace: Trace, scored: ScoredRows, true: Array) -> None:
    ids, probability = ["r20", "r7"], np.array([0.1, 0.2])
    table = verified(tmp_path, ids, names(true[[20, 7]]), sample_probability=probability)
    after = verified_since(scored, trace, table, LIKE).rows
    assert after.probability[[20, 7, 8]].tolist() == [0.1, 0.2, 0.5]
    assert np.isnan(after.probability[21])


def test_labels_of_rows_that_were_not_fitted_are_refused(tmp_path: Path, trace: Trace, scored: ScoredRows) -> None:
    with pytest.raises(NoisecleanerError, match=r"1 of 2 labelled rows of .* \(such as 'elsewhere'\)") as refused:
        verified_since(scored, trace, verified(tmp_path, ["r1", "elsewhere"], pa.array(["a", "b"])), LIKE)
    assert "`Source.data`" in refused.value.hint


def test_rows_without_a_label_are_no_strangers(tmp_path: Path, trace: Trace, scored: ScoredRows) -> None:
    """A table of all rows in which only some are filled in."""
    after = verified_since(scored, trace, verified(tmp_path, ["r11", "elsewhere"], pa.array(["a", None])), LIKE).rows
    assert after.trusted[11] == 0


def test_labels_that_are_no_class_or_all_empty_are_refused(tmp_path: Path, trace: Trace, scored: ScoredRows) -> None:
    with pytest.raises(NoisecleanerError, match="mauve"):
        verified_since(scored, trace, verified(tmp_path, ["r1"], pa.array(["mauve"])), LIKE)
    with pytest.raises(NoisecleanerError):
        verified_since(scored, trace, verified(tmp_path, ["r1"], pa.array([None], pa.string())), LIKE)


def test_labels_may_say_that_no_class_is_right(tmp_path: Path, trace: Trace, scored: ScoredRows, true: Array) -> None:
    table = verified(tmp_path, ["r11", "r13"], pa.array(["none", "a"]), sample_probability=[0.5, 0.5])
    after = verified_since(scored, trace, table, LIKE).rows
    assert after.trusted[11:14].tolist() == [NO_CLASS, UNVERIFIED, 0]
    assert after.rows().wrong[11]


def test_empty_cells_are_said(tmp_path: Path, trace: Trace, scored: ScoredRows) -> None:
    after = verified_since(scored, trace, verified(tmp_path, ["r11", "r13"], pa.array(["a", None])), LIKE).rows
    assert [notice.code for notice in after.notices] == ["verified-cells-empty", "verified-labels"]


def test_rows_of_no_class_get_no_suggestion(tmp_path: Path, trace: Trace, scored: ScoredRows) -> None:
    labelled = replace(scored, suggested_confidence=np.where(scored.suggested >= 0, np.float32(0.7), np.nan))
    after = verified_since(
        labelled, trace, verified(tmp_path, ["r11"], pa.array(["none"])), LIKE
    ).rows.without_needless()
    assert (after.suggested[9], after.suggested[11], after.suggested[13]) == (1, -1, 1)
    np.testing.assert_array_equal(np.isnan(after.suggested_confidence), after.suggested < 0)
    assert scored.without_needless() is scored


def test_corrections_change_no_number(tmp_path: Path, scored: ScoredRows, true: Array) -> None:
    """Sixty rows that look wrong, corrected, and one of them also verified as something else."""
    low = np.argsort(scored.label_quality)[:60]
    labels = names(np.where(low == 0, (true[0] + 1) % 4, true[low]))
    pq.write_table(
        pa.table({"sample_id": [f"r{row}" for row in low], "corrected_label": labels}), tmp_path / "c.parquet"
    )
    after = corrected_since(scored, str(tmp_path / "c.parquet"), LIKE, Progress())
    np.testing.assert_array_equal(after.corrected >= 0, np.isin(np.arange(ROWS), low))
    for name, before in vars(scored).items():
        if name not in ("identity", "notices", "fixing"):
            np.testing.assert_array_equal(getattr(after, name), before, err_msg=name)
    assert after.fixing is not None
    assert after.fixing.places.tolist() == low.tolist()
    for name, before in vars(scored.rows()).items():
        np.testing.assert_array_equal(getattr(after.rows(), name), before, err_msg=name)
    assert [notice.code for notice in after.notices] == ["correction-against-audit"]


def test_rows_that_are_corrected_to_no_class_get_no_suggestion(tmp_path: Path, scored: ScoredRows) -> None:
    (tmp_path / "c.csv").write_text("sample_id,label\nr11,none\nr13,a\n")
    after = corrected_since(scored, str(tmp_path / "c.csv"), LIKE, Progress()).without_needless()
    assert after.suggested[11:14].tolist() == [-1, -1, 1]
