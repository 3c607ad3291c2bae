"""SARIF 2.1.0, as GitHub code scanning reads it: one result for each flagged row whose image is a file there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from noisecleaner import __version__
from noisecleaner.errors import NoisecleanerError
from noisecleaner.gate.flagged import FlaggedRow
from noisecleaner.gate.formats._sentences import left_out
from noisecleaner.gate.repository import Repository
from noisecleaner.gate.verdicts import Effect, Verdict
from noisecleaner.notices import Severity, doubts
from noisecleaner.texts import agreeing, counted, printable

#: Results that GitHub takes of one run.
MOST = 25_000
_RULE = "wrong-label"
_LEVELS = {Effect.FAILS: "error", Effect.UNDECIDED: "error", Effect.WARNS: "warning", Effect.PASSES: "note"}
_DOUBTS = {Severity.WARNING: "warning", Severity.VOID: "error"}
#: An image has no lines, but a place needs a region.
_REGION = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}


def render(verdict: Verdict) -> str:
    """Write the flagged rows as results, and the verdict with its warnings as notifications of the tool.

    Paths are those of the images below the working directory. A line in which a warning stands is also the help of the
    rule, because viewers that show results seldom show notifications.

    Raises:
        NoisecleanerError: rows are flagged, and none of their images is a file below the working directory.
    """
    rows = list(verdict.flagged.worst(MOST))
    places = _places(verdict, rows)
    results = [_result(row, place) for row, place in zip(rows, places, strict=True) if place is not None]
    told = [*_notifications(verdict), *_gaps(verdict, listed=len(rows), placed=len(results))]
    run = {
        "tool": {"driver": _driver(verdict)},
        "automationDetails": {"id": f"noisecleaner/{quote(printable(verdict.run))}/"},
        "invocations": [
            {
                "executionSuccessful": True,
                "exitCode": verdict.exit_code,
                "exitCodeDescription": _text(verdict.headline),
                "toolExecutionNotifications": told,
            }
        ],
        "columnKind": "utf16CodeUnits",
        "results": results,
    }
    content = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return f"{json.dumps(content, indent=1, allow_nan=False)}\n"


def _places(verdict: Verdict, rows: list[FlaggedRow]) -> list[str | None]:
    """Find the image of each row below the working directory."""
    source = verdict.flagged.source
    if source is None or not rows:
        return []
    repository = Repository(source.data, (row.path for row in rows), top=Path.cwd())
    places = [repository.file(row.path) for row in rows]
    if not any(places):
        raise NoisecleanerError(
            f"SARIF names images that are files below the working directory {repository.top}, but no flagged row of "
            f"{source.data} has one.",
            "Run the gate where the repository with the images is checked out; for images in tables, or elsewhere, use "
            "`format='gitlab'` or `format='junit'`.",
        )
    return places


def _driver(verdict: Verdict) -> dict[str, Any]:
    warnings = [f"Warning: {notice.message}" for notice in doubts(verdict.notices)]
    return {
        "name": "noisecleaner",
        "semanticVersion": __version__,
        "rules": [
            {
                "id": _RULE,
                "name": "WrongLabel",
                "shortDescription": {"text": "The label of this image looks wrong."},
                "fullDescription": {"text": "Its label quality is below the threshold that the run was scored with."},
                "help": {"text": "\n".join(map(_text, [verdict.headline, *warnings]))},
                "defaultConfiguration": {"level": "warning"},
            }
        ],
    }


def _result(row: FlaggedRow, place: str) -> dict[str, Any]:
    uri = {"uri": quote(place.encode(errors="replace")), "uriBaseId": "%SRCROOT%"}
    return {
        "ruleId": _RULE,
        "ruleIndex": 0,
        "level": "warning",
        "message": {"text": _text(row.sentence)},
        "locations": [{"physicalLocation": {"artifactLocation": uri, "region": _REGION}}],
        "partialFingerprints": {"primaryLocationLineHash": f"{_hash(row.sample_id)}:1"},
    }


def _hash(sample_id: str) -> str:
    return sha256(sample_id.encode(errors="replace")).hexdigest()


def _notifications(verdict: Verdict) -> Iterator[dict[str, Any]]:
    """The rows, each rule, and each warning."""
    yield _notification("note", "rows", verdict.counts.coverage)
    for finding in verdict.findings:
        words = f"{finding.rule} {finding.outcome}: {finding.message}"
        yield _notification(_LEVELS[verdict.effect(finding)], finding.rule, words)
    for notice in doubts(verdict.notices):
        yield _notification(_DOUBTS[notice.severity], notice.code, notice.message)


def _gaps(verdict: Verdict, *, listed: int, placed: int) -> Iterator[dict[str, Any]]:
    """What is not among the results."""
    more = left_out(verdict, listed)
    if more:
        yield _notification("warning", "flagged-rows-left-out", more)
    if placed < listed:
        rows = counted(listed - placed, "flagged row")
        words = f"{rows} {agreeing(listed - placed, 'has', 'have')} no image below the working directory: not listed."
        yield _notification("warning", "flagged-rows-elsewhere", words)


def _notification(level: str, code: str, message: str) -> dict[str, Any]:
    return {"level": level, "descriptor": {"id": printable(code)}, "message": {"text": _text(message)}}


def _text(text: str) -> str:
    """Write a text in which no link can begin: viewers make one of `[here](https://…)`."""
    return printable(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
