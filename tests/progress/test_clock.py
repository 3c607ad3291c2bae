"""Each part of a long call takes its own time."""

from __future__ import annotations

import pytest

from noisecleaner.progress import Progress, clock


def test_each_part_takes_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 12.5, 12.75, 20.0])
    monkeypatch.setattr(clock.time, "monotonic", lambda: next(times))
    laps = clock.Clock(Progress())
    for part in ("prepare", "train", "conclude"):
        laps.lap(part)
    assert laps.seconds == {"prepare": 2.5, "train": 0.25, "conclude": 7.25}
