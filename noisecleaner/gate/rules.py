"""The rules of `gate`: limits and levels, from options and from the `[gate]` table of a TOML file."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from noisecleaner.errors import NoisecleanerError, listed

_Choice = TypeVar("_Choice", bound=StrEnum)
_HINT = "See `noisecleaner gate --help` for the rules."


class Rule(StrEnum):
    """What can be limited."""

    MAX_NOISE = "max-noise"  # share of wrong labels
    MAX_NOISE_PER_CLASS = "max-noise-per-class"  # the same among the rows of each given label
    MAX_NOISE_INCREASE = "max-noise-increase"  # share of wrong labels minus that of the baseline
    MAX_FLAGGED = "max-flagged"  # share of scored rows
    MIN_KEPT_PER_CLASS = "min-kept-per-class"  # rows that are scored and not flagged, of each given label
    MIN_AUDITED = "min-audited"  # rows whose given and true label are both known

    @property
    def counts_rows(self) -> bool:
        """Whether the limit is a number of rows; else it is a share, in [0, 1]."""
        return self in (Rule.MIN_KEPT_PER_CLASS, Rule.MIN_AUDITED)


class Level(StrEnum):
    """What happens when a rule fails."""

    ERROR = "error"  # so does the gate
    WARN = "warn"  # it is said, and the gate passes


class OnInconclusive(StrEnum):
    """What an error rule counts as when the audited rows cannot tell."""

    FAIL = "fail"
    WARN = "warn"
    PASS = "pass"  # noqa: S105  # not a password


@dataclass(frozen=True)
class Limit:
    """The limit of a rule.

    Args:
        value: a share in [0, 1], or a number of rows, see `Rule.counts_rows`.
        level: what happens when it is broken.
    """

    value: float
    level: Level = Level.ERROR


@dataclass(frozen=True)
class Rules:
    """What a gate judges.

    Args:
        limits: rule -> its limit; at least one.
        on_inconclusive: what an error rule that cannot be decided counts as; None makes the gate inconclusive.
        baseline: directory of the scores that MAX_NOISE_INCREASE compares with; only for that rule.

    Raises:
        NoisecleanerError: there is no rule, a limit is out of range, or rule and baseline do not go together.
    """

    limits: Mapping[Rule, Limit]
    on_inconclusive: OnInconclusive | None = None
    baseline: Path | None = None

    def __post_init__(self) -> None:
        if not self.limits:
            raise NoisecleanerError(
                "A gate needs at least one rule, but there is none.",
                "Give one, such as --max-noise 0.05, or write it into the [gate] table of noisecleaner.toml.",
            )
        for rule, limit in self.limits.items():
            _check_limit(rule, limit.value, rule.value)
        compares = Rule.MAX_NOISE_INCREASE in self.limits
        if compares and self.baseline is None:
            raise NoisecleanerError(
                "max-noise-increase needs a run to compare with, but there is no baseline.", "Add --baseline RUN."
            )
        if self.baseline is not None and not compares:
            raise NoisecleanerError(
                "A baseline would do nothing: only max-noise-increase compares with it.",
                "Add --max-noise-increase SHARE, or leave the baseline out.",
            )


@dataclass(frozen=True)
class Config:
    """What a TOML file says; each part may be missing, because options may bring it."""

    limits: Mapping[Rule, Limit] = field(default_factory=dict)
    on_inconclusive: OnInconclusive | None = None
    baseline: Path | None = None


def gather_rules(
    limits: Mapping[Rule, float],
    *,
    config: Path | None = None,
    warn: Collection[str] = (),
    on_inconclusive: str | None = None,
    baseline: Path | None = None,
) -> Rules:
    """Put options and file together; an option replaces the whole entry of the file, its level too.

    Args:
        limits: rule -> limit, as options.
        config: a TOML file with a table `[gate]`.
        warn: names of rules that only warn.
        on_inconclusive: see `OnInconclusive`.
        baseline: see `Rules`.

    Raises:
        NoisecleanerError: the file cannot be read or says something unknown, or see `Rules`.
    """
    written = read_config(config) if config else Config()
    merged = dict(written.limits)
    for rule, value in limits.items():
        _check_limit(rule, value, f"--{rule.value}")
        merged[rule] = Limit(value)
    for name in warn:
        rule = _choice(Rule, name, "--warn")
        if rule not in merged:
            raise NoisecleanerError(
                f"--warn {name} would do nothing: there is no such rule here.", f"Add --{name} LIMIT, or leave it out."
            )
        merged[rule] = Limit(merged[rule].value, Level.WARN)
    chosen = _choice(OnInconclusive, on_inconclusive, "--on-inconclusive") if on_inconclusive is not None else None
    return Rules(merged, chosen or written.on_inconclusive, baseline or written.baseline)


def read_config(path: Path) -> Config:
    """Read the `[gate]` table of a TOML file; a relative baseline in it is relative to the file.

    Raises:
        NoisecleanerError: the file is missing, is not TOML, or says something unknown or out of range.
    """
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise NoisecleanerError(
            f"{path} must be a TOML file with a table [gate], but it cannot be read ({error}).",
            "Put it right, or name another one with --config FILE.",
        ) from error
    _check_keys(content, ["gate"], f"{path}")
    table = content.get("gate")
    if not isinstance(table, dict):
        raise NoisecleanerError(
            f"{path} needs a table [gate], but it has none.", "Write [gate], and below it max-noise = 0.05, say."
        )
    _check_keys(table, [*Rule, "on-inconclusive", "baseline"], f"[gate] in {path}")
    limits = {rule: _limit(rule, table[rule.value], f"{rule.value} in {path}") for rule in Rule if rule.value in table}
    chosen, baseline = table.get("on-inconclusive"), table.get("baseline")
    if baseline is not None and not (isinstance(baseline, str) and baseline and "\0" not in baseline):
        raise NoisecleanerError(f"baseline in {path} must be the path of a run, but it is {baseline!r}.", _HINT)
    return Config(
        limits,
        None if chosen is None else _choice(OnInconclusive, chosen, f"on-inconclusive in {path}:"),
        None if baseline is None else path.parent / baseline,
    )


def _limit(rule: Rule, entry: object, where: str) -> Limit:
    """Read `0.05` or `{limit = 0.05, level = "warn"}`."""
    level = Level.ERROR
    if isinstance(entry, dict):
        _check_keys(entry, ["limit", "level"], where)
        if "limit" not in entry:
            raise NoisecleanerError(f"{where} needs a limit, but it has none.", "Write {limit = …, level = …}.")
        level = _choice(Level, entry.get("level", level), f"level of {where}:")
        entry = entry["limit"]
    _check_limit(rule, entry, where)
    return Limit(entry, level)  # type: ignore[arg-type]  # it is a number: just checked


def _check_limit(rule: Rule, value: object, where: str) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if rule.counts_rows:
        good, wanted = number and isinstance(value, int) and value >= 0, "a whole number of rows, 0 or more"
    else:
        good, wanted = number and math.isfinite(value) and 0 <= value <= 1, "a share in [0, 1]"  # type: ignore[arg-type, operator]
    if not good:
        example = "100" if rule.counts_rows else "0.05"
        raise NoisecleanerError(f"{where} must be {wanted}, but it is {value!r}.", f"Write {example}, for example.")


def _check_keys(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    unknown = [key for key in table if key not in known]
    if unknown:
        raise NoisecleanerError(
            f"{where} may hold {listed(list(known))}, but it also holds {listed([repr(key) for key in unknown])}.",
            "Correct the spelling, or leave it out.",
        )


def _choice(kind: type[_Choice], value: Any, where: str) -> _Choice:
    try:
        return kind(value)
    except ValueError as error:
        raise NoisecleanerError(f"{where} {value!r} is unknown.", f"Choose one of: {', '.join(kind)}.") from error
