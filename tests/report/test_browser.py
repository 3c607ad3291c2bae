"""A page in a real browser: no request, no error, no strange script, and filters that filter.

Debian's Chromium is asked without any library: it prints the page as its scripts have left it. A check of the page is a
script of its own, put in with the page's nonce.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from support.reports import HOSTILE, make_scored

from noisecleaner.api import report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Seen:
    """What a check found, and what the console said: also of each request that the page's policy has stopped."""

    found: Any
    console: list[str]


def look(page: Path, check: str, folder: Path, width: int = 1000) -> Seen:
    """Open a page and run a check, the body of a function, in it."""
    html = page.read_text("utf-8")
    nonce = re.findall(r'<script nonce="([^"]*)"', html)[0]
    tell = 'document.body.insertAdjacentHTML("beforeend", "<pre id=found></pre>");'
    tell += f"document.getElementById('found').textContent = JSON.stringify((() => {{ {check} }})());"
    copy = folder / "checked.html"
    copy.write_text(html.replace("</body>", f'<script nonce="{nonce}">{tell}</script></body>'), "utf-8")
    words = [str(CHROMIUM), *QUIET, f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900"]
    words += ["--enable-logging=stderr", "--dump-dom", copy.as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    (found,) = re.findall(r'<pre id="found">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    return Seen(json.loads(unescape(found)), re.findall(r".*CONSOLE.*", done.stderr))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    return report(make_scored(folder, names=HOSTILE), folder / "report.html").path


def test_it_opens_without_requests_errors_or_strange_scripts(page: Path, tmp_path: Path) -> None:
    check = "return [document.scripts.length, document.querySelectorAll('script:not([nonce])').length, "
    check += "performance.getEntriesByType('resource').filter((one) => !one.name.startsWith('data:')).length, "
    check += "document.images.length > 100, document.images[0].naturalWidth]"
    seen = look(page, check, tmp_path)
    assert seen.found == [2, 0, 0, True, 40]
    assert seen.console == []


def test_what_is_not_the_pages_own_does_not_run(page: Path, tmp_path: Path) -> None:
    """The test before would see it: a script without the nonce, and an image from elsewhere."""
    strange = tmp_path / "strange.html"
    more = "<script>document.title = 'strange'</script><img src='http://127.0.0.1:9/x.png' alt=''></body>"
    strange.write_text(page.read_text("utf-8").replace("</body>", more), "utf-8")
    seen = look(strange, "return document.title", tmp_path)
    assert seen.found == "Label noise of data.parquet"
    assert len(seen.console) == 2


def test_filters_choose_and_group_rows(page: Path, tmp_path: Path) -> None:
    check = """
    const at = (id) => document.getElementById(id), cards = () => [...document.querySelectorAll("#nc-cards > li")];
    const say = (name) => at(name).dispatchEvent(new Event("input", {bubbles: true}));
    const all = cards().length, told = at("nc-count").textContent;
    at("nc-given").value = "1"; say("nc-given");
    const given = cards().map((card) => card.dataset.given);
    at("nc-given").value = ""; at("nc-most").value = "0.1"; say("nc-most");
    const values = cards().map((card) => Number(card.dataset.value));
    at("nc-most").value = ""; at("nc-flagged").checked = true; say("nc-flagged");
    const flagged = cards().every((card) => "flagged" in card.dataset), few = cards().length;
    at("nc-grouped").checked = true; say("nc-grouped");
    const heads = document.querySelectorAll("#nc-cards > li.group").length;
    return {all, told, given, values, flagged, few, heads, hidden: at("nc-filters").hidden};
    """
    found = look(page, check, tmp_path).found
    content = json.loads(page.with_suffix(".json").read_text("utf-8"))["gallery"]["rows"]
    assert (found["all"], found["told"], found["hidden"]) == (200, "200 of 200 rows", False)
    second = sorted({row["given"] for row in content})[1]
    assert found["given"] == ["1"] * sum(row["given"] == second for row in content)
    assert found["values"] == [row["value"] for row in content if row["value"] <= 0.1]
    assert found["flagged"]
    flagged = [row for row in content if row["flagged"]]
    assert found["few"] == len(flagged)
    assert found["heads"] == len({(row["given"], row["suggested"]) for row in flagged})


def test_a_phone_does_not_scroll_sideways(page: Path, tmp_path: Path) -> None:
    """Chromium has no window as narrow as a phone: the page is shown in a part of one."""
    check = "document.body.style.width = '360px'; return [document.querySelector('main').scrollWidth, 360]"
    width, most = look(page, check, tmp_path).found
    assert width <= most
