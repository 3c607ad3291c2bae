"""`fit`: what it refuses before it works, and what it records and returns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.datasets import embeddings, write_trusted

from noisecleaner import fitting
from noisecleaner.errors import NoisecleanerError
from noisecleaner.fitting import fit
from noisecleaner.ingest import Columns, Source
from noisecleaner.progress import Progress
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.run import Run
from noisecleaner.settings import Effort

ROWS = 300


class Listener(Progress):
    """Notes what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def config(tmp_path: Path) -> FitConfig:
    """A dataset of three clusters, of which every other label is verified, trained for one epoch."""
    truth = embeddings(tmp_path / "data.parquet", rows=ROWS)
    trusted = write_trusted(tmp_path / "trusted.parquet", truth)
    source = Source(str(tmp_path / "data.parquet"), columns=Columns(embedding="embedding"))
    return FitConfig(source=source, trusted=str(trusted), effort=Effort(epochs=1, folds=1), seed=3)


def test_options_are_refused_before_data_is_looked_for(tmp_path: Path) -> None:
    wrong = FitConfig(source=Source(str(tmp_path / "nowhere")), effort=Effort(epochs=0))
    with pytest.raises(NoisecleanerError, match=r"`Effort\.epochs`"):
        fit(wrong, tmp_path / "run")
    with pytest.raises(NoisecleanerError, match="nowhere"):
        fit(replace(wrong, effort=Effort()), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_an_output_inside_the_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(NoisecleanerError, match="must lie outside"):
        fit(FitConfig(source=Source(str(tmp_path / "images"))), tmp_path / "images" / "run")


def test_the_run_records_what_was_asked_and_what_came_of_it(config: FitConfig, tmp_path: Path) -> None:
    listener = Listener()
    result = fit(config, tmp_path / "run", progress=listener)
    assert (result.rows, result.skipped, result.audited, result.clean_only) == (ROWS, {}, ROWS // 2, 0)
    assert result.judging == ROWS // 4  # half of the verified rows steer a single run
    halves = f"{ROWS // 4} of the {ROWS // 2} audited rows steer this network; the other {ROWS // 4} judge"
    assert sum(note.startswith(halves) for note in listener.notes) == 1
    assert sum(notice.message.startswith(halves) for notice in result.notices) == 1
    assert 0 < result.judged_wrong < result.judging
    assert result.quality == "audited"
    assert list(result.seconds) == ["prepare", "train", "conclude"]
    record = Run(tmp_path / "run").read_fitted()
    assert record.config == replace(config, device=record.config.device)
    assert record.config.device in ("cpu", "cuda", "mps")
    assert record.result == result


def test_a_finished_run_is_not_done_again(config: FitConfig, tmp_path: Path) -> None:
    result, listener = fit(config, tmp_path / "run"), Listener()
    before = (tmp_path / "run" / "trace.parquet").stat().st_mtime_ns
    assert fit(config, tmp_path / "run", resume=True, progress=listener) == result
    assert any("nothing was done" in note for note in listener.notes)
    assert (tmp_path / "run" / "trace.parquet").stat().st_mtime_ns == before
    with pytest.raises(NoisecleanerError, match=r"`seed=3` \(now `seed=4`\)"):
        fit(replace(config, seed=4), tmp_path / "run", resume=True)


@pytest.mark.parametrize(("effort", "folds"), [(Effort(epochs=1), fitting.FOLDS), (Effort(epochs=1, folds=3), 3)])
def test_heads_are_cross_fitted(config: FitConfig, tmp_path: Path, effort: Effort, folds: int) -> None:
    result = fit(replace(config, effort=effort), tmp_path / "run")
    networks = sorted(path.name for path in (tmp_path / "run" / "auditor").glob("fold-*"))
    assert networks == [f"fold-{fold}.safetensors" for fold in range(folds)]
    assert result.judging == result.audited  # no row judges what it has steered, so all of them may
    assert "audited rows steer" not in " ".join(notice.message for notice in result.notices)
