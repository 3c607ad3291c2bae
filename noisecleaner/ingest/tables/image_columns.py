"""Does a column hold images? Their paths, encoded bytes, or `struct<bytes, path>`; anything else is named."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.files.kinds import SNIFFED, format_of, is_pointer
from noisecleaner.ingest.files.no_paths import excerpt, named
from noisecleaner.ingest.files.places import leads_out
from noisecleaner.ingest.tables.tabular import IMAGE_BATCH, Files

#: Rows that are looked at.
_LOOKED_AT = 5
#: Bytes that the smallest image has as raw pixels, 8 by 8.
_RAW = 64
#: The fields of Spark's own images.
_SPARK = {"height", "width", "nChannels", "mode", "data"}
_HINT = "Name the column with paths or encoded images with `Columns(image=NAME)`"


def check_images(files: Files, column: str) -> None:
    """Refuse a column that cannot hold images, by its type and its first values.

    Raises:
        NoisecleanerError: says what it holds, and what to do.
    """
    kind = files.schema.field(column).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_struct(kind):
        _check_struct([field.name for field in kind], files.where(column))
    elif _is_list(kind):
        _check_list(kind.value_type, files, column)
    elif _is_text(kind):
        _check_texts(files, column)
    elif _is_binary(kind):
        _check_bytes(files, column)
    elif not pa.types.is_null(kind):
        raise _refusal(files.where(column), str(kind), f"{_HINT}.")


def _check_struct(fields: list[str], where: str) -> None:
    if {"bytes", "path"} & set(fields):
        return
    if set(fields) >= _SPARK:
        hint = "Read the files with Spark's format binaryFile instead, and name its column content."
        raise _refusal(where, "Spark's own images (raw pixels, not encoded)", hint)
    raise _refusal(where, f"structs of {listed(fields)}", f"{_HINT}; a struct needs a field bytes or path.")


def _check_list(inner: pa.DataType, files: Files, column: str) -> None:
    """Lists are bytes of an encoded image, one by one, or else pixels."""
    hint = "Encode them as PNG or JPEG (bytes); vectors of features go by `Columns(embedding=NAME)`."
    if not (pa.types.is_integer(inner) or pa.types.is_null(inner)):
        raise _refusal(files.where(column), f"arrays of pixels (lists of {inner})", hint)
    values = [value for value in _first(files, column) if value]
    if values and not any(_starts_like_image(value) for value in values):
        raise _refusal(files.where(column), f"arrays of pixels (such as {len(values[0]):,} numbers)", hint)


def _starts_like_image(numbers: list[int]) -> bool:
    try:
        content = bytes(numbers[:SNIFFED])
    except (TypeError, ValueError):  # numbers that are no bytes
        return False
    return format_of(content) is not None or is_pointer(content)


def _check_texts(files: Files, column: str) -> None:
    """Texts may be paths; those that lead elsewhere are refused where all paths are looked at."""
    for value in _first(files, column):
        if not leads_out(value) and (found := named(value)):
            what, hint = found
            raise _refusal(files.where(column), f"{what}, such as {excerpt(value)}", hint)


def _check_bytes(files: Files, column: str) -> None:
    """Bytes may be those of a text that is no image, as when base64 was not decoded, or raw pixels."""
    unknown = [value for value in _first(files, column) if format_of(value[:SNIFFED]) is None]
    for value in unknown:
        if found := named(value[:SNIFFED].decode("latin-1")):
            what, hint = found
            raise _refusal(files.where(column), f"the bytes of {what}", hint)
    if len(unknown) == _LOOKED_AT and len({len(value) for value in unknown}) == 1 and len(unknown[0]) >= _RAW:
        found_raw = f"bytes of no image format, {len(unknown[0]):,} in each row (raw pixels?)"
        raise _refusal(files.where(column), found_raw, "Encode them as PNG or JPEG.")


def _first(files: Files, column: str) -> Iterator[Any]:
    """Yield the first values that are not null."""
    values = (value.as_py() for batch in files.batches([column], IMAGE_BATCH) for value in batch.column(0))
    return islice((value for value in values if value is not None), _LOOKED_AT)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _refusal(where: str, found: str, hint: str) -> NoisecleanerError:
    return NoisecleanerError(
        f"Images are read from paths, encoded bytes, or structs of bytes and path, but {where} holds {found}.", hint
    )
