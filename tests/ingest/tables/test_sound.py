"""Cells that are not what their column's type says, and names that several columns have, are refused where they lie."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.tables.sound import refuse_twice, sound
from noisecleaner.ingest.tables.tabular import Files

#: A text that is none, as a damaged file holds it, or one that somebody wrote in another encoding.
BAD = pa.array([b"a", b"\xff\xfe"]).view(pa.string())
COLUMNS = {
    "text": BAD,
    "large": pa.array([b"a", b"\xff"], pa.large_binary()).view(pa.large_string()),
    "dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 1]), BAD),
    "struct": pa.StructArray.from_arrays([BAD], ["path"]),
    "list": pa.ListArray.from_arrays(pa.array([0, 1, 2]), BAD),
    "index": pa.DictionaryArray.from_arrays(pa.array([0, 7]), pa.array(["a", "b"]), safe=False),
    "offsets": pa.Array.from_buffers(
        pa.string(), 2, [None, pa.array([0, 9, 1], pa.int32()).buffers()[1], pa.py_buffer(b"a")]
    ),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_cells_that_are_something_else_are_refused_with_their_column(tmp_path: Path, kind: str) -> None:
    batch = pa.record_batch({"fine": pa.array(["a", "ä"]), "odd": COLUMNS[kind]})
    place = Place.parse(tmp_path / "t.parquet")
    with pytest.raises(NoisecleanerError, match=r"column 'odd' of .*t\.parquet holds something else"):
        list(sound([batch], place))
    assert list(sound([batch.select(["fine"])], place)) == [batch.select(["fine"])]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_every_table_is_read_so(tmp_path: Path, ending: str) -> None:
    table, file = pa.table({"odd": BAD, "fine": ["a", "b"]}), tmp_path / f"t.{ending}"
    if ending == "parquet":
        pq.write_table(table, file)
    else:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    with pytest.raises(NoisecleanerError, match="column 'odd'"):
        Files.open([Place.parse(file)]).column("odd")


def test_a_name_of_several_columns_is_refused_where_it_means_something(tmp_path: Path) -> None:
    schema = pa.schema([("a", pa.int64()), ("b", pa.int64()), ("a", pa.string())])
    refuse_twice(schema, "t.csv", ["b", "c"])
    for names in (None, ["b", "a"]):
        with pytest.raises(NoisecleanerError, match=r"t\.csv has 2 columns called 'a'"):
            refuse_twice(schema, "t.csv", names)


def test_columns_without_name_and_cell_are_left_out_of_text(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("sample_id,label,,\n1,cat,,\n2,dog,,\n")
    assert Files.open([Place.parse(file)]).schema.names == ["sample_id", "label"]
    file.write_text("sample_id,label,,\n1,cat,,x\n2,dog,y,\n")
    assert Files.open([Place.parse(file)]).schema.names == ["sample_id", "label", "", ""]
