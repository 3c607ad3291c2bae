"""Datasets of every layout, made on the spot and read."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Manifest, Skip, Source, ingest
from noisecleaner.ingest.labels.missing import WORDS
from noisecleaner.ingest.payloads import ImageColumn, ImageFiles
from noisecleaner.notices import Notice
from support.datasets import png

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
VECTORS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]


def red() -> bytes:
    return png(0, np.random.default_rng(0), (8, 8))


def green() -> bytes:
    return png(1, np.random.default_rng(1), (8, 8))


def blue() -> bytes:
    return png(2, np.random.default_rng(2), (8, 8))


def make(folder: Path, *names: str) -> dict[str, bytes]:
    """Write an image of its own under each name."""
    rng = np.random.default_rng(3)
    content = {name: png(row % 3, rng, (8, 8)) for row, name in enumerate(names)}
    for name, image in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(image)
    return content


def table(
    path: Path, schema: pa.Schema | None = None, class_names: dict[str, list[str]] | None = None, **c: Any
) -> Path:
    """Write columns as Parquet, those in `class_names` as Hugging Face's ClassLabel."""
    features = {name: {"names": names, "_type": "ClassLabel"} for name, names in (class_names or {}).items()}
    made = pa.table(c, schema=schema)
    if features:
        made = made.replace_schema_metadata({b"huggingface": json.dumps({"info": {"features": features}}).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(made, path)
    return path


def vectors(path: Path, labels: object, **rest: Any) -> Path:
    """Write a table with embeddings and these labels."""
    column = labels if isinstance(labels, (pa.Array, pa.ChunkedArray)) else pa.array(labels)
    ids = [f"r{row}" for row in range(len(column))]
    return table(path, **{"sample_id": ids, "label": column, "embedding": [[1.0, 2.0]] * len(column), **rest})


def both(
    data: object,
    trusted: object = None,
    classes: tuple[str, ...] | None = None,
    allow_absolute: bool = False,
    verified: str = "trusted_label",
    label_level: int | None = None,
    **columns: Any,
) -> tuple[Manifest, Manifest | None]:
    names = Columns(trusted=verified, **columns)
    source = Source(str(data), columns=names, allow_absolute=allow_absolute, label_level=label_level)
    return ingest(source, None if trusted is None else str(trusted), classes)


def read(data: object, **options: Any) -> Manifest:
    return both(data, **options)[0]


def meant(name: str) -> bool:
    """Whether a text is a class by all rules: no word for a missing label, and no number."""
    return bool(name.strip()) and name.strip().casefold() not in WORDS and not re.fullmatch(r"-?[0-9]+(\.0+)?", name)


def texts(manifest: Manifest, column: str) -> list[str | None]:
    return [None if v is None else str(v) for v in manifest.table[column].to_pylist()]


def labels(manifest: Manifest) -> dict[str | None, str | None]:
    return dict(zip(texts(manifest, "sample_id"), texts(manifest, "given_label"), strict=True))


def told(manifest: Manifest) -> list[Notice]:
    """What is noted of a manifest beside the lines that name its classes and its verified labels."""
    usual = ("classes", "verified-labels", "every-row-verified")  # of so few rows all are often verified
    return [notice for notice in manifest.notices if notice.code not in usual]


def contents(manifest: Manifest) -> list[bytes | Skip]:
    assert isinstance(manifest.payload, (ImageFiles, ImageColumn))
    found = list(manifest.payload.read(np.arange(len(manifest))))
    assert [row for row, _ in found] == list(range(len(manifest)))
    return [content for _, content in found]


def refusal(*args: Any, **options: Any) -> str:
    with pytest.raises(NoisecleanerError) as error:
        both(*args, **options)
    return str(error.value)


def write_metadata(path: Path, rows: Sequence[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(list(rows)), path)


METADATA = pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
