"""A column that cannot hold images is refused by what it holds."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.sources import contents, green, make, read, red, refusal, table, texts

SPARK = pa.struct(
    [
        ("origin", pa.string()),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("nChannels", pa.int32()),
        ("mode", pa.int32()),
        ("data", pa.binary()),
    ]
)
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 8, 8), dtype=np.uint8)


def of(tmp_path: Path, image: Any) -> Path:
    return table(tmp_path / "d.parquet", sample_id=["x", "y"], label=["a", "b"], image=image)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (pa.array([{"height": 8, "width": 8, "data": b"x"}] * 2, SPARK), "Spark's own images (raw pixels"),
        (pa.array([{"height": 8, "url": "x"}] * 2), "structs of height, url"),
        (PIXELS.tolist(), "arrays of pixels (lists of list<"),
        (PIXELS.reshape(2, -1).tolist(), "arrays of pixels (such as 64 numbers)"),
        (pa.array(PIXELS.reshape(2, -1).tolist(), pa.list_(pa.uint8(), 64)), "arrays of pixels (such as 64 numbers)"),
        ([[0.5], [300.0]], "arrays of pixels (lists of double)"),
        ([1, 2], "holds int64"),
        ([True, False], "holds bool"),
        ([base64.b64encode(red()).decode()] * 2, "base64 (an encoded image as text), such as 'iVBOR"),
        ([base64.b64encode(red())] * 2, "the bytes of base64"),
        (["data:image/png;base64,iVBO"] * 2, "a data: URI"),
        (["70 80 82 72 58 58 60 63 54"] * 2, "an array of numbers (pixels)"),
        ([None, "b'\\x89PNG'"], "the text of Python bytes"),
    ],
)
@pytest.mark.parametrize("allow_absolute", [False, True])
def test_what_is_no_image_is_refused_in_few_words(tmp_path: Path, image: Any, says: str, allow_absolute: bool) -> None:
    said = refusal(of(tmp_path, image), allow_absolute=allow_absolute)
    assert says in said
    assert "column 'image'" in said
    assert len(said) < 500


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("https://example.org/1.png", "is a URL: 'https://example.org/1.png'. Download the images"),
        ("C:\\data\\1.png", "is a path of Windows: 'C:\\data\\1.png'. Write paths from the folder of the table"),
        ("/9j/" + "A" * 5000, "'/9j/AAAA"),
    ],
)
def test_a_path_that_leads_elsewhere_is_called_what_it_is(tmp_path: Path, path: str, says: str) -> None:
    said = refusal(of(tmp_path, [path] * 2))
    assert says in said
    assert len(said) < 500


def test_raw_pixels_are_told_from_a_few_broken_images(tmp_path: Path) -> None:
    rows = {"sample_id": list("vwxyz"), "label": list("ababa")}
    raw = [bytes(np.random.default_rng(row).integers(128, 256, 3072, dtype=np.uint8)) for row in range(5)]
    assert "3,072 in each row (raw pixels?)" in refusal(table(tmp_path / "d.parquet", **rows, image=raw))
    assert len(read(table(tmp_path / "d.parquet", **rows, image=[*raw[:4], red()]))) == 5


def test_images_of_every_kind_pass(tmp_path: Path) -> None:
    for image in (
        [red(), None],
        [list(red()), list(green())],
        pa.array([{"path": None, "bytes": red()}] * 2),
        pa.nulls(2),
        [b"broken", red()],
    ):
        assert len(read(of(tmp_path, image))) == 2


def test_paths_may_be_categories(tmp_path: Path) -> None:
    made = make(tmp_path, "1.png", "2.png")
    path = table(tmp_path / "d.parquet", label=["a", "b"], image=pa.array(list(made)).dictionary_encode())
    manifest = read(path)
    assert texts(manifest, "sample_id") == list(made)
    assert contents(manifest) == list(made.values())
