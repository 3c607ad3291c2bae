"""What a cheaper meta step costs in truth: its correlation with the exact one, and the wrong labels found with it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.arrays import IntArray
from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._cifar10 import TRAIN, Noisy, label_quality
from noisecleaner.bench._datasets import drawn, scaled
from noisecleaner.bench._learning import learn, new_network
from noisecleaner.bench._looks import HUMAN
from noisecleaner.gradients.alignment import alignments, at
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.devices import autocast
from noisecleaner.networks.network import Batch, Network
from noisecleaner.settings import Meta
from noisecleaner.training.descent import Descent
from noisecleaner.training.recipe import Recipe
from noisecleaner.training.sampling import Sampler
from noisecleaner.training.schedule import Schedule
from noisecleaner.weightings import build
from noisecleaner.weightings._meta_gradient import MetaGradientWeighting

_BATCH, _EPOCHS, _COMPARED = 128, 12, 8
#: Learning rates. At 0.05, L2B's network hardly tells inputs apart in its first epochs, and it is chance whether it
#: recovers.
_RATES = {"uniform": 0.05, "soseleto": 0.05, "l2b": 0.01}
#: Epochs of plain training after which a(given) is compared.
_AFTER = (0, 1, 5)


@dataclass(frozen=True)
class _Way:
    """One way to take the meta step.

    Args:
        meta: layers, steps for which one trusted batch serves, and how much of the last v stays.
        trusted_batch: rows of a trusted batch; that of the exact way is 128.
        precision: what layers compute in.
    """

    meta: Meta = Meta()  # noqa: RUF009  # it is frozen
    trusted_batch: int = _BATCH
    precision: torch.dtype = torch.float32

    def steering(self, rows: IntArray, step: int) -> IntArray:
        """Those of a step's trusted rows that this way looks at: none where those of an earlier step serve."""
        if self.meta.every == 1:
            return rows[: self.trusted_batch]
        return rows if step % self.meta.every == 0 else rows[:0]

    def is_compared(self, step: int) -> bool:
        """Whether a step is the last one that its trusted rows serve for."""
        return step % self.meta.every == self.meta.every - 1


_WAYS = {
    "exact": _Way(),
    "bfloat16": _Way(precision=torch.bfloat16),
    "block": _Way(Meta(layers="block")),
    "last": _Way(Meta(layers="last")),
    "every 4": _Way(Meta(every=4)),
    "momentum 0.9": _Way(Meta(momentum=0.9)),
    "every 4, momentum 0.9": _Way(Meta(every=4, momentum=0.9)),
    "quarter batch": _Way(trusted_batch=_BATCH // 4),
}


class Approximations(Experiment):
    """CIFAR-10 Quick on CIFAR-10N's "worse" labels, without augmentation; 1,000 rows are verified (500 of them judge).

    `correlation_E` is that of a(given) over the rows of a batch with the exact one, taken in float64 from the same
    trusted batch, on a network after E epochs of plain training (mean of eight batches), and `distance_E` how far they
    are apart, as a share of the exact one's length. The way "exact" is what `fit` computes in float32. In "quarter
    batch" v comes from the first quarter of that trusted batch; in "every 4", from the trusted batch before it and the
    network as it was three steps ago. With momentum v is a mean over batches, which is not meant to agree with the one
    at hand.

    `auroc` is how label quality ranks the wrong labels of rows that nobody verified, after twelve epochs of the method
    in that way; `auroc_alpha` is how alpha alone does.

    `scale` is the share of the 50,000 rows.
    """

    rows = tuple(Row(method, {"way": way}) for method in ("soseleto", "l2b") for way in _WAYS)
    files = (TRAIN, HUMAN)
    backbone = "cifar-quick"
    scale = 0.1

    def run(self, row: Row, work: Work) -> Metrics:
        """Compare one way with the exact one, then find wrong labels with it."""
        way, task = _WAYS[str(row.setting["way"])], _task(work)
        metrics: Metrics = {}
        if row.method == "l2b":  # a(given) does not depend on the rule
            for epochs in _AFTER:
                pairs = islice(_pairs(self._after(epochs, task, work), task, way, work), _COMPARED)
                correlation, distance = np.mean([(pair.correlation, pair.distance) for pair in pairs], axis=0)
                metrics |= {f"correlation_{epochs}": float(correlation), f"distance_{epochs}": float(distance)}
        return {**metrics, **self._ranked(row.method, task, way, work)}

    def _after(self, epochs: int, task: Noisy, work: Work) -> Network:
        """A network after some epochs of plain training."""
        network = new_network(self.backbone, size=32, classes=task.classes, seed=work.seed).to(work.device)
        if epochs:
            schedule = _schedule(_Way(), epochs, "uniform", work.seed)
            learn(work, network, Recipe("uniform"), data=task.data, fold=task.fold(), schedule=schedule)
            work.checkpoint.unlink(missing_ok=True)
        return network

    def _ranked(self, method: str, task: Noisy, way: _Way, work: Work) -> Metrics:
        """Train with a method, and rank the wrong labels."""
        from sklearn.metrics import roc_auc_score

        assignment = task.single_run(work.seed)
        network = new_network(self.backbone, size=32, classes=task.classes, seed=work.seed)
        options = {"warmup": 0, "classifier": "shared"} if method == "soseleto" else {"warmup": 1}
        schedule = _schedule(way, _EPOCHS, method, work.seed)
        recipe = Recipe(method, options=options, meta=way.meta)
        state = learn(work, network, recipe, data=task.data, fold=assignment.folds[0], schedule=schedule)
        nobody = np.flatnonzero(task.data.trusted < 0)
        wrong = np.isin(nobody, task.wrong)
        quality, alpha = label_quality(task, assignment, state, work.seed), state.weighting.alpha().cpu().numpy()
        return {
            "auroc": float(roc_auc_score(wrong, -quality[nobody])),
            "auroc_alpha": float(roc_auc_score(wrong, -alpha[nobody])),
        }


def _task(work: Work) -> Noisy:
    """Draw rows with the labels that people gave, a fiftieth of 50,000 verified (at `scale` 0.1: 1,000 of 5,000)."""
    dataset = work.datasets.read(TRAIN, 32)
    rng = np.random.default_rng((work.seed, 3))
    everyone = np.arange(len(dataset.labels))
    rows = drawn(everyone, scaled(len(everyone), work.scale, least=200), rng)
    true = dataset.labels[rows]
    people = pq.read_table(work.datasets.path(HUMAN), columns=["worse_label"]).column(0).to_numpy()
    trusted = np.full(len(rows), -1)
    verified = min(1_000, len(rows) // 5)
    trusted[:verified] = true[:verified]
    data = Data(array=dataset.pixels[rows], given=people[rows].astype(np.int64), trusted=trusted, device=work.device)
    return Noisy(data=data, true=true, source=np.arange(len(rows)), test=data, classes=len(dataset.classes))


def _schedule(way: _Way, epochs: int, method: str, seed: int) -> Schedule:
    rate = _RATES[method]
    return Schedule(
        epochs=epochs,
        batch_size=_BATCH,
        trusted_batch=way.trusted_batch,
        learning_rate=rate,
        weight_decay=5e-4,
        seed=seed,
        precision=way.precision,
    )


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """a(given) of the rows of a batch, in float64, each of shape [n].

    Args:
        exact: along the gradient of this step's trusted rows.
        approximate: in the way that is tried.
    """

    exact: Tensor
    approximate: Tensor

    @property
    def correlation(self) -> float:
        """Pearson's."""
        return float(torch.corrcoef(torch.stack([self.exact, self.approximate]))[0, 1])

    @property
    def distance(self) -> float:
        """How far they are apart, as a share of the exact one's length."""
        return float((self.approximate - self.exact).norm() / self.exact.norm())


def _pairs(network: Network, task: Noisy, way: _Way, work: Work) -> Iterator[_Pair]:
    """Go on with plain steps, and compare a way with the exact one before each step that counts."""
    exact, other = (_rule(network, len(task.true), meta) for meta in (Meta(), way.meta))
    network.train()
    descent = Descent(list(network.parameters()), momentum=0.9, weight_decay=0.0)
    for step, (source_rows, target_rows) in enumerate(_batches(task, work.seed)):
        source, target = task.data.source(source_rows), task.data.target(target_rows)
        expected = _in_float64(exact, network, source, target)
        with autocast(work.device, way.precision):
            logits = other.look_ahead(network, source, task.data.target(way.steering(target_rows, step)))
            agreement = alignments(logits)
        if way.is_compared(step):
            yield _Pair(exact=expected, approximate=at(agreement, source.labels).to(expected))
        descent.clear()
        torch.autograd.backward(functional.cross_entropy(logits.value.float(), source.labels))
        descent.step(0.01)


def _rule(network: Network, rows: int, meta: Meta) -> MetaGradientWeighting:
    rule = build("l2b", rows=rows, network=network, meta=meta)
    assert isinstance(rule, MetaGradientWeighting)  # noqa: S101  # narrows the type
    return rule.to(next(network.parameters()).device)


def _in_float64(rule: MetaGradientWeighting, network: Network, *batches: Batch) -> Tensor:
    """a(given) of the first batch, steered by the second: on the CPU, as not every device has float64."""
    source, target = (Batch(inputs=b.inputs.cpu().double(), labels=b.labels.cpu(), rows=b.rows.cpu()) for b in batches)
    return at(alignments(rule.look_ahead(deepcopy(network).cpu().double(), source, target)), source.labels)


def _batches(task: Noisy, seed: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Source and trusted rows, step by step."""
    steering = task.fold().steering
    sampler = Sampler(rows=task.source, given=task.data.given, batch_size=_BATCH, trusted_batch=_BATCH, seed=seed + 1)
    rng = np.random.default_rng((seed, 9))
    for number in count():
        yield sampler.source(number), rng.permutation(steering)[:_BATCH]
