"""Several processes see the same images and vectors, or none of them goes on: another machine may have other files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import Array
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Manifest
from noisecleaner.ingest.fingerprints import Fingerprint, digest
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.inputs.batches import Data
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.ranks.group import Ranks
from noisecleaner.ranks.tasks import Lead, together

#: Rows of the inputs that are compared, spread evenly.
_COMPARED = 256
_HINT = "Give all processes the same files under the same paths, those of the run directory too."


@dataclass(frozen=True, kw_only=True)
class SameImages:
    """A task of all processes: whether each sees the images that the leader has seen.

    Args:
        parts: the dataset, and what stands beside it.
        seen: what the leader has seen of each.
    """

    parts: tuple[Manifest, ...]
    seen: tuple[Fingerprint, ...]

    def __call__(self, ranks: Ranks, progress: Progress, interrupts: Interrupts) -> None:
        """Look.

        Raises:
            NoisecleanerError: this process sees others.
        """
        for before, part in zip(self.seen, () if ranks.leads else self.parts, strict=False):
            other = before.unlike(part.payload, len(part)) if part.payload is not None else ()
            if len(other):
                example = part.table["sample_id"][int(other[0])].as_py()
                found = f"{len(other):,} of {len(before.samples):,} images that were compared, such as {example!r}"
                raise NoisecleanerError(f"{_required(ranks)}, but it sees other files, or none, for {found}.", _HINT)


@dataclass(frozen=True, kw_only=True)
class SameInputs:
    """A task of all processes: whether each maps the inputs that the leader has.

    Args:
        data: the inputs, of which another process maps the file.
        samples: what the leader has, see `samples`.
    """

    data: Data
    samples: tuple[str, ...]

    def __call__(self, ranks: Ranks, progress: Progress, interrupts: Interrupts) -> None:
        """Look.

        Raises:
            NoisecleanerError: this process maps others.
        """
        if not ranks.leads and samples(self.data.array) != self.samples:
            raise NoisecleanerError(f"{_required(ranks)}, but its inputs are others.", _HINT)


def samples(array: Array) -> tuple[str, ...]:
    """Tell inputs [rows, …] in a few characters: their shape and format, and some rows."""
    rows = np.unique(np.linspace(0, max(0, len(array) - 1), _COMPARED).astype(np.int64)) if len(array) else ()
    return (f"{array.shape} {array.dtype}", *(digest(np.ascontiguousarray(array[row]).tobytes()) for row in rows))


def see_same_images(parts: Sequence[Manifest], seen: Sequence[tuple[Fingerprint, ...]], lead: Lead) -> None:
    """Have all processes look at a few images; vectors are no part of it, as each process maps the leader's.

    Args:
        parts: the dataset, and what stands beside it.
        seen: what the leader has seen of each, images and vectors.
        lead: this process.

    Raises:
        NoisecleanerError: one of them sees other images.
    """
    images = [
        (part, found) for part, found in zip(parts, seen, strict=True) if not isinstance(part.payload, AnyVectors)
    ]
    kept = [(part, one) for part, found in images for one in found if one.kind == "images"]
    task = SameImages(parts=tuple(part for part, _ in kept), seen=tuple(one for _, one in kept))
    together(task, ranks=lead.ranks, progress=lead.progress, interrupts=lead.interrupts)


def see_same_inputs(data: Data, lead: Lead) -> None:
    """Have all processes look at some rows of the inputs.

    Raises:
        NoisecleanerError: one of them maps others.
    """
    if lead.ranks.alone:
        return
    task = SameInputs(data=data, samples=samples(data.array))
    together(task, ranks=lead.ranks, progress=lead.progress, interrupts=lead.interrupts)


def _required(ranks: Ranks) -> str:
    return f"Process {ranks.rank} must see the data that process 0 sees"
