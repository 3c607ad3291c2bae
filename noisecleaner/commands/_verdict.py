"""What a gate says of a verdict: a line for each finding and each doubt, and the headline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from noisecleaner.notices import doubts
from noisecleaner.texts import inert, legible, printable

if TYPE_CHECKING:
    from noisecleaner.gate.verdicts import Verdict

_EFFECTS = {"passes": "green", "warns": "yellow", "fails": "bold red", "undecided": "bold magenta"}
_SEVERITIES = {"warning": ("warning", "yellow"), "void": ("no rate", "bold magenta")}


def verdict_lines(verdict: Verdict, *, passed: bool = True) -> Iterator[Text]:
    """A line for each finding, also for those that pass if asked, and the headline."""
    for finding in verdict.findings:
        if finding.outcome == "passed" and not passed:
            continue
        style = _EFFECTS[verdict.effect(finding)]
        level = " (warn)" if finding.level == "warn" else ""
        rule = f"{finding.rule}{level}: "
        yield Text.assemble((f"{finding.outcome:<14}", style), (rule, "bold"), legible(finding.message))
    for notice in doubts(verdict.notices):
        word, style = _SEVERITIES[notice.severity]
        code = f"{printable(notice.code)}: "
        yield Text.assemble((f"{word:<14}", style), (code, "bold"), legible(notice.message))
    yield headline(verdict)


def headline(verdict: Verdict, more: str = "") -> Text:
    """The verdict in one line, and which run it is of."""
    return Text(inert(printable(f"{verdict.headline}: {verdict.run}{more}")), "bold")
