"""GitHub-flavoured Markdown: a headline and a table with a line for each rule."""

from __future__ import annotations

from noisecleaner.gate.verdicts import Effect, Finding, Verdict
from noisecleaner.texts import printable, shortened

#: GitHub takes 1 MiB for all summaries of a step.
MOST_BYTES = 900_000
_LONGEST = 4000  # characters of a cell
# as character references, which never form structure: a backslash would not do for all of them in every reader
_STRUCTURE = str.maketrans({c: f"&#{ord(c)};" for c in "|`<>&*_[]~\\#@!"})
_WORDS = {
    Effect.PASSES: "passes",
    Effect.WARNS: "warning",
    Effect.FAILS: "**error**",
    Effect.UNDECIDED: "**undecided**",
}


def render(verdict: Verdict, most_bytes: int = MOST_BYTES) -> str:
    """Write the verdict as Markdown.

    Args:
        verdict: what to write.
        most_bytes: what does not fit into so many bytes of UTF-8 is left out, and that is said.
    """
    head = f"### noisecleaner: {verdict.headline}\n\nRun: {_cell(verdict.run)}\n\n"
    head += "| rule | level | outcome | effect | value | limit | what was found |\n"
    head += "| --- | --- | --- | --- | --- | --- | --- |\n"
    left = most_bytes - len(head.encode()) - 100  # for the note
    lines: list[str] = []
    for finding in verdict.findings:
        line = _line(finding, verdict.effect(finding))
        left -= len(line.encode())
        if left < 0:
            break
        lines.append(line)
    missing = len(verdict.findings) - len(lines)
    note = f"\n{missing:,} more rules do not fit here; `--format json` has them all.\n" if missing else ""
    return head + "".join(lines) + note


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
    return shortened(printable(text), _LONGEST).translate(_STRUCTURE)
