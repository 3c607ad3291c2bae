"""What a report tells is what noise.json, report.parquet and scores.parquet hold, counted by hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.reports import CLASSES, make_scored

from noisecleaner.export.cleaning import export_clean
from noisecleaner.export.decisions import OnFlag, Policy
from noisecleaner.notices import Notice, Severity
from noisecleaner.report.contents import Report
from noisecleaner.report.gathering import gather
from noisecleaner.runs.run import Run
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.suspects import SUSPECTS
from noisecleaner.tables import DUPLICATES, write_table

VOID = Notice(code="no-sample", message="The verified rows are no sample.", severity=Severity.VOID)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scored(tmp_path_factory.mktemp("gathered"))


@pytest.fixture(scope="module")
def told(run: Path) -> Report:
    return gather(ScoredRun(run), rows=20)


def test_the_rate_is_that_of_noise_json(told: Report, run: Path) -> None:
    assert told.to_json()["noise"] == json.loads((run / "noise.json").read_text())["overall"]
    assert told.to_json()["ranking"] == json.loads((run / "noise.json").read_text())["ranking"]


def test_what_would_remain_is_what_an_export_expects_of_itself(told: Report, run: Path, tmp_path: Path) -> None:
    assert [line.treatment for line in told.remaining] == ["drop", "relabel", "keep"]
    for line in told.remaining:
        copy = export_clean(run, tmp_path / "copy", policy=Policy(on_flag=OnFlag(line.treatment)), dry_run=True)
        told_of_it = (line.noise, line.reason, line.corrected, line.agreeing, line.others)
        assert (line.rows, *told_of_it) == (copy.written, *copy.expectation)
    assert len({line.rows for line in told.remaining}) > 1


def test_the_curve_is_a_part_of_report_parquet(told: Report, run: Path) -> None:
    lines = {line["threshold"]: line for line in pq.read_table(run / "report.parquet").to_pylist()}
    assert 50 < len(told.curve) <= 100
    assert [point.threshold for point in told.curve] == sorted(point.threshold for point in told.curve)
    assert len({point.kept for point in told.curve}) == len(told.curve)
    for point in told.curve:
        line = lines[point.threshold]
        assert point.kept == line["kept"]
        band = point.effective_noise
        cells = [line[f"effective_noise{end}"] for end in ("", "_low", "_high")]
        assert ([None] * 3 if band is None else [band.value, band.low, band.high]) == cells


def test_classes_are_sorted_by_their_rate_and_know_what_the_scores_expect(told: Report, run: Path) -> None:
    rows = pq.read_table(run / "scores.parquet").to_pylist()
    rates = json.loads((run / "noise.json").read_text())["per_given_class"]
    assert sorted(bar.name for bar in told.classes) == sorted(CLASSES)
    assert [bar.noise.value for bar in told.classes] == sorted((rate["rate"] for rate in rates.values()), reverse=True)
    for bar in told.classes:
        own = [row for row in rows if row["given_label"] == bar.name and row["label_quality"] is not None]
        assert (bar.rows, bar.flagged) == (len(own), sum(row["flagged"] for row in own))
        assert bar.noise.to_json() == rates[bar.name]
        assert bar.expected == pytest.approx(np.mean([1 - row["label_quality"] for row in own]))


def test_confusions_are_all_pairs_of_flagged_rows(told: Report, run: Path) -> None:
    rows = pq.read_table(run / "scores.parquet").to_pylist()
    pairs = Counter((row["given_label"], row["suggested_label"]) for row in rows if row["flagged"])
    assert {(pair.given, pair.suggested): pair.rows for pair in told.confusions} == pairs
    assert [pair.rows for pair in told.confusions] == sorted(pairs.values(), reverse=True)


def test_the_bins_make_the_calibration_error_of_noise_json(told: Report, run: Path) -> None:
    measured = json.loads((run / "noise.json").read_text())["calibration"]
    sizes = np.array([part.rows for part in told.calibration])
    apart = np.array([abs(part.forecast - part.seen) for part in told.calibration])
    assert sizes.sum() == measured["rows"] == 120
    assert sizes @ apart / sizes.sum() == pytest.approx(measured["error"])


def test_skipped_rows_are_named(told: Report) -> None:
    assert [(line.reason, line.rows, line.ids) for line in told.skipped] == [("truncated", 1, ("r299",))]


def test_no_rate_and_no_forecast_is_told_where_verified_rows_measure_nothing(tmp_path: Path) -> None:
    told = gather(ScoredRun(make_scored(tmp_path, notices=[VOID])), rows=5)
    assert told.void
    assert told.calibration == ()
    assert told.summary.noise.overall.value is None
    assert {bar.expected for bar in told.classes} == {bar.noise.value for bar in told.classes} == {None}
    assert {line.noise.value for line in told.remaining} == {None}
    assert {line.reason for line in told.remaining} == {VOID.message}
    assert {point.effective_noise for point in told.curve} == {None}


def test_the_notice_of_contradicted_rows_is_found(told: Report, tmp_path: Path) -> None:
    assert told.contradicted is None
    notice = Notice(code=SUSPECTS, message="2 of 120 verified labels look wrong themselves.")
    assert gather(ScoredRun(make_scored(tmp_path, notices=[notice])), rows=5).contradicted == notice


def test_identical_images_with_one_label_are_no_contradiction(tmp_path: Path) -> None:
    run = make_scored(tmp_path)
    lines = [
        ("a", "identical", 0, "cat"),
        ("b", "identical", 0, "dog"),
        ("c", "identical", 1, "cat"),
        ("d", "identical", 1, "cat"),
        ("e", "near", 2, "cat"),
        ("f", "near", 2, "dog"),
    ]
    columns = dict(zip(("sample_id", "kind", "group", "given_label"), zip(*lines, strict=True), strict=True))
    table = pa.table({**{name: list(values) for name, values in columns.items()}, "split": [None] * 6}, DUPLICATES)
    write_table(Run(run).duplicates, [table], DUPLICATES, {})
    (image,) = gather(ScoredRun(run), rows=5).shared
    assert image.rows == (("a", "cat"), ("b", "dog"))


@pytest.mark.parametrize(("epoch", "day"), [("86400", "1970-01-02"), ("", None), ("soon", None)])
def test_the_day_is_that_of_the_environment(
    run: Path, monkeypatch: pytest.MonkeyPatch, epoch: str, day: str | None
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert gather(ScoredRun(run), rows=0).day == day
