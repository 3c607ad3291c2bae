"""`--format markdown`."""

from __future__ import annotations

import re
from pathlib import Path

from support.gates import verdict

from noisecleaner.api import render
from noisecleaner.gate.formats import github, markdown


def test_markdown_stays_below_900_kilobytes(tmp_path: Path) -> None:
    text = render("markdown", verdict(["<|é" * 9000] * 2000))
    assert 800_000 < len(text.encode()) < 900_000
    assert re.search(r"\n\n1,9\d\d more rules do not fit here; `--format json` has them all\.\n$", text)
    summary = tmp_path / "summary.md"
    for _ in range(5):
        github.append_summary(verdict(["<|é" * 9000] * 30), summary)
    assert 700_000 < summary.stat().st_size <= markdown.MOST_BYTES
