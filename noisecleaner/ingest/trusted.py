"""Verified labels: joined to the dataset by `sample_id`, or a clean-only set beside it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.checks import check_labels
from noisecleaner.ingest.manifest import SCHEMA, Manifest, Payload, Skip


def join(
    dataset: Manifest, ids: pa.ChunkedArray, labels: pa.ChunkedArray, payload: Payload | None, where: str
) -> tuple[Manifest, Manifest | None]:
    """Give dataset rows their verified labels; rows that are not in the dataset become clean-only.

    Args:
        dataset: the rows to verify.
        ids: sample ids of the trusted rows.
        labels: their verified labels as class names; null where nobody verified the row.
        payload: images or vectors of the trusted rows, if they bring any.
        where: the trusted file, for messages.

    Returns:
        The dataset with `trusted_label` set, and the clean-only rows (None where there are none).

    Raises:
        NoisecleanerError: rows that cannot be joined, or that name classes the dataset does not have.
    """
    check_labels(labels, dataset.classes, where)
    positions = pc.index_in(ids, value_set=dataset.table["sample_id"].combine_chunks())
    pairs = zip(positions.to_pylist(), labels.to_pylist(), strict=True)
    verified = {row: label for row, label in pairs if row is not None and label is not None}
    outside = pc.and_(pc.is_null(positions), pc.is_valid(labels))
    count = pc.sum(outside).as_py() or 0
    if count and payload is None:
        raise NoisecleanerError(
            f"Trusted rows must be rows of the dataset or bring their own images, but {count} of {len(ids)} in "
            f"{where} have a sample_id that the dataset does not hold (such as "
            f"{listed(ids.filter(outside).to_pylist(), 3)}).",
            "Check that both sides use the same ids, and name the column with --id-column NAME.",
        )
    joined = dataset.trusting(verified)
    return joined, _clean_only(ids, labels, outside, dataset.classes, payload) if count and payload else None


def _clean_only(
    ids: pa.ChunkedArray,
    labels: pa.ChunkedArray,
    outside: pa.ChunkedArray,
    classes: tuple[str, ...],
    payload: Payload,
) -> Manifest:
    """Keep every trusted row in place (the payload is in that order), but label only the outside ones."""
    nothing = pa.nulls(len(ids), pa.string())
    verified = pc.if_else(outside, labels, pa.scalar(None, pa.string()))
    skipped = pc.if_else(outside, pa.scalar(None, pa.string()), pa.scalar(Skip.IN_DATASET.value))
    columns = [ids, nothing, nothing, verified, nothing, pa.nulls(len(ids), pa.float64()), skipped]
    return Manifest(pa.Table.from_arrays([_whole(c) for c in columns], schema=SCHEMA), classes, payload)


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
