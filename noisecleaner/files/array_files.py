"""Arrays and a JSON object in one safetensors file that carries a checksum."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from noisecleaner.arrays import Array
from noisecleaner.files.outputs import replacing
from noisecleaner.files.records import damaged
from noisecleaner.files.regular import require_regular
from noisecleaner.texts import parsed_json


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
    content = {"crc32": _checksum(contiguous, metadata), "layout": _layout(contiguous), "meta": dict(metadata)}
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
        require_regular(path)
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
            header = parsed_json((file.metadata() or {})["noisecleaner"])
            checksum, metadata = header.pop("crc32"), header.pop("meta")
            layout = header.pop("layout", None)  # earlier versions had none
            if header or layout not in (None, _layout(arrays)):
                raise ValueError("its header is damaged")
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise damaged(path, error) from error
    if checksum != _checksum(arrays, metadata):
        raise damaged(path, "its checksum is wrong")
    return arrays, metadata


def _layout(arrays: Mapping[str, Array]) -> int:
    """A checksum of what the header says of arrays: a bit of it can make other numbers of the same bytes."""
    kinds = [[name, array.dtype.str, list(array.shape)] for name, array in sorted(arrays.items())]
    return zlib.crc32(json.dumps(kinds).encode())


def _checksum(arrays: Mapping[str, Array], metadata: Mapping[str, Any]) -> int:
    crc = zlib.crc32(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(arrays):
        crc = zlib.crc32(arrays[name].tobytes(), zlib.crc32(name.encode(), crc))
    return crc
