"""The line that says which labels count as verified, and what is odd about them."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.compute as pc

from noisecleaner.arrays import UNVERIFIED
from noisecleaner.ingest.manifest import Manifest
from noisecleaner.noise.agreement import Comparison, agreement_notices
from noisecleaner.notices import Notice, Severity


def own_column(dataset: Manifest, name: str, where: str) -> Iterator[Notice]:
    """Say what a dataset's own column of verified labels holds, if it holds any.

    Args:
        dataset: as it was read.
        name: of the column.
        where: the dataset.
    """
    labels = dataset.table["trusted_label"]
    if labels.null_count < len(labels):
        yield verified_line(
            f"column {name!r} of {where}", filled=len(labels) - labels.null_count, comparison=compared(dataset, "")
        )


def odd_labels(dataset: Manifest, where: str) -> Iterator[Notice]:
    """Say what is odd about all verified labels of a dataset.

    Args:
        dataset: with its verified labels.
        where: what these were read from, in words.
    """
    if dataset.table["trusted_label"].null_count < len(dataset):
        yield from agreement_notices(compared(dataset, where))


def compared(dataset: Manifest, where: str) -> Comparison:
    """Put the verified labels of a dataset beside the given ones."""
    return Comparison(
        given=dataset.given,
        trusted=dataset.trusted,
        probability=dataset.sample_probability,
        classes=dataset.classes,
        where=where,
    )


def verified_line(where: str, *, filled: int, comparison: Comparison) -> Notice:
    """Say which column was taken for the verified labels, and what it holds.

    Args:
        where: the column, in words.
        filled: rows of it that hold a label.
        comparison: of its labels with the given ones.
    """
    audited = int(comparison.audited.sum())
    beside = "" if audited == filled else f", {audited:,} of them of labelled rows of the dataset"
    message = f"Verified labels: {where}, {filled:,} rows filled{beside}; {comparison.differing:,} differ from the given label."
    return Notice(code="verified-labels", message=message, severity=Severity.NOTE)
