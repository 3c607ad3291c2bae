"""Verified rows that are nowhere in the dataset: how many, which, and what would match."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.columns import id_texts
from noisecleaner.ingest.near_ids import explain
from noisecleaner.ingest.tabular import Files
from noisecleaner.ingest.verification import Verification

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
        why = explain(names, self._known())
        own = self._better(verification.files, self.ids)
        theirs = self._better(self.columns(), verification.ids.drop_null().combine_chunks()) if names else None
        reasons = [f"{required}, but {unknown} {found}."]
        reasons += [f"Of these ids {why}."] if why is not None else []
        if own is not None:
            reasons.append(f"Column {own.name!r} of {verification.where} matches {own} rows.")
            hint = f"Name that column with `Columns(trusted_id={own.name!r})`."
        elif theirs is not None:
            reasons.append(f"Column {theirs.name!r} of the dataset holds {theirs.matching:,} of the ids.")
            hint = f"Name the columns of ids with `Columns(sample_id={theirs.name!r})` and `Columns(trusted_id=NAME)`."
        elif why is not None:
            hint = "Write the ids as the dataset has them."
        return NoisecleanerError(" ".join(reasons), hint)

    def _names(self) -> list[str]:
        return [name for name in self.verification.ids.take(self.rows).to_pylist() if name is not None]

    def _known(self) -> Iterator[str]:
        for first in range(0, len(self.ids), _BLOCK):
            yield from self.ids.slice(first, _BLOCK).to_pylist()

    def _better(self, files: Files | None, ids: pa.Array) -> Fit | None:
        """Find the column of a table that holds most of some ids, and more than match already."""
        matching = len(self.verification.labels) - len(self.rows)
        fits = [] if files is None or not len(ids) else list(_fits(files, ids))
        best = max(fits, key=lambda fit: fit.matching, default=None)
        most = best is not None and 2 * best.matching > min(best.rows, len(ids))
        return best if best is not None and most and best.matching > matching else None


def _fits(files: Files, ids: pa.Array) -> Iterator[Fit]:
    """Count how many values of each plain column are ids."""
    for field in files.schema:
        plain = (
            pa.types.is_integer(field.type) or pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        )
        if plain and files.schema.names.count(field.name) == 1:
            values = id_texts(files, field.name).drop_null()
            matching = pc.sum(pc.is_in(values, value_set=ids)).as_py() or 0
            yield Fit(name=field.name, matching=matching, rows=len(values))
