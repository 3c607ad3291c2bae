"""Learning a small target with the help of a source: what the experiments on digits and letters share."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from noisecleaner.arrays import IntArray
from noisecleaner.bench import Work
from noisecleaner.bench._datasets import LabelledData, unverified
from noisecleaner.bench._learning import learn
from noisecleaner.images.greys import Pixels
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.backbones.lenet import LeNet
from noisecleaner.networks.network import Network
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.regularisers import Side
from noisecleaner.training.evaluation import accuracy
from noisecleaner.training.folds import Fold
from noisecleaner.training.recipe import Recipe
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.streams import first_parameters

#: Rows of a small labelled set in a step.
_BATCH = 32
_PLAIN = Recipe("uniform")


@dataclass(frozen=True)
class Sample:
    """Images with class indices from zero on.

    Args:
        pixels: uint8, shape [rows, size, size, 3].
        labels: shape [rows].
    """

    pixels: Pixels
    labels: IntArray

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, rows: IntArray) -> Sample:
        """Some of the rows."""
        return Sample(self.pixels[rows], self.labels[rows])


def of_classes(dataset: LabelledData, classes: range) -> Sample:
    """Take the images of some classes, whose indices start from zero then."""
    rows = np.flatnonzero(np.isin(dataset.labels, list(classes)))
    return Sample(dataset.pixels[rows], dataset.labels[rows] - classes.start)


def balanced(labels: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """Draw `count` rows, as many of each class as of any other, in random order."""
    each = count // (int(labels.max()) + 1)
    rows = [rng.permutation(np.flatnonzero(labels == label))[:each] for label in np.unique(labels)]
    return rng.permutation(np.concatenate(rows))


@dataclass(frozen=True)
class Joined:
    """Source rows, labelled target rows and unlabelled ones behind one another.

    Args:
        data: all of them.
        fold: the source is trained on, and the labelled target steers.
        side: which rows are unlabelled.
    """

    data: Data
    fold: Fold
    side: Side


def joined(work: Work, *, source: Sample, target: Sample, unlabelled: Pixels | None = None) -> Joined:
    """Put source rows, labelled target rows and unlabelled ones behind one another, and let the target steer."""
    parts = [source.pixels, target.pixels, *([] if unlabelled is None else [unlabelled])]
    pixels = np.concatenate(parts)
    nobody = np.full(len(pixels), -1)
    given, trusted = nobody.copy(), nobody.copy()
    given[: len(source)] = source.labels
    trusted[len(source) : len(source) + len(target)] = target.labels
    rows = np.arange(len(source))
    side = Side(unlabelled=np.arange(len(source) + len(target), len(pixels)), irrelevant=nobody)
    fold = Fold(source=rows, steering=np.flatnonzero(trusted >= 0))
    return Joined(Data(array=pixels, given=given, trusted=trusted, device=work.device), fold, side)


def held_out(sample: Sample, work: Work) -> Data:
    """Rows that are only asked for."""
    return unverified(sample.pixels, sample.labels, work.device)


def tested(network: Network, sample: Sample, work: Work) -> float:
    """Share of the sample that a network labels right."""
    return accuracy(network, held_out(sample, work), rows=np.arange(len(sample)), labels=sample.labels)


def lenet(*, size: int, classes: int, seed: int) -> Network:
    """Make a LeNet whose convolutions are the features theta and whose two full layers are the classifier phi.

    SOSELETO's phi is "the last layer, or possibly last few layers": with the last one alone, a target of 25 images
    got 0.78 here instead of 0.82.
    """
    with first_parameters(seed):
        layers = list(LeNet(size).layers)
        first = next(i for i, layer in enumerate(layers) if isinstance(layer, nn.Linear))
        head = nn.Sequential(*layers[first:], nn.Linear(500, classes))
        return Network(trunk=nn.Sequential(*layers[:first]), head=head)


def with_new_layer(network: Network, *, classes: int, seed: int) -> Network:
    """Keep all of a LeNet but its last layer."""
    with first_parameters(seed):
        last = nn.Linear(500, classes).to(next(network.parameters()))
    return Network(trunk=network.trunk, head=nn.Sequential(*list(network.head.children())[:-1], last))


def fine_tune(
    network: Network,
    sample: Sample,
    work: Work,
    *,
    steps: int,
    rate: float,
    recipe: Recipe = _PLAIN,
    unlabelled: Pixels | None = None,
) -> Network:
    """Train all of a network on a small labelled set; too short to be worth a checkpoint.

    Args:
        network: changed in place.
        sample: the labelled set.
        work: the run.
        steps: how many, each on 32 rows at most.
        rate: of learning.
        recipe: what is done.
        unlabelled: what its regularisers look at, shape [m, size, size, 3].
    """
    size = min(_BATCH, len(sample))
    schedule = Schedule(
        epochs=max(1, steps * size // len(sample)),
        batch_size=size,
        trusted_batch=2,
        learning_rate=rate,
        weight_decay=0.0,
        seed=work.seed,
        checkpoint_seconds=1e9,
    )
    quiet = replace(
        work,
        checkpoint=work.checkpoint.with_suffix(".tuning"),
        title=f"{work.title}, fine-tuning",
        progress=Progress(),
        interrupts=Interrupts(),
    )
    more = sample.pixels[:0] if unlabelled is None else unlabelled
    labels = np.append(sample.labels, np.full(len(more), -1))
    data = unverified(np.concatenate([sample.pixels, more]), labels, work.device)
    fold, side = Fold(source=np.arange(len(sample))), Side(unlabelled=np.arange(len(sample), len(labels)))
    return learn(quiet, network, recipe, data=data, fold=fold, schedule=schedule, side=side).network
