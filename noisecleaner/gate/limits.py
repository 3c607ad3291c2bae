"""What a gate limits: numbers with a unit, and what breaking one does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from noisecleaner.errors import NoisecleanerError

Choice = TypeVar("Choice", bound=StrEnum)


class Unit(StrEnum):
    """What a limit counts."""

    SHARE = "share"  # in [0, 1]
    POINTS = "points"  # a difference of two shares, likewise
    ROWS = "rows"

    def check(self, value: object, where: str) -> None:
        """Refuse what is no limit.

        Args:
            value: what was given.
            where: what it was given for, as an error calls it.

        Raises:
            NoisecleanerError: it is no number, or out of range.
        """
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if self is Unit.ROWS:
            good = good and isinstance(value, int) and value >= 0
            wanted, example = "a whole number of rows, 0 or more", "100"
        else:
            good = good and 0 <= value <= 1  # type: ignore[operator]  # it is a number here
            wanted, example = "a share in [0, 1]", "0.05"
        if not good:
            raise NoisecleanerError(f"{where} must be {wanted}, but it is {value!r}.", f"Write {example}, for example.")


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
        value: a share in [0, 1], or a number of rows, see `Rule.unit`.
        level: what happens when it is broken.

    Raises:
        NoisecleanerError: `level` is none of `Level`.
    """

    value: float
    level: Level = Level.ERROR

    def __post_init__(self) -> None:
        object.__setattr__(self, "level", choice_of(Level, self.level, "The level"))


def choice_of(kind: type[Choice], value: Any, where: str) -> Choice:
    """Take what a file, an option or a caller wrote for the member that it names; a plain text is none.

    Args:
        kind: what there is to choose from.
        value: what was written.
        where: what it was written for, as an error calls it.

    Raises:
        NoisecleanerError: there is no such member; the valid ones are listed.
    """
    try:
        return kind(value)
    except ValueError as error:
        raise NoisecleanerError(f"{where} {value!r} is unknown.", f"Choose one of: {', '.join(kind)}.") from error
