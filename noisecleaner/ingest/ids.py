"""The ids of the rows of a dataset, in their order: that of a `.npy` file beside it."""

from __future__ import annotations

from collections.abc import Iterator

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.checks import check_ids
from noisecleaner.ingest.columns import read_ids
from noisecleaner.ingest.files.walk import Walk
from noisecleaner.ingest.opening import open_data
from noisecleaner.ingest.payloads import find_content
from noisecleaner.ingest.raw import read_images
from noisecleaner.ingest.source import Source


def ids(source: Source) -> Iterator[str]:
    """Yield the ids of a dataset's rows in the order in which they are read.

    Images of a folder stand in the order of their paths, or of the metadata files; tables in the order of their rows,
    several of them in the order of their names.

    Args:
        source: the dataset; it needs no labels.

    Raises:
        NoisecleanerError: it cannot be read, or an id holds a line break.
    """
    files = open_data(source.data)
    if isinstance(files, Walk):
        found = read_images(source, files, labelled=False).ids
    else:
        found = read_ids(files, source.columns, find_content(files, source, required=False).paths)
    check_ids(found, source.data)
    for chunk in found.chunks:
        for name in chunk.to_pylist():
            if "\n" in name or "\r" in name:
                raise NoisecleanerError(
                    f"Ids are listed one a line, but {name!r} of {source.data} holds a line break.",
                    "Name another column with `Columns(sample_id=NAME)`.",
                )
            yield name
