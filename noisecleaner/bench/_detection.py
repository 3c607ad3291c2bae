"""Rows with known wrong labels, fitted as a user would: shared by `detect` and `coverage`."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from noisecleaner.arrays import Array, IntArray
from noisecleaner.bench import Work
from noisecleaner.bench._datasets import drawn, scaled
from noisecleaner.bench._looks import LETTERS, MNIST, TRAIN, Features, Look, Share, base_count, share
from noisecleaner.bench._plants import PEOPLE, confused, given_by_people, planted
from noisecleaner.files import scratch_folder
from noisecleaner.fitting import fit
from noisecleaner.ingest import Columns, Source
from noisecleaner.runs.config import FitConfig
from noisecleaner.settings import Effort, Model

Brought = Literal["embedding", "probabilities", "image"]

#: The largest class of a long tail has so many times the rows of the smallest.
_IMBALANCE = 50
#: What is trained end to end, on which share of the rows, for how many epochs: a minute or two on one core.
_SCRATCH, _SCRATCH_SHARE, _SCRATCH_EPOCHS = "cifar-quick", 0.4, 14
_SOURCES = {"embedding": Columns(embedding="embedding"), "probabilities": Columns(probabilities="probabilities")}


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """How rows are fitted.

    Args:
        audited: the rows that are verified, ascending.
        method: a file of `weightings/`.
        options: its own.
        rounds: see `Effort.rounds`.
    """

    audited: IntArray
    method: str = "soseleto"
    options: Mapping[str, str] = field(default_factory=dict)
    rounds: int = 2


@dataclass(frozen=True, kw_only=True)
class Task:
    """Rows with a given and a true label.

    Args:
        inputs: what a row brings: features [rows, width], probabilities [rows, classes], or pixels
            [rows, edge, edge, 3].
        brought: which of them, by the field of `Columns`.
        true: true class indices, shape [rows].
        given: given ones, shape [rows].
        classes: the class names.
    """

    inputs: Array
    brought: Brought = "embedding"
    true: IntArray
    given: IntArray
    classes: tuple[str, ...]

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """Whether the given label is wrong, shape [rows]."""
        wrong: npt.NDArray[np.bool_] = self.given != self.true
        return wrong

    @contextmanager
    def fitted(self, how: Fitting, work: Work) -> Iterator[Path]:
        """Write the rows, verify some, fit, and hand out the run directory for a while."""
        names, ids = np.array(self.classes), np.arange(len(self.true)).astype(str)
        with scratch_folder(work.checkpoint.parent, "bench") as folder:
            data, trusted = folder / "data.parquet", folder / "trusted.parquet"
            rows = {"sample_id": ids, "label": names[self.given], self.brought: self._column()}
            pq.write_table(pa.table(rows), data)
            verified = {"sample_id": ids[how.audited], "trusted_label": names[self.true[how.audited]]}
            pq.write_table(pa.table(verified), trusted)
            fit(
                self._config(data, trusted, how, work),
                folder / "run",
                progress=work.progress,
                interrupts=work.interrupts,
            )
            yield folder / "run"

    def _column(self) -> pa.Array:
        if self.brought == "image":
            return pa.array([_png(image) for image in self.inputs])
        return pa.FixedSizeListArray.from_arrays(pa.array(self.inputs.reshape(-1)), self.inputs.shape[1])

    def _config(self, data: Path, trusted: Path, how: Fitting, work: Work) -> FitConfig:
        scratch = self.brought == "image"
        return FitConfig(
            source=Source(str(data), columns=_SOURCES.get(self.brought, Columns())),
            trusted=str(trusted),
            method=how.method,
            options=how.options,
            model=Model(backbone=_SCRATCH, frozen=False) if scratch else Model(),
            effort=Effort(rounds=how.rounds, epochs=_SCRATCH_EPOCHS if scratch else None),
            seed=work.seed,
            device=str(work.device),
        )


def task(work: Work, noise: str, look: Look, *, kind: str = "labels") -> Task:
    """Draw rows (the same for every seed), look at them through frozen networks, give them labels.

    Args:
        work: the run; its scale is the share of CIFAR-10's 50,000 rows.
        noise: `worse` or `random1` (people's, of CIFAR-10), `symmetric 0.4`, `asymmetric 0.4` or `instance 0.4`.
        look: the networks.
        kind: `labels`: CIFAR-10; `classes`: a third of the rows each of it, MNIST and notMNIST, 30 classes; `tail`:
            CIFAR-10 with ever smaller classes; `scratch`: some of CIFAR-10's rows as images.
    """
    shares = _shares(work, kind)
    sizes = [0, *np.cumsum([len(part.classes) for part in shares])]
    true = np.concatenate([part.labels + size for part, size in zip(shares, sizes[:-1], strict=True)])
    classes = tuple(name for part in shares for name in part.classes)
    if noise in PEOPLE:
        given = given_by_people(work, noise, shares[0].rows)
    elif noise.startswith("instance"):  # the same wrong labels, whatever looks for them
        given = confused(true, _features(work, shares, Look()), noise, work.seed)
    else:
        given = planted(true, classes, noise, work.seed)
    if kind == "scratch":
        return Task(inputs=shares[0].pixels(work), brought="image", true=true, given=given, classes=classes)
    return Task(inputs=_features(work, shares, look), true=true, given=given, classes=classes)


def audited_rows(seed: int, count: int, *, of: int) -> IntArray:
    """Draw the rows that are verified, at random; at most a quarter of all."""
    return np.sort(drawn(np.arange(of), min(count, of // 4), np.random.default_rng((seed, 6))))


def _features(work: Work, shares: list[Share], look: Look) -> Features:
    return np.concatenate([part.features(work, look) for part in shares])


def _shares(work: Work, kind: str) -> list[Share]:
    count = base_count(work)
    whole = share(work, TRAIN, count)
    if kind == "classes":
        third = count // 3
        others = ((MNIST, "digit "), (LETTERS, "letter "))
        return [
            share(work, TRAIN, third, of=count),
            *(share(work, pattern, third, prefix=prefix) for pattern, prefix in others),
        ]
    if kind == "scratch":
        return [share(work, TRAIN, scaled(count, _SCRATCH_SHARE), of=count)]
    return [_long_tail(whole)] if kind == "tail" else [whole]


def _long_tail(whole: Share) -> Share:
    """Take of each class fewer rows than of the one before, so that their numbers fall exponentially."""
    last = max(1, len(whole.classes) - 1)
    largest = min(int((whole.labels == label).sum()) for label in range(len(whole.classes)))
    sizes = [scaled(largest, float(_IMBALANCE ** (-label / last)), least=4) for label in range(len(whole.classes))]
    taken = np.sort(np.concatenate([np.flatnonzero(whole.labels == k)[:size] for k, size in enumerate(sizes)]))
    return whole.taking(taken)


def _png(image: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()
