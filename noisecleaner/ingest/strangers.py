"""Verified rows that are nowhere in the dataset: how many, which, and what would match."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.manifest import Column
from noisecleaner.ingest.near_ids import explain
from noisecleaner.ingest.tabular import Files
from noisecleaner.ingest.verification import Verification

_SHOWN = 3
#: Share of a column's values that have to be ids of the dataset.
_MOST = 0.5


def refuse_strangers(verification: Verification, ids: pa.Array, *, lost: Sequence[int], required: str) -> None:
    """Refuse verified rows that are not in the dataset.

    Args:
        verification: what somebody verified.
        ids: of the dataset, shape [rows].
        lost: the rows that are not in it.
        required: what is required of verified rows, as the beginning of a sentence.

    Raises:
        NoisecleanerError: says how many ids match, which do not, why not, and which column would match better.
    """
    if not len(lost):
        return
    names = [name for name in verification.ids.take(pa.array(lost)).to_pylist() if name is not None]
    labelled = len(verification.labels) - verification.labels.null_count
    found = f"{len(lost):,} of {labelled:,} in {verification.where} have an id that the dataset does not hold"
    examples = f" (such as {listed([repr(name) for name in names], _SHOWN)})" if names else ""
    if not names:
        found = f"{verification.where} has no column {verification.id_column!r}"
    why = explain(names, _texts(ids))
    reasons = f" Of these ids {why}." if why is not None else ""
    better = _better(verification.files, ids, least=labelled - len(lost)) if verification.files is not None else None
    column = f" Column {better[0]!r} matches {better[1]:,} of {better[2]:,} rows." if better is not None else ""
    raise NoisecleanerError(f"{required}, but {found}{examples}.{reasons}{column}", ...)
