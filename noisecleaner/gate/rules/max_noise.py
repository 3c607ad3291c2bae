"""The share of wrong labels among all rows."""

from __future__ import annotations

from noisecleaner.gate.rules import Case
from noisecleaner.gate.rules._words import AT_RANDOM, decided, numbers, unmeasurable, verifying
from noisecleaner.gate.verdicts import Finding, Outcome
from noisecleaner.noise.estimate import Stratum
from noisecleaner.noise.intervals import more_for_limit
from noisecleaner.noise.rate import FOUR_DIGITS, Rate, percent

HELP = "Largest share of wrong labels."
UNIT = "share"
PLACE = 10


def judge(case: Case) -> Finding:
    """Judge the noise by its interval."""
    rate, limit = case.run.noise.overall, case.limit.value
    outcome = decided(rate.interval, limit)
    message = f"{_wrong(rate)}; at most {percent(limit, FOUR_DIGITS)} may be"
    if outcome is Outcome.INCONCLUSIVE and (reason := unmeasurable(case.run)):
        message += f", which cannot be told: {reason}"
    elif outcome is Outcome.INCONCLUSIVE:
        message += f", which cannot be told yet: {_advice(rate, limit, rows=case.run.counts.scored)}"
    return case.finding(outcome, f"{message}.", value=rate.value, interval=rate.interval)


def _wrong(rate: Rate) -> str:
    if rate.value is None:
        return f"The share of wrong labels is {numbers(rate)}"
    return f"{numbers(rate)} of the labels are wrong"


def _advice(rate: Rate, limit: float, *, rows: int) -> str:
    """Say how many more of the scored rows to verify."""
    more, left = more_for_limit(Stratum(rate, rows), limit), rows - rate.sample_size
    if more is None:
        return "no row is left to verify"
    if more >= left:
        return verifying(more, left=left)
    if rate.value is None:
        return f"verify at least {more:,} rows{AT_RANDOM} (so few do only if none of them is wrong)"
    return f"{verifying(more, left=left)}{AT_RANDOM}"
