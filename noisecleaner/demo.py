"""`demo`: a small dataset with wrong labels, to try everything on.

Drawn, not photographed: swatches of fabric in four patterns, each with a colour that it tends to. The labels are wrong
where people's would be: more often on faint and grainy swatches, and mostly to the pattern that looks alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from noisecleaner.arrays import FloatArray, IntArray
from noisecleaner.files import AnyPath, alone, located, refuse_existing, replacing

Pixels = npt.NDArray[np.uint8]

PATTERNS = ("checks", "dots", "rings", "stripes")
#: The pattern that each one is mistaken for.
_ALIKE = np.array([1, 0, 3, 2])
#: The colour that each pattern tends to, red, green and blue in [0, 255].
_COLOURS = np.array([[220, 60, 50], [60, 150, 60], [60, 90, 200], [230, 190, 60]], dtype=np.float64)
_TENDENCY = 0.7
_ROWS, _VERIFIED, _SIZE, _SEED = 1000, 200, 32, 1
#: Share of labels to make wrong.
_RATE = 0.25


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What `demo` wrote.

    Args:
        rows: images of the dataset.
        wrong: how many of their labels are wrong.
        verified: rows whose label was verified, drawn at random.
        data: table with `sample_id`, `image` (PNG) and `label`.
        trusted: table with `sample_id` and `trusted_label`.
        truth: table with `sample_id` and `true_label`, to check results against.
    """

    rows: int
    wrong: int
    verified: int
    data: Path
    trusted: Path
    truth: Path


@dataclass(frozen=True, kw_only=True)
class _Swatches:
    """Images, and what they show.

    Args:
        pixels: shape [rows, size, size, 3].
        patterns: positions in `PATTERNS`, shape [rows].
        difficulty: how hard each one is to tell, in any unit, shape [rows].
    """

    pixels: Pixels
    patterns: IntArray
    difficulty: FloatArray


def demo(out: AnyPath) -> Demo:
    """Write a dataset, verified labels and the truth into a new directory; the same ones each time.

    Args:
        out: a directory that does not exist yet, or is empty.

    Raises:
        NoisecleanerError: something stands there.
    """
    out = located(out)
    with alone(out, work="demo"):
        refuse_existing(out, parameter="as in `demo(DIR)`")
        return _demo(out)


def _demo(out: Path) -> Demo:
    """Write the files of `demo`."""
    rng = np.random.default_rng(_SEED)
    swatches = _draw(rng)
    given = _mistaken(swatches, rng)
    verified = np.sort(rng.choice(_ROWS, _VERIFIED, replace=False))
    ids = [f"swatch-{row:04d}" for row in range(_ROWS)]
    true, labels = (np.array(PATTERNS)[rows] for rows in (swatches.patterns, given))
    with replacing(out) as folder:
        folder.mkdir(parents=True)
        data = {"sample_id": ids, "image": _encoded(swatches.pixels), "label": labels}
        trusted = {"sample_id": [ids[row] for row in verified], "trusted_label": true[verified]}
        for name, columns in (("data", data), ("trusted", trusted), ("truth", {"sample_id": ids, "true_label": true})):
            pq.write_table(pa.table(columns), folder / f"{name}.parquet", compression="zstd", write_page_checksum=True)
    return Demo(
        rows=_ROWS,
        wrong=int((given != swatches.patterns).sum()),
        verified=_VERIFIED,
        data=out / "data.parquet",
        trusted=out / "trusted.parquet",
        truth=out / "truth.parquet",
    )


def _draw(rng: np.random.Generator) -> _Swatches:
    patterns = rng.integers(0, len(PATTERNS), _ROWS)
    colour = _TENDENCY * _COLOURS[patterns] + (1 - _TENDENCY) * rng.uniform(0, 255, (_ROWS, 3))
    ground = rng.uniform(0, 255, (_ROWS, 3))
    grain = rng.uniform(0, 40, _ROWS)
    share = _shares(patterns, rng)[..., None]
    clean = ground[:, None, None] + (colour - ground)[:, None, None] * share
    pixels = clean + grain[:, None, None, None] * rng.normal(size=clean.shape)
    contrast = np.abs(colour - ground).mean(axis=1)
    # in steps of 8, which halves the files and cannot be seen below the grain
    return _Swatches(
        pixels=(pixels.clip(0, 255) / 8).astype(np.uint8) * np.uint8(8),
        patterns=patterns,
        difficulty=grain / 40 - contrast / 128,
    )


def _shares(patterns: IntArray, rng: np.random.Generator) -> FloatArray:
    """How much of the pattern's colour each pixel has, in [0, 1], shape [rows, size, size]."""
    rows = (len(patterns), 1, 1)
    y, x = np.mgrid[:_SIZE, :_SIZE].astype(np.float64)
    turn, shift_u, shift_v = rng.uniform(0, 2 * np.pi, (3, *rows))
    centre_x, centre_y = _SIZE * rng.uniform(0.2, 0.8, (2, *rows))
    scale = 2 * np.pi / rng.uniform(7, 14, rows)  # a period has 7 to 14 pixels
    u = scale * (x * np.cos(turn) + y * np.sin(turn)) + shift_u
    v = scale * (y * np.cos(turn) - x * np.sin(turn)) + shift_v
    rings = np.sin(scale * np.hypot(x - centre_x, y - centre_y) + shift_u)
    heights = [2 * np.sin(u) * np.sin(v), np.cos(u) + np.cos(v) - 0.8, rings, np.sin(u)]
    height = np.choose(patterns.reshape(rows), heights)
    return np.asarray((0.5 + 1.5 * height).clip(0, 1))


def _mistaken(swatches: _Swatches, rng: np.random.Generator) -> IntArray:
    """The labels that people give: positions in `PATTERNS`, shape [rows]."""
    true, count = swatches.patterns, len(PATTERNS)
    odds = np.exp(swatches.difficulty / swatches.difficulty.std())
    wrong = rng.random(len(true)) < (_RATE * odds / odds.mean()).clip(0, 0.8)
    other = np.where(rng.random(len(true)) < 0.8, _ALIKE[true], (true + rng.integers(1, count, len(true))) % count)
    return np.where(wrong, other, true)


def _encoded(pixels: Pixels) -> Sequence[bytes]:
    images = []
    for image in pixels:
        file = BytesIO()
        Image.fromarray(image).save(file, "PNG")
        images.append(file.getvalue())
    return images
