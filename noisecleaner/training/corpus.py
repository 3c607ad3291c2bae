"""All rows of a fit, one part behind the other: the dataset, and trusted, unlabelled or irrelevant rows beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import UNVERIFIED, IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest import (
    Manifest,
    Skip,
    Source,
    check_enough,
    ingest,
    read_beside,
    read_target,
    refuse_skips,
    require_readable,
)
from noisecleaner.ingest.labels.cells import indices, order
from noisecleaner.ingest.skips import skip_notice
from noisecleaner.ingest.vectors.orders import in_order
from noisecleaner.notices import Notice
from noisecleaner.regularisers import Side, regulariser_class
from noisecleaner.settings import NO_TRUSTED, Regularisation
from noisecleaner.texts import counted
from noisecleaner.weightings import weighting_class

_MAY_BE_UNLABELLED = ("dataset", "unlabelled")


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The parts, one behind the other; a row's number counts over all of them, in this order.

    Args:
        dataset: rows with given labels.
        clean_only: trusted rows that are not in the dataset; in a transfer the target, with classes of its own.
        unlabelled: rows of the target without labels.
        irrelevant: rows with a task-irrelevant label.
    """

    dataset: Manifest
    clean_only: Manifest | None = None
    unlabelled: Manifest | None = None
    irrelevant: Manifest | None = None

    @property
    def told(self) -> str:
        """What was read, in a sentence."""
        verified, skipped = int((self.dataset.trusted != UNVERIFIED).sum()), sum(self.dataset.skips().values())
        beside = [f"{counted(len(part), 'row')} {name.replace('_', '-')}" for name, part in self.parts().items()][1:]
        return (
            f"Read {counted(len(self.dataset), 'row')} of {counted(len(self.dataset.classes), 'class', 'classes')}: "
            f"{verified:,} joined with a verified label, {skipped:,} skipped so far"
            f"{''.join(f'; and {one}' for one in beside)}."
        )

    def parts(self) -> dict[str, Manifest]:
        """The parts that there are, by name, in the order of their rows."""
        possible = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: part for name, part in possible.items() if part is not None}

    def manifests(self) -> list[Manifest]:
        """The parts that there are, in the order of their rows."""
        return list(self.parts().values())

    def __len__(self) -> int:
        return sum(map(len, self.manifests()))

    @property
    def target_classes(self) -> tuple[str, ...]:
        """The classes of the trusted rows: the dataset's, except in a transfer."""
        return self.clean_only.classes if self.clean_only else self.dataset.classes

    @property
    def target_ordered(self) -> bool:
        """Whether somebody has told the order of these classes."""
        return self.clean_only.ordered if self.clean_only else self.dataset.ordered

    def skipping(self, skipped: Mapping[int, Skip]) -> Corpus:
        """Return the same with the rows marked that could not be read: number -> reason."""
        marked, first = {}, 0
        for name, part in self.parts().items():
            inside = {row - first: why for row, why in skipped.items() if first <= row < first + len(part)}
            marked[name] = part.skipping(inside)
            first += len(part)
        return replace(self, **marked)

    def skip_notices(self) -> tuple[Notice, ...]:
        """Tell which rows of the dataset, and which trusted rows beside it, cannot be used."""
        found = [skip_notice(self.dataset)]
        if self.clean_only is not None:
            found.append(skip_notice(self.clean_only, "trusted-rows-skipped", "trusted rows beside the dataset"))
        return tuple(notice for notice in found if notice is not None)

    def noting(self, *notices: Notice) -> Corpus:
        """Return the same with more notices of the dataset."""
        return replace(self, dataset=self.dataset.noting(*notices))

    @property
    def given(self) -> IntArray:
        """Class index of the given label, -1 where there is none, shape [rows of the corpus]."""
        return self._padded(self.dataset.given)

    @property
    def clean_only_labels(self) -> IntArray:
        """Class index of the clean-only rows' verified label, -1 where unusable, shape [clean-only rows]."""
        return self.clean_only.trusted if self.clean_only else np.empty(0, dtype=np.int64)

    @property
    def trusted(self) -> IntArray:
        """Class index of the verified label, shape [rows of the corpus].

        `UNVERIFIED` where there is none, `NO_CLASS` where none of the classes is right.
        """
        return self._padded(np.concatenate([self.dataset.trusted, self.clean_only_labels]))

    @property
    def steering(self) -> IntArray:
        """Class index of the label that a row may steer with, shape [rows of the corpus].

        That of its correction, else the verified one; below 0 where there is none, no class is right, or a second look
        saw another label.
        """
        corrected, agreed = self._padded(self.dataset.corrected), self.trusted
        agreed[: len(self.dataset)][self.dataset.disputed] = UNVERIFIED
        return np.where(corrected == UNVERIFIED, agreed, corrected)

    def _padded(self, labels: IntArray) -> IntArray:
        """Give the rows of the parts behind no label; 64 bits wide, as losses want them."""
        return np.concatenate([labels, np.full(len(self) - len(labels), -1)], dtype=np.int64)

    def side(self) -> Side:
        """What regularisers look at."""
        columns = [part.table["irrelevant_label"] for part in self.manifests()]
        names = order(pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string()))
        labels = [
            np.where(part.readable, indices(part.table["irrelevant_label"], names), -1) for part in self.manifests()
        ]
        unlabelled = [part.unlabelled & (name in _MAY_BE_UNLABELLED) for name, part in self.parts().items()]
        return Side(
            unlabelled=np.flatnonzero(np.concatenate(unlabelled)),
            irrelevant=np.concatenate(labels, dtype=np.int64),
            names=names,
        )


def read_corpus(
    source: Source,
    *,
    trusted: str | None,
    regularisation: Regularisation,
    transfer: bool,
    corrections: str | None = None,
) -> Corpus:
    """Read everything that a fit looks at.

    Args:
        source: the dataset.
        trusted: table or folder with verified labels; None or `NO_TRUSTED` for no such rows.
        regularisation: what stands beside the dataset.
        transfer: the trusted rows are another task, with classes of their own.
        corrections: table with corrections of rows of the dataset.

    Raises:
        NoisecleanerError: something cannot be used, or a regulariser lacks the rows that it needs.
    """
    verified = None if trusted == NO_TRUSTED else trusted
    dataset, clean_only = ingest(source, None if transfer else verified, corrections=corrections)
    if transfer and verified is not None:
        _refuse_own_trusted(dataset, source)
        clean_only = read_target(verified, source)
        clean_only = replace(clean_only, payload=in_order(clean_only.payload, dataset.classes))
        dataset = dataset.noting(*clean_only.notices)
    unlabelled = irrelevant = None
    if regularisation.regularisers:
        dataset = dataset.keeping_unlabelled()
    if regularisation.unlabelled is not None:
        _, unlabelled = read_beside(regularisation.unlabelled, source, dataset)
    if regularisation.irrelevant is not None:
        dataset, irrelevant = read_beside(regularisation.irrelevant, source, dataset)
    corpus = Corpus(dataset=dataset, clean_only=clean_only, unlabelled=unlabelled, irrelevant=irrelevant)
    for name in regularisation.regularisers:
        if regulariser_class(name).needs == "unlabelled":
            _check_unlabelled(corpus, name)
        else:
            _check_irrelevant(corpus, name, source.columns.irrelevant)
    return corpus


def _refuse_own_trusted(dataset: Manifest, source: Source) -> None:
    if (dataset.trusted != UNVERIFIED).any():
        raise NoisecleanerError(
            "In a transfer the verified labels are those of the target, but the dataset has a column "
            f"{source.columns.trusted!r} of its own.",
            "Name a column that does not exist with `Columns(trusted=NAME)`, or leave `transfer` out.",
        )


def check_usable(corpus: Corpus, *, method: str, strict: bool, low_loss: bool) -> None:
    """Check that there is something to train on, before decoding and again after it.

    Args:
        corpus: what was read.
        method: a file of `weightings/`.
        strict: whether a row that cannot be used is an error.
        low_loss: whether rows of low loss stand in for trusted ones.

    Raises:
        NoisecleanerError: rows cannot be used, or too few of them can.
    """
    if strict:
        refuse_skips(corpus.dataset)
    require_readable(corpus.dataset)
    needs = weighting_class(method).needs_trusted
    if needs and not low_loss:
        check_enough(corpus.steering, corpus.target_classes, method, disputed=int(corpus.dataset.disputed.sum()))
    if low_loss and not needs:
        raise NoisecleanerError(
            f"`trusted={NO_TRUSTED!r}` chooses rows to steer by, but `method={method!r}` needs none.",
            "Leave `trusted` out.",
        )
    if low_loss and (corpus.dataset.trusted != UNVERIFIED).any():
        raise NoisecleanerError(
            f"`trusted={NO_TRUSTED!r}` is for datasets without verified rows, but this one has a column of them.",
            "Leave `trusted` out, or name a column that does not exist with `Columns(trusted=NAME)`.",
        )


def _check_unlabelled(corpus: Corpus, name: str) -> None:
    if not len(corpus.side().unlabelled):
        raise NoisecleanerError(
            f"`Regularisation(regularisers={{{name!r}: {{}}}})` looks at unlabelled rows of the target, but there are "
            "none.",
            "Pass them with `Regularisation(unlabelled=PATH)`, or add them to the dataset with an empty label.",
        )
    if not (corpus.steering >= 0).any():
        raise NoisecleanerError(
            "Unlabelled rows belong to a target of which some rows have a verified label, but no row has one.",
            "Pass verified rows with `trusted=FILE`.",
        )


def _check_irrelevant(corpus: Corpus, name: str, column: str | None) -> None:
    if column is None:
        raise NoisecleanerError(
            f"`Regularisation(regularisers={{{name!r}: {{}}}})` needs a task-irrelevant label (camera, site, "
            "background, annotator), but no column is named.",
            "Name it with `Columns(irrelevant=NAME)`; its rows may be in a table of their own, "
            "`Regularisation(irrelevant=PATH)`.",
        )
    values = corpus.side().names
    if len(values) < 2:
        raise NoisecleanerError(
            f"`Columns(irrelevant={column!r})` must hold at least two values to tell apart, but it holds {len(values)} "
            f"({listed(list(values))}).",
            "Name another column, or bring rows with other values by `Regularisation(irrelevant=PATH)`.",
        )
    columns = [part.table["irrelevant_label"] for part in corpus.manifests()]
    asked = [labels for labels in columns if labels.null_count < len(labels)]
    rows, empty = sum(map(len, asked)), sum(labels.null_count for labels in asked)
    if empty > rows / 2:
        raise NoisecleanerError(
            f"`Columns(irrelevant={column!r})` must be filled for most rows, but {empty:,} of {rows:,} have no value.",
            "Fill it, name another column, or leave those rows out.",
        )
