"""Shards that are not what `embed` wrote, as far as a look at their sizes and footers tells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import HIDDEN_MANIFEST, Seal, UnsealedError
from noisecleaner.ingest.files.places import Place


def refuse_changed(places: Sequence[Place]) -> None:
    """Refuse shards of embeddings that are others than their manifest says; pages carry checksums of their own.

    Args:
        places: tables that will be read. Where no manifest of `embed` lies beside one, anything may be in it.

    Raises:
        NoisecleanerError: the manifest is damaged, or one of them is not what was written.
    """
    folders = dict.fromkeys(Path(place.path).parent for place in places if place.local)
    for folder, seal in ((folder, _seal(folder)) for folder in folders):
        if seal is not None and seal.kind == "embeddings":
            _compare(folder, seal, {place.name: place for place in places if Path(place.path).parent == folder})


def refuse_lost(folder: Path, places: Sequence[Place]) -> None:
    """Refuse a folder of embeddings that lacks shards: rows would be taken for such without a vector.

    Args:
        folder: of this machine, all of which will be read.
        places: its tables.

    Raises:
        NoisecleanerError: names some that its manifest knows and that are not there, or the manifest is damaged.
    """
    seal, there = _seal(folder), {place.name for place in places}
    if seal is None or seal.kind != "embeddings":
        return
    lost = sorted(name for name in seal.files if name.endswith(".parquet") and name not in there)
    if lost:
        raise _refusal(folder, folder / lost[0], "it is not there any more")


def _seal(folder: Path) -> Seal | None:
    """Read the manifest of a folder; None where there is none, or nobody may read it."""
    try:
        return Seal.read(folder / HIDDEN_MANIFEST)
    except UnsealedError as error:
        raise _refusal(folder, folder / HIDDEN_MANIFEST, str(error)) from error
    except OSError:
        return None


def _compare(folder: Path, seal: Seal, places: dict[str, Place]) -> None:
    for name, place in places.items():
        if (known := seal.files.get(name)) is None:
            continue
        try:
            with place.open() as file:
                known.require_opened(file, whole=False)
        except UnsealedError as error:
            raise _refusal(folder, Path(place.path), str(error)) from error


def _refusal(folder: Path, path: Path, found: str) -> NoisecleanerError:
    return NoisecleanerError(
        f"Embeddings must be what `embed()` wrote, but {path} is not: {found}.",
        f"Copy the folder again, or embed again; `verify({str(folder)!r})` looks at every byte. If you changed it "
        f"yourself, remove {HIDDEN_MANIFEST} there.",
    )
