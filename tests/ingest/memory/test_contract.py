"""What every kind of data in memory keeps: it is written once, whole, and read again by whoever needs it."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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
