"""Rows of a dataset that hold the same, or nearly: labels that contradict each other, and splits that share images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import Array, IntArray
from noisecleaner.errors import listed, quoted
from noisecleaner.ingest.manifest import Manifest
from noisecleaner.ingest.tables.splits import Splits
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.ingest.verified.contents import thumbnails
from noisecleaner.ingest.verified.thumbnails import alike
from noisecleaner.notices import Notice, Severity
from noisecleaner.quality.alike import identical, nearest
from noisecleaner.tables import DUPLICATES
from noisecleaner.texts import agreeing, counted

#: Above which nearly identical rows are not looked for: the work grows with the square.
MOST_COMPARED = 50_000
#: Share of rows that hold the same as another one, from which what they hold does not tell rows apart.
_COMMON = 0.5
_FILE = "All of them are in duplicates.parquet of the run."


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Rows that are alike, in groups; both arrays have the shape [rows in a group].

    Args:
        rows: numbers of the rows.
        groups: of each row, the number of its group.
    """

    rows: IntArray
    groups: IntArray

    @classmethod
    def of(cls, rows: IntArray, first: IntArray) -> Groups:
        """Put rows into groups by the first row that each one is alike; those that stand alone are left out.

        Args:
            rows: their numbers, shape [n].
            first: of each, likewise.
        """
        _, groups, counts = np.unique(first, return_inverse=True, return_counts=True)
        several = counts[groups.reshape(-1)] > 1
        order = np.argsort(first[several], kind="stable")
        numbers = np.unique(first[several], return_inverse=True)[1].reshape(-1)
        return cls(rows=rows[several][order], groups=numbers[order])

    def __len__(self) -> int:
        return len(np.unique(self.groups))

    def torn(self, values: IntArray) -> Groups:
        """The groups of rows that have several values; a negative one is none.

        Args:
            values: of all rows, shape [rows of the dataset].
        """
        kept = np.flatnonzero(values[self.rows] >= 0)
        pairs = np.unique(np.stack([self.groups[kept], values[self.rows[kept]]]), axis=1)
        names, kinds = np.unique(pairs[0], return_counts=True)
        kept = kept[np.isin(self.groups[kept], names[kinds > 1])]
        return Groups(rows=self.rows[kept], groups=self.groups[kept])

    def fewest_wrong(self, values: IntArray) -> int:
        """How many values must be wrong where a group has one right value: all but the most frequent ones.

        Args:
            values: of each row of the dataset, shape [rows].
        """
        pairs, counts = np.unique(np.stack([self.groups, values[self.rows]]), axis=1, return_counts=True)
        _, starts = np.unique(pairs[0], return_index=True)
        return len(self.rows) - int(np.maximum.reduceat(counts, starts).sum()) if len(self.rows) else 0


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """Rows of a dataset that are alike.

    Args:
        dataset: the dataset.
        identical: rows that hold the same.
        near: rows that nearly do; one stands for all that are identical.
        compared: whether the latter were looked for, where rows bring images and features.
    """

    dataset: Manifest
    identical: Groups
    near: Groups
    compared: bool = True

    def __len__(self) -> int:
        return len(self.identical.rows) + len(self.near.rows)

    def table(self, splits: Splits | None) -> pa.Table:
        """List them, as `tables.DUPLICATES` has it."""
        rows = np.concatenate([self.identical.rows, self.near.rows])
        kinds = ["identical"] * len(self.identical.rows) + ["near"] * len(self.near.rows)
        columns = {
            "sample_id": self.dataset.table["sample_id"].take(rows),
            "kind": kinds,
            "group": np.concatenate([self.identical.groups, self.near.groups + len(self.identical)]),
            "given_label": self.dataset.table["given_label"].take(rows),
            "split": pa.nulls(len(rows), pa.string()) if splits is None else _names(splits, rows),
        }
        return pa.table(columns, schema=DUPLICATES)

    def notices(self, splits: Splits | None) -> Iterator[Notice]:
        """Say what contradicts itself, and what was found besides."""
        yield from self._contradictions()
        if splits is not None:
            yield from self._leaks(splits)
        yield from self._nearly(splits)
        if not self.compared:
            yield Notice(
                code="near-duplicates-not-sought",
                severity=Severity.NOTE,
                message=f"Images that are nearly the same were not looked for: that takes at most {MOST_COMPARED:,} "
                "rows. Identical ones were.",
            )

    @property
    def _labels(self) -> IntArray:
        """Class index of each row's given label, or of its correction, shape [rows]; negative where it has none."""
        corrected = self.dataset.corrected
        return np.where(corrected == -1, self.dataset.given, corrected)

    @property
    def _things(self) -> str:
        return "embeddings" if isinstance(self.dataset.payload, AnyVectors) else "images"

    def _contradictions(self) -> Iterator[Notice]:
        torn, things = self.identical.torn(self._labels), self._things
        if len(torn):
            pairs = f"{counted(len(torn), 'pair')} of identical {things}"
            found = f"{pairs} {agreeing(len(torn), 'carries', 'carry')} two labels: at least one of each is wrong"
            if len(torn.rows) > 2 * len(torn):
                found = (
                    f"{counted(len(torn.rows), 'row')} hold {len(torn):,} "
                    f"identical {things} with different labels: at least "
                    f"{torn.fewest_wrong(self._labels):,} of these labels are wrong"
                )
            example = self._example(torn)
            yield Notice(code="identical-rows-other-labels", message=f"{found} (such as {example}). {_FILE}")
        alike = len(self.identical.rows) - len(self.identical) - (len(torn.rows) - len(torn))
        if alike:
            yield Notice(
                code="identical-rows",
                severity=Severity.NOTE,
                message=f"{counted(alike, 'row')} {agreeing(alike, 'repeats', 'repeat')} the {things[:-1]} of "
                "another row with the same label: each of them "
                f"counts. {_FILE}",
            )

    def _leaks(self, splits: Splits) -> Iterator[Notice]:
        torn = self.identical.torn(splits.rows)
        if len(torn):
            names = listed([splits.names[place] for place in np.unique(splits.rows[torn.rows])])
            yield Notice(
                code="identical-rows-across-splits",
                message=f"{counted(len(torn), self._things[:-1])} {agreeing(len(torn), 'stands', 'stand')} in "
                f"more than one split ({names}), {counted(len(torn.rows), 'row')} "
                f"in all (such as {self._example(torn, splits)}): what was learned in one is measured in another. "
                f"{_FILE}",
            )

    def _nearly(self, splits: Splits | None) -> Iterator[Notice]:
        if not len(self.near):
            return
        torn = self.near.torn(self._labels)
        found = [f"{len(torn):,} of them with different labels (such as {self._example(torn)})"] if len(torn) else []
        apart = None if splits is None else self.near.torn(splits.rows)
        found += [f"{len(apart):,} of them across splits"] if apart is not None and len(apart) else []
        pairs = f"{counted(len(self.near), 'pair')} of images"
        what = f"{pairs} {agreeing(len(self.near), 'looks', 'look')} nearly the same"
        if len(self.near.rows) > 2 * len(self.near):
            images, groups = counted(len(self.near.rows), "image"), counted(len(self.near), "group")
            what = f"{images} look nearly the same as others, in {groups}"
        yield Notice(
            code="near-duplicates",
            severity=Severity.WARNING if found else Severity.NOTE,
            message=f"{', '.join([what, *found])}. {_FILE}",
        )

    def _example(self, groups: Groups, splits: Splits | None = None) -> str:
        """Two rows of the first group that are told apart by their labels or their splits."""
        own = groups.rows[groups.groups == groups.groups[0]]
        values = self._labels if splits is None else splits.rows
        other = own[np.flatnonzero(values[own] != values[own[0]])[0]]
        names = self.dataset.classes if splits is None else splits.names
        ids = self.dataset.table["sample_id"]
        return " and ".join(f"{quoted(ids[int(row)])} ({quoted(names[values[row]])})" for row in (own[0], other))


def find_duplicates(dataset: Manifest, array: Array) -> Duplicates:
    """Find rows of a dataset that hold the same, and images that nearly do where a frozen backbone gave features.

    Class probabilities tell nothing here: many images have the same.

    Args:
        dataset: its rows.
        array: their inputs, in the same order, behind which others may follow: pixels, features or vectors, [rows, …].
    """
    nothing = Groups(rows=np.empty(0, np.int64), groups=np.empty(0, np.int64))
    payload, rows = dataset.payload, np.flatnonzero(dataset.readable)
    if isinstance(payload, AnyVectors) and payload.kind == "probabilities":
        return Duplicates(dataset=dataset, identical=nothing, near=nothing)
    first = identical(array, rows)
    same = Groups.of(rows, first)
    if isinstance(payload, AnyVectors):
        telling = len(same.rows) - len(same) <= _COMMON * len(rows)
        return Duplicates(dataset=dataset, identical=same if telling else nothing, near=nothing)
    if array.ndim > 2:  # pixels
        return Duplicates(dataset=dataset, identical=same, near=nothing)
    same = _confirmed(dataset, same)
    if len(rows) > MOST_COMPARED:
        return Duplicates(dataset=dataset, identical=same, near=nothing, compared=False)
    return Duplicates(dataset=dataset, identical=same, near=_near(dataset, array, rows[first == rows]))


def _confirmed(dataset: Manifest, groups: Groups) -> Groups:
    """The groups of rows that not only have the same features, but look the same."""
    small = thumbnails(dataset.payload, groups.rows)  # type: ignore[arg-type]  # vectors have no features
    looks: dict[tuple[int, bytes], int] = {}
    kept = [place for place, row in enumerate(groups.rows.tolist()) if row in small]
    first = [
        looks.setdefault((int(groups.groups[place]), small[int(groups.rows[place])].tobytes()), int(groups.rows[place]))
        for place in kept
    ]
    return Groups.of(groups.rows[kept], np.array(first, np.int64))


def _near(dataset: Manifest, features: Array, rows: IntArray) -> Groups:
    """Images whose features and thumbnails are nearer to each other than to those of other rows."""
    found = nearest(features, rows)
    sought = np.unique(np.concatenate([found.rows, found.nearest, found.usual]))
    small = thumbnails(dataset.payload, sought)  # type: ignore[arg-type]  # likewise
    pairs = [
        (row, near)
        for row, near, usual in zip(found.rows.tolist(), found.nearest.tolist(), found.usual.tolist(), strict=True)
        if row in small
        and near in small
        and alike(small[row], small[near])
        # where rows that are not meant look alike as well, as digits do, looks tell nothing
        and not (usual in small and alike(small[row], small[usual]))
    ]
    return _joined(pairs)


def _joined(pairs: list[tuple[int, int]]) -> Groups:
    """Groups of rows that pairs hold together."""
    first: dict[int, int] = {}

    def root(row: int) -> int:
        while first.setdefault(row, row) != row:
            row = first[row]
        return row

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        first[high] = low
    rows = np.array(sorted(first), np.int64)
    return Groups.of(rows, np.array([root(row) for row in rows.tolist()], np.int64))


def _names(splits: Splits, rows: IntArray) -> pa.Array:
    return pa.array([splits.names[place] for place in splits.rows[rows].tolist()], pa.string())
