"""The line that says which labels count as verified, and what is odd about them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from noisecleaner.ingest.manifest import Manifest
from noisecleaner.ingest.verified.slipped import Table, slip_notices
from noisecleaner.noise.agreement import Comparison, agreement_notices
from noisecleaner.notices import Notice, Severity


def own_column(dataset: Manifest, where: str) -> Iterator[Notice]:
    """Say what a dataset's own column of verified labels holds, if it holds any, and whether some have slipped.

    Args:
        dataset: as it was read.
        where: the column, in words.
    """
    labels = dataset.table["trusted_label"]
    filled = len(labels) - labels.null_count
    if filled:
        yield Notice(
            code="verified-labels",
            severity=Severity.NOTE,
            message=f"Verified labels: {where}, {filled:,} of {len(labels):,} rows filled; "
            f"{_compared(dataset, where).differing:,} differ from the given label.",
        )
        table = Table(ids=dataset.table["sample_id"], labels=labels, rows=np.arange(len(dataset)), where=where)
        yield from slip_notices(table, dataset.table["given_label"])


def odd_labels(dataset: Manifest, where: str) -> Iterator[Notice]:
    """Say what is odd about all verified labels of a dataset.

    Args:
        dataset: with its verified labels.
        where: what these were read from, in words.
    """
    if dataset.table["trusted_label"].null_count < len(dataset):
        yield from agreement_notices(_compared(dataset, where))


def _compared(dataset: Manifest, where: str) -> Comparison:
    return Comparison(
        given=dataset.given,
        trusted=dataset.trusted,
        probability=dataset.sample_probability,
        classes=dataset.classes,
        where=where,
    )
