"""A person with a keyboard, in a real browser: keys, undo, reload, and files that the next command takes."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.browser import Tab, needs_browser, opened, playwright
from support.datasets import CLASSES, Command, embeddings, image_folder, png, write_trusted
from support.reports import HOSTILE, make_scored
from support.reviews import HOSTILE_IDS, data_of, keys_of, planned, rows_of, table_of_bytes

from noisecleaner.api import review
from noisecleaner.cli import main
from noisecleaner.ingest import Source, open_tables

pytestmark = needs_browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Pages of hostile labels: a plan, and flagged rows."""
    folder = tmp_path_factory.mktemp("pages")
    plan = planned(folder, new=30, names=HOSTILE)
    fix = review(folder / "run", folder / "fix.html", flagged=True, rows=25).paths[0]
    return {"audit": review(plan, folder / "verify.html").paths[0], "fix": fix}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of a plan without probabilities: ten images of three classes."""
    folder = tmp_path_factory.mktemp("small")
    data, plan = table_of_bytes(folder, [f"i{row}" for row in range(10)], ["newt", "nut", "cat", "dog", "cat"] * 2)
    return review(plan, folder / "verify.html", data=Source(str(data))).paths[0]


def press(tab: Tab, *keys: str) -> None:
    """Press keys, each one when the image before it is there."""
    for key in keys:
        tab.page.wait_for_function("(document.querySelector('#rv-image img') || {complete: true}).complete")
        tab.page.keyboard.press(key)


def place(tab: Tab) -> str:
    return tab.page.inner_text("#rv-place")


def said(tab: Tab) -> str:
    return tab.page.inner_text("#rv-said")


def save(tab: Tab, folder: Path, name: str = "Ada") -> Path:
    tab.page.fill("#rv-name", name)
    return tab.downloaded("#rv-download", folder)


@pytest.mark.parametrize("kind", ["audit", "fix"])
def test_it_asks_for_nothing_and_runs_nothing_strange(
    browser: playwright.Browser, pages: Mapping[str, Path], kind: str
) -> None:
    with opened(browser, pages[kind]) as tab:
        press(tab, "1", "2", "x", "n", "u", "/", "l", "Enter")
        assert place(tab).startswith("5 of ")
        assert tab.page.locator("#rv-classes button").count() == len(HOSTILE)
        assert tab.page.evaluate("document.querySelectorAll('script:not([nonce]):not([type])').length") == 0
        assert tab.page.evaluate("document.images.length") == 1
        assert tab.calm


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1000])
@pytest.mark.parametrize("kind", ["audit", "fix"])
def test_it_shuts_nobody_out(
    browser: playwright.Browser, pages: Mapping[str, Path], kind: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    with opened(browser, pages[kind], width=width, scheme=scheme) as tab:
        press(tab, "1", "ArrowLeft")
        assert tab.violations() == []
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        tab.page.fill("#rv-name", "Ada")
        press(tab, "Tab")
        tab.page.click("#rv-download")
        assert tab.violations() == []
        press(tab, "Escape")
        tab.page.click("#rv-ask")
        assert tab.violations() == []


def test_keys_answer_move_and_take_back(browser: playwright.Browser, small: Path) -> None:
    with opened(browser, small) as tab:
        assert place(tab) == "1 of 10"
        press(tab, "1")
        assert (place(tab), said(tab)) == ("2 of 10", "1: cat")
        press(tab, "x", "n")
        assert (place(tab), said(tab)) == ("4 of 10", "3: none of the classes")
        press(tab, "u")
        assert (place(tab), said(tab)) == ("3 of 10", "3: undone")
        press(tab, "ArrowLeft", "ArrowLeft")
        assert tab.page.get_attribute("#rv-classes button[data-answer='0']", "aria-pressed") == "true"
        press(tab, "Enter")
        assert place(tab) == "3 of 10"
        press(tab, "ArrowRight", "2")
        assert place(tab) == "5 of 10"
        assert tab.page.inner_text("#rv-count").startswith("3 answered, 7 open.")


def test_a_letter_finds_classes_and_commands_stay_commands(browser: playwright.Browser, small: Path) -> None:
    """`n` says none; behind `/` it begins the name of a class. A key that is held down answers one image."""
    with opened(browser, small) as tab:
        press(tab, "d", "Enter")
        assert (place(tab), said(tab)) == ("2 of 10", "1: dog")
        press(tab, "/", "n", "u", "Enter")
        assert (place(tab), said(tab)) == ("3 of 10", "2: nut")
        press(tab, "/", "n", "ArrowDown", "Enter")
        assert said(tab) == "3: nut"
        press(tab, "q", "Enter", "Escape", "n")
        assert said(tab) == "4: none of the classes"
        assert tab.page.input_value("#rv-find") == ""
        tab.page.keyboard.down("1")
        tab.page.keyboard.down("1")
        assert place(tab) == "6 of 10"


def test_everything_has_a_button_and_a_click_leaves_no_trap(browser: playwright.Browser, small: Path) -> None:
    with opened(browser, small, width=360) as tab:
        tab.page.click("#rv-classes button >> nth=1")
        tab.page.click("#rv-cannot")
        tab.page.click("#rv-none")
        tab.page.click("#rv-undo")
        tab.page.click("#rv-next")
        tab.page.click("#rv-back")
        assert place(tab) == "3 of 10"
        tab.page.click("#rv-classes button >> nth=0")
        press(tab, "Enter")  # the next open one, not the same class again
        assert tab.page.inner_text("#rv-count").startswith("3 answered")


def test_answers_survive_a_reload(browser: playwright.Browser, small: Path) -> None:
    with opened(browser, small) as tab:
        press(tab, "1", "2", "x")
        tab.page.fill("#rv-name", "Ada")
        tab.page.reload()
        assert (place(tab), tab.page.input_value("#rv-name")) == ("4 of 10", "Ada")
        assert tab.page.inner_text("#rv-count").startswith("3 answered")
        assert tab.page.is_hidden("#rv-memory")


def test_where_a_browser_remembers_nothing_the_page_says_so(
    browser: playwright.Browser, small: Path, tmp_path: Path
) -> None:
    deaf = tmp_path / "deaf.html"
    forget = 'Object.defineProperty(window, "localStorage", { get() { throw new Error("no"); } });'
    deaf.write_text(small.read_text("utf-8").replace('"use strict";', f'"use strict"; {forget}', 1), "utf-8")
    with opened(browser, deaf) as tab:
        assert tab.page.is_visible("#rv-memory")
        press(tab, "1", "x", "u")
        assert place(tab) == "2 of 10"
        assert tab.calm


def test_answers_are_forgotten_when_one_says_so_twice(browser: playwright.Browser, small: Path) -> None:
    with opened(browser, small) as tab:
        press(tab, "1", "2", "?")
        tab.page.click("#rv-forget")
        press(tab, "?")
        assert tab.page.inner_text("#rv-count").startswith("2 answered")
        press(tab, "?")
        tab.page.click("#rv-forget")
        assert tab.page.inner_text("#rv-forget").startswith("Really forget 2?")
        tab.page.click("#rv-forget")
        assert tab.page.inner_text("#rv-count").startswith("0 answered")
        tab.page.reload()
        assert place(tab) == "1 of 10"


def test_half_a_plan_is_saved_only_when_one_says_so(browser: playwright.Browser, small: Path, tmp_path: Path) -> None:
    with opened(browser, small) as tab:
        press(tab, "1", "x")
        tab.page.click("#rv-download")
        assert "Say who you are" in tab.page.inner_text("#rv-told")
        tab.page.fill("#rv-name", "Ada")
        tab.page.click("#rv-download")
        assert "8 of 10 images have no answer yet" in tab.page.inner_text("#rv-half-text")
        saved = tab.downloaded("#rv-anyway", tmp_path)
    assert saved.name == "verified-unfinished.csv"
    answers = [(row["trusted_label"], row["verifier"]) for row in rows_of(saved)]
    assert sorted(answers) == [("", "")] * 8 + [("", "Ada"), ("cat", "Ada")]
    with opened(browser, small) as tab:  # another browser, which remembers nothing
        assert place(tab) == "1 of 10"
        tab.page.set_input_files("#rv-load", saved)
        tab.page.wait_for_function("document.getElementById('rv-told').textContent.startsWith('Took 2 answers')")
        assert place(tab) == "3 of 10"
        press(tab, *("2" for _ in range(8)))
        assert "All 10 images have an answer" in tab.page.inner_text("#rv-image")
        whole = save(tab, tmp_path, "Bob")
        assert tab.calm
    assert whole.name == "verified.csv"
    by = [row["verifier"] for row in rows_of(whole)]
    assert (by.count("Ada"), by.count("Bob")) == (2, 8)


def test_ids_come_back_exactly(browser: playwright.Browser, tmp_path: Path) -> None:
    labels = ['a "class", so', "b\nc"]
    data, plan = table_of_bytes(tmp_path, HOSTILE_IDS, [labels[row % 2] for row in range(len(HOSTILE_IDS))])
    made = review(plan, tmp_path / "verify.html", data=Source(str(data)))
    with opened(browser, made.paths[0]) as tab:
        press(tab, *("1" if row % 3 else "2" for row in range(len(HOSTILE_IDS))))
        saved = save(tab, tmp_path, 'O"Neill, A')
        tab.page.evaluate("localStorage.clear()")
        tab.page.reload()
        assert place(tab).startswith("1 of")
        tab.page.set_input_files("#rv-load", saved)
        tab.page.wait_for_function("document.getElementById('rv-told').textContent.startsWith('Took')")
        assert save(tab, tmp_path / "again").read_bytes() == saved.read_bytes()
    read = open_tables(str(saved))
    assert read is not None
    assert read.column("sample_id").to_pylist() == list(HOSTILE_IDS)
    rows = rows_of(saved)
    assert [row["sample_id"] for row in rows] == list(HOSTILE_IDS)
    assert {row["trusted_label"] for row in rows} == set(labels)
    assert {row["verifier"] for row in rows} == {'O"Neill, A'}


def test_pages_of_one_plan_know_of_each_other(browser: playwright.Browser, tmp_path: Path) -> None:
    data, plan = table_of_bytes(tmp_path, [f"i{row}" for row in range(6)], ["x", "y", "x"] * 2)
    first, second = review(plan, tmp_path / "verify.html", data=Source(str(data)), rows=3).paths
    with opened(browser, first) as tab:
        press(tab, "1", "1", "1")
        assert "Page 1 of 2; 3 open on other pages." in tab.page.inner_text("#rv-count")
        saved = save(tab, tmp_path)
        tab.page.goto(second.as_uri())
        press(tab, "2", "2", "2")
        whole = save(tab, tmp_path)
    assert (saved.name, whole.name) == ("verified-1.csv", "verified.csv")
    assert [bool(row["trusted_label"]) for row in rows_of(saved)].count(True) == 3
    assert sorted(row["trusted_label"] for row in rows_of(whole)) == ["x"] * 3 + ["y"] * 3
    with opened(browser, second) as tab:
        tab.page.set_input_files("#rv-load", saved)
        tab.page.wait_for_function("document.getElementById('rv-told').textContent.startsWith('Took 3 answers')")
        press(tab, "2", "2", "2")
        assert rows_of(save(tab, tmp_path / "other")) == rows_of(whole)


def test_linked_images_are_shown(browser: playwright.Browser, tmp_path: Path) -> None:
    truth = image_folder(tmp_path / "my data", 6)
    with (tmp_path / "plan.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("sample_id", "trusted_label"), *((name, "") for name in truth)])
    made = review(tmp_path / "plan.csv", tmp_path / "v.html", data=Source(str(tmp_path / "my data")), link_images=True)
    with opened(browser, made.paths[0]) as tab:
        shown = tab.page.locator("#rv-image img")
        assert shown.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 32
        assert tab.complaints == []
        next((tmp_path / "my data").rglob("*.png")).parent.rename(tmp_path / "gone")
        shutil.rmtree(tmp_path / "my data")
        tab.page.reload()
        tab.page.wait_for_function("document.getElementById('rv-image').textContent.includes('cannot show')")
        press(tab, "x")
        assert place(tab) == "2 of 6"


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images with embeddings, a run with 70 rows verified at random, scored, and what is true."""
    folder = tmp_path_factory.mktemp("audited")
    truth = embeddings(folder / "data.parquet", rows=900, width=3)
    rng = np.random.default_rng(0)
    images = pa.array([png(2 - CLASSES.index(truth[name]), rng, (8, 8)) for name in truth])
    table = pq.read_table(folder / "data.parquet").append_column("image", images)
    pq.write_table(table, folder / "data.parquet")
    (folder / "truth.json").write_text(json.dumps(truth))
    write_trusted(folder / "trusted.parquet", truth, every=13)
    fit = ["--embedding-column", "embedding", "--folds", "3", "--epochs", "4", "--out", str(folder / "run")]
    for words in (
        ["fit", str(folder / "data.parquet"), "--trusted", str(folder / "trusted.parquet"), *fit],
        ["score", str(folder / "run")],
    ):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 0
    return folder


def test_an_audit_by_keys_gives_the_rates_of_the_filled_plan(
    browser: playwright.Browser, fitted: Path, tmp_path: Path, command: Command
) -> None:
    truth = json.loads((fitted / "truth.json").read_text())
    run = shutil.copytree(fitted / "run", tmp_path / "run")
    assert command("plan", run, "--n", 200, "--out", tmp_path / "plan.parquet").code == 0
    written = command("review", tmp_path / "plan.parquet", "--out", tmp_path / "verify.html")
    assert written.code == 0, written.err
    assert "200 images" in written.out
    assert f"Next: noisecleaner score {run} --trusted verified.csv" in written.out
    data, keys = data_of(tmp_path / "verify.html"), keys_of(CLASSES)
    with opened(browser, tmp_path / "verify.html") as tab:
        press(tab, *(keys[truth[data["rows"][row][0]]] for row in data["shown"]))
        saved = save(tab, tmp_path)
        assert tab.calm
    plan = pq.read_table(tmp_path / "plan.parquet")
    filled = pa.array([truth[name] for name in plan["sample_id"].to_pylist()])
    pq.write_table(plan.set_column(3, "trusted_label", filled), tmp_path / "filled.parquet")
    other = shutil.copytree(run, tmp_path / "other")
    for place, table in ((run, saved), (other, tmp_path / "filled.parquet")):
        outcome = command("score", place, "--trusted", table)
        assert outcome.code == 0, outcome.err
    rates, others = (json.loads((place / "noise.json").read_text()) for place in (run, other))
    for one in (rates, others):
        del one["notices"]  # they name the file
    assert rates == others
    assert rates["overall"]["audited"] == 270
    assert pq.read_table(run / "report.parquet").equals(pq.read_table(other / "report.parquet"))


def test_rows_that_nobody_can_tell_are_said_and_do_not_stop_the_score(
    browser: playwright.Browser, fitted: Path, tmp_path: Path, command: Command
) -> None:
    truth = json.loads((fitted / "truth.json").read_text())
    run = shutil.copytree(fitted / "run", tmp_path / "run")
    assert command("plan", run, "--n", 30, "--out", tmp_path / "plan.parquet").code == 0
    assert command("review", tmp_path / "plan.parquet", "--out", tmp_path / "verify.html").code == 0
    data, keys = data_of(tmp_path / "verify.html"), keys_of(CLASSES)
    answers = [keys[truth[data["rows"][row][0]]] for row in data["shown"]]
    with opened(browser, tmp_path / "verify.html") as tab:
        press(tab, "x", "x", "n", *answers[3:])
        saved = save(tab, tmp_path)
    outcome = command("score", run, "--trusted", saved)
    assert outcome.code == 0, outcome.err
    assert "2 of 100 rows" in outcome.err + outcome.out
    unfinished = tmp_path / "half.csv"
    unfinished.write_text(saved.read_text().replace(",Ada", ",").replace(",green,", ",,"))
    refused = command("score", run, "--trusted", unfinished)
    assert refused.code == 2
    assert "must be verified as a whole" in refused.err


def test_second_looks_by_keys_are_taken_by_the_score(
    browser: playwright.Browser, fitted: Path, tmp_path: Path, command: Command
) -> None:
    truth = json.loads((fitted / "truth.json").read_text())
    run = shutil.copytree(fitted / "run", tmp_path / "run")
    assert command("plan", run, "--recheck", 20, "--out", tmp_path / "again.parquet").code == 0
    written = command("review", tmp_path / "again.parquet", "--out", tmp_path / "again.html")
    assert f"Next: noisecleaner score {run} --trusted second-looks.csv" in written.out
    data, keys = data_of(tmp_path / "again.html"), keys_of(CLASSES)
    with opened(browser, tmp_path / "again.html") as tab:
        press(tab, *(keys[truth[data["rows"][row][0]]] for row in data["shown"]))
        saved = save(tab, tmp_path, "Bob")
    assert list(rows_of(saved)[0]) == ["sample_id", "second_label", "verifier"]
    outcome = command("score", run, "--trusted", saved)
    assert outcome.code == 0, outcome.err
    scores = pq.read_table(run / "scores.parquet", columns=["second_label"])
    assert len(scores) - scores["second_label"].null_count == 20


def test_before_any_fit_rows_are_drawn_and_verified_by_keys(
    browser: playwright.Browser, fitted: Path, tmp_path: Path, command: Command
) -> None:
    truth = json.loads((fitted / "truth.json").read_text())
    vectors = ["--embedding-column", "embedding"]
    drawn = command("plan", fitted / "data.parquet", *vectors, "--n", 60, "--out", tmp_path / "plan.parquet")
    assert drawn.code == 0, drawn.err
    assert command("review", tmp_path / "plan.parquet", "--out", tmp_path / "verify.html").code == 0
    data, keys = data_of(tmp_path / "verify.html"), keys_of(CLASSES)
    with opened(browser, tmp_path / "verify.html") as tab:
        press(tab, "x", *(keys[truth[data["rows"][row][0]]] for row in data["shown"][1:]))
        saved = save(tab, tmp_path)
    words = ["--trusted", saved, *vectors, "--folds", "3", "--epochs", "2", "--out", tmp_path / "run"]
    outcome = command("fit", fitted / "data.parquet", *words)
    assert outcome.code == 0, outcome.err
    assert "59 of 60 rows filled" in outcome.err


def test_corrections_by_keys_are_taken_by_the_export(
    browser: playwright.Browser, fitted: Path, tmp_path: Path, command: Command
) -> None:
    written = command("review", fitted / "run", "--flagged", "--rows", 12, "--out", tmp_path / "fix.html")
    assert written.code == 0, written.err
    data = data_of(tmp_path / "fix.html")
    with opened(browser, tmp_path / "fix.html") as tab:
        tab.page.fill("#rv-name", "Ada")
        tab.page.click("#rv-download")
        assert tab.page.inner_text("#rv-told") == "There is no answer to save yet."
        tab.page.click("#rv-image")
        press(tab, "1", "2", "x", "n", "2", "b", "Enter")
        assert place(tab) == "7 of 12"
        saved = save(tab, tmp_path)
        assert tab.calm
    names, given, suggested = zip(*(data["rows"][row][:3] for row in data["shown"][:6]), strict=True)
    expected = {names[0]: CLASSES[given[0]], names[1]: CLASSES[suggested[1]], names[3]: "none"}
    expected |= {names[4]: CLASSES[suggested[4]], names[5]: "blue"}
    assert {row["sample_id"]: row["corrected_label"] for row in rows_of(saved)} == expected
    assert saved.name == "corrections.csv"
    words = ["--corrections", saved, "--out", tmp_path / "clean", "--format", "parquet"]
    outcome = command("export-clean", fitted / "run", *words)
    assert outcome.code == 0, outcome.err
    copied = {
        row["sample_id"]: row["label"]
        for row in pq.read_table(next((tmp_path / "clean").rglob("*.parquet"))).to_pylist()
    }
    assert {name: copied.get(name, "none") for name in expected} == expected


def test_it_paints_at_once(browser: playwright.Browser, tmp_path: Path) -> None:
    """A thousand images; the promise is a second on a quiet machine, and this one may be busy."""
    run = make_scored(tmp_path, rows=3_000)
    large = review(run, tmp_path / "fix.html", flagged=True, rows=1_000).paths[0]
    with opened(browser, large) as tab:
        assert tab.page.evaluate("document.images.length") == 1
        first = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        assert tab.page.evaluate(first) < 4_000


def test_a_list_of_classes_that_goes_on_shows_so(browser: playwright.Browser, tmp_path: Path) -> None:
    """Twelve classes fit beside the image; where they do not, the last one that is seen fades."""
    names = [f"class {number}" for number in range(12)]
    data, plan = table_of_bytes(tmp_path, [f"i{row}" for row in range(12)], names)
    page = review(plan, tmp_path / "verify.html", data=Source(str(data))).paths[0]
    fades = "getComputedStyle(document.getElementById('rv-classes')).maskImage !== 'none'"
    for height, expected in ((800, False), (600, True)):
        with opened(browser, page, width=1280, height=height) as tab:
            assert tab.page.evaluate(fades) is expected
            tab.page.locator("#rv-classes button").last.scroll_into_view_if_needed()
            tab.page.locator("#rv-classes").evaluate("(list) => list.scrollTo(0, list.scrollHeight)")
            playwright.expect(tab.page.locator("#rv-classes")).not_to_have_class("rv-classes rv-more")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_foot_begins_where_the_page_does(browser: playwright.Browser, small: Path, width: int) -> None:
    with opened(browser, small, width=width) as tab:
        lefts = [tab.page.locator(one).bounding_box() for one in ("h1", ".nc-foot p")]
        assert len({box["x"] for box in lefts if box}) == 1


def test_where_a_class_is_called_none_the_page_says_why_no_key_does(
    browser: playwright.Browser, tmp_path: Path
) -> None:
    data, plan = table_of_bytes(tmp_path, ["a", "b"], ["none", "x"])
    page = review(plan, tmp_path / "verify.html", data=Source(str(data))).paths[0]
    with opened(browser, page) as tab:
        assert tab.page.locator("#rv-none").count() == 0
        assert "because a class is called none" in tab.page.inner_text(".rv-answers")
        assert tab.violations() == []
