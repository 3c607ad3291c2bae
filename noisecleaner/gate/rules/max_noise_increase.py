"""The share of wrong labels minus that of a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from noisecleaner.gate.rules import Case
from noisecleaner.gate.rules._words import AT_RANDOM, SETTLED, decided, numbers, unmeasurable, verifying
from noisecleaner.gate.verdicts import Finding, Outcome
from noisecleaner.noise.estimate import Stratum
from noisecleaner.noise.intervals import difference, more_for_increase
from noisecleaner.noise.rate import points

if TYPE_CHECKING:
    from noisecleaner.gate.baseline import Baseline
    from noisecleaner.runs.scored_run import ScoredRun

HELP = "Largest rise of the share of wrong labels against `baseline`."
UNIT = "points"
PLACE = 30
COMPARES = True


def judge(case: Case) -> Finding:
    """Judge the difference by its interval; between runs of two tasks there is none."""
    baseline, limit = case.baseline, case.limit.value
    assert baseline is not None  # noqa: S101  # this rule compares
    may_rise = f"it may rise by at most {points(limit)}"
    if not baseline.comparable:
        other = "" if baseline.shares_rows else " and none of these rows"
        message = f"The noise cannot be compared with that of {baseline.name}, which has other classes{other}: "
        message += f"{baseline.differences()}; {may_rise}."
        return case.finding(Outcome.INCONCLUSIVE, message, value=None)
    new, old = case.run.noise.overall, baseline.scored.noise.overall
    change = difference(new=new.interval, old=old.interval) if new.interval and old.interval else None
    if change:
        other = "" if baseline.shares_rows else ", which has none of these rows"
        message = f"Against {baseline.name} with {numbers(old)}{other}, the share of wrong labels changed by "
        message += f"{change.points()}; {may_rise}"
    else:
        message = f"{_without(case, baseline)}; {may_rise}"
    outcome = decided(change, limit)
    if outcome is Outcome.INCONCLUSIVE and (reasons := _unmeasurable(case, baseline)):
        message += f", which cannot be told {reasons}"
    elif outcome is Outcome.INCONCLUSIVE:
        of_new, of_old = Stratum(new, case.run.counts.scored), Stratum(old, baseline.scored.counts.scored)
        more = more_for_increase(new=of_new, old=of_old, limit=limit)
        message += f", which cannot be told yet: {_advice(more, new=case.run, old=baseline.scored)}"
    return case.finding(outcome, f"{message}.", value=change.value if change else None, interval=change)


def _without(case: Case, baseline: Baseline) -> str:
    """Say which side has no interval."""
    sides = {"this run": case.run, baseline.name: baseline.scored}
    without = " and ".join(name for name, run in sides.items() if run.noise.overall.interval is None)
    return f"No interval is known of the noise of {without}"


def _unmeasurable(case: Case, baseline: Baseline) -> str:
    sides = {"in this run": case.run, f"in {baseline.name}": baseline.scored}
    return "; ".join(f"{where}: {reason}" for where, run in sides.items() if (reason := unmeasurable(run)))


def _advice(more: tuple[int, int] | None, *, new: ScoredRun, old: ScoredRun) -> str:
    """Say how many more rows to verify on which side."""
    if more is None:
        return "no row is left to verify"
    here, there = more
    sides = ((here, new, " of this run"), (there, old, " of the baseline"))
    words = [
        verifying(count, left=run.counts.scored - run.noise.overall.sample_size, of=of)
        for count, run, of in sides
        if count
    ]
    advice = ", and ".join(words)
    return advice if advice.endswith(SETTLED) else f"{advice}{AT_RANDOM}"
