"""A plan finds its dataset, or says what is missing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.reviews import planned, table_of_bytes

from noisecleaner.api import recheck
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source
from noisecleaner.review.auditing import audit
from noisecleaner.review.sheet import Kind


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planned(tmp_path_factory.mktemp("audit"))


def test_a_csv_needs_to_be_told_where_its_images_are(tmp_path: Path) -> None:
    data, plan = table_of_bytes(tmp_path, ["a", "b", "c"], ["x", "y", "x"])
    with pytest.raises(NoisecleanerError, match="does not tell where they are: a CSV cannot"):
        audit(plan, None)
    sheet, _ = audit(plan, Source(str(data)))
    assert (sheet.classes, sheet.none_label, sheet.kind) == (("x", "y"), "none", Kind.AUDIT)
    assert [row.sample_id for row in sheet.rows] == ["a", "b", "c"]
    assert [row.probability for row in sheet.rows] == [None] * 3
    assert sheet.back == f"`fit(FitConfig(source=Source({str(data)!r}), trusted='verified.csv'), out='runs/first')`"


def test_rows_that_are_not_in_the_dataset_are_refused(tmp_path: Path) -> None:
    data, _ = table_of_bytes(tmp_path, ["a", "b", "c"], ["x", "y", "x"])
    (tmp_path / "other.csv").write_text("sample_id,trusted_label\na,\nq,\n")
    with pytest.raises(NoisecleanerError, match=r"but 1 row \(such as q\) is not in"):
        audit(tmp_path / "other.csv", Source(str(data)))


def test_a_plan_that_is_filled_in_is_refused(tmp_path: Path) -> None:
    data, _ = table_of_bytes(tmp_path, ["a", "b"], ["x", "y"])
    (tmp_path / "filled.csv").write_text("sample_id,trusted_label\na,x\nb,y\n")
    with pytest.raises(NoisecleanerError, match=r"for rows without a label, but all 2 rows of .* have one"):
        audit(tmp_path / "filled.csv", Source(str(data)))


def test_a_plan_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match=r"but .*nothing\.parquet does not exist") as error:
        audit(tmp_path / "nothing.parquet", None)
    assert "Draw rows first" in error.value.hint


def test_a_run_is_no_plan(plan: Path) -> None:
    with pytest.raises(NoisecleanerError, match="is a directory") as error:
        audit(plan.parent / "run", None)
    assert "flagged=True" in error.value.hint


def test_a_dataset_that_has_moved_is_named(plan: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.parquet"
    moved.write_bytes((plan.parent / "data.parquet").read_bytes())
    sheet, _ = audit(plan, Source(str(moved)))
    assert sheet.source.data == str(moved)
    assert [sheet.rows[place].sample_id for place in sheet.order] == [f"r{row}" for row in sheet.numbers]


def test_a_dataset_that_has_changed_is_not_shown(plan: Path, tmp_path: Path) -> None:
    table = pq.read_table(plan.parent / "data.parquet")
    pq.write_table(table.slice(0, 299), tmp_path / "fewer.parquet")
    with pytest.raises(NoisecleanerError, match="its sample ids have changed since"):
        audit(plan, Source(str(tmp_path / "fewer.parquet")))


def test_a_recheck_asks_for_second_labels(plan: Path, tmp_path: Path) -> None:
    drawn = recheck(plan.parent / "run", tmp_path / "again.parquet", count=12)
    sheet, _ = audit(drawn.path, None)
    assert (sheet.kind, sheet.kind.column, len(sheet.order)) == (Kind.RECHECK, "second_label", 12)
    assert {row.known for row in sheet.rows} == {""}


def test_where_a_class_is_called_none_nobody_can_answer_it(tmp_path: Path) -> None:
    data, plan = table_of_bytes(tmp_path, ["a", "b"], ["x", "none"])
    assert audit(plan, Source(str(data)))[0].none_label is None
    assert audit(plan, Source(str(data), none_label="nothing"))[0].none_label == "nothing"


def test_another_plan_has_another_order(tmp_path: Path) -> None:
    ids = [f"i{row}" for row in range(30)]
    data, plan = table_of_bytes(tmp_path, ids, ["x", "y"] * 15)
    one = audit(plan, Source(str(data)))[0]
    pq.write_table(
        pa.table({"sample_id": ids[::-1], "trusted_label": pa.nulls(30, pa.string())}), tmp_path / "o.parquet"
    )
    other = audit(tmp_path / "o.parquet", Source(str(data)))[0]
    assert one.order.tolist() != other.order.tolist()
    assert sorted(one.order) == sorted(other.order) == list(range(30))
    assert one.key != other.key
