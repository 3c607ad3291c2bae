"""Goals: what they ask for is checked when they are made, and said behind a threshold."""

from __future__ import annotations

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.noise.goal import Goal


@pytest.mark.parametrize(
    ("kind", "value"),
    [("f1", 1.0), ("cost", 0.0), ("cost", -1.0), ("cost", float("inf")), ("cost", float("nan")), ("budget", 0.0)]
    + [(kind, value) for kind in ("precision", "noise") for value in (0.0, 1.0, float("nan"))]
    + [("budget", float("nan")), ("recall", 0.5)],
)
def test_what_no_threshold_could_reach_is_refused(kind: str, value: float) -> None:
    with pytest.raises(NoisecleanerError):
        Goal(kind, value)  # type: ignore[arg-type]  # one of them is no kind


def test_the_reason_stands_behind_a_threshold() -> None:
    assert Goal("f1").reason(0.6) == "best expected F1, 0.800"
    assert Goal("cost", 5).reason(5 / 6) == "a wrong label that is kept costs 5 times a right one that is flagged"
    assert Goal("budget", 1000).reason(0.2) == "budget of 1,000 rows"
    assert Goal("noise", 0.05).reason(0.2) == "noise of the kept rows at most 0.05 with 90% confidence"
