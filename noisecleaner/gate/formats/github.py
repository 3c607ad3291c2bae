"""GitHub Actions: workflow commands, which become annotations, and the summary of a step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from noisecleaner.gate.formats import markdown
from noisecleaner.gate.verdicts import Effect, Verdict
from noisecleaner.notices import doubts
from noisecleaner.texts import printable, shortened

_KINDS = {Effect.FAILS: "error", Effect.UNDECIDED: "error", Effect.WARNS: "warning", Effect.PASSES: "notice"}
_MOST = 10  # annotations of a kind that GitHub shows of a step
_LONGEST = 4000  # characters of a message: thirty of these are below 900 kB even if every one is escaped


class _Annotation(NamedTuple):
    kind: str
    title: str
    message: str


def render(verdict: Verdict) -> str:
    """Write a workflow command for each rule and each warning, and one that tells how many rows were scored.

    There are at most ten of each kind; the last then counts the others.
    """
    annotations = _annotations(verdict)
    lines: list[str] = []
    for kind in ("error", "warning", "notice"):
        lines += _commands(kind, [annotation for annotation in annotations if annotation.kind == kind])
    return "".join(f"{line}\n" for line in lines)


def append_summary(verdict: Verdict, path: Path) -> None:
    """Append the verdict to the step's summary, the file that `$GITHUB_STEP_SUMMARY` names, as far as it has room."""
    written = path.read_bytes() if path.exists() else b""
    gap = b"\n\n" if written else b""
    text = markdown.render(verdict, max(markdown.MOST_BYTES - len(written), 0)).encode(errors="replace")
    if len(written) + len(gap) + len(text) <= markdown.MOST_BYTES:
        with path.open("ab") as file:
            file.write(gap + text)


def _annotations(verdict: Verdict) -> list[_Annotation]:
    coverage = _Annotation("notice", "rows", verdict.counts.coverage)
    rules = [_Annotation(_KINDS[verdict.effect(f)], f"{f.rule} {f.outcome}", f.message) for f in verdict.findings]
    warnings = [_Annotation("warning", notice.code, notice.message) for notice in doubts(verdict.notices)]
    return [coverage, *rules, *warnings]


def _commands(kind: str, annotations: Sequence[_Annotation]) -> list[str]:
    shown = annotations if len(annotations) <= _MOST else annotations[: _MOST - 1]
    commands = [_command(kind, f"noisecleaner gate: {told.title}", told.message) for told in shown]
    if len(shown) < len(annotations):
        commands.append(_command(kind, "noisecleaner gate", f"and {len(annotations) - len(shown):,} more"))
    return commands


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    safe = shortened(printable(text), _LONGEST)
    return safe.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
