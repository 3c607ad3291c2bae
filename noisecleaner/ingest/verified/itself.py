"""Labels cannot verify themselves: a dataset's own labels are no verified ones."""

from __future__ import annotations

import os

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.source import Source


def is_itself(path: str, source: Source) -> bool:
    """Whether a folder or table is the dataset."""
    return os.path.realpath(path) == os.path.realpath(source.data)


def refuse_itself(trusted: str, source: Source, column: str | None) -> None:
    """Refuse the given labels of a dataset as verified ones.

    Args:
        trusted: the folder or table of verified labels.
        source: the dataset.
        column: the column that holds them; None where the folders name them.

    Raises:
        NoisecleanerError: they are those of the dataset.
    """
    if not is_itself(trusted, source) or column not in (None, source.columns.label):
        return
    what = "folders name the given labels" if column is None else f"column {column!r} holds the given labels"
    raise NoisecleanerError(
        f"Verified labels must be those that somebody has checked, but {trusted} is the dataset, and its {what}.",
        "Write what was verified into a table or folder of its own, or name the column that holds it with "
        "`Columns(trusted=NAME)`.",
    )


def refuse_same_column(source: Source) -> None:
    """Refuse the given labels of a dataset as its verified ones, where nothing else was verified.

    Raises:
        NoisecleanerError: both are one column.
    """
    if source.columns.trusted == source.columns.label:
        raise NoisecleanerError(
            f"Verified labels must be those that somebody has checked, but `Columns.trusted` and `Columns.label` are "
            f"both {source.columns.label!r}.",
            "Name the column that holds what was verified with `Columns(trusted=NAME)`.",
        )
