"""What `data` names: an image folder, or tables."""

from __future__ import annotations

from pathlib import Path

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.folders import iter_images, metadata_files
from noisecleaner.ingest.places import Place, matching
from noisecleaner.ingest.readers import readers
from noisecleaner.ingest.tabular import Files


def open_tables(data: str) -> Files | None:
    """Open the tables that `data` names: one file, a glob, or all of a folder; None where it names an image folder.

    Raises:
        NoisecleanerError: it names neither.
    """
    return None if _is_image_folder(Path(data)) else Files.open(_tables(data))


def _is_image_folder(folder: Path) -> bool:
    return folder.is_dir() and bool(metadata_files(folder) or next(iter_images(folder), None))


def _tables(data: str) -> list[Place]:
    places = matching(data)
    if not places:
        place = Place.parse(data)
        places = _inside(place) if place.is_dir() else [place] if place.is_file() else []
        if not places:
            kind = "an empty folder" if place.is_dir() else "nothing"
            raise NoisecleanerError(
                f"An image folder (class/x.png), a table or a glob is required, but {data} is {kind}.",
                "Check the path, and quote a glob, as in 'data/train-*.parquet'.",
            )
    return places


def _inside(folder: Place) -> list[Place]:
    """The tables of one kind below a folder."""
    endings = [ending for reader in readers() if reader.IN_FOLDERS for ending in reader.ENDINGS]
    return next(filter(None, map(folder.files, endings)), [])
