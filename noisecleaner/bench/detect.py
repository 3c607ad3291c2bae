"""Wrong labels found: noisecleaner, cleanlab, neighbours and the verified rows alone, on the same features."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

import numpy as np

from noisecleaner.arrays import BoolArray, FloatArray, IntArray
from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._detection import HUMAN, TRAIN, Task, audited_rows, task
from noisecleaner.errors import NoisecleanerError
from noisecleaner.quality.calibration import reliability
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.scoring import score

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_NOISES = ("worse", "random1", "symmetric 0.2", "symmetric 0.4", "symmetric 0.6", "asymmetric 0.4")
_NEIGHBOURS = 50
_FILTERS = ("prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given")


class Detect(Experiment):
    """CIFAR-10 with the labels of CIFAR-10N or planted ones, through EfficientNet-Lite0 at `size` pixels.

    `scale` is the share of the 50,000 rows. Everything is measured on the rows that nobody verified. `f1` is that of
    what a tool flags by default: label_quality < 0.5; cleanlab's default filter (`f1_best_filter`: the best of its
    filters, chosen by the truth; `f1_argmax`: the rule that the most probable label differs from the given one); more
    than half of 50 neighbours (cosine) with another label; another label by the verified rows. `suggestions` is the
    share of wrong rows whose suggested label is the true one; `calibration_error` that of label quality (15 bins).
    cleanlab gets 5-fold logistic regression on the standardised features (C = 0.001: on the sample data
    better than 0.01 and 1).

    Args:
        size: edge length that images are enlarged to.
    """

    rows = tuple(
        row
        for noise in _NOISES
        for row in (
            *(Row("noisecleaner", {"noise": noise, "verified": n}) for n in (1_000, 500)),
            Row("cleanlab", {"noise": noise, "verified": 0}),
            Row("neighbours", {"noise": noise, "verified": 0}),
            Row("verified only", {"noise": noise, "verified": 1_000}),
        )
    )
    files = (TRAIN, HUMAN)
    backbone = "efficientnet-lite0"
    scale = 0.3

    def __init__(self, *, size: int = 96) -> None:
        self.size = size

    def run(self, row: Row, work: Work) -> Metrics:
        """Find wrong labels in one way, and compare with the truth."""
        data = task(work, str(row.setting["noise"]), self.size)
        verified = audited_rows(work, int(row.setting["verified"]) or 1_000, of=len(data.true))
        judged = np.ones(len(data.true), dtype=bool)
        judged[verified] = False
        started = time.monotonic()
        if row.method == "noisecleaner":
            metrics = _noisecleaner(data, verified, judged, work)
        elif row.method == "cleanlab":
            metrics = _cleanlab(data, judged, work.seed)
        elif row.method == "neighbours":
            share = _neighbours(data)
            metrics = _ranked(data, judged, suspicion=1 - share, flagged=share < 0.5)
        else:
            metrics = _verified_only(data, verified, judged)
        return {**metrics, "work_seconds": time.monotonic() - started}


def _noisecleaner(data: Task, verified: IntArray, judged: BoolArray, work: Work) -> Metrics:
    with data.fitted(verified, work) as run:
        score(run)
        scored = ScoredRun(run)
        scores, noise = scored.scores(), scored.noise.overall.interval
    assert noise is not None  # noqa: S101  # there are verified rows
    quality, alpha, margin = (scores[name].to_numpy() for name in ("label_quality", "alpha", "margin"))
    suggested = np.array(scores["suggested_label"].to_pylist(), dtype=object)
    wrong = judged & data.wrong
    names = np.array(data.classes, dtype=object)
    return {
        **_ranked(data, judged, suspicion=1 - quality, flagged=np.asarray(scores["flagged"])),
        "auroc_alpha": _ranked(data, judged, suspicion=-alpha, flagged=alpha < 0.5)["auroc"],
        "auroc_margin": _ranked(data, judged, suspicion=-margin, flagged=margin < 0)["auroc"],
        "suggestions": float((suggested[wrong] == names[data.true[wrong]]).mean()),
        "calibration_error": _calibration_error(quality[judged], ~data.wrong[judged]),
        "noise_rate": noise.value,
        "noise_low": noise.low,
        "noise_high": noise.high,
        "true_noise": float(data.wrong.mean()),
    }


def _cleanlab(data: Task, judged: BoolArray, seed: int) -> Metrics:
    try:
        from cleanlab.count import estimate_joint, num_label_issues
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores
    except ImportError as error:
        raise NoisecleanerError(
            "The benchmark detect compares with cleanlab, which is not installed.", "pip install 'noisecleaner[bench]'"
        ) from error
    given, probabilities = data.given, _crossed(data, seed)
    quality = get_label_quality_scores(given, probabilities)
    with warnings.catch_warnings():  # its filters warn of classes that they leave alone
        warnings.simplefilter("ignore")
        flags = {name: find_label_issues(given, probabilities, filter_by=name, n_jobs=1) for name in _FILTERS}
        joint = estimate_joint(given, probabilities)
    argmax = probabilities.argmax(axis=1)
    f1 = {name: _ranked(data, judged, suspicion=1 - quality, flagged=flagged)["f1"] for name, flagged in flags.items()}
    return {
        **_ranked(data, judged, suspicion=1 - quality, flagged=flags[_FILTERS[0]]),
        "f1_best_filter": max(f1.values()),
        "f1_argmax": _ranked(data, judged, suspicion=1 - quality, flagged=argmax != given)["f1"],
        "noise_rate": float(1 - np.trace(joint)),
        "noise_by_count": num_label_issues(given, probabilities) / len(given),
        "true_noise": float(data.wrong.mean()),
    }


def _logistic_regression() -> Pipeline:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.001, max_iter=300))


def _crossed(data: Task, seed: int) -> FloatArray:
    """Probabilities of the given labels, each row's by a model that was fitted without it, shape [rows, classes]."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    features = data.features.astype(np.float32)
    probabilities = cross_val_predict(_logistic_regression(), features, data.given, cv=folds, method="predict_proba")
    return np.asarray(probabilities)


def _neighbours(data: Task) -> FloatArray:
    """Share of a row's neighbours that carry its label, shape [rows]."""
    import torch

    vectors = torch.from_numpy(data.features.astype(np.float32))
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


def _verified_only(data: Task, verified: IntArray, judged: BoolArray) -> Metrics:
    features, model = data.features.astype(np.float32), _logistic_regression()
    probabilities = model.fit(features[verified], data.true[verified]).predict_proba(features)
    label = model.classes_[probabilities.argmax(axis=1)]
    own = np.where(model.classes_ == data.given[:, None], probabilities, 0).sum(axis=1)
    return _ranked(data, judged, suspicion=1 - own, flagged=label != data.given)


def _ranked(data: Task, judged: BoolArray, *, suspicion: FloatArray, flagged: BoolArray) -> Metrics:
    from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

    wrong, suspicion = data.wrong[judged], suspicion[judged]
    return {
        "auroc": float(roc_auc_score(wrong, suspicion)),
        "average_precision": float(average_precision_score(wrong, suspicion)),
        "f1": float(f1_score(wrong, np.asarray(flagged)[judged])),
    }


def _calibration_error(quality: FloatArray, right: BoolArray) -> float:
    diagram = reliability(quality, right, bins=15)
    return diagram.error if diagram else 0.0
