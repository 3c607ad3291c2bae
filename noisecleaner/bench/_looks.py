"""Rows of the datasets, and what frozen networks see in them: drawn and computed once for all runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from noisecleaner.arrays import IntArray
from noisecleaner.bench import Work
from noisecleaner.bench._datasets import LabelledData, drawn, scaled
from noisecleaner.files import replacing
from noisecleaner.images.greys import Pixels
from noisecleaner.inputs.encoders import feature_encoder
from noisecleaner.networks.backbones import Backbone
from noisecleaner.networks.joined import Joined

Features = npt.NDArray[np.float16]

TRAIN, HUMAN = "cifar10/train-*.parquet", "cifar10/human_labels.parquet"
MNIST, LETTERS = "mnist/train-*.parquet", "notmnist/*.parquet"
#: Pattern -> edge length of its images.
_EDGES = {TRAIN: 32, MNIST: 28, LETTERS: 28}
#: So many rows there are at the smallest scale.
_LEAST = 200


@dataclass(frozen=True, kw_only=True)
class Look:
    """The frozen networks that look at images.

    Args:
        backbone: a network, or several: `A+B`, see `Model.backbone`.
        size: edge length that images are enlarged to; None takes 96 for one network, and each one's own for several.
    """

    backbone: str = "efficientnet-lite0"
    size: int | None = None

    def joined(self) -> Joined:
        """Make the networks, with their published weights."""
        size = 96 if self.size is None and "+" not in self.backbone and "@" not in self.backbone else self.size
        return Joined.build(self.backbone, size=size, pretrained=True, weights=None)


@dataclass(frozen=True, kw_only=True)
class Share:
    """Rows of one dataset.

    Args:
        pattern: its files.
        base: rows whose features are computed, ascending.
        kept: those of them that are taken, as positions in `base`.
        classes: what its classes are called.
        labels: true class of each row that is taken, as a position in `classes`.
    """

    pattern: str
    base: IntArray
    kept: IntArray
    classes: tuple[str, ...]
    labels: IntArray

    @property
    def rows(self) -> IntArray:
        """Rows of the dataset that are taken."""
        return self.base[self.kept]

    def taking(self, positions: IntArray) -> Share:
        """Take some of the rows."""
        return replace(self, kept=self.kept[positions], labels=self.labels[positions])

    def pixels(self, work: Work) -> Pixels:
        """Read what the rows hold, uint8, shape [rows, edge, edge, 3]."""
        return np.asarray(_read(work, self.pattern).pixels[self.rows])

    def features(self, work: Work, look: Look) -> Features:
        """Compute features, or read those that an earlier run computed, shape [rows, width]."""
        joined = look.joined()
        parts = zip(joined.names, joined.parts, strict=True)
        return np.concatenate([self._features(work, name, part)[self.kept] for name, part in parts], axis=1)

    def _features(self, work: Work, name: str, backbone: Backbone) -> Features:
        word = re.sub(r"[^a-z0-9]+", "-", f"{self.pattern.partition('/')[0]}-{len(self.base)}-{name}-{backbone.size}")
        kept = work.checkpoint.parent.parent / "pixels" / f"features-{word}.npy"
        if kept.exists():
            return np.asarray(np.load(kept, mmap_mode="r"))
        encoder, pixels = feature_encoder([backbone], work.device), _read(work, self.pattern).pixels
        parts = []
        with work.progress.stage(f"Features, {name}", len(self.base), "images") as stage:
            for first in range(0, len(self.base), encoder.block):
                images = pixels[self.base[first : first + encoder.block]]
                parts.append(encoder.encode([_enlarged(images, backbone.size)]))
                stage.advance(len(images))
        features = np.concatenate(parts)
        with replacing(kept) as temporary, temporary.open("wb") as file:
            np.save(file, features)
        return features


def share(work: Work, pattern: str, count: int, *, of: int | None = None, prefix: str = "") -> Share:
    """Draw rows of a dataset, the same for every seed.

    Args:
        work: the run.
        pattern: the files of the dataset.
        count: rows to draw.
        of: rows among which they are drawn, themselves drawn; None draws among all.
        prefix: what is put before the names of its classes.
    """
    dataset = _read(work, pattern)
    base = np.sort(drawn(np.arange(len(dataset.labels)), of or count, np.random.default_rng(0)))
    kept = np.sort(drawn(np.arange(len(base)), count, np.random.default_rng(1))) if of else np.arange(len(base))
    classes = tuple(prefix + name for name in dataset.classes)
    return Share(pattern=pattern, base=base, kept=kept, classes=classes, labels=dataset.labels[base[kept]])


def base_count(work: Work) -> int:
    """Count the rows of CIFAR-10 that a run of this scale works with."""
    return scaled(len(_read(work, TRAIN).labels), work.scale, least=_LEAST)


def _read(work: Work, pattern: str) -> LabelledData:
    return work.datasets.read(pattern, _EDGES[pattern])


def _enlarged(images: Pixels, size: int) -> Pixels:
    """Enlarge images as those of a dataset are, shape [n, size, size, 3]."""
    larger = (Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR) for image in images)
    return np.stack([np.asarray(image) for image in larger])
