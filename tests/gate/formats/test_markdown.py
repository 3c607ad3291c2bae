"""`--format markdown`."""

from __future__ import annotations

import re
from pathlib import Path

from support.gates import check_markdown, counted, verdict

from noisecleaner.api import render
from noisecleaner.gate.formats import github, markdown
from noisecleaner.notices import Notice, Severity


def test_markdown_stays_below_900_kilobytes(tmp_path: Path) -> None:
    text = render("markdown", verdict(["<|é" * 9000] * 2000))
    assert 800_000 < len(text.encode()) < 900_000
    assert re.search(r"\n\n1,9\d\d more rules do not fit here; `--format json` has them all\.\n$", text)
    summary = tmp_path / "summary.md"
    for _ in range(5):
        github.append_summary(verdict(["<|é" * 9000] * 30), summary)
    assert 700_000 < summary.stat().st_size <= markdown.MOST_BYTES


def test_warnings_are_a_list_under_the_headline() -> None:
    notices = [Notice(code="few", message="a|b *c*\n# d"), Notice(code="picked", message="x", severity=Severity.VOID)]
    text = render("markdown", verdict(["y"], counts=counted(60, missing_file=140), notices=notices))
    lines = text.splitlines()
    assert lines[0].endswith("; scored 60 of 200 rows (140 missing_file)")
    assert lines[4:6] == ["- **Warning** (few): a&#124;b &#42;c&#42;�&#35; d", "- **No rate** (picked): x"]
    check_markdown(text, ["y"], ["a|b *c*�# d", "x"])


def test_warnings_that_do_not_fit_are_counted() -> None:
    notices = [Notice(code="x", message="<" * 4000)] * 100
    text = markdown.render(verdict(["y"], notices=notices), 100_000)
    assert len(text.encode()) <= 100_000
    assert re.search(r"\n- 9\d more warnings do not fit here; `--format json` has them all\.\n\n\|", text)


def test_an_underscore_is_escaped_but_inside_a_word() -> None:
    text = render("markdown", verdict(["missing_file _a_ b__c é_1 _"]))
    assert "missing_file &#95;a&#95; b&#95;&#95;c é_1 &#95;" in text
