"""L2B, section 4.2 and Table 1: CIFAR-10 with 40 % symmetric noise, with 1,000 verified rows and without any."""

from __future__ import annotations

import numpy as np

from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._cifar10 import TRAIN, Noisy, noisy_cifar10
from noisecleaner.bench._datasets import scaled
from noisecleaner.bench._learning import accuracy, answers, learn, new_network
from noisecleaner.corrupt import Kind
from noisecleaner.training import Schedule, State


class L2bCifar10(Experiment):
    """scale TODO."""

    rows = (
        Row("uniform", {"trusted": 0}, {"test_accuracy": 0.833}),
        Row("l2rw", {"trusted": 1_000}, {"test_accuracy": 0.866}),
        Row("l2b", {"trusted": 1_000}, {"test_accuracy": 0.899}),
        Row("l2b", {"trusted": 0}),
    )
    files = (TRAIN,)
    scale = 0.1

    def run(self, row: Row, work: Work) -> Metrics:
        """Train, test, and see which wrong labels the pseudo labels outweigh."""
        task = noisy_cifar10(work, Kind.SYMMETRIC, 0.4, extra=1_000, augmented=True)
        backbone, rate = ("preact-resnet18", 0.15) if work.device.type == "cuda" else ("cifar-quick", 0.02)
        network = new_network(backbone, 32, task.classes, work.seed)
        epochs = scaled(300, work.scale, least=2)
        options = {} if row.method == "uniform" else {"warmup": scaled(10, work.scale)}
        batch = 512 if work.device.type == "cuda" else 128
        schedule = Schedule(epochs, batch, 128, learning_rate=rate, weight_decay=5e-4, seed=work.seed)
        meta = row.method == "l2b" and not row.setting["trusted"]
        state = learn(work, network, task.data, task.fold(), schedule, row.method, options, meta)
        test = np.arange(len(task.test.given))
        metrics = {"test_accuracy": accuracy(network, task.test, test, task.test.given)}
        return metrics | _corrected(task, state)


def _corrected(task: Noisy, state: State) -> Metrics:
    beta = state.weighting.beta()
    if beta is None:
        return {}
    wrong = task.wrong
    outweighed = wrong[(beta > state.weighting.alpha()).cpu().numpy()[wrong]]
    right = answers(state.network, task.data, outweighed) == task.true[outweighed] if len(outweighed) else np.zeros(0)
    return {
        "outweighed": len(outweighed) / len(wrong),
        "pseudo_right": float(right.mean()) if len(right) else 0.0,
    }
