"""Whether files open whole, by the readers of their own kinds."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from safetensors import safe_open


def unreadable(folder: Path) -> Iterator[tuple[Path, str]]:
    """Find the files below a folder that do not open, and say why; not those with a hidden name."""
    for path in sorted(folder.rglob("*")):
        read = _READERS.get(path.suffix)
        if read is None or not path.is_file() or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        try:
            read(path)
        except Exception as error:  # each library has its own
            yield path, repr(error)


def _image(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


def _tensors(path: Path) -> None:
    with safe_open(path, framework="numpy") as file:
        for name in file.keys():  # noqa: SIM118  # it is no mapping
            file.get_tensor(name)


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def _tar(path: Path) -> None:
    with tarfile.open(path) as archive:
        archive.getmembers()


_READERS: dict[str, Callable[[Path], object]] = {
    ".parquet": lambda path: pq.read_table(path, page_checksum_verification=True),
    ".json": lambda path: json.loads(path.read_text("utf-8")),
    ".jsonl": lambda path: [json.loads(line) for line in path.read_text("utf-8").splitlines()],
    ".safetensors": _tensors,
    ".png": _image,
    ".zip": _archive,
    ".tar": _tar,
    ".npy": lambda path: np.load(path, mmap_mode="r"),
}
