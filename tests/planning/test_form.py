"""Where a table to fill in may be written, and what takes it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.scored import make_run

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source
from noisecleaner.planning.form import check_new, other_rows, tells
from noisecleaner.runs.scored_run import ScoredRun


def test_a_table_that_somebody_may_have_filled_in_stays(tmp_path: Path) -> None:
    check_new(tmp_path / "new" / "verify.parquet")
    (tmp_path / "verify.parquet").touch()
    with pytest.raises(NoisecleanerError, match="somebody may have filled it in"):
        check_new(tmp_path / "verify.parquet")


def test_a_table_is_called_as_what_it_is(tmp_path: Path) -> None:
    for name in ("verify.csv", "verify.tsv"):
        check_new(Path(name))
    with pytest.raises(NoisecleanerError, match=r"out='verify\.parquet'"):
        check_new(Path("verify.xls"))


@pytest.mark.parametrize(
    ("label", "telling"), [("cat", True), ("Cat", True), ("at", False), ("cat/7", True), ("c.t", False), (None, False)]
)
def test_an_id_or_a_path_may_name_the_label(label: str | None, telling: bool) -> None:
    assert tells({"sample_id": "7", "path": "train/cat/7.png"}, label) is telling
    assert tells({"sample_id": "cat 7", "path": None}, label) is (telling and label != "cat/7")


def test_the_rows_of_a_fit_need_not_be_named_again(tmp_path: Path) -> None:
    scored = ScoredRun(make_run(tmp_path, source=Source("new.parquet")))
    assert other_rows(scored) == Source("new.parquet")
    (tmp_path / "run.json").touch()
    assert other_rows(scored) is None
