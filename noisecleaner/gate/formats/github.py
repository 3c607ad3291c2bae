"""GitHub Actions: workflow commands, which become annotations, and the summary of a step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from noisecleaner.gate.formats import markdown
from noisecleaner.gate.verdicts import Effect, Finding, Verdict
from noisecleaner.texts import printable, shortened

_KINDS = {"error": (Effect.FAILS, Effect.UNDECIDED), "warning": (Effect.WARNS,), "notice": (Effect.PASSES,)}
_MOST = 10  # annotations of a kind that GitHub shows of a step
_LONGEST = 4000  # characters of a message: thirty of these are below 900 kB even if every one is escaped


def render(verdict: Verdict) -> str:
    """Write one workflow command for each rule, at most ten of each kind; the last then counts the others."""
    lines = []
    for kind, effects in _KINDS.items():
        lines += _commands(kind, [f for f in verdict.findings if verdict.effect(f) in effects])
    return "".join(f"{line}\n" for line in lines)


def append_summary(verdict: Verdict, path: Path) -> None:
    """Append the verdict to the step's summary, the file that `$GITHUB_STEP_SUMMARY` names, as far as it has room."""
    written = path.read_bytes() if path.exists() else b""
    gap = b"\n\n" if written else b""
    text = markdown.render(verdict, max(markdown.MOST_BYTES - len(written), 0)).encode(errors="replace")
    if len(written) + len(gap) + len(text) <= markdown.MOST_BYTES:
        with path.open("ab") as file:
            file.write(gap + text)


def _commands(kind: str, findings: Sequence[Finding]) -> list[str]:
    shown = findings if len(findings) <= _MOST else findings[: _MOST - 1]
    commands = [_command(kind, f"noisecleaner gate: {f.rule} {f.outcome}", f.message) for f in shown]
    if len(shown) < len(findings):
        commands.append(_command(kind, "noisecleaner gate", f"and {len(findings) - len(shown):,} more"))
    return commands


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    safe = shortened(printable(text), _LONGEST)
    return safe.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
