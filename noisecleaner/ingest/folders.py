"""Image folders: `class/x.png`, with or without split folders, and Hugging Face `imagefolder` metadata."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.columns import read_labels
from noisecleaner.ingest.labels import as_text, class_names
from noisecleaner.ingest.places import Place
from noisecleaner.ingest.source import Columns
from noisecleaner.ingest.tabular import Files

IMAGE_ENDINGS = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".png",
        ".ppm",
        ".pgm",
        ".pbm",
        ".bmp",
        ".tif",
        ".tiff",
        ".webp",
        ".gif",
        ".avif",
        ".jp2",
    )
)
#: The files of a folder that Hugging Face `imagefolder` reads.
METADATA = ("metadata.parquet", "metadata.csv", "metadata.jsonl")
SPLITS = frozenset(("train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"))


def iter_images(folder: Path) -> Iterator[str]:
    """Yield the image files below `folder` as relative paths with `/`; hidden ones are left out."""
    for parent, subfolders, names in os.walk(folder, followlinks=True):
        subfolders[:] = [s for s in subfolders if not s.startswith(".") and not _leads_back(os.path.join(parent, s))]
        relative = PurePosixPath(Path(parent).relative_to(folder).as_posix())
        for name in names:
            if PurePosixPath(name).suffix.lower() in IMAGE_ENDINGS and not name.startswith("."):
                yield str(relative / name)


def metadata_files(folder: Path) -> list[Path]:
    """List the `metadata.*` files of the folder itself and of the folders just below (the splits)."""
    places = [folder, *sorted(p for p in folder.iterdir() if p.is_dir())]
    return [place / name for place in places for name in METADATA if (place / name).is_file()]


def labels_of(paths: Sequence[str | None]) -> pa.StringArray:
    """Read the classes from paths: the first folder, or the second below a split folder; null without.

    A folder named like a split is one only if it holds folders: `train/x.png` may well show a train.
    """
    folders = [PurePosixPath(path).parts[:-1] if path else () for path in paths]
    splits = {parts[0] for parts in folders if len(parts) > 1 and parts[0].lower() in SPLITS}
    inside = [parts[1:] if parts and parts[0] in splits else parts for parts in folders]
    return pa.array([parts[0] if parts else None for parts in inside], pa.string())


def read_folder(folder: Path) -> pa.Table:
    """Make the columns sample_id, path and label of a folder in which folders name the classes.

    Raises:
        NoisecleanerError: a file name is no text.
    """
    paths = sorted(iter_images(folder))
    for path in paths:
        if not _is_utf8(path):
            raise NoisecleanerError(
                f"File names must be UTF-8, because paths become sample ids, but {folder} holds {path!r}.",
                _how_to_read_names(),
            )
    return pa.table({"sample_id": paths, "path": paths, "label": labels_of(paths)})


def read_metadata(folder: Path, metadata: Path, columns: Columns) -> tuple[pa.Table, tuple[str, ...]]:
    """Make the columns sample_id, path, label, trusted and irrelevant of one metadata file, and its class names.

    Without a label column the folders name the classes.

    Raises:
        NoisecleanerError: there is no `file_name` column.
    """
    files = Files.open([Place.parse(metadata)])
    paths = _listed(files, metadata, metadata.parent.relative_to(folder).as_posix())
    names = class_names(files.schema, columns.label)
    table = {
        "sample_id": files.column(columns.sample_id).cast(pa.string()) if columns.sample_id in files else paths,
        "path": paths,
        "label": read_labels(files, columns.label) if columns.label in files else labels_of(paths.to_pylist()),
    }
    if columns.trusted in files:
        table["trusted"] = as_text(files.column(columns.trusted), names=names, where=files.where(columns.trusted))
    if columns.irrelevant in files:
        table["irrelevant"] = read_labels(files, columns.irrelevant)
    return pa.table(table), names


def _listed(files: Files, metadata: Path, below: str) -> pa.ChunkedArray:
    """The paths that a metadata file names, as seen from the dataset's folder, shape [rows]."""
    if "file_name" not in files:
        raise NoisecleanerError(
            f"{metadata} needs a column file_name with the image's path, but its columns are "
            f"{', '.join(files.schema.names)}.",
            "Add that column (paths relative to the metadata file), or remove the file.",
        )
    names = files.column("file_name").cast(pa.string())
    inside = pc.binary_join_element_wise("" if below == "." else f"{below}/", names, "")
    return pc.if_else(pc.starts_with(names, "/"), names, inside)


def _leads_back(folder: str) -> bool:
    """Whether a link points at a folder that holds it, which would be walked for ever."""
    return os.path.islink(folder) and os.path.join(os.path.realpath(os.path.dirname(folder)), "").startswith(
        os.path.join(os.path.realpath(folder), "")
    )


def _how_to_read_names() -> str:
    """Where the locale cannot say the name, the file is not to blame."""
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8":
        return f"File names are {encoding} in this environment: set PYTHONUTF8=1, or LC_ALL=C.UTF-8."
    return "Rename it, for example with convmv."


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # the system's bytes, kept as surrogates
        return False
    return True
