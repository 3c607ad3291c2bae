"""Small datasets, made on the spot, and what a command leaves behind."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

SAMPLE = Path(__file__).parents[2] / "sample_data"
CLASSES = ["blue", "green", "red"]


@dataclass(frozen=True)
class Outcome:
    """What a command left behind: exit code, stdout and stderr."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


def png(colour: int, rng: np.random.Generator, size: tuple[int, int] = (32, 32)) -> bytes:
    """Encode a noisy square in which one colour channel stands out."""
    pixels = rng.integers(0, 90, (*size[::-1], 3))
    pixels[..., colour] += 90
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def wrong_labels(rows: int, rate: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True classes 0 to 2 in turn, and given ones of which a share is wrong."""
    rng = np.random.default_rng(seed)
    true = np.arange(rows) % 3
    wrong = rng.random(rows) < rate
    return true, np.where(wrong, (true + rng.integers(1, 3, rows)) % 3, true)


def image_folder(folder: Path, rows: int = 120, rate: float = 0.2) -> dict[str, str]:
    """Make class/x.png with some images in the wrong folder; return sample id -> true class."""
    true, given = wrong_labels(rows, rate)
    rng = np.random.default_rng(1)
    truth = {}
    for row in range(rows):
        name = f"{CLASSES[given[row]]}/{row:04d}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(2 - int(true[row]), rng))
        truth[name] = CLASSES[true[row]]
    return truth


def write_trusted(path: Path, truth: dict[str, str], every: int = 2) -> Path:
    """Write every n-th verified label as a table."""
    ids = list(truth)[::every]
    pq.write_table(pa.table({"sample_id": ids, "trusted_label": [truth[i] for i in ids]}), path)
    return path


def embeddings(path: Path, rows: int = 600, rate: float = 0.3, width: int = 16, seed: int = 0) -> dict[str, str]:
    """Write a table with embeddings of three clusters and given labels; return sample id -> true class."""
    true, given = wrong_labels(rows, rate, seed)
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(3, width))
    vectors = (2 * centres[true] + rng.normal(size=(rows, width))).astype(np.float32)
    ids = [f"s{row:05d}" for row in range(rows)]
    columns = {
        "sample_id": ids,
        "label": [CLASSES[g] for g in given],
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), width),
    }
    pq.write_table(pa.table(columns), path)
    return {i: CLASSES[t] for i, t in zip(ids, true, strict=True)}
