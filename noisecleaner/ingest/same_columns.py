"""New rows of a run mostly have columns called as those of the fit: nobody should have to say so again."""

from __future__ import annotations

from dataclasses import replace

from noisecleaner.ingest.opening import open_tables
from noisecleaner.ingest.source import Columns, Source
from noisecleaner.notices import Notice, Severity

#: What they are, as a message calls it; of embeddings and class probabilities rows have one.
_WORDS = {"image": "images", "label": "labels", "sample_id": "ids"}
_VECTORS = {"embedding": "embeddings", "probabilities": "class probabilities"}


def called_alike(source: Source, fitted: Columns) -> tuple[Source, tuple[Notice, ...]]:
    """Take the names of columns from the fit, where nobody named others and the new tables have columns of these names.

    Args:
        source: the new rows.
        fitted: the columns of the fit.

    Returns:
        The source, and what was taken.

    Raises:
        NoisecleanerError: there are no such rows.
    """
    usual, own = Columns(), source.columns
    words = _WORDS | ({} if own.embedding or own.probabilities else _VECTORS)
    names = {
        field: getattr(fitted, field)
        for field in words
        if getattr(own, field) == getattr(usual, field) != getattr(fitted, field)
    }
    tables = open_tables(source.data) if names else None
    taken = {field: name for field, name in names.items() if tables is not None and name in tables}
    if not taken:
        return source, ()
    told = ", ".join(f"{words[field]} in {name!r}" for field, name in taken.items())
    notice = Notice(code="columns-of-the-fit", message=f"As at the fit: {told}.", severity=Severity.NOTE)
    return replace(source, columns=replace(own, **taken)), (notice,)
