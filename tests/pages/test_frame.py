"""The frame of a page: whatever it is told stays text, and only its own script runs."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from support.reports import read_page

from noisecleaner.pages.frame import Frame, environment, mark, styled, template


def frame(title: str = "title", foot: str = "") -> Frame:
    return Frame(mark=mark("kind"), title=title, style=".own {}", script="let own;", foot=foot)


def test_it_says_what_may_run_and_what_it_is() -> None:
    html = frame().around("<p>content</p>")
    assert html.index(mark("kind")) < 100
    nonces = re.findall(r"nonce[=-]\"?([A-Za-z0-9+/]{24})", html)
    assert len(nonces) == 4
    assert len(set(nonces)) == 1
    assert "default-src 'none'; img-src data:;" in html
    read = read_page(html)
    assert read.scripts == ["let own;"]
    assert "content" in read.text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_texts_stay_texts(title: str, foot: str) -> None:
    plain, read = read_page(frame().around("")), read_page(frame(title, foot).around(""))
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in plain.tags]
    assert " ".join(title.split()) in read.text
    assert " ".join(foot.split()) in read.text


def test_other_content_has_another_nonce() -> None:
    one, other = (frame().around(content) for content in ("one", "other"))
    assert one == frame().around("one")
    assert one.count("nonce=") == other.count("nonce=")
    assert re.findall('nonce="(.*?)"', one)[0] != re.findall('nonce="(.*?)"', other)[0]


def test_a_style_stands_behind_what_all_pages_share() -> None:
    assert styled("x").endswith("x")
    assert styled("").startswith(template("noisecleaner.pages", "base.css"))


def test_an_environment_escapes_and_has_the_filters_that_were_asked_for() -> None:
    made = environment("noisecleaner.pages", loud=str.upper)
    assert made.from_string("{{ text | loud }}").render(text="<b>") == "&lt;B&gt;"
    assert "loud" not in environment("noisecleaner.pages").filters
