"""What a threshold is chosen for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args

from noisecleaner.errors import NoisecleanerError
from noisecleaner.noise.cuts import Sides

Kind = Literal["precision", "noise", "budget", "f1", "cost"]
#: Kinds that follow from label quality alone, as the probability that it is.
BY_PROBABILITY = frozenset({"f1", "cost"})
Value = TypeVar("Value")


@dataclass(frozen=True)
class Goal:
    """What a threshold shall reach.

    Args:
        kind: `precision` of the flagged rows at least `value`, effective `noise` of the kept rows at most `value`, a
            `budget` of at most `value` flagged rows, the best expected `f1` of flagging wrong labels, or the least
            expected `cost` where a wrong label that is kept costs `value` times as much as a right one that is flagged.
        value: in (0, 1), a number of rows, or how many times as much; `f1` takes none.
        confidence: with which precision or noise shall hold, in (0, 1).

    Raises:
        NoisecleanerError: there is no such kind, or a number is out of range.
    """

    kind: Kind
    value: float = 0.0
    confidence: float = field(default=0.9, kw_only=True)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise NoisecleanerError(
                f"A goal must be of a kind that is known, but it is {self.kind!r}.",
                f"Choose one of: {', '.join(get_args(Kind))}.",
            )
        if self.kind == "f1" and self.value:
            raise NoisecleanerError(f"`Goal('f1')` takes no value, but it is {self.value:g}.", "Leave it out.")
        if self.kind == "cost" and not 0 < self.value < float("inf"):
            raise NoisecleanerError(
                "`Goal('cost')` takes how many times as much a wrong label that is kept costs as a right one that is "
                f"flagged, above 0, but it is {self.value:g}.",
                "Try `Goal('cost', 5)`.",
            )
        if self.kind == "budget" and not self.value >= 1:
            raise NoisecleanerError(
                f"`Goal('budget')` takes a number of rows, but it is {self.value:g}.", "Try `Goal('budget', 100)`."
            )
        if self.kind in ("precision", "noise") and not 0 < self.value < 1:
            raise NoisecleanerError(
                f"`Goal({self.kind!r})` must lie between 0 and 1, but it is {self.value:g}.",
                f"Try `Goal({self.kind!r}, 0.1)`.",
            )
        if not 0 < self.confidence < 1:
            raise NoisecleanerError(
                f"`confidence` must lie between 0 and 1, but it is {self.confidence:g}.", "The default is 0.9."
            )

    @property
    def limit(self) -> float:
        """Share of rows that may be there wrongly: right labels among the flagged, or wrong ones among the kept."""
        return 1 - self.value if self.kind == "precision" else self.value

    def side(self, sides: Sides[Value]) -> Value:
        """Take the side of a cut that the goal is about."""
        return sides.flagged if self.kind == "precision" else sides.kept

    @property
    def words(self) -> str:
        """What is asked for, as an error begins."""
        if self.kind in BY_PROBABILITY:
            return "A threshold of best expected F1" if self.kind == "f1" else "A threshold of least expected cost"
        return f"{'A precision' if self.kind == 'precision' else 'An effective noise'} of {self.value:g}"

    def reason(self, threshold: float) -> str:
        """Why it is this threshold, as it stands behind one."""
        if self.kind == "budget":
            return f"budget of {self.value:,.0f} rows"
        if self.kind == "f1":  # which is twice the distance from 1, see `posterior.best_f1`
            return f"best expected F1, {2 * (1 - threshold):.3f}"
        if self.kind == "cost":
            return f"a wrong label that is kept costs {self.value:g} times a right one that is flagged"
        measure = "precision at least" if self.kind == "precision" else "noise of the kept rows at most"
        return f"{measure} {self.value:g} with {self.confidence:.0%} confidence"

    def wrongly(self, share: float) -> float:
        """Turn the share of wrong labels on that side into the share of rows that are there wrongly, and back."""
        return 1 - share if self.kind == "precision" else share
