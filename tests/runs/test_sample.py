"""Rows that were verified after the fit measure where they can be a sample, and override labels where they cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.simulated import trace as simulated

from noisecleaner.arrays import UNVERIFIED, Array
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source
from noisecleaner.noise.randomness import NOT_RANDOM, not_random
from noisecleaner.notices import Notice, Severity, void
from noisecleaner.quality.model import Judgements
from noisecleaner.runs.sample import odd_sample, picked, sampled_since
from noisecleaner.runs.scored import ScoredRows, from_trace
from noisecleaner.runs.trace import TRACE, Trace

CLASSES = ("a", "b", "c", "d")
ROWS, AUDITED = 2000, 150
LIKE = Source("data.parquet")
SIGNALS, CORRECT, TRUE = simulated(ROWS, noise=0.2)
#: Rows in random order: the first of them were audited at the fit.
ORDER = np.random.default_rng(0).permutation(ROWS)
#: Rows that look wrong most of all.
WORST = np.argsort(SIGNALS.predictions.margin)[:60]


def names(labels: Array) -> pa.Array:
    return pa.array([CLASSES[label] if label >= 0 else None for label in labels.tolist()], pa.string())


def trace(verified: Array) -> Trace:
    """A finished fit with these rows verified, all of which judge."""
    judgements = Judgements.unknown(ROWS)
    judgements.quality[:] = 1 / (1 + np.exp(-SIGNALS.predictions.margin))
    numbers, nothing = SIGNALS.to_table(), pa.nulls(ROWS, pa.string())
    known = np.isin(np.arange(ROWS), verified)
    columns = {name: numbers[name] for name in numbers.column_names} | {
        "sample_id": pa.array([f"r{row}" for row in range(ROWS)]),
        "given_label": names(SIGNALS.predictions.given),
        "trusted_label": names(np.where(known, TRUE, -1)),
        **dict.fromkeys(["path", "second_label", "corrected_label", "skip_reason"], nothing),
        "label_quality": pa.array(judgements.quality),
        "suggested": pa.nulls(ROWS, pa.int32()),
        "suggested_confidence": pa.nulls(ROWS, pa.float32()),
        "judging": pa.array(known),
        "sample_probability": pa.nulls(ROWS, pa.float64()),
        "certified": pa.nulls(ROWS, pa.bool_()),
    }
    return Trace(pa.table({name: columns[name] for name in TRACE.names}, schema=TRACE), CLASSES, "audited")


def drawn_with(fitted: Trace, rows: Array, probability: Array) -> Trace:
    """The same fit, of rows that carried probabilities then."""
    drawn, at = np.full(ROWS, np.nan), TRACE.get_field_index("sample_probability")
    drawn[rows] = probability
    return replace(fitted, table=fitted.table.set_column(at, TRACE.field(at), pa.array(drawn, from_pandas=True)))


def table(folder: Path, rows: Array, labels: Array | None = None, **more: object) -> str:
    columns = {
        "sample_id": [f"r{row}" for row in rows],
        "trusted_label": names(TRUE[rows] if labels is None else labels),
    }
    pq.write_table(pa.table({**columns, **more}), folder / "t.parquet")
    return str(folder / "t.parquet")


def since(fitted: Trace, trusted: str, *notices: Notice) -> tuple[ScoredRows, ScoredRows]:
    """The rows before, and after labels were verified."""
    before = from_trace(fitted).noting(*notices)
    return before, sampled_since(before, fitted, trusted, LIKE)


def doubts(rows: ScoredRows) -> list[Notice]:
    """What stands beside the noise."""
    return [notice for notice in rows.notices if notice.severity is not Severity.NOTE]


def codes(rows: ScoredRows) -> list[str]:
    return [notice.code for notice in doubts(rows)]


def test_a_random_sample_measures_beside_the_first_one(tmp_path: Path) -> None:
    more = ORDER[AUDITED : AUDITED + 200]
    _, after = since(trace(ORDER[:AUDITED]), table(tmp_path, more))
    assert after.rows().audited.sum() == AUDITED + 200
    assert codes(after) == []
    assert (after.corrected == UNVERIFIED).all()


def test_rows_that_look_wrong_override_and_change_no_number(tmp_path: Path) -> None:
    chosen = np.setdiff1d(WORST, ORDER[:AUDITED])
    before, after = since(trace(ORDER[:AUDITED]), table(tmp_path, chosen))
    for name, values in vars(before.rows()).items():
        np.testing.assert_array_equal(getattr(after.rows(), name), values, err_msg=name)
    np.testing.assert_array_equal(after.label_quality, before.label_quality)
    np.testing.assert_array_equal(after.corrected, np.where(np.isin(np.arange(ROWS), chosen), TRUE, UNVERIFIED))
    (notice,) = doubts(after)
    assert notice.severity is Severity.WARNING
    for words in (
        f"The {len(chosen)} verified rows cannot be a random sample: they look wrong far more often",
        f"The {len(chosen)} labels of {tmp_path}/t.parquet count as corrections, which measure nothing",
        "all rates are those of the 150 rows that were audited before",
    ):
        assert words in notice.message


def test_rows_of_one_class_are_picked_too(tmp_path: Path) -> None:
    alike = ORDER[AUDITED:][SIGNALS.predictions.given[ORDER[AUDITED:]] == 2][:50]
    before, after = since(trace(ORDER[:AUDITED]), table(tmp_path, alike))
    np.testing.assert_array_equal(after.trusted, before.trusted)
    assert "given labels as unevenly spread" in doubts(after)[0].message


def test_an_audited_label_stands_where_picked_rows_contradict_it(tmp_path: Path) -> None:
    chosen = np.append(np.setdiff1d(WORST, ORDER[:AUDITED]), ORDER[0])
    labels = np.where(chosen == ORDER[0], (TRUE[ORDER[0]] + 1) % 4, TRUE[chosen])
    before, after = since(trace(ORDER[:AUDITED]), table(tmp_path, chosen, labels))
    assert after.trusted[ORDER[0]] == before.trusted[ORDER[0]] == TRUE[ORDER[0]]
    assert after.corrected[ORDER[0]] == (TRUE[ORDER[0]] + 1) % 4
    assert codes(after) == ["picked-rows-measure-nothing", "correction-against-audit"]


def test_where_nothing_else_was_verified_no_rate_is_told(tmp_path: Path) -> None:
    _, after = since(trace(ORDER[:0]), table(tmp_path, WORST))
    assert codes(after) == [NOT_RANDOM]
    assert void(after.notices)
    assert not after.rows().audited.any()


def test_labels_that_were_verified_otherwise_at_the_fit_are_counted_and_named(tmp_path: Path) -> None:
    again = ORDER[:100]
    labels = np.where(np.arange(100) < 4, (TRUE[again] + 1) % 4, TRUE[again])
    _, after = since(trace(ORDER[:AUDITED]), table(tmp_path, again, labels))
    (notice,) = doubts(after)
    assert notice.message.startswith("4 of 100 rows had been verified before with another label than that of")
    np.testing.assert_array_equal(after.trusted[again], labels)


PICKED = not_random("The 60 verified rows cannot be a random sample.")


@pytest.mark.parametrize("drawn", [False, True])
def test_a_sample_takes_the_place_of_what_was_none_at_the_fit(tmp_path: Path, drawn: bool) -> None:
    """With known probabilities or without; two of the first ones are in the sample by chance."""
    sample = np.append(ORDER[~np.isin(ORDER, WORST)][:300], WORST[:2])
    more = {"sample_probability": np.full(len(sample), 0.15)} if drawn else {}
    _, after = since(trace(WORST), table(tmp_path, sample, **more), PICKED)
    np.testing.assert_array_equal(np.sort(np.flatnonzero(after.rows().audited)), np.sort(sample))
    np.testing.assert_array_equal(np.flatnonzero(after.corrected != UNVERIFIED), np.sort(WORST[2:]))
    (notice,) = doubts(after)
    assert notice.message.startswith("58 rows that were verified before are no random sample")
    assert after.rows().rate().low < 1 - CORRECT.mean() < after.rows().rate().high


@pytest.mark.parametrize("rows", [ORDER[:10], WORST[30:]], ids=["few", "picked again"])
def test_what_is_no_better_does_not(tmp_path: Path, rows: Array) -> None:
    _, after = since(trace(WORST[:30]), table(tmp_path, rows), PICKED)
    assert void(after.notices)
    assert not after.rows().audited.any()


def test_where_too_few_are_left_to_fit_quality_again_it_claims_nothing(tmp_path: Path) -> None:
    right = ORDER[CORRECT[ORDER] & ~np.isin(ORDER, WORST)][:25]
    probability = np.full(25, 25 / ROWS)
    _, after = since(trace(WORST), table(tmp_path, right, sample_probability=probability), PICKED)
    assert after.model == "uncalibrated"
    assert codes(after) == ["picked-rows-measure-nothing", "fitted-on-picked-rows"]


@pytest.mark.parametrize("verified", [ORDER[:AUDITED], ORDER[:0]], ids=["beside a sample", "alone"])
@pytest.mark.parametrize("probability", [1.0, 0.6])
def test_probabilities_that_cannot_be_true_measure_nothing(tmp_path: Path, verified: Array, probability: float) -> None:
    """Of 200 random rows nobody verified all 2,000, nor drew them with 0.6: the first interval stands, or none."""
    rows = np.union1d(verified, ORDER[AUDITED : AUDITED + 200])
    trusted = table(tmp_path, rows, sample_probability=np.full(len(rows), probability))
    before, after = since(trace(verified), trusted)
    assert after.rows().rate() == before.rows().rate()
    assert codes(after) == (["picked-rows-measure-nothing"] if len(verified) else [NOT_RANDOM])
    found = f"{len(rows)} of 2,000 rows were" if probability == 1 else f"{len(rows)} verified rows cannot have been"
    assert found in doubts(after)[0].message


def test_rows_that_were_picked_are_found_with_one_probability_for_all(tmp_path: Path) -> None:
    _, after = since(trace(ORDER[:0]), table(tmp_path, WORST, sample_probability=np.full(60, 60 / ROWS)))
    assert codes(after) == [NOT_RANDOM]
    assert "look wrong far more often" in doubts(after)[0].message


def test_a_census_counts(tmp_path: Path) -> None:
    _, after = since(trace(ORDER[:0]), table(tmp_path, ORDER, sample_probability=np.ones(ROWS)))
    assert codes(after) == []
    rate = after.rows().rate()
    assert (rate.method, rate.low, rate.value) == ("count", rate.high, pytest.approx(1 - CORRECT.mean()))


def test_a_probability_that_nobody_draws_with_is_refused(tmp_path: Path) -> None:
    probability = np.where(np.arange(200) == 3, 1e-300, 0.1)
    trusted = table(tmp_path, ORDER[:200], sample_probability=probability)
    with pytest.raises(NoisecleanerError, match=r"1 row has one as small as 1e-300, .* 1e\+300 rows of 2,000") as error:
        since(trace(ORDER[:0]), trusted)
    assert error.value.exit_code == 2


def test_labels_without_wrong_probabilities_measure_again(tmp_path: Path) -> None:
    """Whoever takes the column out of a table that a notice called wrong has a plain random sample."""
    rows = ORDER[:AUDITED]
    _, after = since(drawn_with(trace(rows), rows, np.ones(AUDITED)), table(tmp_path, rows), PICKED)
    assert codes(after) == []
    assert np.isnan(after.rows().probability).all()
    assert after.rows().rate().low < 1 - CORRECT.mean() < after.rows().rate().high


def test_a_table_of_no_sample_takes_no_place(tmp_path: Path) -> None:
    """Second looks alone say nothing of how the first ones were drawn: rates of 0 rows are no rates."""
    fitted = drawn_with(trace(WORST), WORST, np.where(np.arange(60) % 2, 0.02, 0.05))
    looks = {"sample_id": [f"r{row}" for row in WORST], "second_label": names(TRUE[WORST])}
    pq.write_table(pa.table(looks), tmp_path / "t.parquet")
    _, after = since(fitted, str(tmp_path / "t.parquet"), PICKED)
    assert void(after.notices)
    assert not any("0 rows" in notice.message for notice in doubts(after))


def test_another_reason_to_measure_nothing_stays(tmp_path: Path) -> None:
    other = Notice(code="other", message="x", severity=Severity.VOID)
    _, after = since(trace(WORST), table(tmp_path, ORDER[:300]), PICKED, other)
    assert set(codes(after)) >= {NOT_RANDOM, "other"}
    assert not after.rows().audited.any()


def test_false_alarms_are_rare() -> None:
    rows = from_trace(trace(ORDER[:0]))
    rng = np.random.default_rng(1)
    alarms = [picked(rows, np.isin(np.arange(ROWS), rng.choice(ROWS, 60, replace=False))) for _ in range(100)]
    assert sum(alarm is not None for alarm in alarms) <= 1


def test_rows_that_are_skipped_have_no_part_in_it() -> None:
    rows = from_trace(trace(ORDER[:0]))
    quality = np.where(np.arange(ROWS) < 50, np.float32(np.nan), rows.label_quality)
    assert picked(replace(rows, label_quality=quality), np.arange(ROWS) < 50) is None


#: Rows that the scores are least sure of.
DOUBTFUL = np.flatnonzero(np.abs(SIGNALS.predictions.margin) < np.quantile(np.abs(SIGNALS.predictions.margin), 0.15))


@pytest.mark.parametrize("cells", ["left out", "left empty"])
def test_a_sample_without_the_rows_in_doubt_overrides(tmp_path: Path, cells: str) -> None:
    asked = ORDER[AUDITED : AUDITED + 300]
    sure = ~np.isin(asked, DOUBTFUL)
    rows = asked if cells == "left empty" else asked[sure]
    labels = np.where(np.isin(rows, DOUBTFUL), -1, TRUE[rows])
    before, after = since(trace(ORDER[:AUDITED]), table(tmp_path, rows, labels))
    (notice,) = [notice for notice in doubts(after) if notice.code == "picked-rows-measure-nothing"]
    added = "" if cells == "left empty" else ", or surer ones added"
    assert notice.message.startswith(f"Rows in doubt were skipped{added}: of the ")
    assert ("rows of the table of verified labels" in notice.message) == (cells == "left empty")
    np.testing.assert_array_equal(after.trusted, before.trusted)


def test_a_sample_without_some_of_the_rows_in_doubt_measures_with_a_warning(tmp_path: Path) -> None:
    asked = ORDER[AUDITED : AUDITED + 300]
    rows = np.setdiff1d(asked, DOUBTFUL[:160])
    _, after = since(trace(ORDER[:AUDITED]), table(tmp_path, rows))
    assert codes(after) == ["doubtful-rows-skipped"]
    assert after.rows().audited.sum() == AUDITED + len(rows)


def test_a_planned_sample_without_the_rows_in_doubt_overrides(tmp_path: Path) -> None:
    drawn, rng = np.where(np.isin(np.arange(ROWS), DOUBTFUL), 0.4, 0.1), np.random.default_rng(3)
    everyone = np.union1d(np.flatnonzero(rng.random(ROWS) < drawn), ORDER[:AUDITED])
    probability = 1 - (1 - drawn) * (1 - AUDITED / ROWS)
    honest = table(tmp_path, everyone, sample_probability=probability[everyone])
    _, after = since(trace(ORDER[:AUDITED]), honest)
    assert codes(after) == []
    assert after.rows().audited.sum() == len(everyone)
    easy = everyone[~np.isin(everyone, DOUBTFUL) | np.isin(everyone, ORDER[:AUDITED])]
    _, after = since(trace(ORDER[:AUDITED]), table(tmp_path, easy, sample_probability=probability[easy]))
    assert codes(after) == ["picked-rows-measure-nothing"]
    assert "what the" in doubts(after)[0].message


def test_new_rows_are_looked_at_likewise() -> None:
    verified = np.isin(np.arange(ROWS), np.setdiff1d(ORDER[:300], DOUBTFUL))
    rows = from_trace(trace(np.flatnonzero(verified)))
    nobody = np.empty(0, np.int64)
    assert [notice.code for notice in odd_sample(rows, nobody)] == [NOT_RANDOM]
    honest = from_trace(trace(ORDER[:300]))
    assert odd_sample(honest, nobody) == ()
    assert [notice.code for notice in odd_sample(honest, DOUBTFUL)] == [NOT_RANDOM]
