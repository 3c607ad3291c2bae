"""What several rules say: whether an interval decides, what to verify, and which classes are meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from noisecleaner.gate.verdicts import Outcome
from noisecleaner.noise.intervals import clears
from noisecleaner.noise.rate import TWO_DECIMALS, Interval, Rate
from noisecleaner.notices import Severity
from noisecleaner.texts import agreeing, counted, shortened

if TYPE_CHECKING:
    from noisecleaner.runs.scored_run import ScoredRun

_LISTED = 3  # classes in a message
_LONGEST = 80  # characters of a class name in a message
#: Where rows to verify come from: a plan's make the interval shorter.
AT_RANDOM = ", drawn at random or with `plan()`"
#: How the advice ends to verify all that is left.
SETTLED = ", which settles it"


def decided(interval: Interval | None, limit: float) -> Outcome:
    """Judge a share by its interval.

    It passes when the upper end is at or below the limit, fails when the lower end is above it, and is inconclusive
    otherwise, or where there is no interval.
    """
    if interval is None or not clears(interval, limit):
        return Outcome.INCONCLUSIVE
    return Outcome.PASSED if interval.high <= limit else Outcome.FAILED


def unmeasurable(run: ScoredRun) -> str:
    """Tell why no rate is told of the rows of a run, in a sentence; empty where one may be.

    The whole of it stands beside the findings, with what to do.
    """
    reasons = [notice.message for notice in run.metadata.notices if notice.severity is Severity.VOID]
    return re.split(r"\.(?:\s|$)", reasons[0], maxsplit=1)[0] if reasons else ""


def numbers(rate: Rate) -> str:
    """Write a rate with its interval and what it rests on."""
    return rate.words(TWO_DECIMALS, with_sample=True)


def verifying(more: int, *, left: int, how: str = "about", of: str = "") -> str:
    """Say how many more rows to verify.

    Args:
        more: how many it takes, at most as many as there are.
        left: how many there are that nobody verified.
        how: `about`, or `at least`.
        of: what they are rows of, such as ` of this run`.
    """
    if more >= left:
        every = agreeing(left, "the 1 row", f"all {left:,} rows")
        return f"verify {every}{of} that {agreeing(left)} left{SETTLED}"
    return f"verify {how} {counted(more, 'more row')}{of}"


def listed(names: Sequence[str], describe: Callable[[str], str]) -> str:
    """Describe the first few classes, and count the others."""
    shown = "; ".join(describe(name) for name in names[:_LISTED])
    return shown + (f"; and {len(names) - _LISTED:,} more" if len(names) > _LISTED else "")


def quoted(name: str) -> str:
    """Write a user's text in quotes, cut where it is very long."""
    return f"'{shortened(name, _LONGEST)}'"
