"""Verified rows that are nowhere in the dataset: how many, which, and what would match."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.columns import id_texts
from noisecleaner.ingest.tables.tabular import Files
from noisecleaner.ingest.verified.near_ids import Explanation, explain
from noisecleaner.ingest.verified.verification import Verification
from noisecleaner.tables import places_among

_SHOWN = 3
#: Ids that are Python's texts at a time.
_BLOCK = 65_536


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How well a column fits ids: its name, rows whose value is one of them, and all that hold a value."""

    name: str
    matching: int
    rows: int

    def __str__(self) -> str:
        return f"{self.matching:,} of {self.rows:,}"


@dataclass(frozen=True, kw_only=True)
class Strangers:
    """Verified rows that are not in the dataset.

    Args:
        verification: what somebody verified.
        rows: which of its rows they are, shape [strangers].
        ids: of the dataset, shape [rows].
        columns: opens the dataset's table; gives None where there is none.
    """

    verification: Verification
    rows: pa.Array
    ids: pa.Array
    columns: Callable[[], Files | None] = lambda: None

    def refusal(self, required: str, hint: str) -> NoisecleanerError:
        """Say how many ids do not match, which, why not, and which column would match better.

        Args:
            required: what is required of verified rows, as the beginning of a sentence.
            hint: what to do where nothing better is known.
        """
        verification, labels = self.verification, self.verification.labels
        labelled, names = len(labels) - labels.null_count, self._names()
        unknown = f"{len(self.rows):,} of {labelled:,} labelled rows of {verification.where}"
        shown = f" (such as {listed([repr(name) for name in names], _SHOWN)})" if names else ""
        found = f"have an id that the dataset does not hold{shown}" if names else "have no id"
        own, theirs = self._own(), self._theirs()
        why, changed = explain(names, self._known()), None if names or own else self._changed()
        reasons = [f"{required}, but {unknown} {found}."]
        reasons += [f"Of these ids {why}."] if why is not None else []
        if own is not None:
            reasons.append(f"Column {own.name!r} of {verification.where} matches {own} rows.")
            hint = f"Name that column with `Columns(trusted_id={own.name!r})`."
        elif theirs is not None:
            reasons.append(f"Column {theirs.name!r} of the dataset holds {theirs.matching:,} of the ids.")
            hint = f"Name the columns of ids with `Columns(sample_id={theirs.name!r})` and `Columns(trusted_id=NAME)`."
        elif changed is not None:
            reasons.append(f"Of column {changed[0]!r} {changed[1]}.")
            hint = f"Write its ids as the dataset has them, and name it with `Columns(trusted_id={changed[0]!r})`."
        elif why is not None:
            hint = "Write the ids as the dataset has them."
        return NoisecleanerError(" ".join(reasons), hint)

    def _names(self) -> list[str]:
        return [name for name in self.verification.ids.take(self.rows).to_pylist() if name is not None]

    def _known(self) -> Iterator[str]:
        for first in range(0, len(self.ids), _BLOCK):
            yield from self.ids.slice(first, _BLOCK).to_pylist()

    def _changed(self) -> tuple[str, Explanation] | None:
        """Find the column whose values would mostly be ids, but for what was changed in them."""
        for name, values in _plain(self.verification.files):
            why = explain(values.to_pylist(), self._known())
            if why is not None and 2 * why.explained > why.looked_at:
                return name, why
        return None

    def _own(self) -> Fit | None:
        """Find the column of the table that holds ids of the dataset, in more rows than the one that was taken."""
        fits = [
            Fit(name=name, matching=_found(values, self.ids), rows=len(values))
            for name, values in _plain(self.verification.files)
        ]
        return _best(fits, above=_found(self.verification.ids.drop_null(), self.ids))

    def _theirs(self) -> Fit | None:
        """Find the column of the dataset that holds the ids of the table, more of them than its ids do."""
        ids = self.verification.ids.drop_null()
        fits = [
            Fit(name=name, matching=_found(ids, values.unique()), rows=len(ids))
            for name, values in _plain(self.columns() if len(ids) else None)
        ]
        return _best(fits, above=_found(ids, self.ids))


def _best(fits: list[Fit], *, above: int) -> Fit | None:
    """Choose the column that fits best, if it fits most rows and more than some number of them."""
    best = max(fits, key=lambda fit: fit.matching, default=None)
    return best if best is not None and 2 * best.matching > best.rows and best.matching > above else None


def _plain(files: Files | None) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """Columns of text or integers, with their values as text."""
    if files is None:
        return
    for field in files.schema:
        text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        once = files.schema.names.count(field.name) == 1
        if once and (text or pa.types.is_integer(field.type)):
            yield field.name, id_texts(files, field.name).drop_null()


def _found(values: pa.ChunkedArray, ids: pa.Array | pa.ChunkedArray) -> int:
    return int((places_among(values, ids) >= 0).sum())
