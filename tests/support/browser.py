"""Pages in a real browser: Debian's Chromium, offline, driven by keys and clicks.

`.ci/run` installs it; elsewhere the tests that need it are skipped, and say so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

#: What drives the browser is optional, too.
playwright = pytest.importorskip("playwright.sync_api", reason="no playwright is installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-playwright-python is installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
#: In a container there is no sandbox, and nobody shall be asked for updates.
_SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


@dataclass(frozen=True)
class Tab:
    """A page that is open, and all that it asked for or complained of.

    Args:
        page: what Playwright drives it by.
        requests: addresses that it asked for, but for its own and what it carries inside.
        complaints: errors and warnings of its console, among them what its policy has stopped.
        dialogs: what it wanted to tell in a window.
    """

    page: playwright.Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    @property
    def calm(self) -> bool:
        """Whether it asked for nothing, and nothing went wrong."""
        return not (self.requests or self.complaints or self.dialogs)

    def violations(self) -> list[str]:
        """What axe-core finds that shuts people out: rule, and the first element."""
        found = axe.Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]

    def downloaded(self, click: str, folder: Path) -> Path:
        """Click on something, and save the file that comes under its own name."""
        with self.page.expect_download() as waiting:
            self.page.click(click)
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path


@contextmanager
def opened(
    browser: playwright.Browser,
    file: Path,
    *,
    width: int = 1000,
    height: int = 900,
    scheme: Literal["light", "dark"] = "light",
) -> Iterator[Tab]:
    """Open a file, with nothing stored from before, and close it again."""
    context = browser.new_context(
        offline=True, viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True
    )
    tab = Tab(context.new_page())
    tab.page.set_default_timeout(10_000)
    tab.page.on("request", lambda asked: tab.requests.append(asked.url) if _foreign(asked.url, file) else None)
    tab.page.on("console", lambda said: tab.complaints.append(said.text) if said.type in ("error", "warning") else None)
    tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.page.on("dialog", lambda asked: (tab.dialogs.append(asked.message), asked.dismiss()))
    try:
        tab.page.goto(file.as_uri())
        yield tab
    finally:
        context.close()


@contextmanager
def chromium() -> Iterator[playwright.Browser]:
    """Start the browser."""
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=_SWITCHES)
        try:
            yield started
        finally:
            started.close()


def _foreign(address: str, file: Path) -> bool:
    return not address.startswith(("data:", "blob:")) and address.partition("#")[0] != file.as_uri()
