"""Verified labels that networks contradict with certainty, the most certain first."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import NO_CLASS, UNVERIFIED
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.surest import judged_rows
from noisecleaner.runs.suspects import suspect_notices, suspects


def network(likeliest: list[int], certainty: list[float]) -> Predictions:
    """What a network of three classes says of rows that were all given class 0."""
    logits = np.log(np.repeat((1 - np.array(certainty))[:, None] / 2, 3, axis=1))
    logits[np.arange(len(likeliest)), likeliest] = np.log(certainty)
    return Predictions.from_logits(logits.astype(np.float32), given=np.zeros(len(likeliest), np.int64))


PREDICTIONS = network([1, 1, 2, 0, 0, 1, 1], [0.995, 0.9999, 0.98, 0.999, 0.999, 0.999, 0.999])


def test_the_most_certain_come_first() -> None:
    verified = np.array([0, 2, 0, 0, 2, NO_CLASS, UNVERIFIED])
    everyone = np.ones(7, dtype=bool)
    judged = judged_rows(PREDICTIONS, verified, everyone)
    assert suspects(judged, everyone).tolist() == [1, 4, 0]
    assert suspects(judged, np.arange(7) != 4).tolist() == [1, 0]
    assert suspects(judged_rows(PREDICTIONS, verified, np.arange(7) != 4), everyone).tolist() == [1, 0]


def test_they_are_counted_and_named() -> None:
    ids = pa.chunked_array([[f"r{row}" for row in range(7)]])
    (notice,) = suspect_notices(np.array([1, 4, 0]), of=6, ids=ids)
    assert notice.message.startswith("3 of 6 verified labels look wrong themselves")
    assert "the most certain: r1, r4, r0" in notice.message
    (one,) = suspect_notices(np.array([4]), of=6, ids=ids)
    assert one.message.startswith("1 of 6 verified labels looks wrong itself: networks that never saw this row are")
    assert "certain of another class (r4). Look at it again" in one.message
    assert list(suspect_notices(np.empty(0, np.int64), of=6, ids=ids)) == []
