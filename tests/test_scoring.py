"""`score` and `score_new`: what they refuse, what they say, and where they write."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import embeddings

from noisecleaner import scoring
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source
from noisecleaner.progress import Progress
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.scoring import score, score_new
from noisecleaner.settings import Inference

FILES = {"flagged.csv", "scores.parquet", "report.parquet", "noise.json", "scores-manifest.json"}


class Listener(Progress):
    """Notes what is said."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def run(fitted: Path, tmp_path: Path) -> Path:
    """A copy of the fitted run."""
    return Path(shutil.copytree(fitted / "run", tmp_path / "run"))


@pytest.fixture
def new(tmp_path: Path) -> Source:
    """Rows that were not fitted."""
    embeddings(tmp_path / "new.parquet", rows=50, seed=7)
    table = pq.read_table(tmp_path / "new.parquet")
    ids = pa.array([f"new{row}" for row in range(len(table))])
    pq.write_table(table.set_column(0, "sample_id", ids), tmp_path / "new.parquet")
    return Source(str(tmp_path / "new.parquet"), columns=Columns(embedding="embedding"))


def test_by_default_rows_of_a_label_quality_below_one_half_are_flagged(run: Path) -> None:
    summary = score(run)
    assert (summary.by, summary.threshold, summary.goal) == ("label_quality", 0.5, None)
    scores = pq.read_table(run / "scores.parquet").to_pylist()
    assert [row["flagged"] for row in scores] == [row["label_quality"] < 0.5 for row in scores]
    assert sum(row["flagged"] for row in scores) == summary.flagged


def test_a_cutoff_chooses_column_and_threshold(run: Path) -> None:
    summary = score(run, cutoff=Cutoff(threshold=0.3, by="alpha"))
    assert (summary.by, summary.threshold) == ("alpha", 0.3)
    scores = pq.read_table(run / "scores.parquet").to_pylist()
    assert [row["flagged"] for row in scores] == [row["alpha"] < 0.3 for row in scores]


def test_rows_of_a_transfer_are_cut_by_alpha(tmp_path: Path) -> None:
    assert scoring._resolved(Cutoff(), tmp_path, transfer=True) == Cutoff(by="alpha")
    assert scoring._resolved(Cutoff(by="alpha"), tmp_path, transfer=True) == Cutoff(by="alpha")
    assert scoring._resolved(Cutoff(threshold=0.2), tmp_path, transfer=False) == Cutoff(threshold=0.2)
    with pytest.raises(NoisecleanerError, match="needs label quality") as error:
        scoring._resolved(Cutoff(by="label_quality"), tmp_path, transfer=True)
    assert "leave `by` out" in error.value.hint


def test_new_rows_are_written_where_one_says_and_the_run_stays(run: Path, new: Source, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in run.glob("*.*")}
    summary = score_new(run, new, tmp_path / "deep" / "out", cutoff=Cutoff(threshold=0.4))
    assert (summary.rows, summary.threshold) == (50, 0.4)
    assert {path.name for path in (tmp_path / "deep" / "out").iterdir()} == FILES
    assert {path.name: path.read_bytes() for path in run.glob("*.*")} == before
    scores = pq.read_table(tmp_path / "deep" / "out" / "scores.parquet")
    assert {name: scores[name].null_count for name in ("alpha", "beta", "margin", "label_quality")} == {
        "alpha": 50,
        "beta": 50,
        "margin": 50,
        "label_quality": 0,
    }


def test_columns_are_called_as_at_the_fit_where_nobody_names_others(run: Path, new: Source, tmp_path: Path) -> None:
    told = Listener()
    plain = score_new(run, Source(new.data), tmp_path / "plain", progress=told)
    assert "As at the fit: embeddings in 'embedding'." in told.notes
    assert plain == score_new(run, new, tmp_path / "named")
    assert ScoredRun(tmp_path / "plain").metadata.source == new


def test_new_rows_have_no_alpha(run: Path, new: Source, tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="New rows have no alpha"):
        score_new(run, new, tmp_path / "out", cutoff=Cutoff(by="alpha"))
    assert not (tmp_path / "out").exists()


def test_scores_of_new_rows_replace_no_run(run: Path, new: Source) -> None:
    with pytest.raises(NoisecleanerError, match="must not replace those of a run"):
        score_new(run, new, run)


def test_outputs_lie_outside_the_rows(run: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(NoisecleanerError, match="must lie outside"):
        score_new(run, Source(str(tmp_path / "images")), tmp_path / "images" / "out")


def test_a_row_that_cannot_be_used_is_an_error_if_one_is_strict(run: Path, new: Source, tmp_path: Path) -> None:
    table = pq.read_table(new.data)
    labels = pa.array([None, *table["label"].to_pylist()[1:]])
    pq.write_table(table.set_column(1, "label", labels), new.data)
    assert score_new(run, new, tmp_path / "out").skipped == {"no_label": 1}
    with pytest.raises(NoisecleanerError, match="no_label"):
        score_new(run, new, tmp_path / "strict", inference=Inference(strict=True))
    assert not (tmp_path / "strict").exists()


def test_images_are_decoded_beside_the_output(tmp_path: Path) -> None:
    assert scoring._scratch(tmp_path / "not" / "there" / "out") == tmp_path
    (tmp_path / "there").mkdir()
    assert scoring._scratch(tmp_path / "there" / "out") == tmp_path / "there"
