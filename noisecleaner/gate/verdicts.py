"""What became of the rules of a gate: findings, the verdict on all of them, and its exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from noisecleaner.gate.limits import Level, OnInconclusive, Unit
from noisecleaner.noise.rate import FOUR_DIGITS, TWO_DECIMALS, Interval, percent, points
from noisecleaner.notices import Notice

if TYPE_CHECKING:  # what there is to limit can be told without reading a table
    from noisecleaner.gate.flagged import FlaggedRows
    from noisecleaner.runs.row_counts import RowCounts

#: Of `Verdict.to_json`: higher where a key is gone or means something else; a new key changes nothing.
SCHEMA_VERSION = 1
#: Ids of flagged rows in JSON.
MOST_IDS = 1000
_NAMED = 20  # unknown classes in JSON


class Outcome(StrEnum):
    """What the data say about a rule, or the rules about the data."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Effect(StrEnum):
    """What a finding does to the gate."""

    PASSES = "passes"
    WARNS = "warns"
    FAILS = "fails"  # exit code 1
    UNDECIDED = "undecided"  # exit code 3


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What became of one rule.

    Args:
        rule: its name.
        unit: what its limit counts.
        level: what breaking it does.
        outcome: whether it is broken.
        limit: a share, or a number of rows.
        value: what was found, in the same unit; of the worst class for the rules about classes. None: unknown.
        low: lower end of its 95 % interval; None where there is none, as for counts, which are exact.
        high: upper end.
        message: one sentence, with what to do.
        classes: the classes that did not pass, worst first, at most 20.
        seconds: how long it took to find out.
    """

    rule: str
    unit: Unit
    level: Level
    outcome: Outcome
    limit: float
    value: float | None
    low: float | None
    high: float | None
    message: str
    classes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def shown_limit(self) -> str:
        """The limit as people write it."""
        if self.unit is Unit.ROWS:
            return f"at least {self.limit:,}"
        return f"at most {points(self.limit) if self.unit is Unit.POINTS else percent(self.limit, FOUR_DIGITS)}"

    @property
    def shown_value(self) -> str:
        """The value as people write it, with its interval."""
        if self.value is None:
            return "unknown"
        if self.unit is Unit.ROWS:
            return f"{self.value:,}"
        if self.low is None or self.high is None:
            return percent(self.value, FOUR_DIGITS)
        interval = Interval(value=self.value, low=self.low, high=self.high)
        return interval.points() if self.unit is Unit.POINTS else interval.words(TWO_DECIMALS)


@dataclass(frozen=True)
class Verdict:
    """What became of all rules.

    Args:
        run: the directory that was judged.
        findings: one for each rule.
        on_inconclusive: what an error rule that cannot be decided counts as, see `GateConfig`.
        counts: the rows of the run.
        flagged: those that are flagged.
        notices: what a reader of the findings must know.
    """

    run: str
    findings: tuple[Finding, ...]
    on_inconclusive: OnInconclusive | None = None
    _: KW_ONLY
    counts: RowCounts
    flagged: FlaggedRows
    notices: tuple[Notice, ...] = ()

    def worded(self, words: Callable[[str], str]) -> Verdict:
        """Return the verdict with its messages in the words of whoever reads them."""
        findings = tuple(replace(finding, message=words(finding.message)) for finding in self.findings)
        notices = tuple(replace(notice, message=words(notice.message)) for notice in self.notices)
        return replace(self, findings=findings, notices=notices)

    def effect(self, finding: Finding) -> Effect:
        """What a finding does to this gate."""
        if finding.outcome is Outcome.PASSED:
            return Effect.PASSES
        if finding.outcome is Outcome.INCONCLUSIVE and self.on_inconclusive is OnInconclusive.PASS:
            return Effect.PASSES
        if finding.level is Level.WARN:
            return Effect.WARNS
        if finding.outcome is Outcome.FAILED or self.on_inconclusive is OnInconclusive.FAIL:
            return Effect.FAILS
        return Effect.UNDECIDED if self.on_inconclusive is None else Effect.WARNS

    def count(self, effect: Effect) -> int:
        """How many findings have this effect."""
        return sum(self.effect(finding) is effect for finding in self.findings)

    @property
    def outcome(self) -> Outcome:
        """Failed beats inconclusive beats passed."""
        if self.count(Effect.FAILS):
            return Outcome.FAILED
        return Outcome.INCONCLUSIVE if self.count(Effect.UNDECIDED) else Outcome.PASSED

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 3 inconclusive."""
        return {Outcome.PASSED: 0, Outcome.FAILED: 1, Outcome.INCONCLUSIVE: 3}[self.outcome]

    @property
    def headline(self) -> str:
        """The verdict in one sentence, with the rows that it rests on and without the run's name."""
        names = {Effect.FAILS: "failed", Effect.UNDECIDED: "inconclusive", Effect.WARNS: "with a warning"}
        counts = [f"{self.count(effect)} {name}" for effect, name in names.items() if self.count(effect)]
        passed = f"{self.count(Effect.PASSES)} of {len(self.findings)} rules passed"
        verdict = f"Gate {self.outcome} (exit code {self.exit_code}): {', '.join([passed, *counts])}"
        return f"{verdict}; {self.counts.coverage}"

    def to_json(self) -> dict[str, Any]:
        """Describe the verdict as a JSON object; findings as `Finding` has them."""
        findings = [
            {
                "rule": finding.rule,
                "level": finding.level.value,
                "outcome": finding.outcome.value,
                "limit": finding.limit,
                "value": finding.value,
                "low": finding.low,
                "high": finding.high,
                "message": finding.message,
                "classes": list(finding.classes),
            }
            for finding in self.findings
        ]
        return {
            "schema_version": SCHEMA_VERSION,
            "outcome": self.outcome.value,
            "exit_code": self.exit_code,
            "run": self.run,
            "on_inconclusive": self.on_inconclusive.value if self.on_inconclusive else None,
            "coverage": self._coverage(),
            "notices": [notice.to_json() for notice in self.notices],
            "findings": findings,
            "flagged": self._flagged(),
        }

    def _flagged(self) -> dict[str, Any]:
        """How rows were flagged, how many, and the worst of them."""
        run, ids = self.flagged.run, [row.sample_id for row in self.flagged.worst(MOST_IDS)]
        cut = {"by": run.metadata.by, "threshold": run.metadata.threshold} if run else {}
        return {**cut, "rows": len(self.flagged), "left_out": len(self.flagged) - len(ids), "sample_ids": ids}

    def _coverage(self) -> dict[str, Any]:
        counts = self.counts
        return {
            "message": counts.coverage,
            "rows": counts.rows,
            "scored": counts.scored,
            "skipped": dict(counts.skipped),
            "unknown_classes": dict(islice(counts.unknown_classes.items(), _NAMED)),
        }
