"""CSV: what is written stays as it is, also as spreadsheets write it: other separators, marks, encodings."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sources import contents, labels, make, read

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers.csv import read_batches, read_schema


def test_csv_keeps_leading_zeros_and_reads_empty_fields_as_null(tmp_path: Path) -> None:
    made = make(tmp_path, "1.png", "2.png", "3.png", "4.png")
    (tmp_path / "d.csv").write_text("sample_id,image,label\n0001,1.png,a\n0002,2.png,\n0003,3.png,07\n0004,4.png,NA\n")
    manifest = read(tmp_path / "d.csv")
    assert labels(manifest) == {"0001": "a", "0002": None, "0003": "07", "0004": None}
    assert contents(manifest) == list(made.values())


def test_numbers_and_times_stay_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2020-01-01\n2.50,NaN\n")
    schema = read_schema(Place.parse(tmp_path / "t.csv"))
    assert [field.type for field in schema] == [pa.string(), pa.string()]
    (batch,) = read_batches(Place.parse(tmp_path / "t.csv"), ["a", "b"], 10)
    assert batch.to_pylist() == [{"a": "1", "b": "2020-01-01"}, {"a": "2.50", "b": "NaN"}]


@pytest.mark.parametrize("content", ["a,b\n1\n", "a,b\n1,2,3\n"], ids=["too short", "too long"])
def test_a_line_of_another_length_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(NoisecleanerError, match="must hold a header line and rows") as error:
        read_schema(Place.parse(tmp_path / "t.csv"))
    assert ".csv must hold text" in error.value.hint


def rows(tmp_path: Path, content: bytes, name: str = "t.csv") -> list[dict[str, str | None]]:
    (tmp_path / name).write_bytes(content)
    place = Place.parse(tmp_path / name)
    schema = read_schema(place)
    return [row for batch in read_batches(place, schema.names, 100) for row in batch.to_pylist()]


EXPECTED = [{"id": "0001", "share": "0,5"}, {"id": "2", "share": None}]


@pytest.mark.parametrize(
    "text",
    [
        'id,share\n0001,"0,5"\n2,\n',
        "id;share\r\n0001;0,5\r\n2;\r\n",
        "id\tshare\n0001\t0,5\n2\t\n",
        "id|share\n0001|0,5\n2|\n",
        "sep=;\r\nid;share\r\n0001;0,5\r\n2;\r\n",
        '"id";"share"\n"0001";"0,5"\n2;\n',
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "marked"])
def test_the_separator_is_found(tmp_path: Path, text: str, mark: bytes) -> None:
    assert rows(tmp_path, mark + text.encode()) == EXPECTED


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("id,label\n1,a;b;c\n2,d;e\n", ["id", "label"]),  # a list in a cell is no separator
        ("only\n1\n2\n", ["only"]),
        ("id,a b|c\n1,2\n", ["id", "a b|c"]),
        ('id,"a;b;c"\n1,2\n', ["id", "a;b;c"]),
        ("id;text\n1;a, b\n2;c, d\n", ["id", "text"]),
    ],
)
def test_other_signs_in_cells_are_no_separators(tmp_path: Path, text: str, names: list[str]) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert read_schema(Place.parse(tmp_path / "t.csv")).names == names


def test_a_table_of_tabs_may_say_so_in_its_ending(tmp_path: Path) -> None:
    assert rows(tmp_path, b"id\tshare\n0001\t0,5\n2\t\n", "t.tsv") == EXPECTED
    assert rows(tmp_path, b"a,b\tc\n1,2\t3\n", "u.tsv") == [{"a,b": "1,2", "c": "3"}]


def test_lines_of_megabytes_are_read(tmp_path: Path) -> None:
    long = "x" * 3_000_000
    assert rows(tmp_path, f"id,blob\n1,{long}\n2,{long}\n3,y\n".encode()) == [
        {"id": "1", "blob": long},
        {"id": "2", "blob": long},
        {"id": "3", "blob": "y"},
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("id,label\n1,caf\u00e9\n".encode("utf-16"), "it is UTF-16"),
        ("id,label\n1,caf\u00e9\n2,\0\n".encode("cp1252"), "in UTF-8 (in Excel: CSV UTF-8)"),
        ("id,label\n1,caf\u00e9\n".encode() + b"2,caf\xe9\n", "in UTF-8 (in Excel: CSV UTF-8)"),  # a mix
        (b"id,label\n1,\x81\n", "in UTF-8 (in Excel: CSV UTF-8)"),
        (b"PK\x03\x04\x14\0\0\0\xff", "it begins like a ZIP archive"),
        (b"a,b\n1,2,3\n", "Expected 2 columns, got 3"),
        (b"", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_called_what_it_is(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(NoisecleanerError) as refused:
        rows(tmp_path, content)
    assert says in str(refused.value)


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=5, max_size=9), st.sampled_from([",", ";", "\t"]))
def test_cells_come_back_whatever_separates_them(
    tmp_path: Path, cells: list[tuple[str, str, str]], delimiter: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("one", "two", "three"), *cells])
    found = rows(tmp_path, text.getvalue().encode())
    assert [tuple(row.values()) for row in found] == cells


def test_line_breaks_in_quotes_stay_where_a_file_is_read_in_parts(tmp_path: Path) -> None:
    ids = [f"two\nlines {'y' * 50}{row}" for row in range(40_000)]
    lines = "".join(f'"{name}",x\n' for name in ids)
    (tmp_path / "d.csv").write_text(f"id,label\n{lines}")
    batches = read_batches(Place.parse(tmp_path / "d.csv"), ["id"], 10_000)
    assert [name for batch in batches for name in batch.column(0).to_pylist()] == ids
