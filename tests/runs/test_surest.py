"""What networks make of rows, taken from their predictions."""

from __future__ import annotations

import numpy as np

from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.surest import judged_rows


def test_the_likeliest_label_is_the_given_one_or_the_best_other() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.3, 0.1, 0.6], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]], np.float32))
    predictions = Predictions.from_logits(logits, given=np.array([0, 0, 1, -1]))
    trusted, judging = np.array([0, 2, 1, -1]), np.array([True, True, False, False])
    rows = judged_rows(predictions, trusted, judging)
    assert rows.likeliest.tolist() == [0, 2, 1, 2]
    np.testing.assert_allclose(rows.certainty, [0.7, 0.6, 0.5, 0.8], rtol=1e-5)
    assert rows.verified.tolist() == [True, True, False, False]
    assert rows.wrong.tolist() == [False, True, False, False]
