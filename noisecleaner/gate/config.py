"""What a gate judges: limits and levels, from options and from the `[gate]` table of a TOML file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, located
from noisecleaner.gate.limits import Level, Limit, OnInconclusive, choice_of
from noisecleaner.gate.rules import Rule, rules
from noisecleaner.project import check_keys, read_table

_HINT = "See `gate()` for the rules."


@dataclass(frozen=True)
class GateConfig:
    """What a gate judges.

    Args:
        limits: name of a rule -> its limit; at least one.
        on_inconclusive: what an error rule that cannot be decided counts as; None makes the gate inconclusive.
        baseline: directory of the scores that a rule compares with, see `Rule.compares`; only for such a rule.

    Raises:
        NoisecleanerError: there is no rule, a limit is out of range, or rules and baseline do not go together.
    """

    limits: Mapping[str, Limit]
    on_inconclusive: OnInconclusive | None = None
    baseline: AnyPath | None = None

    def __post_init__(self) -> None:
        if self.on_inconclusive is not None:
            asked_for = choice_of(OnInconclusive, self.on_inconclusive, "`on_inconclusive`")
            object.__setattr__(self, "on_inconclusive", asked_for)
        if not self.limits:
            raise NoisecleanerError(
                "A gate needs at least one rule, but there is none.",
                "Give one, such as `max_noise=0.05`, or write it into the [gate] table of noisecleaner.toml.",
            )
        known = rules()
        for name, limit in self.limits.items():
            _rule(known, name, "The rule").unit.check(limit.value, name)
        comparing = [name for name, rule in known.items() if rule.compares]
        asked = [name for name in comparing if name in self.limits]
        if asked and self.baseline is None:
            raise NoisecleanerError(
                f"{asked[0]} needs a run to compare with, but there is no baseline.", "Add `baseline=RUN`."
            )
        if self.baseline is not None and not asked:
            raise NoisecleanerError(
                f"A baseline would do nothing: only {' and '.join(comparing)} compares with it.",
                f"Add `{known[comparing[0]].parameter}=SHARE`, or leave the baseline out.",
            )


@dataclass(frozen=True)
class ConfigFile:
    """What a TOML file says; each part may be missing, because options may bring it."""

    limits: Mapping[str, Limit] = field(default_factory=dict)
    on_inconclusive: OnInconclusive | None = None
    baseline: Path | None = None


def gather_config(
    limits: Mapping[str, float],
    *,
    config: AnyPath | None = None,
    warn: Collection[str] = (),
    on_inconclusive: str | None = None,
    baseline: AnyPath | None = None,
) -> GateConfig:
    """Put options and file together; an option replaces the whole entry of the file, its level too.

    Args:
        limits: name of a rule -> limit, as options.
        config: a TOML file with a table `[gate]`.
        warn: names of rules that only warn.
        on_inconclusive: see `OnInconclusive`.
        baseline: see `GateConfig`.

    Raises:
        NoisecleanerError: the file cannot be read or says something unknown, or see `GateConfig`.
    """
    written, known = read_config(located(config)) if config else ConfigFile(), rules()
    merged = dict(written.limits)
    for name, value in limits.items():
        rule = _rule(known, name, "The rule")
        rule.unit.check(value, f"`{rule.parameter}`")
        merged[name] = Limit(value)
    for name in warn:
        rule = _rule(known, name, "`warn`")
        limit = merged[name].value if name in merged else rule.default
        if limit is None:
            raise NoisecleanerError(
                f"`warn={name!r}` would do nothing: there is no such rule here.",
                f"Add `{rule.parameter}=LIMIT`, or leave it out.",
            )
        merged[name] = Limit(limit, Level.WARN)
    choice = None if on_inconclusive is None else choice_of(OnInconclusive, on_inconclusive, "`on_inconclusive`")
    return GateConfig(merged, choice or written.on_inconclusive, located(baseline) if baseline else written.baseline)


def read_config(path: Path) -> ConfigFile:
    """Read the `[gate]` table of a TOML file; a relative baseline in it is relative to the file.

    Raises:
        NoisecleanerError: the file is missing, is not TOML, or says something unknown or out of range.
    """
    table = read_table(path, "gate")
    known = rules()
    check_keys(table, [*known, "on-inconclusive", "baseline"], f"[gate] in {path}")
    limits = {name: _limit(rule, table[name], f"{name} in {path}") for name, rule in known.items() if name in table}
    choice, baseline = table.get("on-inconclusive"), table.get("baseline")
    if baseline is not None and not (isinstance(baseline, str) and baseline and "\0" not in baseline):
        raise NoisecleanerError(f"baseline in {path} must be the path of a run, but it is {baseline!r}.", _HINT)
    return ConfigFile(
        limits,
        None if choice is None else choice_of(OnInconclusive, choice, f"on-inconclusive in {path}:"),
        None if baseline is None else path.parent / baseline,
    )


def _limit(rule: Rule, entry: object, where: str) -> Limit:
    """Read `0.05` or `{limit = 0.05, level = "warn"}`."""
    level = Level.ERROR
    if isinstance(entry, dict):
        check_keys(entry, ["limit", "level"], where)
        if "limit" not in entry:
            raise NoisecleanerError(f"{where} needs a limit, but it has none.", "Write {limit = …, level = …}.")
        level = choice_of(Level, entry.get("level", level), f"level of {where}:")
        entry = entry["limit"]
    rule.unit.check(entry, where)
    return Limit(entry, level)  # type: ignore[arg-type]  # it is a number: just checked


def _rule(known: Mapping[str, Rule], name: str, where: str) -> Rule:
    if name not in known:
        raise NoisecleanerError(f"{where} {name!r} is unknown.", f"Choose one of: {', '.join(known)}.")
    return known[name]
