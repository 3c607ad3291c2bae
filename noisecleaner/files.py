"""Files that appear whole or not at all: written beside their final name, synced, then renamed."""

from __future__ import annotations

import json
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, overload

import numpy as np

from noisecleaner.arrays import Array
from noisecleaner.errors import NoisecleanerError
from noisecleaner.texts import parsed_json

#: How a caller names a file or a folder; `located` and `spelled` make one kind of it.
AnyPath = str | os.PathLike[str]

_TEMPORARY = ".tmp-"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def located(path: AnyPath) -> Path:
    """Take a path, in whichever way it is written.

    Raises:
        NoisecleanerError: it is none, or the address of a store: what is written is written here.
    """
    text = spelled(path)
    if _ADDRESS.match(text):
        raise NoisecleanerError(
            f"Runs, scores, copies and pages are written to this machine, but {text} is an address.",
            "Name a path of this machine, and copy what is written there to the store.",
        )
    return Path(text)


@overload
def spelled(path: AnyPath) -> str: ...
@overload
def spelled(path: None) -> None: ...
@overload
def spelled(path: AnyPath | None) -> str | None: ...
def spelled(path: AnyPath | None) -> str | None:
    """Write a path, or a URI, as text; None stays None.

    Raises:
        NoisecleanerError: it is no path, but perhaps what is meant itself.
    """
    if path is None:
        return None
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise NoisecleanerError(
            f"Files and folders are named by their path, a text, but a {type(path).__name__} stands in its place.",
            "Data that are in memory are written first: `keep(data, 'data.parquet')` returns the path.",
        )
    return text


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; when the block ends well, rename it to `path`.

    Works for a file and for a whole directory (which must not exist yet). When the block fails,
    what it wrote is removed and whatever stood at `path` is still there.
    """
    path = named(path)
    temporary = path.with_name(f".{path.name}{_TEMPORARY}{os.getpid()}")
    _remove(temporary)
    try:
        with _naming(path):
            yield temporary
            if temporary.is_dir():
                os.sync()  # one call for any number of files
            else:
                _sync(temporary)
            os.replace(temporary, path)
            _sync(path.parent)
    finally:
        _remove(temporary)


@contextmanager
def together(folder: Path) -> Iterator[Path]:
    """Yield an empty folder; when the block ends well, what was written there replaces its namesakes in `folder`.

    So files that belong to each other are all whole before the first one is replaced, or none is.

    Args:
        folder: made where there is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    staged = folder / f".together{_TEMPORARY}{os.getpid()}"
    _remove(staged)
    staged.mkdir()
    try:
        with _naming(folder):
            yield staged
            for file in sorted(staged.iterdir()):
                os.replace(file, folder / file.name)
            _sync(folder)
    finally:
        _remove(staged)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the path of an output into errors of the system that name none: those of writing, as on a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def named(path: Path) -> Path:
    """Make a path absolute, links to folders above it followed, so that `.` and `..` have a name, too.

    Raises:
        NoisecleanerError: it is the root of the file system; or a link, behind which something else would be replaced
            than what was named.
    """
    if path.is_symlink():
        raise NoisecleanerError(
            f"An output is a file or folder of its own, but {path} is a link to {os.readlink(path)}.",
            "Name what the link leads to, or remove the link.",
        )
    real = Path(os.path.realpath(path))
    if not real.name:
        raise NoisecleanerError(f"An output needs a name, but {path} is the root.", "Name a directory with `out=DIR`.")
    return real


def unused(path: Path) -> Path:
    """Find a name like this one that no file has: `verify.parquet`, else `verify-2.parquet`, and so on."""
    names = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(name for name in chain([path], names) if not os.path.lexists(name))


def refuse_existing(out: Path, *, parameter: str = "with `out=DIR`") -> None:
    """Refuse an output directory that holds something.

    Args:
        out: the directory to make.
        parameter: how another one is named.

    Raises:
        NoisecleanerError: it exists and is not an empty directory.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise NoisecleanerError(
            f"A new directory is required, but {out} exists already.",
            f"Name another one {parameter}, or remove it.",
        )


def sweep(folder: Path) -> None:
    """Remove temporary files that a killed process left in `folder`."""
    for leftover in folder.glob(f".*{_TEMPORARY}*"):
        owner = leftover.name.rsplit("-", 1)[-1]
        if not (owner.isdigit() and _alive(int(owner))):
            _remove(leftover)


@dataclass(frozen=True)
class LongList:
    """A list of many plain values for `write_json`, which are never in memory together.

    Args:
        parts: yields them some at a time.
    """

    parts: Callable[[], Iterator[list[Any]]]


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as indented JSON, a list of numbers in one line; NaN is refused, because JSON has none."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(_laid_out(content))
        file.write("\n")


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object with a checksum, for `read_record`."""
    plain = json.loads(json.dumps(content, allow_nan=False))
    write_json(path, {**plain, "crc32": _crc(plain)})


def read_record(path: Path) -> dict[str, Any]:
    """Read what `write_record` wrote.

    Raises:
        NoisecleanerError: the file is missing, holds something else, or a bit of it has flipped.
    """
    try:
        content = parsed_json(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(path, error) from error
    if not isinstance(content, dict) or content.pop("crc32", None) != _crc(content):
        raise damaged(path, "its checksum is wrong")
    return content


def write_arrays(path: Path, arrays: Mapping[str, Array], metadata: Mapping[str, Any]) -> None:
    """Write arrays and a JSON object as one safetensors file with a checksum.

    A mapping, because that is what safetensors holds: here ends the package, and names become those of a file.

    Args:
        path: the final name.
        arrays: name -> array of any shape and kind.
        metadata: a JSON object.
    """
    from safetensors.numpy import save

    contiguous = {name: np.asarray(array, order="C") for name, array in sorted(arrays.items())}
    # one entry, because safetensors writes several in random order, and equal runs shall give equal bytes
    content = {"crc32": _checksum(contiguous, metadata), "meta": dict(metadata)}
    header = {"noisecleaner": json.dumps(content, sort_keys=True)}
    with replacing(path) as temporary:
        temporary.write_bytes(save(contiguous, metadata=header))


def read_arrays(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read what `write_arrays` wrote: the arrays by their names, and the metadata.

    Raises:
        NoisecleanerError: the file is missing, cut short, or a bit of it has flipped.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
            header = parsed_json((file.metadata() or {})["noisecleaner"])
            checksum, metadata = header["crc32"], header["meta"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise damaged(path, error) from error
    if checksum != _checksum(arrays, metadata):
        raise damaged(path, "its checksum is wrong")
    return arrays, metadata


def damaged(path: Path, reason: object) -> NoisecleanerError:
    """Describe a file of a run that is missing or broken."""
    return NoisecleanerError(
        f"{path} is required, but it cannot be read ({reason}).",
        "The run directory is damaged or incomplete: run `fit(..., overwrite=True)` again.",
    )


def _laid_out(value: Any, indent: str = "") -> Iterator[str]:
    """Lay out JSON; Python's own indentation would put each number of a matrix of classes into a line of its own."""
    inner, parts = indent + "  ", list[tuple[str, Any]]()
    if isinstance(value, LongList):
        yield from _in_one_line(value)
        return
    if isinstance(value, Mapping):
        parts = [(f"{inner}{_plain(str(name))}: ", part) for name, part in value.items()]
    elif isinstance(value, list) and any(isinstance(part, (list, Mapping)) for part in value):
        parts = [(inner, part) for part in value]
    if not parts:
        yield _plain(value)
        return
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    for number, (begin, part) in enumerate(parts):
        yield f"{',' if number else opening}\n{begin}"
        yield from _laid_out(part, inner)
    yield f"\n{indent}{closing}"


def _in_one_line(values: LongList) -> Iterator[str]:
    """Lay out many values as the list of them would be."""
    begin = "["
    for part in filter(None, values.parts()):
        yield begin + _plain(part)[1:-1]
        begin = ", "
    yield "]" if begin != "[" else "[]"


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _crc(content: Mapping[str, Any]) -> str:
    return str(zlib.crc32(json.dumps(content, sort_keys=True).encode()))


def _checksum(arrays: Mapping[str, Array], metadata: Mapping[str, Any]) -> int:
    crc = zlib.crc32(json.dumps(metadata, sort_keys=True).encode())
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
