"""Data from the field that is broken, and the options of the shortest fits."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from support.datasets import Outcome, png

#: Takes the words of a command, and `says`, what the refusal holds.
Refused = Callable[..., Outcome]

#: The shortest fit of images, and of vectors.
SMALL = ["--backbone", "cifar-quick", "--no-frozen", "--epochs", "1", "--folds", "1"]
VECTORS = ["--embedding-column", "embedding", "--epochs", "1"]
#: Whole commands, one that needs no verified rows and one that does.
UNIFORM = ["fit", "data.parquet", "--method", "uniform", "--out", "run", *VECTORS]
STEERED = ["fit", "data.parquet", "--out", "run", *VECTORS]


def tree(folder: Path) -> dict[str, bytes]:
    """All that lies in a folder: path -> content."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


def few_images(folder: Path, **contents: bytes) -> None:
    """Two classes of ten readable images, and files with the given contents among them."""
    rng = np.random.default_rng(0)
    for colour, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            (folder / name / f"{number}.png").write_bytes(png(colour, rng))
    for name, content in contents.items():
        (folder / "cat" / f"{name}.png").write_bytes(content)


def bomb() -> bytes:
    """A PNG of 73 bytes whose header promises 900 million pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")


def table(**columns: object) -> pa.Table:
    """Forty rows of cats and dogs with embeddings, but for the columns that are given."""
    rows = 40
    ready: dict[str, object] = {
        "sample_id": [f"s{i}" for i in range(rows)],
        "label": ["cat", "dog"] * (rows // 2),
        "embedding": np.random.default_rng(0).normal(size=(rows, 4)).tolist(),
    }
    return pa.table({**ready, **columns})


def trusted(path: Path, labels: list[str | None], ids: list[str] | None = None) -> None:
    """Write a table of verified labels, by default of the first rows of `table`."""
    names = ids or [f"s{i}" for i in range(len(labels))]
    pq.write_table(pa.table({"sample_id": names, "trusted_label": pa.array(labels, pa.string())}), path)
