"""Answers are of one picture and of one person, whatever the browser keeps, shares or loses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.browser import Tab, needs_browser, opened, playwright
from support.reports import photograph
from support.reviews import rows_of, table_of_bytes

from noisecleaner.api import review
from noisecleaner.ingest import Source

pytestmark = needs_browser

_FULL = """() => {
  let text = 'a'.repeat(1 << 20), number = 0;
  while (text) try { localStorage.setItem('fill' + number++, text); } catch { text = text.slice(0, text.length >> 1); }
}"""
_LATER = "for (const key of Object.keys(localStorage)) if (key.startsWith('fill')) localStorage.removeItem(key)"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page of six images of two classes."""
    data, plan = table_of_bytes(tmp_path, [f"i{row}" for row in range(6)], ["x", "y"] * 3)
    return review(plan, tmp_path / "verify.html", data=Source(str(data))).paths[0]


def press(tab: Tab, *keys: str) -> None:
    for key in keys:
        tab.page.wait_for_function("(document.querySelector('#rv-image img') || {complete: true}).complete")
        tab.page.keyboard.press(key)


def call(tab: Tab, name: str) -> None:
    """Type a name, and go on to something else."""
    tab.page.fill("#rv-name", name)
    tab.page.press("#rv-name", "Tab")


def leave(tab: Tab) -> None:
    tab.page.evaluate("document.activeElement.blur()")


def count(tab: Tab) -> str:
    return tab.page.inner_text("#rv-count").partition(".")[0]


def answers(table: Path) -> Counter[tuple[str, str]]:
    return Counter((row["trusted_label"], row["verifier"]) for row in rows_of(table))


def test_other_pictures_under_the_same_ids_are_open(browser: playwright.Browser, page: Path, tmp_path: Path) -> None:
    """Also those of another version of a dataset; what is still the same keeps its answers, and so does the first."""
    folder = page.parent
    with opened(browser, page) as tab:
        press(tab, *"111111")
        table = pq.read_table(folder / "data.parquet")
        images = [photograph(40 + row, (24, 18)) if row < 4 else one.as_py() for row, one in enumerate(table["image"])]
        pq.write_table(table.set_column(2, "image", [images]), folder / "second.parquet")
        other = review(folder / "plan.csv", folder / "other.html", data=Source(str(folder / "second.parquet"))).paths[0]
        tab.page.goto(other.as_uri())
        assert count(tab) == "2 answered, 4 open"
        press(tab, *"2222")
        tab.page.goto(page.as_uri())
        assert count(tab) == "6 answered, 0 open"
        call(tab, "ada")
        assert answers(tab.downloaded("#rv-download", tmp_path)) == {("x", "ada"): 6}


def test_answers_without_a_name_are_of_whoever_says_it_first(
    browser: playwright.Browser, page: Path, tmp_path: Path
) -> None:
    with opened(browser, page) as tab:
        press(tab, *"111")
        call(tab, "alice")
        leave(tab)
        press(tab, "1")
        tab.page.reload()
        press(tab, *"11")
        assert answers(tab.downloaded("#rv-download", tmp_path)) == {("x", "alice"): 6}
        assert tab.calm


def test_who_goes_on_for_another_has_the_own_rows_only(browser: playwright.Browser, page: Path, tmp_path: Path) -> None:
    with opened(browser, page) as tab:
        call(tab, "alice")
        leave(tab)
        press(tab, *"1111")
        call(tab, "bob")
        assert "Go on for alice" in tab.page.inner_text("#rv-who")
        assert tab.violations() == []
        tab.page.click("#rv-with")
        leave(tab)
        press(tab, *"22", "ArrowLeft", "ArrowLeft", "ArrowLeft")
        assert tab.page.inner_text("#rv-place") == "4 of 6 · answered by alice"
        tab.page.reload()
        assert not tab.page.is_visible("#rv-who")
        assert answers(tab.downloaded("#rv-download", tmp_path)) == {("x", "alice"): 4, ("y", "bob"): 2}


def test_who_looks_blind_sees_nothing_and_takes_nothing(
    browser: playwright.Browser, page: Path, tmp_path: Path
) -> None:
    """Also where the name was typed on another page, and in whatever case it is typed again."""
    with opened(browser, page) as tab:
        call(tab, "alice")
        leave(tab)
        press(tab, *"111111")
        tab.page.fill("#rv-name", "bob")
        tab.page.reload()
        assert tab.page.is_visible("#rv-who")
        assert tab.page.inner_text("#rv-count") == ""
        tab.page.click("#rv-blind")
        assert count(tab) == "0 answered, 6 open"
        press(tab, *"222222")
        assert answers(tab.downloaded("#rv-download", tmp_path)) == {("y", "bob"): 6}
        call(tab, " ALICE ")
        assert not tab.page.is_visible("#rv-who")
        assert count(tab) == "6 answered, 0 open"
        assert answers(tab.downloaded("#rv-download", tmp_path)) == {("x", "alice"): 6}
        tab.page.reload()
        call(tab, "Bob")
        assert answers(tab.downloaded("#rv-download", tmp_path)) == {("y", "bob"): 6}
        assert tab.calm


def test_who_does_not_choose_has_not_come(browser: playwright.Browser, page: Path) -> None:
    with opened(browser, page) as tab:
        call(tab, "alice")
        leave(tab)
        press(tab, "1")
        tab.page.fill("#rv-name", "bob")
        tab.page.click("#rv-download")
        assert tab.page.is_visible("#rv-who")
        press(tab, "1", "Escape")
        playwright.expect(tab.page.locator("#rv-name")).to_have_value("alice")
        assert count(tab) == "1 answered, 5 open"


def test_a_browser_that_is_full_loses_no_answer(browser: playwright.Browser, page: Path, tmp_path: Path) -> None:
    with opened(browser, page) as tab:
        press(tab, *"11")
        tab.page.evaluate(_FULL)
        press(tab, *"222", "u", "x", "1")
        assert count(tab) == "6 answered, 0 open"
        assert tab.page.is_visible("#rv-memory")
        call(tab, "ada")
        assert answers(tab.downloaded("#rv-download", tmp_path)) == {("x", "ada"): 3, ("y", "ada"): 2, ("", "ada"): 1}
        tab.page.evaluate(_LATER)
        leave(tab)
        press(tab, "u")
        assert tab.page.is_hidden("#rv-memory")
        tab.page.reload()
        assert count(tab) == "5 answered, 1 open"


def test_what_is_cleared_while_the_page_is_open_is_still_known(browser: playwright.Browser, page: Path) -> None:
    with opened(browser, page) as tab:
        press(tab, *"111")
        tab.page.evaluate("localStorage.clear()")
        press(tab, "2")
        assert count(tab) == "4 answered, 2 open"
        tab.page.reload()
        assert count(tab) == "4 answered, 2 open"


def test_what_cannot_be_read_is_nobodys_answer(browser: playwright.Browser, page: Path, tmp_path: Path) -> None:
    """It is open again once it can be read: in the browser, and in a file from before; on whichever page it stands."""
    folder = page.parent
    table = pq.read_table(folder / "data.parquet")
    broken = [b"no image" if row in (0, 5) else one.as_py() for row, one in enumerate(table["image"])]
    pq.write_table(table.set_column(2, "image", [broken]), folder / "broken.parquet")
    data = Source(str(folder / "broken.parquet"))
    first, second = review(folder / "plan.csv", folder / "lost.html", data=data, rows=3).paths
    with opened(browser, first) as tab:
        for one in (first, second):
            tab.page.goto(one.as_uri())
            press(tab, *"111")
        call(tab, "ada")
        saved = tab.downloaded("#rv-download", tmp_path)
        assert saved.name == "verified.csv"
        assert answers(saved) == {("x", "ada"): 4, ("", ""): 2}
        assert "label and name, because nobody looked" in tab.page.inner_text(".rv-save")
        tab.page.goto(page.as_uri())
        assert count(tab) == "4 answered, 2 open"
        tab.page.evaluate("localStorage.clear()")
        tab.page.reload()
        tab.page.set_input_files("#rv-load", saved)
        playwright.expect(tab.page.locator("#rv-told")).to_contain_text("Took 4 answers")
        assert count(tab) == "4 answered, 2 open"


def test_of_several_pages_the_last_one_names_the_whole_file(browser: playwright.Browser, page: Path) -> None:
    folder = page.parent
    data = Source(str(folder / "data.parquet"))
    first, second = review(folder / "plan.csv", folder / "part.html", data=data, rows=3).paths
    with opened(browser, first) as tab:
        assert tab.page.inner_text("#rv-download") == "Save verified-1.csv"
        press(tab, *"111")
        tab.page.goto(second.as_uri())
        assert tab.page.inner_text("#rv-download") == "Save verified.csv"
        assert "the verified.csv of the page that is finished last" in tab.page.inner_text(".rv-save")
