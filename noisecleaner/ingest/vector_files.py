"""Vectors in a file of their own, beside the dataset."""

from __future__ import annotations

from noisecleaner.ingest.source import Columns
from noisecleaner.ingest.vectors import VectorFile


def vector_file(columns: Columns) -> VectorFile | None:
    """Open the file of vectors beside the dataset, if the columns name one."""
    if columns.vector_file is None:
        return None
    columns.refuse_both()
    return VectorFile.open(columns.vector_file, "probabilities" if columns.probabilities else "embeddings")
