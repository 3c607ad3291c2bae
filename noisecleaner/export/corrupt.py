"""Known label noise, put into a copy of a dataset: for tests, benchmarks and for trying the tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.export.copying import Copy
from noisecleaner.export.formats.parquet import write_file
from noisecleaner.files import AnyPath, alone, located, refuse_existing, replacing, seal_folder
from noisecleaner.ingest import Manifest, Source, ingest
from noisecleaner.ingest.tables.splits import COLUMN
from noisecleaner.progress import Progress
from noisecleaner.registry import check_choice

Matrix = npt.NDArray[np.float64]


class Kind(StrEnum):
    """A way in which labels go wrong."""

    SYMMETRIC = "symmetric"  # to any other class, all alike
    ASYMMETRIC = "asymmetric"  # to one other class
    CONFUSION = "confusion"  # by a random confusion matrix (SOSELETO, section 4.2)


@dataclass(frozen=True)
class Corruption:
    """What `corrupt` did: rows with a label, and how many of them were changed."""

    rows: int
    wrong: int
    data: Path
    truth: Path


def confusion_matrix(
    kind: Kind,
    classes: tuple[str, ...],
    rate: float,
    rng: np.random.Generator,
    *,
    pairs: Mapping[str, str] | None = None,
) -> Matrix:
    """Make the matrix P(given | true), shape [classes, classes], whose rows sum to 1.

    Args:
        kind: `symmetric` spreads `rate` evenly over the other classes, so that exactly that share is wrong;
            `asymmetric` sends it to one class (`pairs`, else the next one); `confusion` spreads it at random,
            with 1 - rate on the diagonal (SOSELETO, section 4.2).
        classes: the class names.
        rate: the share of labels to make wrong, in [0, 1].
        rng: used by `confusion` only.
        pairs: true class -> wrong class, for `asymmetric`; classes left out stay right.

    Raises:
        NoisecleanerError: `pairs` names a class that is not there.
    """
    count = len(classes)
    off = np.zeros((count, count))
    if kind is Kind.SYMMETRIC:
        off[:] = 1 / (count - 1)
    elif kind is Kind.CONFUSION:
        off[:] = rng.random((count, count))
    elif pairs:
        _check_pairs(pairs, classes)
        for true, wrong in pairs.items():
            off[classes.index(true), classes.index(wrong)] = 1
    else:
        off[np.arange(count), (np.arange(count) + 1) % count] = 1
    np.fill_diagonal(off, 0)
    mass = off.sum(axis=1, keepdims=True)
    off = np.divide(off, mass, out=np.zeros_like(off), where=mass > 0) * rate
    right = np.where(mass[:, 0] > 0, 1 - rate, 1)  # and not 1 - off.sum(): at rate 1 that may be less than 0
    return np.asarray(off + np.diag(right))


def flip(labels: IntArray, matrix: Matrix, rng: np.random.Generator) -> IntArray:
    """Draw a given label for each true one from its row of `matrix`; -1 stays -1.

    Args:
        labels: true class indices, shape [rows].
        matrix: see `confusion_matrix`.
        rng: of the draws.

    Returns:
        Given class indices, shape [rows].
    """
    noisy = labels.copy()
    for true, probabilities in enumerate(matrix):
        rows = np.flatnonzero(labels == true)
        noisy[rows] = rng.choice(len(matrix), len(rows), p=probabilities)
    return noisy


def corrupt(
    source: Source,
    out: AnyPath,
    *,
    kind: Kind,
    rate: float,
    seed: int = 0,
    pairs: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Corruption:
    """Copy a dataset with wrong labels put in; write `data.parquet` and `truth.parquet` into `out`.

    Args:
        source: the dataset; it is only read.
        out: a directory that does not exist yet.
        kind: the way in which labels go wrong.
        rate: the share of wrong labels, in [0, 1].
        seed: of the random numbers.
        pairs: see `confusion_matrix`.
        progress: is told about the rows as they are copied.

    Returns:
        How many rows have a label, and how many of them were changed.

    Raises:
        NoisecleanerError: the input, the kind, the rate or the output directory cannot be used.
    """
    if not 0 <= rate <= 1:
        raise NoisecleanerError(f"`rate` must lie in [0, 1], but it is {rate}.", "Give, for example, `rate=0.4`.")
    check_choice(kind, list(Kind), parameter="`kind`")
    kind = Kind(kind)  # a plain text is no member
    out, progress = located(out), progress or Progress()
    source.refuse_inside(out)
    with alone(out, work="corrupt", progress=progress):
        refuse_existing(out)
        manifest, _ = ingest(source)
        progress.tell(*manifest.notices)
        rng = np.random.default_rng(seed)
        noisy = flip(manifest.given, confusion_matrix(kind, manifest.classes, rate, rng, pairs=pairs), rng)
        return _written(out, source, manifest, noisy, progress)


def _written(out: Path, source: Source, manifest: Manifest, noisy: IntArray, progress: Progress) -> Corruption:
    """Write a copy with other labels, shape [rows]."""
    everything = np.ones(len(manifest), dtype=bool)
    copy = Copy(manifest=manifest, source=source, labels=noisy, keep=everything, notes=pa.table({}), complete=False)
    copy = replace(copy, notes=_splits(copy))
    with replacing(out) as folder:
        folder.mkdir(parents=True)
        with progress.stage("Copying", len(manifest), "rows") as stage:
            write_file(folder / "data.parquet", copy, stage)
        truth = {"sample_id": manifest.table["sample_id"], "true_label": manifest.table["given_label"]}
        pq.write_table(pa.table(truth), folder / "truth.parquet", compression="zstd", write_page_checksum=True)
        seal_folder(folder, kind="corrupted", progress=progress)
    wrong = int((noisy != manifest.given).sum())
    return Corruption(int((manifest.given >= 0).sum()), wrong, out / "data.parquet", out / "truth.parquet")


def _splits(copy: Copy) -> pa.Table:
    """The splits of the dataset as a column, because the copy is one file; nothing where there are none."""
    splits = copy.structure.splits
    if splits is None or len(splits.names) < 2 or COLUMN in copy.owner:
        return pa.table({})
    return pa.table({COLUMN: pa.array(splits.names, pa.string()).take(pa.array(splits.rows))})


def _check_pairs(pairs: Mapping[str, Any], classes: tuple[str, ...]) -> None:
    unknown = sorted({*pairs, *pairs.values()} - set(classes))
    if unknown:
        raise NoisecleanerError(
            f"`pairs` names classes, but {listed(unknown)} are none; the classes are {listed(list(classes))}.",
            "Write `pairs={TRUE: WRONG}` with names of that list.",
        )
