"""What scored rows become: flags, three files with one story, or nothing at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from support.simulated import Array, scores

from noisecleaner.ingest import Columns, Source
from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.rates import measure
from noisecleaner.noise.thresholds import TooFewVerifiedError
from noisecleaner.notices import Notice, Severity
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.runs.scored import ScoredRows
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.writing import flags, write
from noisecleaner.tables import REPORT, SCORES

HALF = Cutoff(by="label_quality", threshold=0.5, goal=None)
SOURCE = Source("rows.parquet", columns=Columns(label="y"))


@settings(deadline=None)
@given(arrays(np.float64, 20, elements=st.floats(0, 1) | st.just(np.nan)), arrays(np.bool_, 20), st.floats(0, 1))
def test_rows_below_the_threshold_and_without_a_label_are_flagged(
    values: Array, unlabelled: Array, threshold: float
) -> None:
    flagged = flags(values, threshold, unlabelled=unlabelled).to_pylist()
    for value, without, flag in zip(values, unlabelled, flagged, strict=True):
        assert flag is (True if without else None if np.isnan(value) else bool(value < threshold))


def scored_rows(rows: int = 600, audited: int = 200) -> ScoredRows:
    """Rows of two classes with a calibrated quality, some of them audited, the last one skipped."""
    rng = np.random.default_rng(0)
    expected, wrong = scores(rows, rng)
    given_labels = rng.integers(0, 2, rows)
    true = np.where(wrong, 1 - given_labels, given_labels)
    known = np.isin(np.arange(rows), rng.choice(rows - 1, audited, replace=False))
    skipped = np.arange(rows) == rows - 1
    names = np.array(["cat", "dog"])
    quality = np.where(skipped, np.nan, 1 - expected).astype(np.float32)
    unknown = np.full(rows, np.nan, np.float32)
    identity = {
        "sample_id": [f"r{row}" for row in range(rows)],
        "path": pa.nulls(rows, pa.string()),
        "given_label": pa.array(names[given_labels], mask=skipped),
        "trusted_label": pa.array(names[true], mask=~known),
        "second_label": pa.nulls(rows, pa.string()),
        "corrected_label": pa.nulls(rows, pa.string()),
        "skip_reason": pa.array(np.full(rows, "no label"), mask=~skipped),
        "certified": pa.nulls(rows, pa.bool_()),
    }
    return ScoredRows(
        identity=pa.table(identity),
        alpha=unknown,
        beta=unknown,
        margin=unknown,
        alignment=unknown,
        positive_share=unknown,
        label_quality=quality,
        suggested=np.where(skipped, -1, 1 - given_labels),
        suggested_confidence=quality,
        judging=known,
        probability=np.full(rows, np.nan),
        classes=("cat", "dog"),
        model="audited",
    )


def test_where_nothing_is_flagged_the_kept_rows_are_as_wrong_as_all_rows(tmp_path: Path) -> None:
    """Half of the audited rows steered: they do not measure a cut, but this is none."""
    scored = scored_rows()
    half = scored.judging & (np.cumsum(scored.judging) % 2 == 0)
    summary = write(
        tmp_path / "out", replace(scored, judging=half), replace(HALF, threshold=0.0), run=Path("run"), source=SOURCE
    )
    assert (summary.flagged, summary.judged, summary.noise.overall.sample_size) == (0, 100, 200)
    overall = summary.noise.overall
    assert summary.kept_noise == ScoredRun(tmp_path / "out").metadata.kept_noise == overall
    first = ScoredRun(tmp_path / "out").thresholds().lines[0]
    assert (first.threshold, first.effective_noise) == (0.0, overall.interval)
    kept = write(tmp_path / "cut", replace(scored, judging=half), HALF, run=Path("run"), source=SOURCE).kept_noise
    assert 0 < kept.sample_size < 100


def test_the_files_hold_the_rows_their_noise_and_where_they_come_from(tmp_path: Path) -> None:
    scored = scored_rows()
    write(tmp_path / "new" / "out", scored, HALF, run=Path("runs/first"), source=SOURCE)
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == [
        "flagged.csv",
        "noise.json",
        "report.parquet",
        "scores-manifest.json",
        "scores.parquet",
    ]
    run = ScoredRun(tmp_path / "new" / "out")
    table = run.scores()
    assert table.schema.equals(SCORES)
    quality = scored.label_quality[:-1]
    np.testing.assert_array_equal(table["label_quality"].to_numpy()[:-1], quality)
    assert table["flagged"].to_pylist() == [*(quality < 0.5).tolist(), None]
    assert table["suggested_label"].to_pylist()[-1] is None
    metadata = run.metadata
    assert (metadata.run, metadata.source, metadata.classes) == (Path("runs/first"), SOURCE, ("cat", "dog"))
    assert (metadata.by, metadata.threshold, metadata.goal, metadata.weighted) == ("label_quality", 0.5, None, False)
    cut = Cut(scored.values("label_quality"), scored.rows())
    assert metadata.kept_noise == cut.wrong_among(0.5).kept
    assert metadata.judged == 200
    notes = [pq.read_schema(run.path / name).metadata for name in ("scores.parquet", "report.parquet")]
    assert notes[0] == notes[1]


def test_the_json_says_how_much_is_wrong_and_how_well_that_is_known(tmp_path: Path) -> None:
    scored = scored_rows()
    write(tmp_path, scored, HALF, run=Path("run"), source=SOURCE)
    content = json.loads((tmp_path / "noise.json").read_text())
    noise = measure(scored.rows(), scored.classes, scored.model)
    more = {"quality", "calibration", "ranking", "verifiers", "notices", "corrections", "flagged_csv", "cut"}
    assert set(content) - set(noise.to_json()) == more
    assert {name: content[name] for name in noise.to_json()} == noise.to_json()
    assert content["quality"] == "audited"
    assert content["cut"] == {"by": "label_quality", "threshold": 0.5, "goal": None, "reason": None}
    assert content["calibration"]["rows"] == 200


def test_where_verified_rows_measure_nothing_no_rate_is_told_and_the_reason_stands_in_every_file(
    tmp_path: Path,
) -> None:
    reason = Notice(code="not-random", message="The rows were picked.", severity=Severity.VOID)
    summary = write(tmp_path, scored_rows().noting(reason), HALF, run=Path("run"), source=SOURCE)
    noise = json.loads((tmp_path / "noise.json").read_text())
    assert noise["notices"] == [reason.to_json()]
    for rate in [noise["overall"], *noise["per_given_class"].values()]:
        assert (rate["rate"], rate["low"], rate["high"], rate["method"]) == (None, None, None, "none")
    report = pq.read_table(tmp_path / "report.parquet")
    for name in ("precision_low", "recall_low", "effective_noise_low"):
        assert report[name].null_count == len(report)
    assert (summary.noise.method, summary.kept_noise.interval, summary.judged) == ("none", None, 0)
    assert ScoredRun(tmp_path).metadata.notices == summary.notices == (reason,)
    with pytest.raises(TooFewVerifiedError):
        write(tmp_path, scored_rows().noting(reason), Cutoff(goal=Goal("noise", 0.5)), run=Path("run"), source=SOURCE)


def test_the_report_has_the_columns_that_hold_numbers(tmp_path: Path) -> None:
    scored = scored_rows()
    both = replace(scored, alpha=scored.label_quality * 2)
    nothing = replace(scored, label_quality=scored.alpha, alpha=scored.label_quality, model="transfer")
    for rows, by, shown in [
        (scored, "label_quality", {"label_quality"}),
        (both, "alpha", {"label_quality", "alpha"}),
        (nothing, "alpha", {"alpha"}),
    ]:
        cutoff = Cutoff(by="alpha" if by == "alpha" else "label_quality", threshold=0.5, goal=None)
        write(tmp_path, rows, cutoff, run=Path("run"), source=SOURCE)
        table = pq.read_table(tmp_path / "report.parquet")
        assert table.schema.equals(REPORT)
        assert set(table["by"].to_pylist()) == shown


def test_a_goal_chooses_the_threshold_and_stays_in_the_metadata(tmp_path: Path) -> None:
    scored = scored_rows()
    goal = Goal("budget", 37)
    write(tmp_path, scored, replace(HALF, goal=goal), run=Path("run"), source=SOURCE)
    run = ScoredRun(tmp_path)
    assert run.metadata.goal == goal
    assert run.metadata.threshold == np.sort(scored.values("label_quality"))[37]
    assert run.counts.flagged == 37


def test_a_goal_out_of_reach_leaves_scores_as_they_are_and_writes_the_first(tmp_path: Path) -> None:
    out, cutoff = tmp_path / "out", replace(HALF, goal=Goal("noise", 0.001))
    with pytest.raises(TooFewVerifiedError) as first:
        write(out, scored_rows(), cutoff, run=Path("run"), source=SOURCE)
    assert first.value.written == out  # the plan of the hint draws from scores
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert len(before) == 5
    with pytest.raises(TooFewVerifiedError) as second:
        write(out, scored_rows(), replace(cutoff, threshold=0.2), run=Path("run"), source=SOURCE)
    assert second.value.written is None
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_fresh_labels_are_written_even_where_a_goal_is_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "verify.parquet").touch()
    out, cutoff = Path("out"), replace(HALF, goal=Goal("noise", 0.001))
    with pytest.raises(TooFewVerifiedError) as missed:
        write(out, scored_rows(), cutoff, run=Path("run"), source=SOURCE, fresh_labels=True)
    write(Path("plain"), scored_rows(), HALF, run=Path("run"), source=SOURCE)
    assert ScoredRun(out).scores().equals(ScoredRun(Path("plain")).scores())
    assert (ScoredRun(out).metadata.goal, ScoredRun(out).metadata.threshold) == (None, 0.5)
    assert missed.value.written == out
    assert "The scores were written to out all the same, with `threshold=0.5` in its place." in missed.value.message
    assert "`plan('out', count=" in missed.value.hint
    assert "out='verify-2.parquet')`" in missed.value.hint


def test_a_part_of_the_rows_at_a_time_is_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "whole", scored_rows(), HALF, run=Path("run"), source=SOURCE)
    monkeypatch.setattr("noisecleaner.runs.writing._BATCH", 7)
    write(tmp_path / "parts", scored_rows(), HALF, run=Path("run"), source=SOURCE)
    whole, parts = (ScoredRun(tmp_path / name).scores() for name in ("whole", "parts"))
    assert whole.combine_chunks().equals(parts.combine_chunks())
