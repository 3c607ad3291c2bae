"""The manifest: one row for each sample, and a payload that brings its pixels or numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, Protocol, TypeAlias, TypedDict, Unpack

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import UNVERIFIED, BoolArray, FloatArray, IntArray, RealArray
from noisecleaner.ingest.labels.cells import indices
from noisecleaner.ingest.labels.indices import disputed, verified_indices
from noisecleaner.noise.sampling import Sampling
from noisecleaner.notices import Notice
from noisecleaner.tables import doubles, nulls, overwritten, places_among, with_column

SCHEMA = pa.schema(
    [
        pa.field("sample_id", pa.string()),
        pa.field("path", pa.string()),
        pa.field("given_label", pa.string()),
        pa.field("trusted_label", pa.string()),
        pa.field("second_label", pa.string()),
        pa.field("corrected_label", pa.string()),
        pa.field("irrelevant_label", pa.string()),
        pa.field("sample_probability", pa.float64()),
        pa.field("certified", pa.bool_()),
        pa.field("skip_reason", pa.string()),
    ]
)


class Skip(StrEnum):
    """Why a row takes no part in training and gets no score."""

    NO_LABEL = "no_label"
    UNKNOWN_CLASS = "unknown_class"
    NO_IMAGE = "no_image"
    MISSING_FILE = "missing_file"
    EMPTY_FILE = "empty_file"
    LFS_POINTER = "git_lfs_pointer"  # a clone without Git LFS holds pointers in place of the files
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"  # its decoder was stopped
    UNSUPPORTED_FORMAT = "unsupported_format"
    NO_VECTOR = "no_vector"
    NOT_FINITE = "not_finite"  # a vector with NaN or infinity, as a model that failed leaves
    FAR_OUTSIDE = "far_outside"  # a vector beside which all others would look the same
    IN_DATASET = "in_dataset"  # of clean-only rows: this one was joined instead
    NO_CLASS = "no_class"  # of clean-only rows: verified to be none of the classes


#: What the numbers of a vector are.
VectorKind = Literal["embeddings", "probabilities"]


class Images(Protocol):
    """Encoded images, read in row order."""

    def read(self, rows: IntArray) -> Iterator[tuple[int, bytes | Skip]]:
        """Yield `(row, encoded bytes)` for the rows asked for, shape [n], ascending; a `Skip` where there are none."""
        ...


class Vectors(Protocol):
    """One numeric vector a row: embeddings, or class probabilities."""

    @property
    def kind(self) -> VectorKind:
        """What the vectors are."""
        ...

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        ...

    def blocks(self) -> Iterator[RealArray]:
        """Yield arrays of shape [rows, width] in row order, see `vectors.skipped` for those that cannot be used."""
        ...


Payload = Images | Vectors
#: Of one value a row.
Column: TypeAlias = "pa.Array | pa.ChunkedArray"


class KnownColumns(TypedDict, total=False):
    """What a reader may know of rows; a column that is None or left out is null in every row.

    Attributes:
        paths: of the images, as text.
        given: the given labels, class names.
        trusted: the verified labels, class names.
        irrelevant: labels that have nothing to do with the task, such as the camera.
        probability: with which a row was drawn to be verified, doubles.
        certified: whether the given label is a verified one, because this is a clean copy; booleans.
        skipped: why a row takes no part, values of `Skip`.
    """

    paths: Column | None
    given: Column | None
    trusted: Column | None
    irrelevant: Column | None
    probability: Column | None
    certified: Column | None
    skipped: Column | None


@dataclass(frozen=True)
class Manifest:
    """The rows of a dataset (or of the clean-only trusted set) and where their content is.

    Args:
        table: the columns of `SCHEMA`; labels are class names as the user wrote them.
        classes: the class names, in the order of their indices.
        payload: the images or vectors, in the order of `table`.
        notices: what was found in reading them that a reader of the results must know.
        none_label: the verified label that says that none of the classes is right; None where no label can.
        ordered: whether somebody has told the order of the classes (ClassLabel, `Columns.label_names`), so that a
            number says which class is meant.
        empty: rows of a table of verified labels that were left empty there, in any order, shape [left empty].
        order: rows of a table of verified labels, as it has them, shape [rows of the table]; those of a column of the
            dataset have its order.
    """

    table: pa.Table
    classes: tuple[str, ...]
    payload: Payload
    notices: tuple[Notice, ...] = ()
    none_label: str | None = None
    ordered: bool = False
    empty: IntArray = field(default_factory=lambda: np.empty(0, np.int64), compare=False, repr=False)
    order: IntArray = field(default_factory=lambda: np.empty(0, np.int64), compare=False, repr=False)

    @classmethod
    def of(cls, ids: Column, *, classes: Sequence[str], payload: Payload, **known: Unpack[KnownColumns]) -> Manifest:
        """Make a manifest of columns by their names; no other place builds its table.

        Args:
            ids: sample ids as text, shape [rows].
            classes: the class names, in the order of their indices.
            payload: the images or vectors, in the order of `ids`.
            known: the other columns, each of shape [rows].
        """
        columns = {
            "sample_id": ids,
            "path": known.get("paths"),
            "given_label": known.get("given"),
            "trusted_label": known.get("trusted"),
            "second_label": None,  # see `joining.join`
            "corrected_label": None,  # see `corrections.correct`
            "irrelevant_label": known.get("irrelevant"),
            "sample_probability": known.get("probability"),
            "certified": known.get("certified"),
            "skip_reason": known.get("skipped"),
        }
        for column in SCHEMA:
            if columns[column.name] is None:
                columns[column.name] = nulls(len(ids), column.type)
        return cls(pa.table(columns, schema=SCHEMA), tuple(classes), payload)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def rows_of(self, ids: Column) -> Column:
        """Find the row of each sample id, null where there is none, shape [ids]."""
        places = places_among(ids, self.table["sample_id"])
        return pa.array(places, mask=places < 0)

    @cached_property
    def given(self) -> IntArray:
        """Class index of the given label, shape [rows]; -1 where the row has none or is skipped."""
        given = indices(self.table["given_label"], self.classes)
        given[~self.readable] = -1
        return given

    @cached_property
    def trusted(self) -> IntArray:
        """Class index of the verified label, shape [rows].

        `UNVERIFIED` where there is none or no usable row, `NO_CLASS` where none of the classes is right.
        """
        verified = verified_indices(self.table["trusted_label"], self.classes, none_label=self.none_label)
        verified[~self.readable] = UNVERIFIED
        return verified

    @cached_property
    def disputed(self) -> BoolArray:
        """Rows at which two looks saw different labels, so that neither is certain, shape [rows]."""
        return disputed(self.table)

    @cached_property
    def corrected(self) -> IntArray:
        """Class index of the correction, shape [rows].

        `UNVERIFIED` where there is none or no usable row, `NO_CLASS` where none of the classes is right.
        """
        corrected = verified_indices(self.table["corrected_label"], self.classes, none_label=self.none_label)
        corrected[~self.readable] = UNVERIFIED
        return corrected

    @cached_property
    def sample_probability(self) -> FloatArray:
        """With which probability the row was drawn to be verified, NaN where unknown, shape [rows]."""
        return doubles(self.table["sample_probability"])

    @property
    def sampling(self) -> Sampling:
        """Verified rows with a given label, and with which probabilities they were drawn."""
        return Sampling.of(given=self.given, trusted=self.trusted, probability=self.sample_probability)

    @cached_property
    def readable(self) -> BoolArray:
        """Rows without a `skip_reason`, shape [rows]."""
        return np.asarray(pc.is_null(self.table["skip_reason"]))

    @property
    def unlabelled(self) -> BoolArray:
        """Readable rows that nobody gave a label, shape [rows]."""
        unlabelled: BoolArray = self.readable & np.asarray(pc.is_null(self.table["given_label"]))
        return unlabelled

    def skips(self) -> dict[str, int]:
        """Count the skipped rows by reason, most frequent first."""
        counts = pc.value_counts(self.table["skip_reason"].drop_null()).to_pylist()
        return {c["values"]: c["counts"] for c in sorted(counts, key=lambda c: -c["counts"])}

    def skipping(self, reasons: Mapping[int, Skip]) -> Manifest:
        """Return the manifest with more rows skipped: row -> reason (a first reason stands)."""
        fresh = {row: reason.value for row, reason in reasons.items() if self.readable[row]}
        return self._replacing("skip_reason", fresh)

    def trusting(self, labels: Mapping[int, str]) -> Manifest:
        """Return the manifest with more verified labels: row -> class name."""
        return self._replacing("trusted_label", labels)

    def seen_again(self, labels: Mapping[int, str]) -> Manifest:
        """Return the manifest with more labels of second looks: row -> class name."""
        return self._replacing("second_label", labels)

    def drawn(self, probabilities: Mapping[int, float]) -> Manifest:
        """Return the manifest with more sampling probabilities: row -> probability."""
        return self._replacing("sample_probability", probabilities)

    def marking(self, labels: Mapping[int, str]) -> Manifest:
        """Return the manifest with more task-irrelevant labels: row -> label."""
        return self._replacing("irrelevant_label", labels)

    def noting(self, *notices: Notice) -> Manifest:
        """Return the manifest with more notices."""
        return replace(self, notices=(*self.notices, *notices))

    def compact(self) -> Manifest:
        """Return the manifest with each given label as a number that stands for its text: for millions of rows."""
        name = "given_label"
        place, labels = self.table.column_names.index(name), self.table[name].dictionary_encode()
        return replace(self, table=self.table.set_column(place, name, labels))

    def keeping_unlabelled(self) -> Manifest:
        """Return the manifest with rows that only lack a given label no longer skipped."""
        reasons = self.table["skip_reason"]
        lacking = pc.equal(reasons, Skip.NO_LABEL.value)
        kept = pc.if_else(lacking, pa.scalar(None, pa.string()), reasons)
        return replace(self, table=with_column(self.table, "skip_reason", kept))

    def _replacing(self, name: str, values: Mapping[int, str] | Mapping[int, float]) -> Manifest:
        rows, fresh = np.array(list(values), dtype=np.int64), pa.array(list(values.values()), SCHEMA.field(name).type)
        return replace(self, table=with_column(self.table, name, overwritten(self.table[name], rows, fresh)))


def by_row(rows: Column, values: Column) -> dict[int, Any]:
    """Map rows to values, both of shape [n], where neither is null; of several values of a row the last one stands."""
    pairs = zip(rows.to_pylist(), values.to_pylist(), strict=True)
    return {row: value for row, value in pairs if row is not None and value is not None}
