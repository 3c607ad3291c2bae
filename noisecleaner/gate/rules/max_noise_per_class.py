"""The share of wrong labels among the rows of each given label."""

from __future__ import annotations

from noisecleaner.gate.rules import Case
from noisecleaner.gate.rules._words import decided, listed, numbers, quoted, unmeasurable, verifying
from noisecleaner.gate.verdicts import Finding, Outcome
from noisecleaner.noise.estimate import Stratum
from noisecleaner.noise.intervals import more_for_limit
from noisecleaner.noise.rate import FOUR_DIGITS, UNKNOWN, Rate, percent
from noisecleaner.texts import agreeing

HELP = "The same in each class."
UNIT = "share"
PLACE = 20
#: The worst class decides.
_WORST_FIRST = (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED)


def judge(case: Case) -> Finding:
    """Judge the noise of each class by its interval."""
    rates = _judged(case)
    limit = case.limit.value
    outcomes = {name: decided(rate.interval, limit) for name, rate in rates.items()}
    worst = sorted(rates, key=lambda name: (_WORST_FIRST.index(outcomes[name]), -(rates[name].value or 0)))
    failed, unclear = ([name for name in worst if outcomes[name] is outcome] for outcome in _WORST_FIRST[:2])
    parts = [f"At most {percent(limit, FOUR_DIGITS)} of the labels of a class may be wrong"]
    if failed:
        described = listed(failed, lambda name: f"{quoted(name)} {numbers(rates[name])}")
        parts.append(
            f"{len(failed):,} of {len(rates):,} classes {agreeing(len(failed), 'has', 'have')} more: {described}"
        )
    if unclear:
        described = listed(unclear, lambda name: _unclear(name, case))
        parts.append(f"{len(unclear):,} of {len(rates):,} classes cannot be told yet: {described}")
        parts += filter(None, [unmeasurable(case.run)])
    if not failed and not unclear:
        parts.append(f"none of {len(rates):,} classes has more")
    first = rates[worst[0]] if worst else UNKNOWN
    outcome = outcomes[worst[0]] if worst else Outcome.INCONCLUSIVE
    message = f"{'; '.join(parts)}."
    return case.finding(outcome, message, value=first.value, interval=first.interval, classes=[*failed, *unclear])


def _judged(case: Case) -> dict[str, Rate]:
    """Leave out classes without rows: of these no label is wrong, and none could ever be audited."""
    counts = case.run.counts.classes
    return {
        name: rate
        for name, rate in case.run.noise.per_class.items()
        if counts[name].scored or counts[name].skipped or rate.sample_size
    }


def _unclear(name: str, case: Case) -> str:
    """Say what is known of a class, and how many more of its scored rows to verify."""
    rate, counts = case.run.noise.per_class[name], case.run.counts.classes[name]
    if not counts.scored and not rate.sample_size:
        return f"{quoted(name)} unknown (none of its {counts.skipped:,} rows is scored)"
    if unmeasurable(case.run):
        return f"{quoted(name)} {numbers(rate)}"
    more = more_for_limit(Stratum(rate, counts.scored), case.limit.value)
    how = "at least" if rate.value is None else "about"
    if more is None:
        verify = "no row is left to verify"
    else:
        verify = verifying(more, left=counts.scored - rate.sample_size, how=how)
    return f"{quoted(name)} {numbers(rate)}, {verify}"
