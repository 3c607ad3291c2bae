"""Deep Bilevel Learning, section 5.1 and Table 1: CifarNet on CIFAR-10 with 50 % random labels."""

from __future__ import annotations

import numpy as np

from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._cifar10 import TRAIN, noisy_cifar10
from noisecleaner.bench._datasets import scaled
from noisecleaner.bench._learning import accuracy, learn, new_network
from noisecleaner.corrupt import Kind
from noisecleaner.training import Schedule

#: Half the resolution, at which a CPU takes a third of the time.
_SIZE = 16


def _row(name: str, method: str, train: float, test: float) -> Row:
    paper = {"train_accuracy": train, "test_accuracy": test, "gap": round(train - test, 4)}
    return Row(method, {"configuration": name}, paper)


class BilevelCifar10(Experiment):
    """Nobody verified anything: all methods see the same rows, of which a random half has a wrong label.

    TEXT
    """

    rows = (
        _row("SGD", "uniform", 0.9675, 0.4515),
        _row("baseline", "bilevel", 0.8928, 0.4762),
        _row("c) sampling", "bilevel", 0.1613, 0.2393),
    )
    files = (TRAIN,)
    backbone = "cifarnet"
    scale = 0.05

    def run(self, row: Row, work: Work) -> Metrics:
        """Train, and measure the accuracy on the noisy labels that were trained on and on clean ones."""
        task = noisy_cifar10(work, Kind.SYMMETRIC, 0.5, shrunk=_SIZE)
        network = new_network(self.backbone, _SIZE, task.classes, work.seed)
        epochs = scaled(200, work.scale**0.4)
        schedule = Schedule(epochs, 128, 2, learning_rate=0.05, weight_decay=0.0, seed=work.seed)
        options = {"warmup": 5, "equal_labels": row.setting["configuration"] != "c) sampling"}
        learn(work, network, task.data, task.fold(), schedule, row.method, options if row.method == "bilevel" else {})
        train = accuracy(network, task.data, task.source, task.data.given[task.source])
        test = accuracy(network, task.test, np.arange(len(task.test.given)), task.test.given)
        return {"train_accuracy": train, "test_accuracy": test, "gap": train - test}
