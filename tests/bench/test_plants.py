"""Labels are planted at the rate that was asked for, and where images are hard."""

from __future__ import annotations

import numpy as np

from noisecleaner.bench._plants import confused, planted


def test_hard_images_are_taken_for_what_they_look_like() -> None:
    rng = np.random.default_rng(0)
    true, like = np.repeat(np.arange(4), 250), rng.integers(1, 4, 1_000)
    like = (true + like) % 4
    share, middles = rng.uniform(0, 0.6, (1_000, 1)), rng.normal(0, 1, (4, 300))
    features = (1 - share) * middles[true] + share * middles[like] + rng.normal(0, 1, (1_000, 300))
    given = confused(true, features.astype(np.float16), "instance 0.2", seed=1)
    wrong = given != true
    assert wrong.sum() == 200
    assert share[wrong].mean() > 1.3 * share[~wrong].mean()
    assert (given == like)[wrong].mean() > 0.7  # a third, if wrong labels came from anywhere
    assert (given == confused(true, features.astype(np.float16), "instance 0.2", seed=1)).all()
    assert (given != confused(true, features.astype(np.float16), "instance 0.2", seed=2)).any()


def test_labels_are_planted_by_class() -> None:
    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    true = np.repeat(np.arange(10), 400)
    given = planted(true, names, "asymmetric 0.4", seed=0)
    wrong = given != true
    assert abs(wrong.mean() - 0.2) < 0.02  # five of the ten classes look like another
    assert set(np.array(names)[given[wrong & (true == 9)]]) == {"automobile"}
    spread = planted(true, names, "symmetric 0.6", seed=0)
    assert abs((spread != true).mean() - 0.6) < 0.02
    assert len(np.unique(spread[true == 9])) == 10
