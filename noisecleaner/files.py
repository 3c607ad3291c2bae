"""Files that appear whole or not at all: written beside their final name, synced, then renamed."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from noisecleaner.errors import NoisecleanerError

Array = npt.NDArray[Any]
_TEMPORARY = ".tmp-"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; when the block ends well, rename it to `path`.

    Works for a file and for a whole directory (which must not exist yet). When the block fails,
    what it wrote is removed and whatever stood at `path` is still there.
    """
    temporary = path.with_name(f".{path.name}{_TEMPORARY}{os.getpid()}")
    _remove(temporary)
    try:
        yield temporary
        if temporary.is_dir():
            os.sync()  # one call for any number of files
        else:
            _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    finally:
        _remove(temporary)


def refuse_existing(out: Path) -> None:
    """Refuse an output directory that holds something.

    Raises:
        NoisecleanerError: it exists and is not an empty directory.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise NoisecleanerError(
            f"A new directory is required, but {out} exists already.",
            "Name another one with --out DIR, or remove it.",
        )


def sweep(folder: Path) -> None:
    """Remove temporary files that a killed process left in `folder`."""
    for leftover in folder.glob(f".*{_TEMPORARY}*"):
        owner = leftover.name.rsplit("-", 1)[-1]
        if not (owner.isdigit() and _alive(int(owner))):
            _remove(leftover)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as indented JSON; NaN is refused, because JSON has none."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that `write_json` wrote.

    Raises:
        NoisecleanerError: the file is missing or holds something else.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(path, error) from error
    if not isinstance(content, dict):
        raise damaged(path, "not a JSON object")
    return content


def write_arrays(path: Path, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> None:
    """Write arrays and a JSON object as one safetensors file with a checksum of the array bytes."""
    from safetensors.numpy import save

    contiguous = {name: np.asarray(array, order="C") for name, array in sorted(arrays.items())}
    header = {"meta": json.dumps(meta), "crc32": str(_checksum(contiguous))}
    with replacing(path) as temporary:
        temporary.write_bytes(save(contiguous, metadata=header))


def read_arrays(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read what `write_arrays` wrote.

    Raises:
        NoisecleanerError: the file is missing, cut short, or a bit of it has flipped.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
            meta = json.loads(header["meta"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise damaged(path, error) from error
    if header.get("crc32") != str(_checksum(arrays)):
        raise damaged(path, "its checksum is wrong")
    return arrays, meta


def damaged(path: Path, reason: object) -> NoisecleanerError:
    """Describe a file of a run that is missing or broken."""
    return NoisecleanerError(
        f"{path} is required, but it cannot be read ({reason}).",
        "The run directory is damaged or incomplete: run `noisecleaner fit … --overwrite` again.",
    )


def _checksum(arrays: Mapping[str, Array]) -> int:
    crc = 0
    for name in sorted(arrays):
        crc = zlib.crc32(arrays[name].tobytes(), zlib.crc32(name.encode(), crc))
    return crc


def _sync(path: Path) -> None:
    """Force a file, or a directory's entries, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, under another user
        return True
    return True
