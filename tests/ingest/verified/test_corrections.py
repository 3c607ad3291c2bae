"""Corrections: labels that override others and measure nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sources import make, table, vectors

from noisecleaner.arrays import NO_CLASS, UNVERIFIED
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source, ingest
from noisecleaner.ingest.verified.corrections import Corrections, correct, read_corrections, refuse_same
from noisecleaner.ingest.verified.left_out import LeftOut
from noisecleaner.ingest.verified.verification import Verification
from noisecleaner.notices import Severity

CLASSES = ("a", "b")
LABELS = st.none() | st.sampled_from([*CLASSES, "none"])


def source(data: object) -> Source:
    return Source(str(data), columns=Columns(embedding="embedding"))


def rows(given: list[str | None], trusted: list[str | None], corrected: list[str | None]) -> pa.Table:
    columns = {"given_label": given, "trusted_label": trusted, "corrected_label": corrected}
    texts = {name: pa.array(labels, pa.string()) for name, labels in columns.items()}
    ids = [f"r{row}" for row in range(len(given))]
    return pa.table({"sample_id": ids, "path": pa.nulls(len(given), pa.string()), **texts})


def corrections(labels: dict[str, str | None]) -> Corrections:
    ids, values = (pa.chunked_array([list(part)], pa.string()) for part in (labels, labels.values()))
    made = Verification(ids=ids, labels=values, where="c.csv", none_label="none")
    return Corrections(made=made, column="corrected_label", left_out=LeftOut.of(None))


@settings(deadline=None)
@given(st.lists(st.tuples(LABELS, LABELS, LABELS), min_size=1, max_size=8), st.data())
def test_a_correction_replaces_an_earlier_one_and_nothing_else(
    labels: list[tuple[str | None, str | None, str | None]], data: st.DataObject
) -> None:
    before = rows(*(list(column) for column in zip(*labels, strict=True)))
    places = data.draw(st.permutations(range(len(labels))))
    fresh = {f"r{place}": data.draw(LABELS) for place in places[: data.draw(st.integers(1, len(labels)))]}
    after, notices, _ = correct(before, corrections(fresh))
    wanted = [fresh.get(f"r{row}") or label for row, (_, _, label) in enumerate(labels)]
    assert after["corrected_label"].to_pylist() == wanted
    assert after.drop_columns("corrected_label").equals(before.drop_columns("corrected_label"))
    pairs = zip(labels, wanted, strict=True)
    differ = sum(trusted is not None and label is not None and trusted != label for (_, trusted, _), label in pairs)
    assert [notice.code for notice in notices] == ["corrections", *["correction-against-audit"] * (differ > 0)]


def test_what_corrections_do_is_counted() -> None:
    before = rows(["a", "a", "b", "b"], [None] * 4, [None] * 4)
    _, (notice,), _ = correct(before, corrections({"r0": "b", "r1": "none", "r2": "b", "r3": None}))
    assert notice.message == (
        "3 corrections from the column corrected_label of c.csv: 1 change the given label, 1 confirm it, 1 say that no "
        "class is right. They override labels and measure nothing."
    )
    assert notice.severity is Severity.NOTE


def test_rows_with_another_verified_label_are_counted_and_named() -> None:
    before = rows(["a"] * 6, ["b", "b", "b", "b", "a", None], [None] * 6)
    _, (_, notice), _ = correct(before, corrections(dict.fromkeys(["r0", "r1", "r2", "r3", "r4", "r5"], "a")))
    assert notice.message.startswith("4 rows have a correction that differs from their verified label (such as r0, r1,")
    assert notice.severity is Severity.WARNING


def test_strangers_are_refused_unless_they_have_no_label() -> None:
    before = rows(["a"], [None], [None])
    with pytest.raises(NoisecleanerError, match=r"1 of 2 labelled rows of c.csv have an id .* \(such as 'x'\)"):
        correct(before, corrections({"r0": "a", "x": "b", "y": None}))
    assert correct(before, corrections({"r0": "b", "y": None}))[0]["corrected_label"].to_pylist() == ["b"]


@pytest.mark.parametrize(
    ("columns", "taken"),
    [
        ({"label": ["b"]}, "label"),
        ({"label": ["a"], "trusted_label": ["b"]}, "trusted_label"),
        ({"label": ["a"], "trusted_label": ["a"], "corrected_label": ["b"]}, "corrected_label"),
    ],
)
def test_the_column_of_that_name_goes_before_the_trusted_one_and_that_before_the_label(
    tmp_path: Path, columns: dict[str, list[str]], taken: str
) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"])
    read = read_corrections(str(table(tmp_path / "c.parquet", sample_id=["r0"], **columns)), source(data), CLASSES)
    assert (read.made.labels.to_pylist(), read.column) == (["b"], taken)


def test_a_dataset_takes_its_corrections(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "a"])
    (tmp_path / "c.csv").write_text("sample_id,corrected_label\nr2,none\nr0,b\nr1,\n")
    trusted = table(tmp_path / "t.parquet", sample_id=["r0"], trusted_label=["a"])
    dataset, _ = ingest(source(data), str(trusted), corrections=str(tmp_path / "c.csv"))
    assert dataset.corrected.tolist() == [1, UNVERIFIED, NO_CLASS]
    assert dataset.trusted.tolist() == [0, UNVERIFIED, UNVERIFIED]
    assert [notice.code for notice in dataset.notices][-2:] == ["corrections", "correction-against-audit"]


def test_the_dataset_itself_may_have_a_column_of_them(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"], corrected_label=["b", None])
    dataset, _ = ingest(source(data), corrections=str(data))
    assert dataset.corrected.tolist() == [1, UNVERIFIED]


def test_tables_that_cannot_be_corrections_are_refused(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"])
    make(tmp_path / "images", "a/1.png")
    tables = {
        "Corrections must be classes of the dataset": table(tmp_path / "1.parquet", sample_id=["r0"], label=["c"]),
        "all 1 in": table(tmp_path / "2.parquet", sample_id=["r0"], label=pa.array([None], pa.string())),
        "has the columns sample_id, other": table(tmp_path / "3.parquet", sample_id=["r0"], other=["a"]),
        "is the dataset, and has none": data,
        "contradict each other": table(tmp_path / "4.parquet", sample_id=["r0", "r0"], label=["a", "b"]),
        "is a folder of images": tmp_path / "images",
    }
    for words, path in tables.items():
        with pytest.raises(NoisecleanerError, match=words):
            ingest(source(data), corrections=str(path))


def test_corrections_find_their_rows_as_verified_labels_do(tmp_path: Path) -> None:
    data = table(
        tmp_path / "d.parquet",
        sample_id=["r0", "r1", "r2"],
        label=["a", "b", "a"],
        embedding=[[1.0, 2.0]] * 3,
    )
    (tmp_path / "c.csv").write_text("file_name,corrected_label\nx\\r1.png,a\ny/r2.png,b\ny/r2.png,b\n")
    dataset, _ = ingest(source(data), corrections=str(tmp_path / "c.csv"))
    assert dataset.corrected.tolist() == [UNVERIFIED, 0, 1]
    codes = [notice.code for notice in dataset.notices]
    assert codes[-3:] == ["verified-joined", "verified-repeats", "corrections"]
    (tmp_path / "c.csv").write_text("key,corrected_label\nr1,a\nr2,b\n")
    with pytest.raises(NoisecleanerError, match=r"Column 'key' of .* matches 2 of 2 rows"):
        ingest(source(data), corrections=str(tmp_path / "c.csv"))


def test_one_file_cannot_measure_and_not_measure(tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet", sample_id=["r0"], label=["a"])
    (tmp_path / "link.parquet").symlink_to(path)
    with pytest.raises(NoisecleanerError, match="`trusted` and `corrections` are both"):
        refuse_same(trusted=str(path), corrections=str(tmp_path / "link.parquet"))
    refuse_same(trusted=str(path), corrections=None)
    refuse_same(trusted=None, corrections=str(path))
    refuse_same(trusted=str(path), corrections=str(tmp_path / "c.parquet"))
