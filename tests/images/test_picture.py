"""A large image is resized in tiles, to the pixels that it would have had whole."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from noisecleaner.images import picture
from noisecleaner.images.picture import Picture

TURNS = [None, *Image.Transpose]


def image(mode: str, width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(width)
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 4096, (height, width)).astype(np.uint16))
    if mode == "F":
        return Image.fromarray(rng.normal(size=(height, width)).astype(np.float32))
    return Image.fromarray(rng.integers(0, 256, (height, width, 4), dtype=np.uint8)).convert(mode)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "I;16", "F", "CMYK"])
def test_tiles_are_what_the_whole_image_gives(
    mode: str, turn: Image.Transpose | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = image(mode, 150, 90)
    upright = Picture(source, turn)
    for size, box in (((40, 30), None), ((200, 20), None), ((64, 64), (10.5, 3.25, 80.0, 70.75))):
        for part in (300, 5_000):
            monkeypatch.setattr(picture, "_WHOLE", 0)
            monkeypatch.setattr(picture, "_PART", part)
            monkeypatch.setattr(picture, "_BAND", part // 4)
            tiled = Picture(source, turn).resize(size, Image.Resampling.BILINEAR, box)
            monkeypatch.setattr(picture, "_WHOLE", 10**9)
            whole = Picture(source, turn).resize(size, Image.Resampling.BILINEAR, box)
            off = np.abs(np.asarray(tiled).astype(int) - np.asarray(whole))
            assert off.max() <= 1, (size, box, part)
    assert upright.size == (source if turn is None else source.transpose(turn)).size


def test_the_upright_image_is_the_one_that_pillow_turns() -> None:
    source = image("RGB", 30, 20)
    for turn in Image.Transpose:
        assert np.array_equal(np.asarray(Picture(source, turn).rgb), np.asarray(source.transpose(turn)))
