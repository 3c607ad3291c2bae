"""The owner's columns come as they are, of tables and of the metadata files of an image folder."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.sources import make, table, write_metadata

from noisecleaner.errors import NoisecleanerError
from noisecleaner.export.owner import Owner


def test_tables_bring_their_columns_with_types_and_metadata(tmp_path: Path) -> None:
    field = pa.field("n", pa.int8(), nullable=False, metadata={b"unit": b"cm"})
    schema = pa.schema([field, pa.field("t", pa.timestamp("us", "UTC"))], metadata={b"licence": b"MIT"})
    path = table(tmp_path / "d.parquet", schema, n=[1, 2], t=[0, 1])
    owner = Owner.of(str(path))
    assert owner.schema.equals(schema, check_metadata=True)
    assert "n" in owner
    assert "x" not in owner
    assert owner.column("n").to_pylist() == [1, 2]
    assert [batch.to_pydict() for batch in owner.batches(["n"], 1)] == [{"n": [1]}, {"n": [2]}]
    assert owner.typed


def test_cells_of_csv_have_no_type(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b\n1,x\n")
    assert not Owner.of(str(tmp_path / "d.csv")).typed


def test_an_image_folder_has_none(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/1.png")
    assert Owner.of(str(tmp_path)).schema.names == []


def test_metadata_files_are_one_table(tmp_path: Path) -> None:
    make(tmp_path, "train/1.png", "test/2.png")
    rows = [("train", {"file_name": ["1.png"], "site": ["x"], "n": [1]}), ("test", {"file_name": ["2.png"], "n": [2]})]
    for split, columns in rows:
        pq.write_table(pa.table(columns), tmp_path / split / "metadata.parquet")
    owner = Owner.of(str(tmp_path))
    assert sorted(owner.schema.names) == ["n", "site"]
    assert owner.schema.field("n").type == pa.int64()
    assert owner.column("n").to_pylist() == [2, 1]  # test comes first
    assert owner.column("site").to_pylist() == [None, "x"]
    assert next(iter(owner.batches(["site", "n"], 10))).to_pydict() == {"site": [None], "n": [2]}
    assert owner.typed


def test_columns_of_two_types_become_text(tmp_path: Path) -> None:
    make(tmp_path, "train/1.png", "test/2.png")
    write_metadata(tmp_path / "test" / "metadata.csv", [{"file_name": "2.png", "n": "007"}])
    pq.write_table(pa.table({"file_name": ["1.png"], "n": [[1]]}), tmp_path / "train" / "metadata.parquet")
    with pytest.raises(NoisecleanerError, match="must agree in the types of their columns"):
        Owner.of(str(tmp_path))
    pq.write_table(pa.table({"file_name": ["1.png"], "n": [1]}), tmp_path / "train" / "metadata.parquet")
    owner = Owner.of(str(tmp_path))
    assert owner.column("n").to_pylist() == ["007", "1"]
    assert not owner.typed


@pytest.mark.skipif(not hasattr(pa, "string_view"), reason="Arrow is too old to have any")
def test_views_of_text_and_bytes_are_text_and_bytes(tmp_path: Path) -> None:
    """Arrow has no rows to take of them."""
    columns = {"t": pa.array(["a", "b"]).cast(pa.string_view()), "b": pa.array([b"c", b"d"]).cast(pa.binary_view())}
    with pa.ipc.new_file(tmp_path / "d.arrow", pa.table(columns).schema) as file:
        file.write_table(pa.table(columns))
    owner = Owner.of(str(tmp_path / "d.arrow"))
    assert owner.schema.types == [pa.string(), pa.binary()]
    assert owner.column("t").take([1]).to_pylist() == ["b"]
    (batch,) = owner.batches(["b"], 5)
    assert batch.take(pa.array([0])).to_pydict() == {"b": [b"c"]}
