"""Rows that were not fitted: what is known of them, which were fitted after all, and which networks judge those."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import CLASSES, embeddings

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source
from noisecleaner.notices import Notice
from noisecleaner.progress import Progress
from noisecleaner.runs.judging import NewLabels, judge_new
from noisecleaner.runs.reference import Reference
from noisecleaner.runs.run import Run
from noisecleaner.runs.scored import ScoredRows
from noisecleaner.settings import Inference

VECTORS = Columns(embedding="embedding")


class Listener(Progress):
    """Notes what is told."""

    def __init__(self) -> None:
        self.told: list[Notice] = []

    def tell(self, *notices: Notice) -> None:
        self.told += notices

    def of(self, code: str) -> Notice:
        (notice,) = [notice for notice in self.told if notice.code == code]
        return notice


@pytest.fixture
def run(fitted: Path, tmp_path: Path) -> Run:
    """A copy of the fitted run."""
    return Run(Path(shutil.copytree(fitted / "run", tmp_path / "run")))


@pytest.fixture
def known(fitted: Path) -> Source:
    """The very rows that were fitted."""
    return Source(str(fitted / "data.parquet"), columns=VECTORS)


@pytest.fixture
def new(tmp_path: Path) -> Source:
    """Rows that were not; the first of them has no label."""
    embeddings(tmp_path / "new.parquet", rows=50, seed=7)
    table = pq.read_table(tmp_path / "new.parquet")
    labels = pa.array([None, *table["label"].to_pylist()[1:]])
    table = table.set_column(1, "label", labels).set_column(0, "sample_id", pa.array([f"n{row}" for row in range(50)]))
    pq.write_table(table, tmp_path / "new.parquet")
    return Source(str(tmp_path / "new.parquet"), columns=VECTORS)


def judged(
    run: Run,
    source: Source,
    *,
    trusted: Path | None = None,
    corrections: Path | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> ScoredRows:
    labels = NewLabels(
        trusted=str(trusted) if trusted else None, corrections=str(corrections) if corrections else None, before=None
    )
    inference = Inference(strict=strict)
    return judge_new(run, source, labels, inference=inference, scratch=run.path, progress=progress or Progress())


def write(path: Path, column: str, **labels: str) -> Path:
    pq.write_table(pa.table({"sample_id": list(labels), column: list(labels.values())}), path)
    return path


def test_new_rows_have_a_quality_and_nothing_that_training_saw(run: Run, new: Source) -> None:
    listener = Listener()
    scored = judged(run, new, progress=listener)
    assert np.isfinite(scored.label_quality).tolist() == [False, *[True] * 49]
    for name in ("alpha", "beta", "margin", "alignment", "positive_share"):
        assert np.isnan(getattr(scored, name)).all()
    assert scored.notices == tuple(listener.told)
    assert scored.fixing is None


def test_a_row_that_cannot_be_used_is_an_error_if_one_is_strict(run: Run, new: Source) -> None:
    with pytest.raises(NoisecleanerError, match="no_label"):
        judged(run, new, strict=True)


def test_verified_rows_that_are_not_among_the_new_ones_are_told(run: Run, new: Source, tmp_path: Path) -> None:
    """They bring vectors of their own; without these they would be refused."""
    rows = pq.read_table(new.data).slice(1, 3)
    vectors = rows["embedding"].to_pylist()
    vectors[2] = [value + 1 for value in vectors[2]]
    labels = {"sample_id": ["n1", "n2", "elsewhere"], "trusted_label": CLASSES[:3], "embedding": vectors}
    pq.write_table(pa.table(labels), tmp_path / "t.parquet")
    listener = Listener()
    scored = judged(run, new, trusted=tmp_path / "t.parquet", progress=listener)
    assert scored.judging.sum() == 2
    assert listener.of("verified-elsewhere").message.startswith("1 verified row is not among the rows of")


def test_corrections_of_new_rows_are_all_fresh(run: Run, new: Source, tmp_path: Path) -> None:
    corrections = write(tmp_path / "c.parquet", "corrected_label", n3=CLASSES[0], n4=CLASSES[1])
    fixing = judged(run, new, corrections=corrections).fixing
    assert fixing is not None
    assert fixing.places.tolist() == [3, 4]
    assert fixing.fresh.all()


def test_rows_that_are_not_new_are_told(run: Run, known: Source) -> None:
    listener = Listener()
    judged(run, known, progress=listener)
    message = listener.of("rows-were-fitted").message
    assert message.startswith(
        "600 of 600 sample ids belong to rows that were fitted; each of them is judged by the one"
    )
    assert f"`score({str(run.path)!r})`" in message
    run.reference.unlink()  # an earlier version kept none
    older = Listener()
    judged(run, known, progress=older)
    assert "these scores trust them too much" in older.of("rows-were-fitted").message


def test_fitted_rows_are_judged_by_networks_that_did_not_train_on_them(run: Run, known: Source) -> None:
    """Labels that networks know by heart look right: the mean of all networks would expect far less noise."""
    kept = Reference.read(run)
    assert kept is not None
    np.testing.assert_allclose(judged(run, known).label_quality, 1 - kept.rows.wrong, atol=1e-5)
