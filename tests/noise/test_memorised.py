"""A model that was trained on the rows that it judges is told from one that was not, however weak or misled that is."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from noisecleaner.arrays import NO_CLASS, Array
from noisecleaner.noise.memorised import CODE, memorised_labels
from noisecleaner.noise.three_labels import ThreeLabels

ROWS, CLASSES = 600, 4


def drawn(seed: int, *, noise: float, pairs: bool, apart: float) -> tuple[Array, Array, Array]:
    """Vectors, true labels, and given ones: wrong at random, or always taken for the next class."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, CLASSES, ROWS)
    vectors = apart * np.eye(CLASSES)[true] + rng.normal(size=(ROWS, CLASSES))
    to = (true + (1 if pairs else rng.integers(1, CLASSES, ROWS))) % CLASSES
    return vectors, true, np.where(rng.random(ROWS) < noise, to, true)


def judged(true: Array, given: Array, probabilities: Array, *, verified: int = 150) -> ThreeLabels:
    return ThreeLabels(
        given=given,
        likeliest=probabilities.argmax(axis=1),
        certainty=probabilities.max(axis=1),
        verified=np.arange(ROWS) < verified,
        trusted=true,
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_forest_that_has_seen_the_rows_is_told(seed: int) -> None:
    vectors, true, given = drawn(seed, noise=0.2, pairs=False, apart=2)
    model = RandomForestClassifier(50, random_state=seed).fit(vectors, given)
    notice = memorised_labels(judged(true, given, model.predict_proba(vectors)))
    assert notice is not None
    assert notice.code == CODE
    assert "cross_val_predict" in notice.message


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_a_model_that_has_not_is_never_accused(seed: int, pairs: bool, noise: float) -> None:
    for apart in (0.3, 1.0, 3.0):
        vectors, true, given = drawn(seed, noise=noise, pairs=pairs, apart=apart)
        probabilities = cross_val_predict(LogisticRegression(), vectors, given, cv=5, method="predict_proba")
        assert memorised_labels(judged(true, given, probabilities)) is None


def test_few_wrong_labels_and_rows_of_no_class_say_nothing() -> None:
    _, true, given = drawn(0, noise=0.2, pairs=False, apart=2)
    by_heart = np.eye(CLASSES)[given]
    assert memorised_labels(judged(true, given, by_heart)) is not None
    assert memorised_labels(judged(true, given, by_heart, verified=20)) is None
    assert memorised_labels(judged(np.where(true == given, true, NO_CLASS), given, by_heart)) is None
