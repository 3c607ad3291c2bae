"""What tables of text share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.places import Place
from noisecleaner.registry import table_endings


@contextmanager
def refusing(place: Place) -> Iterator[None]:
    """Turn what Arrow says of a table of text that it cannot read into an error for its owner."""
    try:
        yield
    except pa.ArrowException as error:
        raise NoisecleanerError(
            f"{place} must hold a header line and rows, but it cannot be read ({error}).",
            f"Give a table that ends in {' or '.join(table_endings())}; {PurePosixPath(place.path).suffix} must hold "
            "text.",
        ) from error
