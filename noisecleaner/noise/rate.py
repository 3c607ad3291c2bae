"""A share with its interval, and how people read it: `40.2 % (36.8 to 43.6)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from noisecleaner.texts import agreeing, counted

#: How a rate was made: from verified rows, sharpened by the scores (`prediction-powered`) or not (`wilson`); of a class
#: with few of them, by what the scores expect of it and how far other classes keep to that (`small-area`); by counting,
#: where every row was verified (`count`: both ends of the interval are the rate); as the mean of 1 - label quality
#: (`planted`, `model`); or not at all (`none`).
RateMethod = Literal["prediction-powered", "wilson", "small-area", "count", "planted", "model", "none"]

#: Those that rest on audited rows; of a class without any, `small-area` is an expectation.
_AUDITED = ("prediction-powered", "wilson", "small-area", "count")
#: By so much an estimate may lie outside [0, 1] or its interval: weighted means are rounded.
_ROUNDING = 1e-9
#: How many digits people get to see: of what was estimated one decimal, or two where limits judge it; of a limit and
#: of what was counted, four that count.
ONE_DECIMAL, TWO_DECIMALS, FOUR_DIGITS = ".1f", ".2f", ".4g"


def hundredths(share: float, digits: str = ONE_DECIMAL) -> str:
    """Write a share in [-1, 1] as hundredths: `40.2`."""
    return f"{100 * share:{digits}}"


def percent(share: float, digits: str = ONE_DECIMAL) -> str:
    """Write a share in [-1, 1]: `40.2 %`."""
    return f"{hundredths(share, digits)} %"


def points(difference: float) -> str:
    """Write a difference of two shares, as it was limited: `1 point`, `0.5 points`."""
    number = hundredths(difference, FOUR_DIGITS)
    return f"{number} {agreeing(int(number == '1'), 'point', 'points')}"


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A share, or a difference of two, in [-1, 1], and the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def ends(self, digits: str = ONE_DECIMAL) -> str:
        """Write the ends as hundredths: `36.8 to 43.6`."""
        return f"{hundredths(self.low, digits)} to {hundredths(self.high, digits)}"

    def words(self, digits: str = ONE_DECIMAL) -> str:
        """Write the share with its interval: `40.2 % (36.8 to 43.6)`."""
        return f"{percent(self.value, digits)} ({self.ends(digits)})"

    def points(self) -> str:
        """Write a difference of two shares, which keeps its sign: `+2.10 points (-0.30 to +4.50)`."""
        signed = f"+{TWO_DECIMALS}"
        return f"{hundredths(self.value, signed)} points ({self.ends(signed)})"


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A share of rows with its interval.

    Args:
        value: the estimate, in [0, 1]; None where nothing was seen.
        low: lower end of the interval, None where none was earned; then `high` is None, too.
        high: upper end.
        sample_size: how many verified rows it rests on.
        events: how many of them count.
        method: how it was made.
    """

    value: float | None
    low: float | None
    high: float | None
    sample_size: int
    events: int
    method: RateMethod

    @classmethod
    def expected(cls, value: float | None, method: RateMethod) -> Rate:
        """Make a rate that rests on no verified row and has no interval."""
        return cls(value=value, low=None, high=None, sample_size=0, events=0, method=method)

    @classmethod
    def around(cls, interval: Interval, *, sample_size: int, events: int, method: RateMethod) -> Rate:
        """Make a rate with an interval."""
        ends = {"value": interval.value, "low": interval.low, "high": interval.high}
        return cls(**ends, sample_size=sample_size, events=events, method=method)

    @property
    def interval(self) -> Interval | None:
        """The estimate with both ends, where all three are known."""
        if self.value is None or self.low is None or self.high is None:
            return None
        return Interval(value=self.value, low=self.low, high=self.high)

    def to_json(self) -> dict[str, Any]:
        """Describe the rate as a JSON object."""
        ends = {"rate": self.value, "low": self.low, "high": self.high}
        return {**ends, "audited": self.sample_size, "errors": self.events, "method": self.method}

    @classmethod
    def from_json(cls, content: object) -> Rate:
        """Bring back what `to_json` described.

        Raises:
            ValueError: it is no such thing: something is missing, out of range, or contradicts the rest.
        """
        if not isinstance(content, dict):
            raise ValueError("a rate is no JSON object")
        value, low, high = (_share(content, name) for name in ("rate", "low", "high"))
        size, events = whole(content.get("audited")), whole(content.get("errors"))
        method = _method(content.get("method"))
        if (low is None) != (high is None):
            raise ValueError("an interval has one end")
        if low is not None and high is not None and (value is None or not holds(low, value, high)):
            raise ValueError("a rate lies outside its interval")
        if events > size:
            raise ValueError(f"{events:,} of {size:,} audited rows are errors")
        rate = cls(value=value, low=low, high=high, sample_size=size, events=events, method=method)
        rate._refuse_unearned()
        return rate

    def _refuse_unearned(self) -> None:
        # an interval that no audited rows have earned, or one that leaves nothing open though nobody counted
        interval = self.interval
        earned = self.method in _AUDITED and self.sample_size > 0
        if (interval is not None) != earned or (self.sample_size and interval is None):
            raise ValueError(f"a rate by the method {self.method!r} does not rest on {self.sample_size:,} audited rows")
        if interval is None or interval.high > interval.low:
            return
        if self.method != "count":
            raise ValueError("an interval has no width, but not every row was verified")
        if abs(interval.value - self.events / self.sample_size) > _ROUNDING:
            raise ValueError(f"{self.events:,} of {self.sample_size:,} rows are not {percent(interval.value)}")

    def words(self, digits: str = ONE_DECIMAL, *, with_sample: bool = False) -> str:
        """Write the rate as people read it: `40.2 % (36.8 to 43.6)`, `about 40.2 %` without an interval, or `unknown`.

        Where all rows were verified it is `40.2 % (counted)`.

        Args:
            digits: a format of numbers, such as `ONE_DECIMAL`.
            with_sample: also tell how many verified rows it rests on: `40.2 % (36.8 to 43.6; 300 audited rows)`.
        """
        rows = [counted(self.sample_size, "audited row")] if with_sample else []
        if self.value is None:
            number, notes = "unknown", rows
        elif self.interval is None:
            number, notes = f"about {percent(self.value, digits)}", ["no interval", *rows] if with_sample else []
        elif self.method == "count":
            number, notes = percent(self.value, digits), ["counted", *rows]
        else:
            number, notes = percent(self.value, digits), [self.interval.ends(digits), *rows]
        return f"{number} ({'; '.join(notes)})" if notes else number


#: The rate of something that nobody looked at.
UNKNOWN = Rate.expected(None, "none")


def holds(low: float, value: float, high: float) -> bool:
    """Whether an interval holds a value, but for rounding."""
    return low <= high and low - _ROUNDING <= value <= high + _ROUNDING


def _method(value: object) -> RateMethod:
    """Read how a rate was made."""
    for method in get_args(RateMethod):
        if value == method:
            return method  # type: ignore[no-any-return]  # `get_args` forgets the type
    raise ValueError(f"no rate is made by the method {value!r}")


def _share(content: dict[str, Any], name: str) -> float | None:
    """Read a share in [0, 1], or null."""
    value = content.get(name, "missing")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not holds(0, value, 1):
        raise ValueError(f"{name} does not lie in [0, 1]")
    return float(value)


def whole(value: object) -> int:
    """Read a number of rows from JSON.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no number of rows")
    return value
