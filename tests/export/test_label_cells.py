"""What was 3 is 3, and text is text, whatever label a row gets; what no row shows how to write is made or refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sources import vectors

from noisecleaner.arrays import counted_by_class
from noisecleaner.errors import NoisecleanerError
from noisecleaner.export.label_cells import KnownClasses, LabelCells
from noisecleaner.export.owner import Owner
from noisecleaner.ingest import Columns, Source, read_manifest

CATEGORIES = pa.dictionary(pa.int8(), pa.string(), ordered=True)
#: Cells of each kind of column, and the class that each row carries.
KINDS: dict[str, tuple[pa.Array, list[int]]] = {
    "integers": (pa.array([7, 3, 8, 3, 5], pa.int64()), [2, 0, 3, 0, 1]),
    "small integers": (pa.array([7, 3, 8, 3, 5], pa.uint8()), [2, 0, 3, 0, 1]),
    "whole numbers": (pa.array([7.0, 3.0, 8.0], pa.float64()), [1, 0, 2]),
    "text": (pa.array(["cat", " dog", "Cat"]), [2, 0, 1]),
    "long text": (pa.array(["cat", "dog", "eel"], pa.large_string()), [0, 1, 2]),
    "yes and no": (pa.array([True, False, True]), [1, 0, 1]),
    "categories": (pa.array(["mid", "low", "high"]).cast(CATEGORIES), [2, 1, 0]),
}


def cells_of(
    folder: Path, column: pa.Array, *, names: list[str] | None = None, needed: Sequence[str] = (), **known: Any
) -> LabelCells:
    path = vectors(folder / "d.parquet", column, class_names={"label": names} if names else None)
    source = Source(str(path), columns=Columns(embedding="embedding", label_names=known.get("told", ())))
    manifest = read_manifest(source, known.get("classes"))
    told = KnownClasses(classes=manifest.classes, needed=needed, told=source.columns.told)
    return LabelCells.of_column(Owner.of(str(path)), "label", text=manifest.table["given_label"], known=told)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_label_is_written_as_a_row_with_it_has_it(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    column, classes = KINDS[kind]
    cells = cells_of(tmp_path, column)
    assert cells.type == column.type
    assert cells.given.tolist() == classes
    rows = data.draw(st.lists(st.integers(0, len(column) - 1), max_size=8))
    labels = data.draw(st.lists(st.sampled_from(classes), min_size=len(rows), max_size=len(rows)))
    written = cells.of(np.array(rows, dtype=np.int64), np.array(labels, dtype=np.int64))
    assert written.type == column.type
    assert written.to_pylist() == [column[classes.index(label)].as_py() for label in labels]


def test_a_row_that_keeps_its_label_or_has_none_keeps_its_very_cell(tmp_path: Path) -> None:
    cells = cells_of(tmp_path, pa.array([1.0, 2.0, float("nan"), -1.0, 0.0]))
    rows = np.arange(5)
    kept = cells.of(rows, np.where(cells.given == 0, -1, cells.given))
    assert kept.to_pylist()[:2] == [1.0, 2.0]
    assert np.isnan(kept[2].as_py())
    assert kept.to_pylist()[3:] == [-1.0, 0.0]


def test_a_class_label_keeps_its_numbers_names_and_type(tmp_path: Path) -> None:
    names = ["unused", "cat", "dog", "eel"]
    cells = cells_of(tmp_path, pa.array([2, 1, 2], pa.int8()), names=names)
    assert (cells.type, cells.names) == (pa.int8(), tuple(names))
    assert cells.of(np.arange(3), np.array([3, 1, 0])).to_pylist() == [3, 1, 0]


def test_a_class_label_gets_the_classes_that_rows_need_at_its_end(tmp_path: Path) -> None:
    """As with new rows, whose file knows other classes than the run."""
    classes = ("ant", "bee", "cat", "dog")
    cells = cells_of(tmp_path, pa.array([1, 0]), names=["dog", "cat"], needed=["ant", "dog"], classes=classes)
    assert cells.names == ("dog", "cat", "ant")
    assert cells.given.tolist() == [2, 3]
    assert cells.of(np.arange(2), np.array([0, 2])).to_pylist() == [2, 1]
    cells.check(counted_by_class(np.array([0, 2, 3]), len(classes)), classes, "label")


def test_numbers_whose_names_the_user_told_stay_numbers(tmp_path: Path) -> None:
    cells = cells_of(tmp_path, pa.array([2, 0]), told=("cat", "dog", "eel"))
    assert (cells.type, cells.names) == (pa.int64(), ())
    assert cells.of(np.arange(2), np.array([1, 0])).to_pylist() == [1, 0]


@pytest.mark.parametrize(
    ("column", "new", "cell"),
    [
        (pa.array(["a", "b"]), "c", "c"),
        (pa.array([3, 5], pa.int16()), "7", 7),
        (pa.array([3.0, 5.0]), "7", 7.0),
        (pa.array([True, True]), "False", False),
        (pa.array(["a", "b"]).cast(CATEGORIES), "c", "c"),
    ],
)
def test_a_class_that_no_row_carries_is_written_in_the_type_of_the_column(
    tmp_path: Path, column: pa.Array, new: str, cell: object
) -> None:
    classes = (*dict.fromkeys(map(str, column.to_pylist())), new)
    classes = tuple(name.removesuffix(".0") for name in classes)
    cells = cells_of(tmp_path, column, classes=classes)
    written = cells.of(np.arange(2), np.array([len(classes) - 1, 0]))
    assert written.type == column.type
    assert written.to_pylist() == [cell, column[0].as_py()]


@pytest.mark.parametrize(("column", "new"), [(pa.array([3, 5]), "emu"), (pa.array([3, 5], pa.int8()), "300")])
def test_a_class_that_the_column_cannot_hold_is_refused_where_a_row_gets_it(
    tmp_path: Path, column: pa.Array, new: str
) -> None:
    classes = ("3", "5", new)
    cells = cells_of(tmp_path, column, classes=classes)
    cells.check(counted_by_class(np.array([0, 1, 1]), len(classes)), classes, "label")
    with pytest.raises(NoisecleanerError) as refused:
        cells.check(counted_by_class(np.array([0, 2, 2]), len(classes)), classes, "label")
    assert refused.value.message == (
        f"Labels are written as column 'label' writes them, which holds {column.type}, but no row there carries "
        f"'{new}' (2 rows), so that nobody knows how to write it."
    )


@pytest.mark.parametrize(
    ("labels", "written"),
    [(["3", "5", "10"], [3, 5, 10]), (["3", "05", "10"], ["3", "05", "10"]), (["3", "x", "10"], ["3", "x", "10"])],
)
def test_integers_of_csv_are_integers_and_what_only_looks_so_stays_text(
    tmp_path: Path, labels: list[str], written: list[object]
) -> None:
    (tmp_path / "d.csv").write_text(
        "sample_id,image,label\n" + "".join(f"row {name},{name}.png,{name}\n" for name in labels)
    )
    source = Source(str(tmp_path / "d.csv"))
    manifest = read_manifest(source)
    known = KnownClasses(classes=manifest.classes, needed=())
    cells = LabelCells.of_column(Owner.of(source.data), "label", text=manifest.table["given_label"], known=known)
    assert cells.of(np.arange(3), cells.given).to_pylist() == written
    first = manifest.classes.index(labels[0])
    assert cells.of(np.arange(3), np.full(3, first)).to_pylist() == [written[0]] * 3


def test_folders_name_classes_that_are_numbered(tmp_path: Path) -> None:
    cells = LabelCells.of_folders(["cat", "dog"], 3)
    assert (cells.type, cells.names) == (pa.int64(), ("cat", "dog"))
    assert cells.of(np.arange(3), np.array([1, -1, 0])).to_pylist() == [1, None, 0]
    cells.check(counted_by_class(np.array([0, 1]), len(["cat", "dog"])), ["cat", "dog"], "label")
