"""Rows one by one: their record, how sure the label is, what is still open."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from support.exports import Row, by_hand, picture

from noisecleaner.export.copying import Copy
from noisecleaner.export.items import Item, class_numbers, column_names, items, renamed
from noisecleaner.ingest import Source, read_manifest


def copy_of(data: Path, notes: dict[str, object] | None = None) -> Copy:
    source = Source(str(data))
    manifest = read_manifest(source)
    return Copy(
        manifest=manifest, source=source, labels=manifest.given, keep=manifest.given >= 0, notes=pa.table(notes or {})
    )


def item(name: str | None, **known: object) -> Item:
    columns = {f"nc_{key}": value for key, value in known.items()}
    return Item(row=0, content=b"", label=0, name=name, split=None, columns=columns)


def test_rows_have_the_owners_columns_the_notes_and_where_they_were(tmp_path: Path) -> None:
    rows = [Row("1", "a", path="x/1.png"), Row("2", "b")]
    copy = copy_of(by_hand(tmp_path, rows, split=["train", "test"], size=[1, 2]).data, {"nc_note": ["n", "m"]})
    first, second = items(copy)
    assert (first.content, first.label, first.name, first.split) == (picture(0), 0, "a", "train")
    assert first.columns == {
        "sample_id": "1",
        "split": "train",
        "size": 1,
        "label": "a",
        "nc_note": "n",
        "nc_class": "a",
        "nc_split": "train",
        "nc_path": "x/1.png",
    }
    assert second.columns["nc_path"] == "2"
    assert column_names(copy) == list(first.columns)


def test_numbers_of_classes_are_the_owners(tmp_path: Path) -> None:
    by_hand(tmp_path, [Row("1", "a"), Row("2", "b")])
    assert class_numbers(copy_of(tmp_path / "data.parquet")) == [0, 1]
    table = pa.table({"sample_id": ["1", "2"], "label": [8, 3], "image": [picture(0), picture(1)]})
    pa.parquet.write_table(table, tmp_path / "numbers.parquet")
    copy = copy_of(tmp_path / "numbers.parquet")
    assert dict(zip(copy.classes, class_numbers(copy), strict=True)) == {"3": 3, "8": 8}


def test_the_label_is_as_sure_as_the_scores_say_of_it() -> None:
    known = {"given_label": "a", "label_quality": 0.25, "suggested_label": "b", "suggested_confidence": 0.5}
    assert item("a", **known).confidence == 0.25
    assert item("b", **known).confidence == 0.5
    assert item("c", **known).confidence is None
    assert item("a", **known, verified=True).confidence is None
    assert item(None, **known).confidence is None
    assert item("a").confidence is None


def test_a_flagged_row_that_is_kept_is_an_open_question() -> None:
    known = {"given_label": "a", "suggested_label": "b", "suggested_confidence": 0.5}
    assert item("a", **known, flagged=True).suggestion == ("b", 0.5)
    assert item("a", **known, flagged=False).suggestion is None
    assert item("a", **known, flagged=True, verified=True).suggestion is None
    assert item("b", **known, flagged=True).suggestion is None


@given(st.lists(st.text(max_size=6), unique=True, max_size=8))
def test_names_that_a_tool_refuses_are_told_apart(names: list[str]) -> None:
    found = renamed(names, lambda name: not name.isidentifier())
    assert list(found) == names
    assert len(set(found.values())) == len(names)
    assert all(name.isidentifier() for name in found.values())
    assert all(found[name] == name for name in names if name.isidentifier())
