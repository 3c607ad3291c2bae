"""GitLab code quality: one entry for each flagged row, the worst hundred, beside one for each rule and each warning."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from noisecleaner.gate.formats._sentences import left_out
from noisecleaner.gate.repository import Repository
from noisecleaner.gate.verdicts import Effect, Verdict
from noisecleaner.notices import Severity, doubts
from noisecleaner.texts import printable

#: Flagged rows in a report: a merge request shows them all.
MOST = 100
_SEVERITIES = {Effect.FAILS: "blocker", Effect.UNDECIDED: "critical", Effect.WARNS: "major", Effect.PASSES: "info"}
_DOUBTS = {Severity.WARNING: "major", Severity.VOID: "critical"}


def render(verdict: Verdict) -> str:
    """Write the entries as a JSON array.

    GitLab compares fingerprints with those of the target branch: a row, a rule that fails and a warning keep theirs
    from run to run, whatever numbers stand in them, so that only what is new is shown as new. An image that is no file
    below the working directory is placed at the scores.
    """
    rows = list(verdict.flagged.worst(MOST))
    source = verdict.flagged.source
    repository = Repository(source.data if source else "", (row.path for row in rows), top=Path.cwd())
    scores = repository.relative(Path(verdict.run.replace("\0", "")) / "scores.parquet") or "scores.parquet"
    entries = list(_told(verdict, scores))
    more = left_out(verdict, len(rows))
    if more:
        entries.append(_entry("flagged-rows-left-out", more, "info", scores))
    for row in rows:
        place = repository.file(row.path) or scores
        entries.append(_entry("wrong-label", row.sentence, "minor", place, same=("row", row.sample_id)))
    return f"{json.dumps(entries, indent=1, allow_nan=False)}\n"


def _told(verdict: Verdict, place: str) -> Iterator[dict[str, Any]]:
    """The rows, each rule, and each warning."""
    yield _entry("rows", verdict.headline, "info", place)
    for finding in verdict.findings:
        words, severity = f"{finding.rule} {finding.outcome}: {finding.message}", _SEVERITIES[verdict.effect(finding)]
        yield _entry(finding.rule, words, severity, place, same=("rule", finding.outcome))
    seen: Counter[str] = Counter()
    for notice in doubts(verdict.notices):
        words = f"Warning ({notice.code}): {notice.message}"
        yield _entry(notice.code, words, _DOUBTS[notice.severity], place, same=("notice", str(seen[notice.code])))
        seen[notice.code] += 1


def _entry(check: str, words: str, severity: str, place: str, *, same: tuple[str, ...] = ()) -> dict[str, Any]:
    """One entry; `same` is what tells it from others of its check, also in the next run."""
    fingerprint = sha256(json.dumps([check, *same]).encode()).hexdigest()
    return {
        "description": printable(words),
        "check_name": f"noisecleaner/{printable(check)}",
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {"path": printable(place), "lines": {"begin": 1}},
    }
