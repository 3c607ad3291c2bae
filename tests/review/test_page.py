"""A page holds a user's texts as texts, whatever they are."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.reports import HOSTILE, read_page

from noisecleaner.ingest import Skip, Source
from noisecleaner.review.page import Leaf
from noisecleaner.review.pictures import Picture
from noisecleaner.review.sheet import FlaggedRow, Kind, Sheet, SheetRow

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def leaf(ids: list[str], classes: list[str], kind: Kind = Kind.AUDIT, lost: Skip | None = None) -> Leaf:
    rows: tuple[SheetRow, ...] | tuple[FlaggedRow, ...]
    if kind is Kind.FIX:
        rows = tuple(FlaggedRow(sample_id=name, given=0, suggested=None, value=0.1, confidence=None) for name in ids)
    else:
        rows = tuple(SheetRow(sample_id=name, probability=0.5) for name in ids)
    order = np.arange(len(ids))
    sheet = Sheet(
        kind=kind, classes=tuple(classes), none_label="none", rows=rows, order=order, numbers=order, source=Source("d")
    )
    picture = Picture(address="data:image/webp;base64,AAAA", print="0a")
    pictures = dict.fromkeys(range(len(ids)), lost or picture)
    prints = {} if lost else dict.fromkeys(pictures, "0a")
    missing = list(pictures) if lost else []
    return Leaf(
        sheet=sheet,
        pictures=pictures,
        prints=prints,
        missing=missing,
        number=1,
        of=1,
        policy="data:",
        back="`score(RUN)`",
    )


PLAIN = {kind: read_page(leaf(["a"], ["x", "y"], kind).html()) for kind in Kind}


@given(st.lists(TEXTS, min_size=1, max_size=3), st.lists(TEXTS, min_size=2, max_size=3), st.sampled_from(Kind))
def test_ids_and_labels_are_only_what_the_script_reads(ids: list[str], classes: list[str], kind: Kind) -> None:
    made = leaf(ids, classes, kind)
    read = read_page(made.html())
    tags = [tag for tag, attributes in read.tags if attributes.get("class") != "rv-picture"]
    assert tags == [tag for tag, attributes in PLAIN[kind].tags if attributes.get("class") != "rv-picture"]
    (data,) = (json.loads(text) for text in read.scripts if text.startswith('{"'))
    assert [row[0] for row in data["rows"]] == ids
    assert data["classes"] == classes


def test_hostile_labels_bring_no_tag() -> None:
    read = read_page(leaf(["a"], list(HOSTILE)).html())
    assert {tag for tag, _ in read.tags} == {tag for tag, _ in PLAIN[Kind.AUDIT].tags}
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]


def test_rows_without_a_picture_are_counted() -> None:
    read = read_page(leaf(["a", "b"], ["x", "y"], lost=Skip.MISSING_FILE).html())
    assert "2 images cannot be read ('missing file' 2): they stand in the file without label and name" in read.text
    assert "they are not in the file." in read_page(leaf(["a"], ["x", "y"], Kind.FIX, Skip.TRUNCATED).html()).text


def test_texts_of_ours_say_which_table_is_saved_and_what_takes_it() -> None:
    assert "Save verified.csv" in PLAIN[Kind.AUDIT].text
    assert "Save corrections.csv" in PLAIN[Kind.FIX].text
    assert "Then: score(RUN)" in PLAIN[Kind.RECHECK].text
