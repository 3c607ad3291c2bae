"""CIFAR-10 with noise: which rows train, which are verified, which test; shared by the experiments on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import IntArray, RealArray
from noisecleaner.bench import Work
from noisecleaner.bench._datasets import LabelledData, drawn, scaled, unverified
from noisecleaner.export.corrupt import Kind, confusion_matrix, flip
from noisecleaner.images.greys import Pixels
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.network import Network
from noisecleaner.progress import Stage
from noisecleaner.quality.fitting import VerifiedRows, fit_quality
from noisecleaner.quality.transition import VerifiedLabels
from noisecleaner.runs.trace import collect
from noisecleaner.training.evaluation import accuracy
from noisecleaner.training.folds import Fold, FoldAssignment, assign_folds
from noisecleaner.training.readout import read_fold
from noisecleaner.training.state import State

#: The training images, which are lossless; the published test images are partly JPEG, so none of them is used.
TRAIN = "cifar10/train-*.parquet"
#: Rows 0 to 39,999 train, the rest tests.
POOL = 40_000
#: Edge length of its images.
SIZE = 32


@dataclass(frozen=True, kw_only=True)
class Noisy:
    """A noisy training set, verified rows, and a clean test set.

    Args:
        data: source rows first, verified rows that are not among them behind.
        true: the true label of every row of `data`, shape [rows].
        source: the source rows, 0 to n - 1.
        test: the test images, with their true labels as given ones.
        classes: number of classes.
    """

    data: Data
    true: IntArray
    source: IntArray
    test: Data
    classes: int

    @property
    def extra(self) -> IntArray:
        """Rows with a verified but no given label."""
        return np.arange(len(self.source), len(self.true))

    @property
    def wrong(self) -> IntArray:
        """Source rows whose given label is wrong."""
        return np.flatnonzero(self.data.given[self.source] != self.true[self.source])

    def fold(self) -> Fold:
        """Train on all source rows, and let all verified rows steer."""
        return Fold(source=self.source, steering=np.flatnonzero(self.data.trusted >= 0))

    def tested(self, network: Network) -> float:
        """Share of the test images that a network labels right."""
        return accuracy(network, self.test, rows=np.arange(len(self.test.given)), labels=self.test.given)

    def single_run(self, seed: int) -> FoldAssignment:
        """Train once on all source rows, and let a half of the verified ones judge."""
        return assign_folds(
            given=self.data.given, trusted=self.data.trusted, clean_only=self.true[self.extra], folds=1, seed=seed
        )


@dataclass(frozen=True, kw_only=True)
class Images:
    """How images come to the network.

    Args:
        shrunk: edge length that they are scaled to.
        cropped: edge length of the centre that is cut out of them then; None takes all.
        augmented: whether source images are shifted and mirrored.
    """

    shrunk: int = SIZE
    cropped: int | None = None
    augmented: bool = False

    def of(self, dataset: LabelledData, rows: IntArray | slice) -> Pixels:
        """Take some rows, shape [n, edge, edge, 3]."""
        edge = self.shrunk if self.cropped is None else self.cropped
        kept = slice((self.shrunk - edge) // 2, (self.shrunk + edge) // 2)
        return dataset.pixels[rows][:, kept, kept]


def noisy_cifar10(
    work: Work, kind: Kind, rate: float, *, audited: int = 0, extra: int = 0, images: Images | None = None
) -> Noisy:
    """Draw a noisy training set from the first four fifths of CIFAR-10; the last fifth tests, whatever the scale.

    Args:
        work: the run; its scale is the share of the 40,000 rows that are drawn, and of those that are verified.
        kind: the way in which labels go wrong.
        rate: the share of wrong labels.
        audited: source rows that are verified as well, at scale 1.
        extra: verified rows that are no source rows, at any scale; they come out of the 40,000.
        images: how images come to the network; as they are by default.
    """
    images = images or Images()
    dataset = work.datasets.read(TRAIN, images.shrunk)
    rng = np.random.default_rng((work.seed, 3))
    border = len(dataset.labels) * 4 // 5  # 40,000 of the 50,000
    share = work.scale * border / POOL
    beside = min(extra, border // 4)
    rows = drawn(np.arange(border), scaled(POOL - extra, share, least=200) + beside, rng)
    count = len(rows) - beside
    true = dataset.labels[rows]
    given = flip(true, confusion_matrix(kind, dataset.classes, rate, rng), rng)
    given[count:] = -1
    trusted = np.full(len(rows), -1)
    trusted[count:] = true[count:]
    verified = scaled(audited, share, least=40) if audited else 0
    trusted[:verified] = true[:verified]
    array, rest = images.of(dataset, rows), slice(border, None)
    data = Data(array=array, given=given, trusted=trusted, device=work.device, augmented=images.augmented)
    test = unverified(images.of(dataset, rest), dataset.labels[rest], work.device)
    return Noisy(data=data, true=true, source=np.arange(count), test=test, classes=len(dataset.classes))


def label_quality(task: Noisy, assignment: FoldAssignment, state: State, seed: int) -> RealArray:
    """Compute label quality as `fit` does, shape [source rows]."""
    readout = read_fold(state, task.data, assignment.folds[0], rows=len(task.source), stage=Stage())
    signals = collect([readout], given=task.data.given[task.source])
    judging = np.flatnonzero(assignment.judging)
    labels = VerifiedLabels(true=task.true[judging], weights=np.ones(len(judging)))
    verified = VerifiedRows(judging=judging, labels=labels, classes=task.classes)
    return fit_quality(signals, verified, seed=seed, out_of_sample=False)[1]
