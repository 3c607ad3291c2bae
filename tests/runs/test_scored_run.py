"""A scored run is read as it was written, damaged files are refused, and its summary is the one that was printed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.datasets import Command, embeddings, write_trusted
from support.scored import make_run, metadata_of, sampled, scores_table

from noisecleaner.api import Cutoff, score, score_new
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import write_json
from noisecleaner.ingest import Columns, Source
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.ranking import Ranking, Rankings
from noisecleaner.notices import Notice, Severity
from noisecleaner.quality.calibration import Reliability
from noisecleaner.runs.basis import Basis
from noisecleaner.runs.metadata import Metadata
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.summary import Summary
from noisecleaner.tables import METADATA_KEY, SCORES, write_table

RATES = st.builds(lambda pair: sampled(min(pair), max(pair)), st.tuples(st.integers(0, 500), st.integers(1, 500)))
NOTICES = st.builds(Notice, code=st.text(), message=st.text(), severity=st.sampled_from(Severity))
GOALS = st.builds(Goal, st.sampled_from(["precision", "noise"]), st.floats(0.01, 0.99), confidence=st.just(0.8))


@given(
    st.lists(st.text(), max_size=4),
    st.fixed_dictionaries(
        {
            "run": st.just(Path("/runs/first")),
            "source": st.just(Source("/data", columns=Columns(label="y", row_ids=True), allow_absolute=True)),
            "by": st.sampled_from(["label_quality", "alpha"]),
            "threshold": st.floats(-1e3, 1e3),
            "goal": st.none() | GOALS,
            "versions": st.dictionaries(st.text(), st.text(), max_size=3),
            "weighted": st.booleans(),
            "kept_noise": st.none() | RATES,
            "judged": st.none() | st.integers(0, 10**9),
            "notices": st.lists(NOTICES, max_size=2).map(tuple),
            "unused": st.lists(st.text(), max_size=3).map(tuple),
            "basis": st.none()
            | st.builds(Basis, rows=st.integers(0, 10**9), data=st.sampled_from(["fitted", "scored"])),
        }
    ),
)
def test_metadata_come_back_from_json(classes: list[str], facts: dict[str, object]) -> None:
    metadata = metadata_of(classes, **facts)
    assert Metadata.from_json(json.loads(json.dumps(metadata.to_json()))) == metadata


GOOD = metadata_of(["cat", "dog"], goal=Goal("noise", 0.1)).to_json()
#: What earlier versions did not write.
LATER = ("kept_noise", "judged", "notices", "unused", "basis", "contents")


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        None,
        *({name: value for name, value in GOOD.items() if name != missing} for missing in GOOD if missing not in LATER),
        {**GOOD, "classes": "cat"},
        {**GOOD, "classes": [1, 2]},
        {**GOOD, "by": "beta"},
        {**GOOD, "threshold": None},
        {**GOOD, "threshold": True},
        {**GOOD, "threshold": float("nan")},
        {**GOOD, "source": {"data": "x"}},
        {**GOOD, "source": {**GOOD["source"], "columns": {"colour": "x"}}},
        {**GOOD, "goal": {"kind": "noise"}},
        {**GOOD, "goal": {"kind": "noise", "value": 2, "confidence": 0.9}},
        {**GOOD, "kept_noise": {"rate": 2}},
        {**GOOD, "judged": -1},
        {**GOOD, "basis": {"rows": 3, "data": "x"}},
        {**GOOD, "contents": [{"kind": "images"}]},
        {**GOOD, "notices": [{"code": "x"}]},
        {**GOOD, "notices": [{"code": "x", "message": "y", "severity": "z"}]},
    ],
)
def test_damaged_metadata_are_refused(tmp_path: Path, content: object) -> None:
    rows = scores_table(given_label=["cat"], flagged=[False])
    write_table(tmp_path / "scores.parquet", [rows], SCORES, GOOD)
    assert ScoredRun(tmp_path).metadata.to_json() == GOOD
    write_table(tmp_path / "scores.parquet", [rows], SCORES, content)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(NoisecleanerError, match=r"scores\.parquet is required, but it cannot be read"):
        ScoredRun(tmp_path)


def test_what_was_not_scored_says_so(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        assert not ScoredRun.has_scores(path)
        with pytest.raises(NoisecleanerError, match="Scores are required"):
            ScoredRun(path)


def test_columns_are_read_whole_or_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ScoredRun(make_run(tmp_path))
    monkeypatch.setattr("noisecleaner.runs.scored_run._BATCH", 64)
    assert run.scores().equals(pq.read_table(tmp_path / "scores.parquet").replace_schema_metadata(None))
    columns = ["flagged", "sample_id"]
    assert {batch.num_rows for batch in run.batches(columns)} == {64, 1001 % 64}
    assert pa.Table.from_batches(run.batches(columns)).equals(run.scores(columns))


def test_damaged_tables_are_refused(tmp_path: Path) -> None:
    run = ScoredRun(make_run(tmp_path))
    whole = (tmp_path / "scores.parquet").read_bytes()
    page = whole.replace(b"skip_reason", b"skip_season")
    for broken in (page, whole[:-20], b""):
        (tmp_path / "scores.parquet").write_bytes(broken)
        with pytest.raises(NoisecleanerError, match=r"scores\.parquet is required, but it cannot be read"):
            run.scores()
    with pytest.raises(NoisecleanerError, match=r"report\.parquet is required, but it cannot be read"):
        run.thresholds()


def test_noise_of_other_rows_is_refused(tmp_path: Path) -> None:
    make_run(tmp_path / "one")
    make_run(tmp_path / "other", rows={"cat": (10, 0), "emu": (10, 0)}, audited={})
    (tmp_path / "other" / "noise.json").rename(tmp_path / "one" / "noise.json")
    with pytest.raises(NoisecleanerError, match="does not belong"):
        _ = ScoredRun(tmp_path / "one").noise


def test_scores_of_an_earlier_version_are_read_but_not_summed_up(tmp_path: Path) -> None:
    """Before the metadata held the noise of the kept rows."""
    make_run(tmp_path)
    old = {name: value for name, value in metadata_of(["cat", "dog"]).to_json().items() if name not in LATER}
    write_table(tmp_path / "scores.parquet", [ScoredRun(tmp_path).scores()], SCORES, old)
    run = ScoredRun(tmp_path)
    assert run.counts.flagged == 150
    assert run.noise.overall == sampled(30, 300)
    with pytest.raises(NoisecleanerError, match="an earlier version wrote it"):
        run.summary()


def test_a_damaged_calibration_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert ScoredRun(run).reliability is None
    content = json.loads((run / "noise.json").read_text())
    good = {"error": 0.1, "by_chance": 0.05, "rows": 20}
    write_json(run / "noise.json", {**content, "calibration": good})
    assert ScoredRun(run).reliability == Reliability(**good)
    wrong = ({"error": 0.1}, {**good, "rows": -1}, {**good, "error": "much"}, {**good, "error": 16.1}, [0.1], 0.1)
    for calibration in wrong:
        write_json(run / "noise.json", {**content, "calibration": calibration})
        with pytest.raises(NoisecleanerError, match=r"noise\.json is required, but it cannot be used"):
            _ = ScoredRun(run).reliability


def test_a_ranking_is_read_and_a_damaged_one_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert ScoredRun(run).rankings is None  # as earlier versions wrote it
    content = json.loads((run / "noise.json").read_text())
    one = Ranking(auroc=0.9, low=0.8, high=0.95, wrong=30, right=70)
    rankings = Rankings(overall=one, within_classes=one)
    write_json(run / "noise.json", {**content, "ranking": rankings.to_json()})
    assert ScoredRun(run).rankings == rankings
    for damaged in (one.to_json(), {**rankings.to_json(), "low": 0.99}, "good"):
        write_json(run / "noise.json", {**content, "ranking": damaged})
        with pytest.raises(NoisecleanerError, match=r"noise\.json is required, but it cannot be used"):
            _ = ScoredRun(run).rankings


def by_hand(run: Path) -> dict[str, object]:
    """The numbers of a summary, from the whole table in memory."""
    table = pq.read_table(run / "scores.parquet")
    by = json.loads(table.schema.metadata[METADATA_KEY])["by"]
    rows = table.to_pylist()
    order = sorted((row for row in rows if row[by] is not None), key=lambda row: row[by])
    pairs = Counter(
        (row["given_label"], row["suggested_label"])
        for row in rows
        if row["flagged"] and row["given_label"] and row["suggested_label"]
    )
    return {
        "rows": len(rows),
        "skipped": dict(Counter(row["skip_reason"] for row in rows if row["skip_reason"])),
        "flagged": pc.sum(table["flagged"]).as_py(),
        "kept": sum(row["flagged"] is False for row in rows),
        "suspects": [(row["sample_id"], row[by]) for row in order[:10]],
        "confusions": sorted(pairs.values(), reverse=True)[:5],
    }


def check(summary: Summary, path: Path) -> None:
    """The summary that `score` returned is that of the files, and counts what is in them."""
    assert ScoredRun(path).summary() == summary
    counted = by_hand(path)
    assert {name: getattr(summary, name) for name in ("rows", "skipped", "flagged", "kept")} == {
        name: counted[name] for name in ("rows", "skipped", "flagged", "kept")
    }
    assert [(s.sample_id, s.value) for s in summary.suspects] == counted["suspects"]
    assert [pair.rows for pair in summary.confusions] == counted["confusions"]


def test_the_summary_of_a_fitted_run_is_the_one_that_was_printed(fitted: Path) -> None:
    for goal in (None, Goal("budget", 20)):
        summary = score(fitted / "run", cutoff=Cutoff(threshold=0.4, goal=goal))
        check(summary, fitted / "run")
    assert summary.flagged == 20
    assert summary.goal == goal
    assert summary.judged > 0
    assert summary.kept_noise.sample_size > 0
    check(score(fitted / "run", cutoff=Cutoff(by="alpha")), fitted / "run")
    check(score(fitted / "run"), fitted / "run")


def test_the_summary_of_new_rows_is_the_one_that_was_printed(fitted: Path, tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "new.parquet", rows=90)
    write_trusted(tmp_path / "trusted.parquet", truth, every=3)
    source = Source(str(tmp_path / "new.parquet"), columns=Columns(embedding="embedding"))
    summary = score_new(fitted / "run", source, tmp_path / "out", trusted=str(tmp_path / "trusted.parquet"))
    check(summary, tmp_path / "out")
    assert ScoredRun(tmp_path / "out").metadata.source == source
    lines = ScoredRun(tmp_path / "out").thresholds().lines
    assert {line.by for line in lines} == {"label_quality"}
    at_half = next(line for line in lines if line.threshold == 0.5)
    assert at_half.kept == summary.kept
    assert at_half.effective_noise == summary.kept_noise.interval


def transfer_rows(path: Path, labels: list[str | None], seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = (rng.normal(size=(len(labels), 8)) + 2 * (np.arange(len(labels))[:, None] % 2)).astype(np.float32)
    columns = {"sample_id": [f"{path.stem}{row}" for row in range(len(labels))], "label": pa.array(labels, pa.string())}
    columns["embedding"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), 8)
    pq.write_table(pa.table(columns), path)


def test_the_summaries_of_a_transfer_are_those_that_were_printed(tmp_path: Path, command: Command) -> None:
    """Source rows have no label quality; target rows without a label are flagged, and have no given label."""
    source, target, new = (tmp_path / f"{name}.parquet" for name in ("source", "target", "new"))
    transfer_rows(source, [("one", "two")[row % 2] for row in range(120)], 0)
    transfer_rows(target, [("three", "four")[row % 2] for row in range(12)], 1)
    transfer_rows(new, [None] * 30 + ["three", "five"] * 5, 2)
    words = ["--transfer", "--embedding-column", "embedding", "--epochs", "2", "--out", tmp_path / "run"]
    assert command("fit", source, "--trusted", target, *words).code == 0
    summary = score(tmp_path / "run")
    check(summary, tmp_path / "run")
    assert (summary.by, summary.model, summary.noise.method) == ("alpha", "transfer", "none")
    columns = Columns(embedding="embedding")
    fresh = score_new(tmp_path / "run", Source(str(new), columns=columns), tmp_path / "found")
    check(fresh, tmp_path / "found")
    assert (fresh.unlabelled, sum(fresh.skipped.values())) == (30, 5)
    assert [line.name for line in fresh.classes] == ["three"]  # no row is given the other class


def test_scores_of_a_version_without_corrections_are_read(tmp_path: Path) -> None:
    rows = ScoredRun(make_run(tmp_path)).scores()
    older = pa.schema([field for field in SCORES if field.name != "corrected_label"])
    write_table(tmp_path / "scores.parquet", [rows.select(older.names)], older, GOOD)
    run = ScoredRun(tmp_path)
    assert run.scores().equals(rows)
    assert (run.counts.corrected, run.counts.rows) == (0, len(rows))


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        ({"rate": 0.0, "low": 0.0, "high": 0.0}, "an interval has no width, but not every row was verified"),
        ({"rate": 0.0, "low": 0.0, "high": 0.0, "errors": 0}, "an interval has no width"),
        ({"rate": 0.0, "low": 0.0, "high": 0.0, "method": "count"}, "30 of 300 rows are not 0.0 %"),
        ({"rate": 0.1, "low": 0.1, "high": 0.1, "method": "count"}, "300 rows are not all of 1,000"),
        ({"rate": 0.001, "low": 0.0005, "high": 0.002}, "its rates are not those of the errors that it counts"),
        ({"errors": 3}, "the rates do not rest on the audited rows of the confusion"),
        ({"low": None, "high": None}, "does not rest on 300 audited rows"),
    ],
)
def test_a_rate_that_its_rows_cannot_tell_is_refused(tmp_path: Path, edit: dict[str, Any], found: str) -> None:
    """As somebody may edit noise.json so that a gate passes."""
    run = make_run(tmp_path)
    assert ScoredRun(run).noise.overall.interval is not None
    content = json.loads((run / "noise.json").read_text())
    (run / "noise.json").write_text(json.dumps({**content, "overall": {**content["overall"], **edit}}))
    with pytest.raises(NoisecleanerError, match=r"noise\.json is required, but it cannot be used") as error:
        _ = ScoredRun(run).noise
    assert found in error.value.message
