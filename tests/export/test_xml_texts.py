"""Texts as XML can hold them."""

from __future__ import annotations

from xml.dom.minidom import parseString
from xml.sax.saxutils import quoteattr

from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.export.xml_texts import xml_names
from noisecleaner.texts import xml_text


def attribute(text: str) -> str:
    """What a parser reads where this text was written."""
    return parseString(f"<a b={quoteattr(text)}/>".encode()).documentElement.getAttribute("b")  # noqa: S318  # ours


@given(st.lists(st.text(max_size=12), max_size=12), st.integers(8, 20))
def test_any_texts_become_names_that_differ_and_survive_xml(texts: list[str], most: int) -> None:
    names = xml_names(texts, most)
    assert len(set(names)) == len(texts)
    assert all(0 < len(name) <= most for name in names)
    for name in names:
        assert attribute(name) == name


@given(st.text())
def test_text_without_what_xml_lacks_is_kept(text: str) -> None:
    kept = xml_text(text)
    assert len(kept) == len(text)
    assert all(a in (b, "\ufffd") for a, b in zip(kept, text, strict=True))
    assert attribute(kept) == kept


def test_markup_is_left_to_whoever_escapes_it() -> None:
    assert xml_text("<a & b>\t\n é 🐈") == "<a & b>\t\n é 🐈"
    assert xml_names(["<a>", " <a> ", "a\nb", ""], 64) == ["<a>", "<a>-2", "a b", "_"]
