"""What the cost of a step is measured on: networks, and random rows of the shape that they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from noisecleaner.bench._contract import Work
from noisecleaner.bench._datasets import scaled
from noisecleaner.bench._learning import new_network
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.devices import choose_precision, native_bfloat16
from noisecleaner.networks.heads import build_network
from noisecleaner.networks.network import Batch, Network
from noisecleaner.networks.shapes import Shape

CLASSES = 10
_WIDTH = 1280
#: The name of the network that is no backbone: one hidden layer of 128 units on vectors.
HEAD = "head"
#: Batches that make an epoch.
_EPOCH = 32


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network and its batches.

    Args:
        name: of a backbone, or `HEAD`.
        size: edge length of its images; None for the backbone's own.
        alone: rows of a batch at `scale` 1 where a step is measured alone.
        looped: rows of a batch at `scale` 1 where a loop is measured.
    """

    name: str
    size: int | None = None
    alone: int = 32
    looped: int = 32

    @property
    def on_vectors(self) -> bool:
        """Whether the network takes vectors."""
        return self.name == HEAD

    def network(self, work: Work) -> Network:
        """Make the network on the device, in train mode, its convolutions with the channels last."""
        torch.manual_seed(work.seed)
        if self.on_vectors:
            network = build_network(Shape(kind="vectors", classes=CLASSES, width=_WIDTH, hidden=128))
        else:
            network = new_network(self.name, size=self.size, classes=CLASSES, seed=work.seed)
        network.to(device=work.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.train()

    def precision(self, wanted: Literal["auto", "float32", "bfloat16"], device: torch.device) -> torch.dtype:
        """What its layers compute in: with "auto" in bfloat16 on a GPU that has it, where it takes pixels."""
        if wanted == "auto":
            fast = device.type == "cuda" and native_bfloat16(device) and not self.on_vectors
            wanted = "bfloat16" if fast else "float32"
        return choose_precision(wanted, device, convolutions=not self.on_vectors)

    def batch(self, count: int, edge: int | None, device: torch.device) -> Batch:
        """Draw a batch of rows.

        Args:
            count: its rows.
            edge: edge length of their images; None for vectors.
            device: where it goes.
        """
        if edge is None:
            inputs = torch.randn(count, _WIDTH)
        else:  # with the channels last, as decoded images come
            inputs = 255 * torch.rand(count, edge, edge, 3).permute(0, 3, 1, 2)
        labels, rows = torch.randint(0, CLASSES, (count,)), torch.arange(count)
        return Batch(inputs=inputs.to(device), labels=labels.to(device), rows=rows.to(device))

    def data(self, work: Work, edge: int | None) -> Data:
        """Draw rows for a loop: an epoch of source rows, and behind them two batches of verified ones.

        Args:
            work: the run.
            edge: edge length of the images; None for vectors.
        """
        rng, batch = np.random.default_rng((work.seed, 5)), self.rows_of_loop(work)
        count, verified = _EPOCH * batch, 2 * batch
        if edge is None:
            array = rng.standard_normal((count + verified, _WIDTH), np.float32)
        else:
            array = rng.integers(0, 256, (count + verified, edge, edge, 3), np.uint8)
        given, trusted = rng.integers(0, CLASSES, (2, count + verified))
        given[count:], trusted[:count] = -1, -1
        return Data(array=array, given=given, trusted=trusted, device=work.device, augmented=edge is not None)

    def rows_of_loop(self, work: Work) -> int:
        """Rows of a batch in a loop."""
        return scaled(self.looped, work.scale, least=16)


def edge_of(network: Network) -> int | None:
    """Edge length of the images that a network takes; None for vectors."""
    size = getattr(network.trunk, "size", None)
    return None if size is None else int(size)


#: CIFAR-10 Quick, PreActResNet-18, torchvision's resnet18, and a head.
SUBJECTS = (
    Subject(name="cifar-quick", size=32, alone=512, looped=512),
    Subject(name="preact-resnet18", size=32, alone=128, looped=512),
    Subject(name="resnet18", size=224),
    Subject(name=HEAD, alone=512, looped=512),
)


def subject(name: str) -> Subject:
    """Find a network of the table, or take a backbone at its own size in batches of 32."""
    known = {each.name: each for each in SUBJECTS}
    return known.get(name, Subject(name=name))
