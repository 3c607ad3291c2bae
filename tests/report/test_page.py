"""A page holds a user's text as text, needs nothing from outside, and is the same for the same report."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from support.reports import HOSTILE, Page, make_scored, read_page

from noisecleaner.notices import Notice, Severity
from noisecleaner.report.contents import Report
from noisecleaner.report.gathering import gather
from noisecleaner.report.page import MARK, fragment, page
from noisecleaner.runs.scored_run import ScoredRun


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return gather(ScoredRun(make_scored(tmp_path_factory.mktemp("page"))), rows=50)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    run = make_scored(tmp_path_factory.mktemp("hostile"), names=HOSTILE)
    return gather(ScoredRun(run), rows=50)


@pytest.fixture(scope="module")
def read(told: Report) -> Page:
    return read_page(page(told))


def test_the_first_sentence_and_every_number_of_the_tables_can_be_read(told: Report, read: Page) -> None:
    overall = told.summary.noise.overall
    assert overall.value is not None
    assert f"{100 * overall.value:.1f} % of the labels of “data.parquet” are wrong (95 % interval" in read.text
    assert "120 rows of 300 verified)." in read.text
    for line in told.remaining:
        assert f"{line.rows:,} {line.noise.words()}" in read.text
    for bar in told.classes:
        assert f"{bar.rows:,} {bar.flagged:,} {bar.noise.words()}" in read.text
    assert "Rows without a score reason rows such as truncated 1 r299" in read.text


def test_parts_stand_in_their_order(read: Page) -> None:
    places = {attributes["id"]: place for place, (tag, attributes) in enumerate(read.tags) if tag == "h2"}
    assert list(places) == ["nc-left", "nc-cut", "nc-classes", "nc-pairs", "nc-reliability", "nc-rows", "nc-odd"]


def test_hostile_labels_stay_text(hostile: Report, read: Page) -> None:
    html = page(hostile)
    found = read_page(html)
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in read.tags}
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    (script,) = found.scripts
    assert script == read.scripts[0]
    assert "</script><script>alert(1)</script>" in found.text
    assert "{{ 7 * 7 }}" in found.text
    assert "\u202e" not in html
    assert max(len(text) for text in found.texts) < 300


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ids_stay_text(told: Report, read: Page, name: str) -> None:
    rows = tuple(replace(row, sample_id=name, verified=name, lost=name) for row in told.gallery.rows)
    found = read_page(page(replace(told, dataset=f"/data/{name}", gallery=replace(told.gallery, rows=rows))))
    assert {tag for tag, _ in found.tags} == {tag for tag, _ in read.tags}
    assert {key for _, attributes in found.tags for key in attributes} == {key for _, a in read.tags for key in a}
    assert found.scripts == read.scripts
    assert len(found.of("li")) == 50


def test_only_its_own_script_and_style_run(read: Page) -> None:
    (policy,) = [a["content"] for a in read.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    (script,), (style,) = read.of("script"), read.of("style")
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert rules["script-src"] == rules["style-src"] == f"'nonce-{script['nonce']}'"
    assert script["nonce"] == style["nonce"]
    assert not [a for _, a in read.tags if "style" in a or "href" in a or (a.get("src") or "data:")[:5] != "data:"]


def test_it_names_no_address(told: Report) -> None:
    assert re.findall(r"https?://|//[a-z]+\.", page(told)) == []
    assert "url(" not in page(told)
    assert "@import" not in page(told)


def test_equal_reports_give_equal_bytes_and_others_another_nonce(told: Report) -> None:
    def nonce(html: str) -> str | None:
        return read_page(html).of("script")[0]["nonce"]

    assert page(told) == page(told)
    assert nonce(page(told)) != nonce(page(replace(told, skipped=())))


def test_each_chart_says_what_it_is(read: Page) -> None:
    ids = {attributes["id"] for _, attributes in read.tags if "id" in attributes}
    charts = read.of("svg")
    assert len(charts) == len(read.of("details")) == 3
    for chart in charts:
        assert chart["role"] == "img"
        assert set(str(chart["aria-labelledby"]).split()) <= ids
    every = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(every) == len(ids)


def test_warnings_stand_before_all_charts_and_void_ones_first(tmp_path: Path) -> None:
    notices = [
        Notice(code="how", message="Read as such.", severity=Severity.NOTE),
        Notice(code="odd", message="Something is odd."),
        Notice(code="void", message="Nothing was measured.", severity=Severity.VOID),
    ]
    read = read_page(page(gather(ScoredRun(make_scored(tmp_path, notices=notices)), rows=5)))
    boxes = [a["class"] for tag, a in read.tags if tag == "p" and (a.get("class") or "").startswith("box")]
    assert boxes == ["box void", "box warning"]
    assert "Read as such." not in read.text
    assert "No rate. How many labels of “data.parquet” are wrong cannot be told" in read.text
    assert read.of("svg") == []
    assert re.findall(r"\d[\d.]* % of the labels", read.text) == []
    assert read.text.index("Nothing was measured.") < read.text.index("Something is odd.")
    assert read.text.index("Something is odd.") < read.text.index("What would remain")


def test_a_notebook_sees_numbers_and_charts_and_no_script(told: Report) -> None:
    read = read_page(fragment(told))
    assert len(read.of("svg")) == 3
    assert read.scripts == []
    assert read.of("button") == read.of("img") == read.of("form") == []
    assert "Rows to look at first" not in read.text


def test_the_mark_stands_at_the_beginning(told: Report) -> None:
    assert MARK in page(told)[:200]


def test_buttons_of_pairs_choose_labels_that_the_filters_have(read: Page, told: Report) -> None:
    options = {a["value"] for a in read.of("option")} - {""}
    buttons = [a for a in read.of("button") if "data-given" in a]
    assert len(buttons) == len(told.confusions)
    assert {b["data-given"] for b in buttons} | {b["data-suggested"] for b in buttons} <= options
    cards = [a for a in read.of("li") if "data-value" in a]
    assert [float(card["data-value"] or "nan") for card in cards] == [row.value for row in told.gallery.rows]
    assert len(cards) == 50
