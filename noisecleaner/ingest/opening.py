"""What `data` names: an image folder, or tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.annotations import labels_in, read_annotations
from noisecleaner.ingest.files.changed import refuse_changed, refuse_lost
from noisecleaner.ingest.files.kinds import BESIDE_ROWS, OWN_FILES, ending_of
from noisecleaner.ingest.files.leftovers import beside_tables, unread
from noisecleaner.ingest.files.levels import Level
from noisecleaner.ingest.files.places import Place, fixed_part, hidden, matching
from noisecleaner.ingest.files.saved import saved_tables
from noisecleaner.ingest.files.walk import Walk
from noisecleaner.ingest.folders import metadata_files
from noisecleaner.ingest.readers import readers
from noisecleaner.ingest.tables.tabular import Files

#: A folder with tables and pictures is an image folder where it has so many images for each table.
_IMAGES_FOR_A_TABLE = 10
#: What FiftyOne writes of a whole dataset into a folder, which is told when it is read.
_SAMPLES = "samples.json"


def open_data(data: str) -> Files | Walk:
    """Open what `data` names: the tables, one file, a glob, or all of a folder; or the files of an image folder.

    Raises:
        NoisecleanerError: it names neither.
    """
    folder = Path(data)
    if not folder.is_dir():
        return _open_elsewhere(data)
    if saved := saved_tables(Place.parse(folder)):
        return Files.open([Place.parse(folder) / path for path in saved])
    walk = Walk.of(folder)
    paths = sorted(walk.others)
    tables = _of_one_kind(paths)
    if metadata_files(folder) or (_has_images(walk) and not _outweigh(tables, walk)):
        return walk
    if not tables and _is_copy(folder) and not _has_images(walk):
        tables = _of_one_kind(paths, every=True)
    if not tables:
        kind = "a folder without images or Parquet files" if paths or walk.hidden else "an empty folder"
        raise _nothing(data, kind, unread(paths))
    others = {*paths, *walk.images, *walk.pictures, *walk.hidden}.difference(tables)
    return _open_inside(Place.parse(folder), tables, sorted(others))


def open_tables(data: str) -> Files | None:
    """Open the tables that `data` names; None where it names an image folder, see `open_data`."""
    found = open_data(data)
    return found if isinstance(found, Files) else None


def open_labels(path: str) -> Files | None:
    """Open a table of labels that somebody gave, or what an annotation tool exported; None where it is an image folder.

    Raises:
        NoisecleanerError: it is neither.
    """
    place = Place.parse(path)
    if os.path.isdir(path) and metadata_files(Path(path)):
        return open_tables(path)
    file = labels_in(place) or place
    annotations = read_annotations(file)
    if annotations is not None:
        return Files.holding(annotations.table, file).noting(*annotations.notices)
    samples = place / _SAMPLES
    return open_tables(str(samples) if os.path.isdir(path) and samples.is_file() else path)


def _open_elsewhere(data: str) -> Files | Walk:
    """Open what is no folder of this machine: a file, a glob, or a folder of another file system."""
    if places := matching(data):
        refuse_changed(places)
        return Files.open(places, Place.parse(fixed_part(data)))
    place = Place.parse(data)
    if place.is_file():
        refuse_changed([place])
        return Files.open([place])
    if not place.is_dir():
        raise _nothing(data, _no_table(data))
    if saved := saved_tables(place):
        return Files.open([place / path for path in saved])
    paths = [file.path[len(place.path) :].lstrip("/") for file in place.files("")]
    tables = _of_one_kind(paths)
    walk = Walk.of_store(place, paths)
    if walk.images and not _outweigh(tables, walk):
        return walk
    if not tables:
        raise _nothing(data, "a folder without images or Parquet files" if paths else "an empty folder", unread(paths))
    return _open_inside(place, tables, sorted(set(paths).difference(tables, BESIDE_ROWS)))


def _no_table(data: str) -> str:
    """What that is where no table lies."""
    if os.path.exists(data):
        return "neither a file nor a folder"
    return "a glob of folders: add /*.parquet" if glob(data) else "nothing: it does not exist"


def _open_inside(folder: Place, tables: Sequence[str], others: Sequence[str]) -> Files:
    """Open tables of a folder, and tell what stands beside them."""
    beside = beside_tables(str(folder), tables, others)
    places = [folder / path for path in tables]
    refuse_changed(places)
    if folder.local:
        refuse_lost(Path(folder.path), places)
    return Files.open(places, folder).noting(*([beside] if beside else []))


def _is_copy(folder: Path) -> bool:
    """Whether an export wrote a folder: then all its tables are rows."""
    return any((folder / name).is_file() for name in OWN_FILES)


def _of_one_kind(paths: Sequence[str], *, every: bool = False) -> Sequence[str]:
    """Tables of a kind of which a folder may be full, or of every kind; of two such kinds the more frequent one."""
    shown = [path for path in paths if not hidden(path)]
    endings = [ending for reader in readers() if every or reader.IN_FOLDERS for ending in reader.ENDINGS]
    kinds = [[path for path in shown if ending_of(path) == ending] for ending in endings]
    return max(kinds, key=len, default=[])


def _has_images(walk: Walk) -> bool:
    return bool(walk.images or walk.pictures)


def _outweigh(tables: Sequence[str], walk: Walk) -> bool:
    """Whether tables are the dataset, and images by-work: there are few, or their folders name no two classes."""
    images = [*walk.images, *walk.pictures]
    few = len(images) < _IMAGES_FOR_A_TABLE * len(tables)
    return bool(tables) and (few or len(Level.of(images, None).classes()) < 2)


def _nothing(data: str, kind: str, found: str = "") -> NoisecleanerError:
    return NoisecleanerError(
        f"An image folder (class/x.png), a table or a glob is required, but {data} is {kind}.{found}",
        "Check the path, and quote a glob, as in 'data/train-*.parquet'.",
    )
