"""Workbooks: cells as text, the right sheet, and what a file may do to who reads it."""

from __future__ import annotations

import datetime
import io
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers import xlsx
from noisecleaner.ingest.readers.xlsx import read_batches, read_notices, read_schema
from noisecleaner.ingest.tables.tabular import Files


def save(path: Path, **sheets: Sequence[Sequence[Any]]) -> Place:
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path / "t.xlsx")
    return Place.parse(path / "t.xlsx")


def rows(place: Place) -> list[dict[str, str | None]]:
    schema = read_schema(place)
    return [row for batch in read_batches(place, schema.names, 100) for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (7.0, "7"),
        (0.5, "0.5"),
        (True, "true"),
        (datetime.date(2024, 3, 1), "2024-03-01"),
        (datetime.datetime(2024, 3, 1, 12, 30), "2024-03-01T12:30:00"),
        ("0001", "0001"),
        (" cat ", " cat "),
        (None, None),
        ("=1+1", None),  # a formula that nobody has computed
        ('\u05d0\u202e,\n"x"', '\u05d0\u202e,\n"x"'),
    ],
)
def test_cells_are_text(tmp_path: Path, value: Any, text: str | None) -> None:
    assert rows(save(tmp_path, a=[["sample_id", "label"], ["r1", value]])) == [{"sample_id": "r1", "label": text}]


def test_empty_rows_and_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    sheet = [[], [None, None], ["sample_id", None, "label", None], ["r1", "x", "cat"], [None], ["r2", None, None, "y"]]
    assert rows(save(tmp_path, a=sheet)) == [{"sample_id": "r1", "label": "cat"}, {"sample_id": "r2", "label": None}]


def test_the_sheet_with_columns_that_we_know_is_read_and_named(tmp_path: Path) -> None:
    place = save(tmp_path, Notes=[["read me"], ["please"]], Labels=[["sample_id", "trusted_label"], ["r1", "cat"]])
    assert rows(place) == [{"sample_id": "r1", "trusted_label": "cat"}]
    (notice,) = read_notices(place)
    assert "has 2 sheets (Notes, Labels): 'Labels' was read" in notice.message
    place = save(tmp_path, First=[["key", "answer"], ["r1", "cat"]], Empty=[])
    assert rows(place) == [{"key": "r1", "answer": "cat"}]
    assert list(read_notices(save(tmp_path, a=[["sample_id"], ["r1"]]))) == []


def test_a_workbook_without_cells_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="no sheet of"):
        read_schema(save(tmp_path, a=[]))


def test_without_openpyxl_it_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = save(tmp_path, a=[["sample_id"], ["r1"]])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(NoisecleanerError, match="which is not installed") as refused:
        read_schema(place)
    assert refused.value.hint.startswith("Type pip install 'noisecleaner[excel]'. Or do without: save the sheet as CSV")


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = save(tmp_path, a=[["sample_id"], ["r1"]])
    monkeypatch.setattr(xlsx, "_MOST_BYTES", 2**20)
    read_schema(place)
    with zipfile.ZipFile(place.path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/zeros.bin", bytes(2**21))
    with pytest.raises(NoisecleanerError, match="may unpack to 1 MiB in 10,000 parts"):
        read_schema(place)


def replaced(place: Place, part: str, content: bytes) -> Place:
    """Write another part into a workbook."""
    with zipfile.ZipFile(place.path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(place.path, "w") as archive:
        for name, old in parts.items():
            archive.writestr(name, content if name == part else old)
    return place


SHEET = "xl/worksheets/sheet1.xml"
_SPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def test_a_sheet_is_not_believed_in_how_large_it_is(tmp_path: Path) -> None:
    first = '<row r="1"><c r="A1" t="inlineStr"><is><t>label</t></is></c></row>'
    wide = '<row r="2"><c r="A2"><v>7</v></c><c r="XFD2"><v>1</v></c></row>'
    far = '<row r="2000000000"><c r="A1"><v>8</v></c></row>'
    told = '<dimension ref="A1:XFD1048576"/>'
    text = f'<worksheet xmlns="{_SPACE}">{told}<sheetData>{first}{wide}{far}</sheetData></worksheet>'
    place = replaced(save(tmp_path, a=[["label"]]), SHEET, text.encode())
    assert rows(place) == [{"label": "7"}]


def test_entities_do_not_fill_the_memory(tmp_path: Path) -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    types = f'<!DOCTYPE w [<!ENTITY e0 "lol">{levels}]>'
    bomb = f'{types}<worksheet xmlns="{_SPACE}"><sheetData>&e11;</sheetData></worksheet>'
    with pytest.raises(NoisecleanerError):
        read_schema(replaced(save(tmp_path, a=[["label"]]), SHEET, bomb.encode()))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 4000), content=st.binary(min_size=1, max_size=8))
def test_a_damaged_workbook_is_read_or_refused(tmp_path: Path, place: int, content: bytes) -> None:
    book = Workbook()
    book.active.append(["sample_id", "label"])
    buffer = io.BytesIO()
    book.save(buffer)
    damaged = bytearray(buffer.getvalue())
    damaged[place : place + len(content)] = content
    (tmp_path / "d.xlsx").write_bytes(damaged)
    try:
        names = read_schema(Place.parse(tmp_path / "d.xlsx")).names
    except NoisecleanerError:
        return
    assert names


def test_a_sheet_is_read_once_for_all_its_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files.open([save(tmp_path, a=[["sample_id", "label"], ["r1", "cat"], ["r2", None]])])
    monkeypatch.setattr(xlsx, "_read", lambda _: pytest.fail("read again"))
    assert files.column("label").to_pylist() == ["cat", None]
    assert files.column("sample_id").to_pylist() == ["r1", "r2"]
    assert files.row_ids().to_pylist() == ["t.xlsx:0", "t.xlsx:1"]


@pytest.mark.parametrize("name", ["t.xlsx", "t.csv"])
def test_names_that_are_there_twice_do_not_hinder_the_other_columns(tmp_path: Path, name: str) -> None:
    save(tmp_path, a=[["x", "x", "sample_id"], ["1", "2", "r1"]])
    (tmp_path / "t.csv").write_text("x,x,sample_id\n1,2,r1\n")
    files = Files.open([Place.parse(tmp_path / name)])
    assert files.column("sample_id").to_pylist() == ["r1"]
