"""What dinotool writes: a column for each number of a vector, `feature_0`, `feature_1`, …; read as one column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place

#: How the column is called.
VECTOR = "embedding"
#: The index of its tables: of images, or of the frames of a film; and the one of the patches of an image.
_NAMES, _PATCH = ("filename", "frame_idx"), "patch_idx"


def numbers_of(schema: pa.Schema) -> tuple[str, ...]:
    """List the columns of a vector's numbers in their order; `()` of all other tables."""
    if VECTOR in schema.names or not set(_NAMES) & set(schema.names):
        return ()
    count = sum(name.startswith("feature_") for name in schema.names)
    numbers = tuple(f"feature_{place}" for place in range(count))
    whole = count > 1 and all(name in schema.names and _is_float(schema, name) for name in numbers)
    return numbers if whole else ()


def with_one_column(schema: pa.Schema, place: Place) -> pa.Schema:
    """Describe such a table with one column of vectors; other schemas stay as they are.

    Raises:
        NoisecleanerError: its vectors are of patches, of which an image has many.
    """
    numbers = numbers_of(schema)
    if not numbers:
        return schema
    if _PATCH in schema.names:
        raise NoisecleanerError(
            f"One vector for each image is required, but {place} holds those of patches (dinotool's flat features).",
            "Run dinotool again, for its features of the frame (option save-features).",
        )
    kept = [schema.field(name) for name in schema.names if name not in numbers]
    vector = pa.field(VECTOR, pa.list_(schema.field(numbers[0]).type, len(numbers)))
    return pa.schema([*kept, vector])


def in_one_column(batch: pa.RecordBatch, numbers: Sequence[str], columns: Sequence[str]) -> pa.RecordBatch:
    """Put the numbers of each row into one list; a row without one of them has NaN there.

    Args:
        batch: with the columns of the numbers.
        numbers: those columns in their order.
        columns: those of the result in their order.
    """
    values = np.stack([batch[name].to_numpy(zero_copy_only=False) for name in numbers], axis=1)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), len(numbers))
    return pa.RecordBatch.from_arrays([vectors if name == VECTOR else batch[name] for name in columns], list(columns))


def _is_float(schema: pa.Schema, name: str) -> bool:
    return bool(pa.types.is_floating(schema.field(name).type))
