"""GitHub-flavoured Markdown: a headline, a list of warnings, and a table with a line for each rule."""

from __future__ import annotations

import re
from collections.abc import Iterable

from noisecleaner.gate.verdicts import Effect, Finding, Verdict
from noisecleaner.notices import Notice, Severity, doubts
from noisecleaner.texts import printable, shortened

#: GitHub takes 1 MiB for all summaries of a step.
MOST_BYTES = 900_000
_LONGEST = 4000  # characters of a cell
# as character references, which never form structure: a backslash would not do for all of them in every reader
_STRUCTURE = re.compile(r"[|`<>&*\[\]~\\#@!]|(?<![^\W_])_|_(?![^\W_])")  # inside a word `_` is a letter
_WORDS = {
    Effect.PASSES: "passes",
    Effect.WARNS: "warning",
    Effect.FAILS: "**error**",
    Effect.UNDECIDED: "**undecided**",
}
_SEVERITIES = {Severity.WARNING: "Warning", Severity.VOID: "No rate"}
_NOTE_BYTES = 100  # for telling what does not fit


def render(verdict: Verdict, most_bytes: int = MOST_BYTES) -> str:
    """Write the verdict as Markdown.

    Args:
        verdict: what to write.
        most_bytes: what does not fit into so many bytes of UTF-8 is left out, and that is said.
    """
    head = f"### noisecleaner: {_cell(verdict.headline)}\n\nRun: {_cell(verdict.run)}\n\n"
    notices = doubts(verdict.notices)
    warnings = _fitting(map(_item, notices), most_bytes - len(head.encode()) - 2 * _NOTE_BYTES)
    table = "| rule | level | outcome | effect | value | limit | what was found |\n"
    table += "| --- | --- | --- | --- | --- | --- | --- |\n"
    more = _missing("warnings", len(notices) - len(warnings))
    parts = [head, *warnings, f"- {more}" if more else "", "\n" if notices else "", table]
    left = most_bytes - sum(len(part.encode()) for part in parts) - _NOTE_BYTES
    lines = _fitting((_line(finding, verdict.effect(finding)) for finding in verdict.findings), left)
    note = _missing("rules", len(verdict.findings) - len(lines))
    return "".join([*parts, *lines, "\n" if note else "", note])


def _fitting(lines: Iterable[str], most_bytes: int) -> list[str]:
    """Take lines for as long as they fit."""
    taken: list[str] = []
    for line in lines:
        most_bytes -= len(line.encode())
        if most_bytes < 0:
            break
        taken.append(line)
    return taken


def _missing(what: str, count: int) -> str:
    return f"{count:,} more {what} do not fit here; `--format json` has them all.\n" if count else ""


def _item(notice: Notice) -> str:
    return f"- **{_SEVERITIES[notice.severity]}** ({_cell(notice.code)}): {_cell(notice.message)}\n"


def _line(finding: Finding, effect: Effect) -> str:
    cells = (
        finding.rule,
        finding.level,
        finding.outcome,
        _WORDS[effect],
        finding.shown_value,
        finding.shown_limit,
        _cell(finding.message),
    )
    return f"| {' | '.join(cells)} |\n"


def _cell(text: str) -> str:
    return _STRUCTURE.sub(lambda found: f"&#{ord(found[0])};", shortened(printable(text), _LONGEST))
