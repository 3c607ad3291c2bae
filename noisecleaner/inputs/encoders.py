"""Decoded images -> what is kept of them: the pixels themselves, or the features of frozen backbones."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from noisecleaner.arrays import Array
from noisecleaner.errors import NoisecleanerError
from noisecleaner.images.framing import Framing
from noisecleaner.images.greys import Pixels
from noisecleaner.ingest import Skip
from noisecleaner.inputs.decoding import Resized
from noisecleaner.inputs.held import brought
from noisecleaner.networks.backbones import Backbone
from noisecleaner.networks.captured import CapturedCalls
from noisecleaner.threads import in_threads

#: The most rows that are encoded and written together.
BLOCK = 64
#: About how many pixels a CPU core encodes at once: 4 images of 224 px, 8 of 160. Measured: with twice as many the
#: largest maps exceed 32 MB, which malloc takes from the system anew for every layer; with one image calls cost more.
_CPU_PIXELS = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """What is kept of decoded images.

    Args:
        name: of the array's file, and of the progress bar.
        framings: the squares that images are decoded to.
        shape: of one encoded row.
        dtype: of the array.
        encode: pixels [n, size, size, 3] for each framing -> rows [n, *shape].
        block: rows encoded together. Fixed, so that a resumed run forms the same blocks.
        maker: what tells that another encoder would keep other things of the same images; "" where the shape does.
        threads: blocks encoded at once, beside decoding; 0 encodes in the caller's thread, None takes as many threads
            as decode, with one core each.
        backbones: whose features are kept; empty where pixels are.
    """

    name: str
    framings: tuple[Framing, ...]
    shape: tuple[int, ...]
    dtype: npt.DTypeLike
    encode: Callable[[Sequence[Pixels]], Array]
    block: int = BLOCK
    maker: str = ""
    threads: int | None = 0
    backbones: tuple[Backbone, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EncodingBlock:
    """Consecutive rows on their way through an encoder.

    Args:
        end: the row behind the block, unreadable ones counted.
        rows: those that hold an image.
        images: what they hold: pixels of shape [size, size, 3] for each framing, and behind the encoder an array.
        skipped: the rows that do not decode, and why.
    """

    end: int
    rows: list[int]
    images: Sequence[Resized] | Array
    skipped: dict[int, Skip]

    @classmethod
    def of(cls, decoded: Iterable[tuple[int, Resized | Skip]], *, end: int) -> EncodingBlock:
        """Part rows, each decoded into pixels of shape [size, size, 3] for each size, from those that do not decode."""
        results = dict(decoded)
        images = {row: image for row, image in results.items() if not isinstance(image, Skip)}
        skipped = {row: image for row, image in results.items() if isinstance(image, Skip)}
        return cls(end=end, rows=list(images), images=list(images.values()), skipped=skipped)


def pixel_encoder(framing: Framing) -> Encoder:
    """Keep the pixels themselves."""
    shape = (framing.size, framing.size, 3)
    return Encoder(name="pixels", framings=(framing,), shape=shape, dtype=np.uint8, encode=lambda pixels: pixels[0])


def feature_encoder(backbones: Sequence[Backbone], device: torch.device, *, maker: str = "") -> Encoder:
    """Keep the features of frozen backbones side by side, as float16; each sees images of its own size.

    On the CPU each thread computes blocks of its own on one core: cores that share the layers of one block wait for
    each other at every layer, and all the longer while other threads decode. A GPU replays the layers of a block: as
    long as others decode, a thread gets the interpreter too seldom to launch them one by one.
    """
    for backbone in backbones:
        backbone.eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    alone = device.type == "cpu"
    features = [backbone.for_inference() if alone else backbone.features for backbone in backbones]

    def encoded(taken: Sequence[Tensor]) -> Tensor:
        # [n, size, size, 3] seen as [n, 3, size, size] is channels-last already: the fast layout costs no copy
        found = [one(images.permute(0, 3, 1, 2).float()) for one, images in zip(features, taken, strict=True)]
        return torch.cat(found, dim=1).clamp(-6e4, 6e4).half()

    captured = CapturedCalls(device)

    @torch.inference_mode()
    def encode(resized: Sequence[Pixels]) -> Array:
        with captured.running():
            taken = tuple(brought(torch.from_numpy(pixels), device) for pixels in resized)
            found = captured.call("features", taken, encoded).cpu().numpy()
        _refuse_nan(found)
        return found

    framings = tuple(backbone.framing for backbone in backbones)
    return Encoder(
        name="features",
        framings=framings,
        shape=(sum(backbone.width for backbone in backbones),),
        dtype=np.float16,
        encode=encode,
        maker=maker,
        block=_cpu_block(max(framing.size for framing in framings)) if alone else BLOCK,
        threads=None if alone else 1,
        backbones=tuple(backbones),
    )


def _refuse_nan(features: Array) -> None:
    """Refuse features [n, width] that are no numbers: what is made of them would be none either."""
    odd = int(np.isnan(features).any(axis=1).sum())
    if odd:
        raise NoisecleanerError(
            f"A backbone must turn images into numbers, but of {len(features)} images looked at together {odd} became "
            "NaN.",
            "Its weights are broken, or its images prepared otherwise than it wants: choose another `Model.backbone`.",
        )


def _cpu_block(size: int) -> int:
    """Return how many images a core encodes at once: a power of two."""
    return min(BLOCK, 1 << max(0, (_CPU_PIXELS // size**2).bit_length() - 1))


def encode_all(blocks: Iterable[EncodingBlock], encoder: Encoder, threads: int) -> Generator[EncodingBlock]:
    """Encode blocks in their order, in threads of their own where the encoder wants that.

    Args:
        blocks: of decoded images.
        encoder: what to make of them.
        threads: how many threads an encoder gets that takes as many as decode.
    """

    def one(block: EncodingBlock) -> EncodingBlock:
        if not block.rows:
            return block
        return replace(block, images=encoder.encode([np.stack(images) for images in zip(*block.images, strict=True)]))

    if encoder.threads == 0:
        yield from map(one, blocks)
        return
    count = encoder.threads or threads
    before = torch.get_num_threads()
    start = None if encoder.threads else partial(torch.set_num_threads, 1)
    try:
        yield from in_threads(one, blocks, threads=count, ahead=2 * count, name="encode", start=start)
    finally:
        torch.set_num_threads(before)  # what a thread sets is what threads to come begin with
