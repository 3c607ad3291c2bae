"""What Hugging Face `datasets` reads off a Parquet file: the type of an image, and the metadata of a schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from noisecleaner.texts import parsed_json

_KEY = b"huggingface"
#: Exactly the type that Hugging Face's Image feature asks for.
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def described(
    owner: pa.Schema, columns: Sequence[str], *, label: str, names: Sequence[str], image: str | None
) -> dict[bytes, bytes]:
    """Describe columns as Hugging Face does; those left out are understood by their Arrow type.

    Args:
        owner: the schema of the dataset, whose metadata say what its columns are.
        columns: the names of the copy's columns.
        label: the column of labels.
        names: the class names that it indexes, `()` where it does not.
        image: the column of type `IMAGE`, None without one.

    Returns:
        The metadata of the copy's schema: the owner's, with what has changed.
    """
    features = {name: feature for name, feature in _features(owner).items() if name in columns and name != image}
    if names:
        features[label] = {"names": list(names), "_type": "ClassLabel"}
    if image is not None:
        features[image] = {"_type": "Image"}
    metadata = {key: value for key, value in (owner.metadata or {}).items() if key != _KEY}
    return {**metadata, _KEY: json.dumps({"info": {"features": features}}).encode()} if features else metadata


def _features(schema: pa.Schema) -> dict[str, Any]:
    """What the owner's metadata say of columns; nothing where they cannot be understood."""
    try:
        features = parsed_json((schema.metadata or {})[_KEY])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}
