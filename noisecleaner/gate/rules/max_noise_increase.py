"""The share of wrong labels minus that of a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from noisecleaner.gate.rules import Case
from noisecleaner.gate.rules._words import decided, numbers, quoted, verifying
from noisecleaner.gate.verdicts import Finding, Outcome
from noisecleaner.noise.intervals import difference, more_for_increase
from noisecleaner.noise.rate import FOUR_DIGITS, hundredths

if TYPE_CHECKING:
    from noisecleaner.runs.scored_run import ScoredRun

HELP = "Largest rise of the share of wrong labels against `baseline`."
UNIT = "share"
PLACE = 30
COMPARES = True
#: A change keeps its sign.
_SIGNED = "+.4g"


def judge(case: Case) -> Finding:
    """Judge the difference by its interval."""
    assert case.baseline is not None  # noqa: S101  # this rule compares
    new, old, limit = case.run.noise.overall, case.baseline.noise.overall, case.limit.value
    where = f"the baseline {quoted(str(case.baseline.path))}"
    change = difference(new=new.interval, old=old.interval) if new.interval and old.interval else None
    if change:
        message = f"Against {where} with {numbers(old)}, the share of wrong labels changed by "
        message += f"{hundredths(change.value, _SIGNED)} points ({change.ends(_SIGNED)})"
    else:
        without = " and ".join(name for name, rate in (("this run", new), (where, old)) if rate.interval is None)
        message = f"Too few rows are audited in {without} for an interval of the noise"
    message += f"; it may rise by at most {hundredths(limit, FOUR_DIGITS)} points"
    outcome = decided(change, limit)
    if outcome is Outcome.INCONCLUSIVE:
        more = more_for_increase(new=new, old=old, limit=limit)
        message += f", which cannot be told yet: {_advice(more, new=case.run, old=case.baseline)}"
    return case.finding(outcome, f"{message}.", value=change.value if change else None, interval=change)


def _advice(more: tuple[int, int] | None, *, new: ScoredRun, old: ScoredRun) -> str:
    """Say how many more rows to verify on which side."""
    if more is None:
        return "the difference is the limit, or so close to it that no number of audited rows would do"
    here, there = more
    for count, run, of in ((here, new, " of this run"), (there, old, " of the baseline")):
        left = run.counts.scored - run.noise.overall.sample_size
        if count > left:
            return verifying(count, left=left, of=of)
    also = f" and about {there:,} more of the baseline" if there else ""
    return f"verify about {here:,} more rows of this run{also}, drawn at random"
