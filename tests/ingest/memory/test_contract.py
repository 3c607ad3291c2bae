"""What every kind of data in memory keeps: it is written once, whole, and read again by whoever needs it."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.packages import with_file

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.memory import keep
from noisecleaner.registry import module_in, names_in

FRAME = pd.DataFrame({"sample_id": ["a", "b"], "label": ["cat", "dog"], "embedding": [[0.5, 1.0], [2.0, 3.0]]})
#: The same three columns in each kind of data.
KINDS = {
    "pandas": FRAME,
    "arrow": pa.Table.from_pandas(FRAME),
    "batch reader": pa.Table.from_pandas(FRAME),
    "datasets": datasets.Dataset.from_pandas(FRAME),
}

#: A kind of data as somebody would add it: rows as dictionaries.
DROPPED_IN = """
from collections.abc import Mapping

import pyarrow as pa

from noisecleaner.ingest.memory import Rows


def takes(data: object) -> bool:
    return isinstance(data, list)


def tables(data: object) -> Mapping[str, Rows]:
    table = pa.Table.from_pylist(data)
    return {"": Rows(schema=table.schema, batches=iter(table.to_batches()))}
"""


def test_every_kind_of_the_folder_takes_one_of_these_and_no_two_the_same() -> None:
    modules = [module_in("ingest.memory", name, parameter="data") for name in names_in("ingest.memory")]
    takers = [[module.__name__ for module in modules if module.takes(data)] for data in KINDS.values()]
    assert all(len(names) == 1 for names in takers)
    assert {names[0] for names in takers} == {module.__name__ for module in modules}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_read_back_as_it_was(kind: str, tmp_path: Path) -> None:
    data = KINDS[kind].to_reader() if kind == "batch reader" else KINDS[kind]
    path = keep(data, tmp_path / "new" / "rows.parquet")
    assert path == str(tmp_path / "new" / "rows.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(path), FRAME, check_dtype=False)
    assert b"pandas" not in (pq.read_schema(path).metadata or {})


@pytest.mark.parametrize("kind", ["pandas", "arrow", "datasets"])
def test_equal_data_are_equal_bytes_and_others_are_not_replaced_unasked(kind: str, tmp_path: Path) -> None:
    path = Path(keep(KINDS[kind], str(tmp_path / "rows.parquet")))
    before, written = path.read_bytes(), path.stat().st_mtime_ns
    keep(KINDS[kind], path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, written)
    other = FRAME.assign(label=["dog", "cat"])
    with pytest.raises(NoisecleanerError, match="holds other data"):
        keep(other, path)
    assert path.read_bytes() == before
    keep(other, path, overwrite=True)
    assert pq.read_table(path)["label"].to_pylist() == ["dog", "cat"]
    assert [file.name for file in tmp_path.iterdir()] == ["rows.parquet"]


@pytest.mark.parametrize(
    ("data", "path", "says"),
    [
        ({"a": [1]}, "x.parquet", "but it is a dict"),
        (np.zeros(3), "x.parquet", "but it is a ndarray"),
        (FRAME, "folder", "folder.parquet'."),
        (FRAME, "x.csv", "x.parquet'."),
        (datasets.DatasetDict(train=KINDS["datasets"]), "x.parquet", "keep='x'."),
        (pd.DataFrame({"a": [1, "x", object()]}), "x.parquet", "column 'a' of a DataFrame holds int, object, str"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "x.parquet", "two that are called a"),
        (FRAME.assign(key=1).set_index("key").assign(key=2), "x.parquet", "two that are called key"),
    ],
)
def test_what_cannot_be_kept_is_told_and_leaves_nothing(
    data: object, path: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoisecleanerError) as told:
        keep(data, path)
    assert says in str(told.value)
    assert not list(tmp_path.iterdir())


def columns_of_odd_types() -> dict[str, pa.Array]:
    """One of each type that Arrow makes and Parquet may not hold."""
    texts = pa.array(["a", "b"])
    return {
        "run_end": pa.RunEndEncodedArray.from_arrays(pa.array([1, 2], pa.int32()), texts),
        "sparse_union": pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [texts, pa.array([1, 2])]),
        "dense_union": pa.UnionArray.from_dense(
            pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [texts, pa.array([1, 2])]
        ),
        "interval": pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        "no_fields": pa.array([{}, {}], pa.struct([])),
        "nothing": pa.nulls(2),
        "list_view": pa.array([[1], [2]], pa.list_view(pa.int8())),
        "string_view": pa.array(["a", None], pa.string_view()),
        "half": pa.array(np.array([1, 2], np.float16)),
        "decimal": pa.array([None, None], pa.decimal256(70, 3)),
        "duration": pa.array([1, 2], pa.duration("ns")),
        "seconds": pa.array([1, 2], pa.time32("s")),
        "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int8())),
        "fixed": pa.array([[1, 2], None], pa.list_(pa.int8(), 2)),
        "nested": pa.array([[{"a": None}], []]),
        "keys": pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array([[1], [2]])),
    }


@pytest.mark.parametrize("name", columns_of_odd_types())
def test_every_type_of_arrow_is_kept_or_told(name: str, tmp_path: Path) -> None:
    table = pa.table({"sample_id": ["a", "b"], name: columns_of_odd_types()[name]})
    try:
        path = keep(table, tmp_path / "x.parquet")
    except NoisecleanerError:
        assert not list(tmp_path.iterdir())
    else:
        assert pq.read_table(path)["sample_id"].to_pylist() == ["a", "b"]


def test_run_ends_are_told(tmp_path: Path) -> None:
    table = pa.table({"sample_id": ["a", "b"], "x": columns_of_odd_types()["run_end"]})
    with pytest.raises(NoisecleanerError, match="a column of this Table cannot be written so"):
        keep(table, tmp_path / "x.parquet")


@pytest.mark.parametrize("repeated", [("a", "a"), ("a", "b")])
def test_columns_of_pandas_that_are_no_arrays_are_kept_or_told(repeated: tuple[str, str], tmp_path: Path) -> None:
    """Sparse numbers, periods, intervals, complex numbers, and objects of several kinds."""
    for place, values in enumerate(
        [
            pd.arrays.SparseArray([0, 1]),
            pd.period_range("2020", periods=2),
            pd.interval_range(0, 2),
            np.array([1j, 2]),
            [{1: 2}, {"a": "b"}],
            [{1, 2}, {3}],
            [2**70, -(2**70)],
            [b"a", "a"],
            [np.zeros((2, 2)), np.zeros(3)],
        ]
    ):
        frame = pd.DataFrame({"sample_id": list(repeated), "x": values})
        try:
            keep(frame, tmp_path / f"{place}.parquet")
        except NoisecleanerError:
            assert not (tmp_path / f"{place}.parquet").exists()


def test_adding_a_kind_of_data_is_one_file(tmp_path: Path) -> None:
    rows = FRAME.to_dict("records")
    with pytest.raises(NoisecleanerError, match="but it is a list"):
        keep(rows, tmp_path / "rows.parquet")
    package = with_file(tmp_path, "ingest/memory/records.py", DROPPED_IN)
    package.script(f"from noisecleaner.api import keep; keep({rows!r}, 'rows.parquet')")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "rows.parquet"), FRAME)
