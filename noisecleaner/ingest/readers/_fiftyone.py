"""`samples.json` of a FiftyOneDataset: a row for each sample, with its path, labels of classifications, and vectors.

FiftyOne writes a vector as bytes that `numpy.save` made, compressed by zlib, in base64.
"""

from __future__ import annotations

import base64
import binascii
import io
import zlib
from typing import Any

import numpy as np
import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.tables import ARROW_ERRORS, NUMPY_ERRORS

#: Bytes that a vector may have, decompressed.
_MOST = 2**24


def is_samples(content: Any) -> bool:
    """Whether JSON holds such samples."""
    samples = content.get("samples") if isinstance(content, dict) else None
    return isinstance(samples, list) and bool(samples) and all(_is_sample(sample) for sample in samples)


def read_samples(content: Any, place: Place) -> pa.Table:
    """Make a table: fields that are one number, text, vector or classification; boxes, masks and such are left out.

    Args:
        content: what `is_samples` knows.
        place: the file, for messages.

    Raises:
        NoisecleanerError: a vector cannot be read, or a field holds values of several kinds.
    """
    samples = content["samples"]
    names = dict.fromkeys(name for sample in samples for name in sample if not name.startswith("_"))
    columns = {}
    for name in names:
        values = [_plain(sample.get(name), name, place) for sample in samples]
        if any(value is not None for value in values):
            columns[name] = _column(values, name, place)
    return pa.table(columns)


def _is_sample(sample: Any) -> bool:
    return isinstance(sample, dict) and isinstance(sample.get("filepath"), str)


def _plain(value: Any, name: str, place: Place) -> Any:
    """A cell of the table; None for what has no place in one."""
    if isinstance(value, dict):
        if value.get("_cls") == "Classification":
            return value.get("label")
        return _vector(value["$binary"], name, place) if "$binary" in value else value.get("$oid")
    if isinstance(value, list):
        numbers = value and all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in value)
        return np.asarray(value, np.float64) if numbers else None
    return value


def _vector(binary: Any, name: str, place: Place) -> np.ndarray | None:
    """Read an array; None where it has more than one dimension, such as a mask."""
    try:
        packed = base64.b64decode(binary["base64"] if isinstance(binary, dict) else binary, validate=True)
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(packed, _MOST)
        if unpacking.unconsumed_tail:
            raise ValueError(f"it has more than {_MOST:,} bytes")
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (*NUMPY_ERRORS, KeyError, RecursionError, MemoryError, binascii.Error, zlib.error) as error:
        raise NoisecleanerError(
            f"Vectors of FiftyOne are arrays that numpy.save wrote, but one in field {name!r} of {place} cannot be "
            f"read ({error}).",
            "Export the dataset again.",
        ) from error
    return array if array.ndim == 1 and array.dtype.kind in "fiu" else None


def _column(values: list[Any], name: str, place: Place) -> pa.Array:
    try:
        return pa.array(values)
    except (*ARROW_ERRORS, OverflowError) as error:
        raise NoisecleanerError(
            f"A field of samples needs values of one kind, but {name!r} of {place} holds several ({error}).",
            f"Export without it: `view.exclude_fields({name!r})` in FiftyOne.",
        ) from error
