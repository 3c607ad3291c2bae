"""The share of flagged rows among those that are scored."""

from __future__ import annotations

from noisecleaner.gate.rules import Case
from noisecleaner.gate.verdicts import Finding, Outcome
from noisecleaner.noise.rate import FOUR_DIGITS, percent
from noisecleaner.texts import agreeing

HELP = "Largest share of flagged rows among the scored."
UNIT = "share"
PLACE = 40


def judge(case: Case) -> Finding:
    """Judge the share, which is exact."""
    counts, limit = case.run.counts, case.limit.value
    share = counts.flagged / counts.scored
    message = f"{counts.flagged:,} of {counts.scored:,} scored rows {agreeing(counts.flagged)} flagged "
    message += f"({percent(share, FOUR_DIGITS)}); "
    message += f"at most {percent(limit, FOUR_DIGITS)} may be."
    return case.finding(Outcome.PASSED if share <= limit else Outcome.FAILED, message, value=share)
