"""What wrong labels are found with otherwise: cleanlab, neighbours, verified rows alone, one's own probabilities."""

from __future__ import annotations

import warnings

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray
from noisecleaner.bench import Metrics
from noisecleaner.bench._detection import Task
from noisecleaner.bench._plants import regression
from noisecleaner.bench._ranking import Truth
from noisecleaner.errors import NoisecleanerError

_NEIGHBOURS = 50
_FILTERS = ("prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given")
#: C of the regression whose probabilities cleanlab gets; the first is the default: best on the sample data.
PENALTIES = (0.001, 0.01, 0.1)


def crossed(data: Task, seed: int, inverse_penalty: float = PENALTIES[0]) -> FloatArray:
    """Probabilities of the given labels, each row's by a regression that was fitted without it.

    Args:
        data: rows with features.
        seed: of the five parts.
        inverse_penalty: scikit-learn's C.

    Returns:
        Shape [rows, classes].
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds, vectors = StratifiedKFold(5, shuffle=True, random_state=seed), data.inputs.astype(np.float32)
    with warnings.catch_warnings():  # of classes with fewer rows than parts, and of fits that took all iterations
        warnings.simplefilter("ignore")
        found = cross_val_predict(regression(inverse_penalty), vectors, data.given, cv=folds, method="predict_proba")
    probabilities = np.zeros((len(data.given), len(data.classes)))
    probabilities[:, np.unique(data.given)] = found
    return probabilities


def cleanlab(data: Task, truth: Truth, seed: int) -> Metrics:
    """Ask cleanlab, with regressions of several penalties; `…_best` is the best of them, chosen by the truth."""
    found = [_cleanlab(data.given, crossed(data, seed, c), truth) for c in PENALTIES]
    best = {
        f"{name}_best": max(one[name] for one in found)
        for name in ("auroc", "average_precision", "f1_best_filter", "f1_argmax", "f1_best_threshold")
    }
    return {
        **found[0],
        **best,
        "missed_at_budget_best": min(one["missed_at_budget"] for one in found),
        "true_noise": float(data.wrong.mean()),
    }


def _cleanlab(given: IntArray, probabilities: FloatArray, truth: Truth) -> Metrics:
    try:
        from cleanlab.count import estimate_joint, num_label_issues
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores
    except ImportError as error:
        raise NoisecleanerError(
            "The benchmark detect compares with cleanlab, which is not installed.", "pip install 'noisecleaner[bench]'"
        ) from error
    quality = get_label_quality_scores(given, probabilities)
    with warnings.catch_warnings():  # its filters warn of classes that they leave alone
        warnings.simplefilter("ignore")
        flags = {name: find_label_issues(given, probabilities, filter_by=name, n_jobs=1) for name in _FILTERS}
        joint = estimate_joint(given, probabilities)
    return {
        **truth.ranked(suspicion=1 - quality, flagged=flags[_FILTERS[0]]),
        "f1_best_filter": max(truth.f1(flagged) for flagged in flags.values()),
        "f1_argmax": truth.f1(probabilities.argmax(axis=1) != given),
        "noise_rate": float(1 - np.trace(joint)),
        "noise_by_count": num_label_issues(given, probabilities) / len(given),
    }


def single_signals(data: Task, truth: Truth) -> Metrics:
    """Rank by one number of the probabilities that rows bring: confidence, margin, or confidence over entropy.

    Of each metric the best of the three is given, chosen by the truth; `f1` is that of the rule that the likeliest
    label differs from the given one, which needs none of them.
    """
    probabilities, rows = data.inputs.astype(np.float64), np.arange(len(data.given))
    own, others = probabilities[rows, data.given], probabilities.copy()
    others[rows, data.given] = -1
    logs = np.log(np.clip(probabilities, 1e-12, 1))
    entropy = -(probabilities * logs).sum(axis=1)
    signals = (-own, others.max(axis=1) - own, -logs[rows, data.given] / np.maximum(entropy, 1e-6))
    argmax = probabilities.argmax(axis=1) != data.given
    found = [truth.ranked(suspicion=signal, flagged=argmax) for signal in signals]
    best = {name: max(one[name] for one in found) for name in found[0]}
    missed = min(one["missed_at_budget"] for one in found)
    return {**best, "missed_at_budget": missed, "true_noise": float(data.wrong.mean())}


def neighbours(data: Task, truth: Truth) -> Metrics:
    """Count how many of a row's 50 neighbours (cosine) carry its label."""
    share = _shares(data)
    return truth.ranked(suspicion=1 - share, flagged=share < 0.5)


def _shares(data: Task) -> FloatArray:
    """Share of a row's neighbours that carry its label, shape [rows]."""
    import torch

    vectors = torch.from_numpy(data.inputs.astype(np.float32))
    vectors = torch.nn.functional.normalize(vectors - vectors.mean(dim=0))
    labels = torch.from_numpy(data.given)
    shares = []
    for first in range(0, len(vectors), 1_000):
        similar = vectors[first : first + 1_000] @ vectors.T
        own = torch.arange(len(similar))
        similar[own, own + first] = -torch.inf
        of_neighbours = labels[similar.topk(_NEIGHBOURS, dim=1).indices]
        shares.append((of_neighbours == labels[first : first + 1_000, None]).float().mean(dim=1))
    return torch.cat(shares).numpy().astype(np.float64)


def verified_only(data: Task, verified: IntArray, truth: Truth) -> Metrics:
    """Learn from the verified rows alone."""
    features, model = data.inputs.astype(np.float32), regression(PENALTIES[0])
    probabilities = model.fit(features[verified], data.true[verified]).predict_proba(features)
    label = model.classes_[probabilities.argmax(axis=1)]
    own = np.where(model.classes_ == data.given[:, None], probabilities, 0).sum(axis=1)
    return truth.ranked(suspicion=1 - own, flagged=_differs(label, data.given))


def _differs(label: IntArray, given: IntArray) -> BoolArray:
    return np.asarray(label != given)
