"""SOSELETO, section 4.2: CIFAR-10 with 30, 40 and 50 % wrong labels, and 5,000 verified ones."""

from __future__ import annotations

import math

import numpy as np

from noisecleaner.arrays import IntArray, RealArray
from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._cifar10 import SIZE, TRAIN, Noisy, label_quality, noisy_cifar10
from noisecleaner.bench._learning import learn, new_network
from noisecleaner.export.corrupt import Kind
from noisecleaner.networks.devices import choose_precision
from noisecleaner.settings import Meta
from noisecleaner.training.recipe import Recipe
from noisecleaner.training.schedule import Schedule

_PLAIN = {0.3: 0.6557, 0.4: 0.6238, 0.5: 0.5736}
_SOSELETO = {0.3: 0.7241, 0.4: 0.6998, 0.5: 0.6633}
_HALF = {0.3: 0.04, 0.4: 0.10, 0.5: 0.20}


class SoseletoCifar10(Experiment):
    """Table 1 and figure 2: label noise of a random confusion matrix; CIFAR-10 Quick, no augmentation.

    `uniform` is the paper's plain training. Both methods see the same noisy source rows; for `soseleto` 5,000 of them
    are verified and steer, and 5,000 more are verified to judge label quality, as in `fit`. `best_half_noise` is the
    share of wrong labels in the half of the rows with the highest alpha (or, `_by_quality`, the highest label quality),
    of the rows that nobody verified.

    `scale` is the share of 40,000 source rows and of the verified ones among them. Batches hold 32 rows and 256
    verified ones, as in the paper; a new direction is asked of these in every 16th step alone, so that they cost half
    of a plain step, and a hundredth of the direction that serves is new (`Meta.momentum`). There are 12 epochs, of
    which SOSELETO takes one plain, and up to 38 at smaller scales (12 divided by the root of `scale`; the paper tells
    no number). Steps stay at 0.005, as the paper's do not get smaller, and alpha moves by 0.1 a visit.

    This was chosen on seed 100. For alpha the momentum counts most, because a lone direction says most of all how
    training has just swung: with 40 % noise the better half by alpha held 15.5 % wrong labels without it, 11.3 % with
    0.9 and 9.0 % with 0.97 (steps fell from 0.03, and alpha moved by 0.3, 0.3 and 0.15). Batches of eight times as many
    verified rows swing with it, and had changed little. Smaller steps come next: with 30 % noise that half held 4.6 %
    where they fell from 0.03 along a cosine, 4.0 % where they fell from 0.005, and 3.6 % where they stayed there, at
    accuracies of 0.69, 0.71 and 0.71 (12, 12 and 14 epochs). Batches of 128 made a worse network: after five epochs
    with 40 % noise its accuracy was 0.46, and with batches of 32 it was 0.56.

    Unlike the paper's, phi_t is phi_s here. A phi_t of its own fits the verified rows by itself, and what is left of
    their gradient then says little about theta: on 6,000 rows with 40 % noise (seed 100, after twelve plain epochs) the
    better half by a(given), steered by 5,000 verified rows, held 24 % wrong labels with phi_s, and 33 % with a phi_t
    trained on these rows. Phi_t was no more accurate than phi_s.

    What parts SOSELETO from the paper's accuracy is the weight that wrong labels keep. On seed 100 with 30 % noise (14
    epochs) they made up 12 % of all weight in the end, and accuracy was 0.707; training anew with these weights from
    the first step on ended at 0.707, too, and plain training on the right rows alone, with as many steps, at 0.729.
    """

    rows = tuple(
        row
        for noise in _PLAIN
        for row in (
            Row("uniform", {"noise": noise}, paper={"test_accuracy": _PLAIN[noise]}),
            Row(
                "soseleto",
                {"noise": noise},
                paper={
                    "test_accuracy": _SOSELETO[noise],
                    "best_half_noise": _HALF[noise],
                    "best_half_noise_by_quality": _HALF[noise],
                },
            ),
        )
    )
    files = (TRAIN,)
    backbone = "cifar-quick"
    scale = 1.0

    def run(self, row: Row, work: Work) -> Metrics:
        """Train, test both classifiers, and count the wrong labels that are left in the better half."""
        task = noisy_cifar10(work, Kind.CONFUSION, float(row.setting["noise"]), audited=10_000)
        assignment = task.single_run(work.seed)
        network = new_network(self.backbone, size=SIZE, classes=task.classes, seed=work.seed)
        epochs = round(12 / math.sqrt(max(work.scale, 0.1)))
        precision = choose_precision("auto", work.device, convolutions=True)
        schedule = Schedule(
            epochs=epochs,
            batch_size=32,
            trusted_batch=256,
            learning_rate=0.005,
            weight_decay=0.0,
            seed=work.seed,
            precision=precision,
            decline="constant",
        )
        options = {"warmup": 1, "rate": 0.1, "classifier": "shared"}
        weighted = Recipe("soseleto", options=options, meta=Meta(every=16, momentum=0.99))
        recipe = weighted if row.method == "soseleto" else Recipe(row.method)
        state = learn(work, network, recipe, data=task.data, fold=assignment.folds[0], schedule=schedule)
        metrics = {"test_accuracy": task.tested(network)}
        if row.method == "soseleto":
            metrics["best_half_noise"] = _left(task, state.weighting.alpha().cpu().numpy())
        metrics["best_half_noise_by_quality"] = _left(task, label_quality(task, assignment, state, work.seed))
        return metrics


def _left(task: Noisy, values: RealArray) -> float:
    """Share of wrong labels in the half of the rows with the highest values, of those that nobody verified."""
    rows: IntArray = np.flatnonzero(task.data.trusted < 0)
    best = rows[np.argsort(-values[rows], kind="stable")][: len(rows) // 2]
    return float(np.isin(best, task.wrong).mean())
