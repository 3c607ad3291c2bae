"""The rows whose given and true label are both known."""

from __future__ import annotations

from noisecleaner.gate.rules import Case
from noisecleaner.gate.rules._words import AT_RANDOM, unmeasurable
from noisecleaner.gate.verdicts import Finding, Outcome
from noisecleaner.texts import agreeing, counted

HELP = "Fewest verified rows."
UNIT = "rows"
PLACE = 60


def judge(case: Case) -> Finding:
    """Count the rows."""
    audited, limit = case.run.noise.overall.sample_size, int(case.limit.value)
    left = case.run.counts.scored - audited
    message = f"{counted(audited, 'row')} {agreeing(audited)} audited; at least {limit:,} must be"
    if audited < limit and (reason := unmeasurable(case.run)):
        message += f": {reason}"
    elif audited < limit:
        more = limit - audited
        message += (
            f": verify {more:,} more{AT_RANDOM}" if more <= left else f", and there are {counted(left, 'more row')}"
        )
    return case.finding(Outcome.PASSED if audited >= limit else Outcome.FAILED, f"{message}.", value=audited)
