"""A page lies outside the dataset, in a directory, and replaces only pages of its own kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source
from noisecleaner.pages.frame import mark
from noisecleaner.pages.outputs import refuse_no_page, refuse_strangers


@pytest.mark.parametrize(
    ("out", "said"),
    [("page.json", "It is a page, but"), ("page", "End its name"), ("file/page.html", "file is no folder")],
)
def test_names_that_cannot_be_are_refused(tmp_path: Path, out: str, said: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NoisecleanerError, match=said):
        refuse_no_page(tmp_path / out, Source(str(tmp_path / "data.csv")), what="It is a page")


def test_a_dataset_gets_no_page(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="outside the dataset"):
        refuse_no_page(tmp_path / "page.html", Source(str(tmp_path)), what="It is a page")


def test_only_the_own_kind_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    refuse_strangers({page: mark("one")}, what="page")
    page.write_text(f"<!doctype html>{mark('one')}")
    refuse_strangers({page: mark("one")}, what="page")
    with pytest.raises(NoisecleanerError, match=r"only replaces an earlier page, but .*page\.html is something else"):
        refuse_strangers({page: mark("other")}, what="page")
