"""A report in a real browser: no request, no error, no strange script, and filters that filter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.browser import needs_browser, opened, playwright
from support.reports import HOSTILE, make_scored

from noisecleaner.api import report

pytestmark = needs_browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    return report(make_scored(folder, names=HOSTILE), folder / "report.html").path


def test_it_opens_without_requests_errors_or_strange_scripts(browser: playwright.Browser, page: Path) -> None:
    check = "[document.scripts.length, document.querySelectorAll('script:not([nonce])').length, "
    check += "document.images.length > 100]"
    with opened(browser, page) as tab:
        assert tab.page.evaluate(check) == [1, 0, True]
        tab.page.locator("#nc-cards img").first.scroll_into_view_if_needed()  # they are loaded when they are seen
        seen = "(image) => image.decode().then(() => image.naturalWidth)"
        assert tab.page.locator("#nc-cards img").first.evaluate(seen) == 40
        assert tab.calm


def test_what_is_not_the_pages_own_does_not_run(browser: playwright.Browser, page: Path, tmp_path: Path) -> None:
    """The test before would see it: a script without the nonce, and an image from elsewhere."""
    strange = tmp_path / "strange.html"
    more = "<script>document.title = 'strange'</script><img src='http://127.0.0.1:9/x.png' alt=''></body>"
    strange.write_text(page.read_text("utf-8").replace("</body>", more), "utf-8")
    with opened(browser, strange) as tab:
        assert tab.page.title() == "Label noise of data.parquet"
        assert len(tab.complaints) == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1000])
def test_it_shuts_nobody_out(browser: playwright.Browser, page: Path, scheme: str, width: int) -> None:
    with opened(browser, page, width=width, scheme=scheme) as tab:
        # what is folded is judged, too
        tab.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert tab.violations() == []


def test_axe_would_see_what_shuts_people_out(browser: playwright.Browser, page: Path, tmp_path: Path) -> None:
    strange = tmp_path / "strange.html"
    html = page.read_text("utf-8")
    strange.write_text(html.replace("</main>", "<button></button></main>"), "utf-8")
    with opened(browser, strange) as tab:
        assert any(found.startswith("button-name") for found in tab.violations())


def test_filters_choose_and_group_rows(browser: playwright.Browser, page: Path) -> None:
    rows = json.loads(page.with_suffix(".json").read_text("utf-8"))["gallery"]["rows"]
    flagged = [row for row in rows if row["flagged"]]
    second = sorted({row["given"] for row in rows})[1]
    with opened(browser, page) as tab:
        cards = tab.page.locator("#nc-cards > li:not(.group)")
        assert tab.page.is_visible("#nc-filters")
        assert (cards.count(), tab.page.inner_text("#nc-count")) == (200, "200 of 200 rows")
        tab.page.select_option("#nc-given", "1")
        assert cards.count() == sum(row["given"] == second for row in rows)
        tab.page.select_option("#nc-given", "")
        tab.page.fill("#nc-most", "0.1")
        values = cards.evaluate_all("(cards) => cards.map((card) => Number(card.dataset.value))")
        assert values == [row["value"] for row in rows if row["value"] <= 0.1]
        tab.page.fill("#nc-most", "")
        tab.page.check("#nc-flagged")
        assert cards.count() == len(flagged)
        tab.page.check("#nc-grouped")
        pairs = {(row["given"], row["suggested"]) for row in flagged}
        assert tab.page.locator("#nc-cards > li.group").count() == len(pairs)


def test_a_phone_does_not_scroll_sideways(browser: playwright.Browser, page: Path) -> None:
    with opened(browser, page, width=360) as tab:
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_paper_shows_every_picture(browser: playwright.Browser, page: Path) -> None:
    """Those further down, too, which nobody has scrolled to."""
    with opened(browser, page) as tab:
        pictures = tab.page.locator("img[src^='data:']")
        assert pictures.count() > 100
        limit = "new Promise((done) => setTimeout(done, 3000))"
        pictures.evaluate_all(f"(all) => Promise.race([Promise.all(all.map((one) => one.decode())), {limit}])")
        assert pictures.evaluate_all("(all) => all.every((one) => one.naturalWidth > 0)")


def test_it_paints_at_once(browser: playwright.Browser, tmp_path: Path) -> None:
    """A thousand rows; the promise is a second on a quiet machine, and this one may be busy."""
    large = report(make_scored(tmp_path, rows=2_000), tmp_path / "report.html", rows=1_000).path
    with opened(browser, large) as tab:
        assert tab.page.locator("#nc-cards > li").count() == 1_000
        first = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        assert tab.page.evaluate(first) < 4_000


def test_what_goes_on_beside_the_edge_says_so(browser: playwright.Browser, tmp_path: Path) -> None:
    """A table that is wider than a phone; on a wide screen nothing is said."""
    run = make_scored(tmp_path, rows=400, names=[f"a long name of class {number}" for number in range(8)])
    wide = report(run, tmp_path / "wide.html", images=False).path
    told = "getComputedStyle(document.querySelector('.wide:has(.heat)'), '::before').content"
    for width, expected in ((360, '"scroll sideways to see all →"'), (1000, "none")):
        with opened(browser, wide, width=width) as tab:
            tab.page.wait_for_timeout(100)
            assert tab.page.evaluate(told) == expected
            assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
            assert tab.violations() == []
            number = tab.page.text_content("h1 strong") or ""
            assert number.endswith("\N{NO-BREAK SPACE}%")
