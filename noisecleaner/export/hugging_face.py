"""What Hugging Face `datasets` reads off a Parquet file: the type of an image, and the metadata of a schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

#: Exactly the type that Hugging Face's Image feature asks for.
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def features(label: str, classes: Sequence[str], *, image: str | None = None) -> dict[str, str]:
    """Describe columns as Hugging Face does; those left out are understood by their Arrow type.

    Args:
        label: the int64 column that indexes `classes`.
        classes: the class names.
        image: the column of type `IMAGE`, if there is one.

    Returns:
        The metadata of a schema.
    """
    described: dict[str, Any] = {label: {"names": list(classes), "_type": "ClassLabel"}}
    if image is not None:
        described[image] = {"_type": "Image"}
    return {"huggingface": json.dumps({"info": {"features": described}})}
