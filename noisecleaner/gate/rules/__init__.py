"""Rules of a gate: one file = one rule = one option of `gate` = one key of the table `[gate]`.

Each file says what its option is (`HELP`), what its limit counts (`UNIT`, a value of `Unit`), where it stands among the
others (`PLACE`), whether it compares with a baseline (`COMPARES`, if it does), which limit is judged where nobody sets
one (`DEFAULT`, if one is), and has `judge(case) -> Finding`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from noisecleaner.gate.limits import Limit, Unit
from noisecleaner.gate.verdicts import Finding, Outcome
from noisecleaner.registry import constants_in, module_in

if TYPE_CHECKING:  # what there is to limit can be told without reading a table
    from noisecleaner.gate.baseline import Baseline
    from noisecleaner.noise.rate import Interval
    from noisecleaner.runs.scored_run import ScoredRun

_FOLDER = "gate.rules"
_NAMED = 20  # classes in a finding


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One file of this folder.

    Args:
        name: of the rule, such as `max-noise`.
        help: what its option is, in a sentence.
        unit: what its limit counts.
        compares: whether it needs a baseline.
        default: the limit that is judged where nobody sets one, None where none is.
    """

    name: str
    help: str
    unit: Unit
    compares: bool
    default: float | None = None

    @property
    def parameter(self) -> str:
        """What it is called in Python: `max_noise`."""
        return self.name.replace("-", "_")

    def judge(self, case: Case) -> Finding:
        """Judge a scored run, and take the time."""
        started = time.perf_counter()
        finding: Finding = module_in(_FOLDER, self.name, parameter="rule").judge(case)
        return replace(finding, seconds=time.perf_counter() - started)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a rule judges.

    Args:
        rule: the rule.
        limit: its limit.
        run: the scored run; at least one of its rows is scored.
        baseline: what it is compared with; there is something if the rule compares.
        asked: whether somebody set the limit; else it is the rule's default.
    """

    rule: Rule
    limit: Limit
    run: ScoredRun
    baseline: Baseline | None = None
    asked: bool = True

    def finding(
        self,
        outcome: Outcome,
        message: str,
        *,
        value: float | None,
        interval: Interval | None = None,
        classes: Sequence[str] = (),
    ) -> Finding:
        """Word what was found.

        Args:
            outcome: whether the rule is broken.
            message: one sentence, with what to do.
            value: what was found, in the unit of the limit; None where it is unknown.
            interval: around it, None where there is none or it is exact.
            classes: those that did not pass, worst first.
        """
        return Finding(
            rule=self.rule.name,
            unit=self.rule.unit,
            level=self.limit.level,
            outcome=outcome,
            limit=self.limit.value,
            value=value,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            message=message,
            classes=tuple(classes[:_NAMED]),
        )


def rules() -> dict[str, Rule]:
    """Describe the rules without importing them: name -> rule, in the order of their places."""
    constants = ("PLACE", "HELP", "UNIT", "COMPARES", "DEFAULT")
    places, helps, units, compares, defaults = (constants_in(_FOLDER, name) for name in constants)
    return {
        name: Rule(
            name=name,
            help=helps[name],
            unit=Unit(units[name]),
            compares=compares.get(name, False),
            default=defaults.get(name),
        )
        for name in sorted(places, key=lambda name: (places[name], name))
    }
