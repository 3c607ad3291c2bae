"""Images -> blocks of what an encoder keeps of them, in the order of the rows; several processes take turns.

Which rows make a block does not depend on how many processes there are, so neither does what is kept. The others send
what they have encoded to the leader, who alone writes it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np
import torch

from noisecleaner.arrays import BoolArray
from noisecleaner.ingest import Manifest, Skip
from noisecleaner.inputs.decoding import Resized, decode_all
from noisecleaner.inputs.encoders import Encoder, EncodingBlock, encode_all, feature_encoder
from noisecleaner.networks.backbones import Backbone
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.ranks.group import Ranks
from noisecleaner.ranks.tasks import beside
from noisecleaner.settings import Decoding

#: About how many rows a process encodes in a turn.
_TURN = 256
#: In the order of the file formats' numbers between processes.
_REASONS = tuple(Skip)


def encoded_blocks(
    parts: Sequence[Manifest], done: int, encoder: Encoder, decoding: Decoding, ranks: Ranks
) -> Generator[EncodingBlock]:
    """Yield what is kept of the rows that are not done, block by block; called by the leader.

    Args:
        parts: the dataset, and what stands beside it.
        done: rows from the first on that are done.
        encoder: what to keep of an image; pixels are worth no process beside this one.
        decoding: threads of this machine, and limits.
        ranks: the processes that share the work.
    """
    total = sum(map(len, parts))
    if ranks.alone or not encoder.backbones or done == total:
        yield from encoded(parts, range(done, total, encoder.block), encoder, decoding)
        return
    share = _Share(
        parts=tuple(parts),
        done=done,
        backbones=tuple(deepcopy(backbone).cpu() for backbone in encoder.backbones),
        decoding=replace(decoding, threads=max(1, decoding.threads // ranks.local_size)),
    )
    with beside(share, ranks) as waited, closing(share.blocks(encoder, ranks)) as own:
        for number in range(len(range(done, total, encoder.block))):
            source = share.turn(number, encoder, ranks)
            yield next(own) if source == 0 else _received(encoder, ranks, source)
        waited(Progress(), Interrupts())


@dataclass(frozen=True, kw_only=True)
class _Share:
    """What a process does of the encoding, a task of all.

    Args:
        parts: the dataset, and what stands beside it.
        done: rows from the first on that are done.
        backbones: whose features are kept, on the CPU.
        decoding: threads of one process, and limits.
    """

    parts: tuple[Manifest, ...]
    done: int
    backbones: tuple[Backbone, ...]
    decoding: Decoding

    def __call__(self, ranks: Ranks, progress: Progress, interrupts: Interrupts) -> None:
        """Encode this process's blocks, and send them to the leader."""
        assert ranks.device is not None  # noqa: S101  # one of several has one
        encoder = feature_encoder(self.backbones, ranks.device)
        with closing(self.blocks(encoder, ranks)) as blocks:
            for block in blocks:
                interrupts.raise_pending()
                _send(block, encoder, ranks)

    def turn(self, number: int, encoder: Encoder, ranks: Ranks) -> int:
        """Who encodes the block of a number."""
        return number // max(1, _TURN // encoder.block) % ranks.size

    def blocks(self, encoder: Encoder, ranks: Ranks) -> Generator[EncodingBlock]:
        """Encode the blocks of one process."""
        firsts = range(self.done, sum(map(len, self.parts)), encoder.block)
        own = [first for number, first in enumerate(firsts) if self.turn(number, encoder, ranks) == ranks.rank]
        yield from encoded(self.parts, own, encoder, self.decoding)


def _send(block: EncodingBlock, encoder: Encoder, ranks: Ranks) -> None:
    """Send a block to the leader: how much it is, which rows, why some are missing, and what is kept of the others."""
    reasons = [[row, _REASONS.index(why)] for row, why in block.skipped.items()]
    ranks.send(torch.tensor([block.end, len(block.rows), len(reasons)]))
    if block.rows:
        ranks.send(torch.tensor(block.rows))
        ranks.send(torch.from_numpy(np.ascontiguousarray(block.images, dtype=encoder.dtype)))
    if reasons:
        ranks.send(torch.tensor(reasons))


def _received(encoder: Encoder, ranks: Ranks, source: int) -> EncodingBlock:
    """Receive a block that a process sends."""
    end, count, missing = ranks.receive(torch.empty(3, dtype=torch.int64), source).tolist()
    rows, images, skipped = [], np.empty((count, *encoder.shape), encoder.dtype), {}
    if count:
        rows = ranks.receive(torch.empty(count, dtype=torch.int64), source).tolist()
        ranks.receive(torch.from_numpy(images), source)
    if missing:
        reasons = ranks.receive(torch.empty((missing, 2), dtype=torch.int64), source).tolist()
        skipped = {row: _REASONS[why] for row, why in reasons}
    return EncodingBlock(end=end, rows=rows, images=images, skipped=skipped)


def encoded(
    parts: Sequence[Manifest], firsts: Sequence[int], encoder: Encoder, decoding: Decoding
) -> Generator[EncodingBlock]:
    """Yield what is kept of the rows of some blocks, each named by its first row, rows counted over all parts."""
    readable = np.concatenate([part.readable for part in parts])
    wanted = np.zeros(len(readable), dtype=bool)
    for first in firsts:
        wanted[first : first + encoder.block] = True
    files = chain.from_iterable(_files(parts, wanted))
    with (
        closing(decode_all(files, framings=encoder.framings, decoding=decoding)) as decoded,
        closing(encode_all(_blocks(decoded, readable, firsts, encoder.block), encoder, decoding.threads)) as blocks,
    ):
        yield from blocks


def _files(parts: Sequence[Manifest], wanted: BoolArray) -> Iterator[Iterator[tuple[int, bytes | Skip]]]:
    """Yield, part by part, the image files of readable rows that are wanted, rows counted over all parts."""
    offset = 0
    for part in parts:
        rows = np.flatnonzero(part.readable & wanted[offset : offset + len(part)])
        stream = part.payload.read(rows)  # type: ignore[union-attr]  # vectors never get here
        yield ((offset + row, content) for row, content in stream)
        offset += len(part)


def _blocks(
    decoded: Iterator[tuple[int, Resized | Skip]], readable: BoolArray, firsts: Sequence[int], size: int
) -> Iterator[EncodingBlock]:
    """Cut rows into blocks of `size` rows, unreadable ones counted."""
    for first in firsts:
        end = min(first + size, len(readable))
        yield EncodingBlock.of(islice(decoded, int(readable[first:end].sum())), end=end)
