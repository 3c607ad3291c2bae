"""The rows whose given and true label are both known."""

from __future__ import annotations

from noisecleaner.gate.rules import Case
from noisecleaner.gate.verdicts import Finding, Outcome

HELP = "Fewest verified rows."
UNIT = "rows"
PLACE = 60


def judge(case: Case) -> Finding:
    """Count the rows."""
    audited, limit = case.run.noise.overall.sample_size, case.limit.value
    message = f"{audited:,} rows are audited; at least {limit:,} must be"
    if audited < limit:
        message += f": verify {limit - audited:,} more, drawn at random"
    return case.finding(Outcome.PASSED if audited >= limit else Outcome.FAILED, f"{message}.", value=audited)
