"""Wrong labels: people's, and those that are planted by class or by what an image looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from noisecleaner.arrays import FloatArray, IntArray
from noisecleaner.bench import Work
from noisecleaner.bench._looks import HUMAN, Features
from noisecleaner.export.corrupt import Kind, confusion_matrix, flip

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

#: Mistakes between look-alikes, as they are usually planted (Patrini et al., 2017).
_LOOK_ALIKES = {"truck": "automobile", "bird": "airplane", "deer": "horse", "cat": "dog", "dog": "cat"}
#: CIFAR-10N (Wei et al., 2022): the worst of three people's labels, and the first one's.
PEOPLE = {"worse": "worse_label", "random1": "random_label1"}
#: Rows of each class that the network which confuses images has seen.
_SEEN = 20


def given_by_people(work: Work, noise: str, rows: IntArray) -> IntArray:
    """Read people's labels of rows of CIFAR-10, shape [rows]."""
    people = pq.read_table(work.datasets.path(HUMAN), columns=[PEOPLE[noise]])
    return np.asarray(people.column(0).to_numpy()[rows].astype(np.int64))


def planted(true: IntArray, classes: tuple[str, ...], noise: str, seed: int) -> IntArray:
    """Make labels wrong class by class: `symmetric 0.4` (to any other class), `asymmetric 0.4` (to a look-alike).

    Args:
        true: shape [rows].
        classes: the names of its classes.
        noise: how, and with which rate.
        seed: of the draws.
    """
    kind, rate = noise.split()
    rng = np.random.default_rng((seed, 5))
    pairs = _LOOK_ALIKES if kind == "asymmetric" and {*_LOOK_ALIKES} <= {*classes} else None
    return flip(true, confusion_matrix(Kind(kind), classes, float(rate), rng, pairs=pairs), rng)


def confused(true: IntArray, features: Features, noise: str, seed: int) -> IntArray:
    """Make labels of hard images wrong, as what they look like most: `instance 0.2`.

    A logistic regression that has seen 20 right labels of each class judges every row. Rows are drawn without
    replacement with weights 1 - P(true class), exactly as many as the rate says, and each gets the wrong class that
    the regression finds likeliest.

    Args:
        true: shape [rows].
        features: shape [rows, width].
        noise: `instance`, and the share of wrong labels.
        seed: of the draws.
    """
    rng = np.random.default_rng((seed, 8))
    probabilities = _opinion(true, features, rng)
    own = np.arange(len(true)), true
    hard = 1 - probabilities[own]
    probabilities[own] = -1
    # the largest of log weights with Gumbel noise are a weighted draw without replacement (Vieira, 2014)
    keys = np.log(np.maximum(hard, 1e-9)) + rng.gumbel(size=len(true))
    wrong = np.argsort(-keys)[: round(float(noise.split()[1]) * len(true))]
    given = true.copy()
    given[wrong] = probabilities.argmax(axis=1)[wrong]
    return given


def _opinion(true: IntArray, features: Features, rng: np.random.Generator) -> FloatArray:
    """What a regression on few rows thinks of all rows, shape [rows, classes]."""
    order = rng.permutation(len(true))
    few = np.concatenate([order[true[order] == label][:_SEEN] for label in np.unique(true)])
    vectors = features.astype(np.float32)
    model = regression(0.01).fit(vectors[few], true[few])
    found: npt.NDArray[np.float64] = np.zeros((len(true), int(true.max()) + 1))
    found[:, model.classes_] = model.predict_proba(vectors)
    return found


def regression(inverse_penalty: float) -> Pipeline:
    """Make a logistic regression on standardised numbers.

    Args:
        inverse_penalty: scikit-learn's C.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=inverse_penalty, max_iter=300))
