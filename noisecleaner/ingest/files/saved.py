"""Folders that Hugging Face's `save_to_disk` wrote: which files in them are the dataset, and in which order."""

from __future__ import annotations

from typing import Any

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.texts import parsed_json

#: What tells the splits of a `DatasetDict`, and what the files of a `Dataset`.
_SPLITS, _STATE = "dataset_dict.json", "state.json"


def saved_tables(folder: Place) -> list[str] | None:
    """List the Arrow files of a saved `Dataset`, or of all splits of a `DatasetDict`.

    Other Arrow files beside them are caches of what was computed since.

    Args:
        folder: on any file system.

    Returns:
        Paths from the folder, in the order of the rows; None where it is no such folder.

    Raises:
        NoisecleanerError: what tells the files is damaged, or the rows were reordered without being written anew.
    """
    if (folder / _SPLITS).is_file():
        splits = _read(folder / _SPLITS, "splits")
        return [f"{_plain(split, folder)}/{name}" for split in splits for name in _files(folder / str(split))]
    return _files(folder) if (folder / _STATE).is_file() else None


def _files(folder: Place) -> list[str]:
    state = folder / _STATE
    content = _load(state)
    if content.get("_indices_data_files"):
        raise NoisecleanerError(
            f"The rows of {folder} must stand as they are read, but an old version of datasets kept their order in a "
            "file of indices.",
            "Write it again: `load_from_disk(OLD).flatten_indices().save_to_disk(NEW)`.",
        )
    return [_plain(file.get("filename"), state) for file in _read(state, "_data_files")]


def _read(place: Place, key: str) -> list[Any]:
    found = _load(place).get(key)
    if not isinstance(found, list) or not found:
        raise _damaged(place)
    return found


def _load(place: Place) -> dict[str, Any]:
    try:
        content = parsed_json(place.read())
    except (ValueError, OSError) as error:
        raise _damaged(place) from error
    if not isinstance(content, dict):
        raise _damaged(place)
    return content


def _plain(name: object, place: Place) -> str:
    """A name that stays in its folder."""
    if not isinstance(name, str) or not name or "/" in name or "\\" in name or name.startswith("."):
        raise _damaged(place)
    return name


def _damaged(place: Place) -> NoisecleanerError:
    return NoisecleanerError(
        f"A dataset that was saved to disk names its files, but {place} does not.",
        "Save it again, or write it as Parquet: `load_from_disk(OLD).to_parquet(NEW)`.",
    )
