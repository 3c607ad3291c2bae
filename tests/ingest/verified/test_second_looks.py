"""Second looks at verified rows, as tables hold them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from support.scored import metadata_of, scores_table
from support.sources import vectors

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Manifest, Source, ingest
from noisecleaner.ingest.labels.indices import disputed
from noisecleaner.ingest.verified.second_looks import second_looks_alone, without_first
from noisecleaner.tables import SCORES, write_table

LABELS = ["a", "b", "a", "b"]


def read(tmp_path: Path, verified: str, before: Path | None = None) -> Manifest:
    """Read four rows with a table of verified labels."""
    data = Source(str(vectors(tmp_path / "d.parquet", LABELS)), columns=Columns(embedding="embedding"))
    (tmp_path / "t.csv").write_text(verified)
    return ingest(data, str(tmp_path / "t.csv"), before=before)[0]


def scored(path: Path, ids: list[str]) -> Path:
    """Write scores of rows of which the first two are verified."""
    verified = ["a", "b", *[None] * (len(ids) - 2)]
    write_table(path, [scores_table(sample_id=ids, trusted_label=verified)], SCORES, metadata_of(("a", "b")).to_json())
    return path


def codes(dataset: Manifest) -> list[str]:
    return [notice.code for notice in dataset.notices if notice.code.startswith("second")]


def test_a_column_of_second_looks_stands_beside_the_first_ones(tmp_path: Path) -> None:
    dataset = read(tmp_path, "sample_id,trusted_label,second_label\nr0,a,a\nr1,b,a\nr3,b,\n")
    assert dataset.table["trusted_label"].to_pylist() == ["a", "b", None, "b"]
    assert dataset.table["second_label"].to_pylist() == ["a", "a", None, None]
    assert dataset.disputed.tolist() == [False, True, False, False]
    (line,) = [notice.message for notice in dataset.notices if notice.code == "second-looks-read"]
    assert line == f"Second looks: column 'second_label' of {tmp_path / 't.csv'}, 2 of 3 rows filled."


@pytest.mark.parametrize("again", [" ann", "ANN ", "Ａnn", '"Ann\t"'])
def test_who_is_spelled_otherwise_is_no_other_verifier(tmp_path: Path, again: str) -> None:
    dataset = read(tmp_path, f"sample_id,trusted_label,verifier\nr0,a,Ann\nr1,b,Ann\nr1,b,{again}\n")
    assert "second_label" not in dataset.table.column_names or dataset.table["second_label"].null_count == len(dataset)
    with pytest.raises(NoisecleanerError, match="contradict"):
        read(tmp_path, f"sample_id,trusted_label,verifier\nr0,a,Ann\nr0,b,{again}\n")


def test_rows_of_another_verifier_are_second_looks(tmp_path: Path) -> None:
    dataset = read(tmp_path, "sample_id,trusted_label,verifier\nr0,a,Ann\nr1,b,Ann\nr1,none,Ben\nr0,a,Ben\n")
    assert dataset.table["trusted_label"].to_pylist() == ["a", "b", None, None]
    assert dataset.table["second_label"].to_pylist() == ["a", "none", None, None]
    assert dataset.disputed.tolist() == [False, True, False, False]


def test_second_looks_alone_are_at_the_rows_that_were_verified_before(tmp_path: Path) -> None:
    second = "sample_id,path,second_label\nr1,,a\nr2,,b\nr9,,a\nr0,,\n"
    dataset = read(tmp_path, second, scored(tmp_path / "scores.parquet", ["r0", "r1", "r2", "r3"]))
    assert dataset.table["trusted_label"].to_pylist() == ["a", "b", None, None]
    assert dataset.table["second_label"].to_pylist() == [None, "a", None, None]
    assert codes(dataset) == ["second-looks-read", "second-looks-elsewhere", "second-looks-alone"]
    said = " ".join(notice.message for notice in dataset.notices)
    assert "1 second look of" in said
    assert "(such as r9)" in said
    assert "1 second look is at rows that nobody has verified before" in said
    assert second_looks_alone(str(tmp_path / "t.csv"), Columns())
    others = read(tmp_path, second, scored(tmp_path / "scores.parquet", ["r0", "r1", "r3", "r2"]))
    assert others.table["trusted_label"].null_count == 4


def test_a_table_of_first_looks_is_not_one_of_second_looks_alone(tmp_path: Path) -> None:
    for columns in ("trusted_label", "trusted_label,second_label", "second_label,right"):
        (tmp_path / "t.csv").write_text(f"sample_id,{columns}\nr0,{',a' * columns.count(',')}a\n")
        named = Columns(trusted="right") if "right" in columns else Columns()
        assert not second_looks_alone(str(tmp_path / "t.csv"), named)


def test_a_second_look_that_is_no_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="hat"):
        read(tmp_path, "sample_id,trusted_label,second_label\nr0,a,hat\n")


def test_second_looks_that_repeat_the_given_labels_are_refused(tmp_path: Path) -> None:
    """Of eight rows the first look calls six wrong, and the second none."""
    data = vectors(tmp_path / "d.parquet", LABELS * 2)
    other = {"a": "b", "b": "a"}
    rows = [f"r{row},{label if row < 2 else other[label]},{label}" for row, label in enumerate(LABELS * 2)]
    (tmp_path / "t.csv").write_text("\n".join(["sample_id,trusted_label,second_label", *rows]) + "\n")
    source = Source(str(data), columns=Columns(embedding="embedding"))
    with pytest.raises(NoisecleanerError, match=r"in all of 8 rows, .* another one in 6 of them"):
        ingest(source, str(tmp_path / "t.csv"))


def test_verified_rows_that_contradict_each_other_are_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="contradict each other") as refused:
        read(tmp_path, "sample_id,trusted_label,verifier\nr0,a,Ann\nr0,b,Ann\n")
    assert "different names in a column verifier" in str(refused.value.hint)


def test_rows_that_nobody_looked_at_twice_are_not_disputed() -> None:
    rows = pa.table({"trusted_label": ["a", "a", None, "b"], "second_label": ["a", None, "b", "a"]})
    assert disputed(rows).tolist() == [False, False, False, True]
    kept, notices = without_first(rows)
    assert kept["second_label"].to_pylist() == ["a", None, None, "a"]
    assert len(notices) == 1
    assert without_first(kept) == (kept, ())
