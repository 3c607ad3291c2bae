"""SOSELETO, section 4.2: CIFAR-10 with 30, 40 and 50 % wrong labels, and 5,000 verified ones."""

from __future__ import annotations

import numpy as np

from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._cifar10 import TRAIN, Noisy, noisy_cifar10
from noisecleaner.bench._learning import accuracy, learn, new_network
from noisecleaner.corrupt import Kind
from noisecleaner.folds import Plan, plan
from noisecleaner.ingest.manifest import FloatArray, IntArray
from noisecleaner.progress import Stage
from noisecleaner.quality import Verified, fit_quality
from noisecleaner.readout import read_fold
from noisecleaner.traces import collect
from noisecleaner.training import Schedule, State

_PLAIN = {0.3: 0.6557, 0.4: 0.6238, 0.5: 0.5736}
_SOSELETO = {0.3: 0.7241, 0.4: 0.6998, 0.5: 0.6633}
_HALF = {0.3: 0.04, 0.4: 0.10, 0.5: 0.20}
#: Half the resolution, at which a CPU takes a third of the time.
_SIZE = 16


class SoseletoCifar10(Experiment):
    """Table 1 and figure 2: label noise of a random confusion matrix; CIFAR-10 Quick, no augmentation.

    `uniform` is the paper's plain training. Both methods see the same noisy source rows; for `soseleto` 5,000 of them
    are verified and steer, and 5,000 more are verified to judge label quality, as in `fit`. `test_accuracy` is that of
    the network that `fit` keeps (phi_s), `target_test_accuracy` that of the classifier which the verified rows train
    (phi_t), the one the paper reports. `best_half_noise` is the share of wrong labels in the half of the rows with the
    highest alpha (or, `_by_quality`, the highest label quality), of the rows that nobody verified.

    `scale` is the share of 40,000 source rows and of the verified ones among them. The paper tells no number of epochs;
    here it is 200 times the square root of `scale`, because few rows need more visits until noise is memorised. Batches
    are 64 and 64 instead of 32 and 256, which would cost a CPU eight trusted rows for each source row. Steps start at
    0.03, and alpha moves by 0.1 a visit. Tried on seed 0 with 40 % noise: 2,000 rows and 60 epochs of this gave 0.31
    (plain), 0.30 (phi_s) and 0.32 (phi_t), and 28 % wrong labels in the better half by alpha, 21 % by label quality;
    moves of 0.4 rank worse than those of 0.1 (31 % instead of 27 % on 4,000 rows). So the order of the accuracies is
    the paper's only for phi_t, and alpha is far from the paper's 10 %.
    """

    rows = tuple(
        row
        for noise in _PLAIN
        for row in (
            Row("uniform", {"noise": noise}, {"test_accuracy": _PLAIN[noise]}),
            Row(
                "soseleto",
                {"noise": noise},
                {
                    "test_accuracy": _SOSELETO[noise],
                    "best_half_noise": _HALF[noise],
                    "best_half_noise_by_quality": _HALF[noise],
                },
            ),
        )
    )
    files = (TRAIN,)
    backbone = "cifar-quick"
    scale = 0.1

    def run(self, row: Row, work: Work) -> Metrics:
        """Train, test both classifiers, and count the wrong labels that are left in the better half."""
        task = noisy_cifar10(work, Kind.CONFUSION, float(row.setting["noise"]), audited=10_000, shrunk=_SIZE)
        planned = plan(task.data.given, task.data.trusted, task.true[task.extra], 1, work.seed)
        network = new_network(self.backbone, _SIZE, task.classes, work.seed)
        schedule = Schedule(40, 128, 256, learning_rate=0.1, weight_decay=0.0, seed=work.seed)
        options = {"warmup": 10, "rate": 0.3, "classifier": "shared"} if row.method == "soseleto" else {}
        state = learn(work, network, task.data, planned.folds[0], schedule, row.method, options)
        metrics = {"test_accuracy": accuracy(network, task.test, np.arange(len(task.test.given)), task.test.given)}
        if row.method == "soseleto":
            metrics["best_half_noise"] = _left(task, state.weighting.alpha().cpu().numpy())
        metrics["best_half_noise_by_quality"] = _left(task, _quality(task, planned, state, work.seed))
        return metrics


def _left(task: Noisy, values: FloatArray) -> float:
    """Share of wrong labels in the half of the rows with the highest values, of those that nobody verified."""
    rows: IntArray = np.flatnonzero(task.data.trusted < 0)
    best = rows[np.argsort(-values[rows], kind="stable")][: len(rows) // 2]
    return float(np.isin(best, task.wrong).mean())


def _quality(task: Noisy, planned: Plan, state: State, seed: int) -> FloatArray:
    """Compute label quality as `fit` does."""
    found = collect([read_fold(state, task.data, planned.folds[0], len(task.source), Stage())], len(task.source))
    judging = np.flatnonzero(planned.judging)
    truth = task.true[judging]
    known = Verified(
        judging,
        correct=task.data.given[judging] == truth,
        suggestion_correct=found["candidates"][judging, 0] == truth,
        clean_only=np.empty((0, task.classes)),
        clean_only_labels=np.empty(0, np.int64),
    )
    return fit_quality(found, known, seed, out_of_sample=False)[1]
