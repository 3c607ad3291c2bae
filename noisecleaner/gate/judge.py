"""`gate`: a scored run and rules -> a verdict."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from noisecleaner.errors import NoisecleanerError
from noisecleaner.gate.rules import Limit, Rule, Rules
from noisecleaner.gate.verdicts import Finding, Outcome, Verdict, percent
from noisecleaner.noise.intervals import clears, difference, more_for_increase, more_for_limit
from noisecleaner.noise.rate import FOUR_DIGITS, UNKNOWN, Interval, Rate, hundredths
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.texts import shortened

_LISTED = 5  # classes in a message
_NAMED = 20  # classes in a finding
_LONGEST = 80  # characters of a class name in a message
_Value = tuple[float | None, float | None, float | None]  # value, low and high


@dataclass(frozen=True)
class _Case:
    """What is judged, and how a judge words its finding."""

    rule: Rule
    limit: Limit
    scored: ScoredRun

    def found(
        self,
        outcome: Outcome,
        message: str,
        value: _Value,
        classes: Sequence[str] = (),
    ) -> Finding:
        rest = (*value, message, tuple(classes[:_NAMED]))
        return Finding(self.rule, self.limit.level, outcome, self.limit.value, *rest)


def gate(scored: Path, rules: Rules) -> Verdict:
    """Judge a scored run by rules.

    Noise is judged by its 95 % interval: it passes when the upper end is at or below the limit, fails when the lower
    end is above it, and is inconclusive otherwise. Everything else is counted exactly.

    Args:
        scored: a run directory after `score`, or the output of `score --data`.
        rules: see `rules.Rules`.

    Raises:
        NoisecleanerError: the run (or the baseline) has no usable scores, no row is scored, or both are the same.
    """
    run = _open(scored)
    baseline = read_baseline(rules, scored)
    findings = [_judge(_Case(rule, rules.limits[rule], run), baseline) for rule in Rule if rule in rules.limits]
    return Verdict(str(scored), tuple(findings), rules.on_inconclusive)


def read_baseline(rules: Rules, scored: Path) -> ScoredRun | None:
    """Read what the rules compare with, if they do.

    Raises:
        NoisecleanerError: it has no usable scores, or is the run that is judged.
    """
    if rules.baseline is None:
        return None
    if os.path.realpath(rules.baseline) == os.path.realpath(scored):  # unlike resolve(), also of a ring of links
        raise NoisecleanerError(
            f"The baseline must be another run, but {rules.baseline} is the one that is judged.",
            "Name the run to compare with: --baseline RUN.",
        )
    return _open(rules.baseline)


def _open(path: Path) -> ScoredRun:
    """Open a scored run.

    Raises:
        NoisecleanerError: it has no usable scores, or no row is scored.
    """
    if not ScoredRun.has_scores(path):
        found = "has not been scored yet" if path.is_dir() else "does not exist"
        raise NoisecleanerError(
            f"A gate needs a run that has been scored, but {path} {found}.", f"Score it: `score({str(path)!r})`"
        )
    run = ScoredRun(path)
    if not run.counts.scored:
        raise NoisecleanerError(
            f"A gate needs scored rows, but {path / 'scores.parquet'} has none: an empty table must not pass.",
            "See its skip_reason column for why rows were left out.",
        )
    return run


def _judge(case: _Case, baseline: ScoredRun | None) -> Finding:
    match case.rule:
        case Rule.MAX_NOISE:
            return _noise(case)
        case Rule.MAX_NOISE_PER_CLASS:
            return _noise_per_class(case)
        case Rule.MAX_NOISE_INCREASE:
            assert baseline is not None  # noqa: S101  # `Rules` has refused that
            return _noise_increase(case, baseline)
        case Rule.MAX_FLAGGED:
            return _flagged(case)
        case Rule.MIN_KEPT_PER_CLASS:
            return _kept_per_class(case)
        case Rule.MIN_AUDITED:
            return _audited(case)


def _noise(case: _Case) -> Finding:
    measured, limit = case.scored.noise.overall, case.limit.value
    outcome = _outcome(measured.interval, limit)
    message = f"{_wrong(measured)}; at most {percent(limit)} may be"
    if outcome is Outcome.INCONCLUSIVE:
        message += f", which cannot be told yet: {_advice(measured, limit, case.scored.counts.scored)}"
    return case.found(outcome, f"{message}.", (measured.value, measured.low, measured.high))


def _noise_per_class(case: _Case) -> Finding:
    # of a class without rows no label is wrong, and none could ever be audited
    limit = case.limit.value
    judged = {
        name: m
        for name, m in case.scored.noise.per_class.items()
        if case.scored.counts.classes[name].scored or m.sample_size
    }
    outcomes = {name: _outcome(measured.interval, limit) for name, measured in judged.items()}
    ranks = [Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED]
    worst = sorted(judged, key=lambda name: (ranks.index(outcomes[name]), -(judged[name].value or 0)))
    failed, unclear = ([name for name in worst if outcomes[name] is outcome] for outcome in ranks[:2])
    parts = [f"at most {percent(limit)} of the labels of a class may be wrong"]
    if failed:
        described = _list(failed, lambda name: f"{_quoted(name)} {_numbers(judged[name])}")
        parts.append(f"{len(failed):,} of {len(judged):,} classes have more: {described}")
    if unclear:
        described = _list(unclear, lambda name: _unclear(name, judged[name], limit))
        parts.append(f"{len(unclear):,} of {len(judged):,} classes cannot be told yet: {described}")
    if not failed and not unclear:
        parts.append(f"none of {len(judged):,} classes has more")
    message = "; ".join(parts) + "."
    first = judged[worst[0]] if worst else UNKNOWN
    outcome = outcomes[worst[0]] if worst else Outcome.INCONCLUSIVE
    value = first.value, first.low, first.high
    return case.found(outcome, message[0].upper() + message[1:], value, [*failed, *unclear])


def _noise_increase(case: _Case, baseline: ScoredRun) -> Finding:
    new, old, limit = case.scored.noise.overall, baseline.noise.overall, case.limit.value
    where = f"the baseline {_quoted(str(baseline.path))}"
    interval = difference(new=new.interval, old=old.interval) if new.interval and old.interval else None
    value: _Value = (interval.value, interval.low, interval.high) if interval else (None, None, None)
    if interval:
        message = f"Against {where} with {_numbers(old)}, the share of wrong labels changed by "
        message += f"{hundredths(interval.value, '+.4g')} points ({interval.ends('+.4g')})"
    else:
        without = " and ".join(name for name, m in (("this run", new), (where, old)) if m.interval is None)
        message = f"Too few rows are audited in {without} for an interval of the noise"
    message += f"; it may rise by at most {hundredths(limit, FOUR_DIGITS)} points"
    outcome = _outcome(interval, limit)
    if outcome is Outcome.INCONCLUSIVE:
        message += f", which cannot be told yet: {_advice_on_increase(new, old, limit)}"
    return case.found(outcome, f"{message}.", value)


def _flagged(case: _Case) -> Finding:
    flagged, scored, limit = case.scored.counts.flagged, case.scored.counts.scored, case.limit.value
    share = flagged / scored
    message = f"{flagged:,} of {scored:,} scored rows are flagged ({percent(share)}); at most {percent(limit)} may be."
    return case.found(Outcome.PASSED if share <= limit else Outcome.FAILED, message, (share, None, None))


def _kept_per_class(case: _Case) -> Finding:
    kept = {name: rows.kept for name, rows in case.scored.counts.classes.items()}
    limit = case.limit.value
    few = sorted((name for name in kept if kept[name] < limit), key=lambda name: kept[name])
    message = f"At least {limit:,} rows of each class must be kept; "
    if few:
        described = _list(few, lambda name: f"{_quoted(name)} {kept[name]:,}")
        message += f"{len(few):,} of {len(kept):,} classes keep fewer: {described}."
    else:
        message += f"each of {len(kept):,} classes keeps that many."
    outcome = Outcome.FAILED if few else Outcome.PASSED
    return case.found(outcome, message, (min(kept.values(), default=0), None, None), few)


def _audited(case: _Case) -> Finding:
    audited, limit = case.scored.noise.overall.sample_size, case.limit.value
    message = f"{audited:,} rows are audited; at least {limit:,} must be"
    if audited < limit:
        message += f": verify {limit - audited:,} more, drawn at random"
    return case.found(Outcome.PASSED if audited >= limit else Outcome.FAILED, f"{message}.", (audited, None, None))


def _outcome(interval: Interval | None, limit: float) -> Outcome:
    if interval is None or not clears(interval, limit):
        return Outcome.INCONCLUSIVE
    return Outcome.PASSED if interval.high <= limit else Outcome.FAILED


def _advice(measured: Rate, limit: float, rows: int) -> str:
    """Say how many more of the scored rows to verify."""
    more = more_for_limit(measured, limit)
    if more is None and measured.value is None:
        return "no number of audited rows shows that no label at all is wrong"
    if more is None:
        return "the rate is the limit, or so close to it that no number of audited rows would do"
    if measured.value is None:
        return f"verify at least {more:,} rows, drawn at random (so few do only if none of them is wrong)"
    if more > rows - measured.sample_size:
        return f"it would take about {more:,} more verified rows, and there are {rows - measured.sample_size:,}"
    return f"verify about {more:,} more rows, drawn at random"


def _advice_on_increase(new: Rate, old: Rate, limit: float) -> str:
    more = more_for_increase(new=new, old=old, limit=limit)
    if more is None:
        return "the difference is the limit, or so close to it that no number of audited rows would do"
    here, there = more
    also = f" and about {there:,} more of the baseline" if there else ""
    return f"verify about {here:,} more rows of this run{also}, drawn at random"


def _unclear(name: str, measured: Rate, limit: float) -> str:
    more = more_for_limit(measured, limit)
    about = "at least" if measured.value is None else "about"
    verify = "no number of audited rows would do" if more is None else f"verify {about} {more:,} more"
    return f"{_quoted(name)} {_numbers(measured)}, {verify}"


def _wrong(measured: Rate) -> str:
    if measured.value is None:
        return f"The share of wrong labels is {_numbers(measured)}"
    return f"{_numbers(measured)} of the labels are wrong"


def _numbers(measured: Rate) -> str:
    """Write a rate with its interval and what it rests on."""
    return measured.words(FOUR_DIGITS, with_sample=True)


def _list(names: Sequence[str], describe: Callable[[str], str]) -> str:
    """Describe the first few classes, and count the others."""
    shown = "; ".join(describe(name) for name in names[:_LISTED])
    return shown + (f"; and {len(names) - _LISTED:,} more" if len(names) > _LISTED else "")


def _quoted(name: str) -> str:
    return f"'{shortened(name, _LONGEST)}'"
