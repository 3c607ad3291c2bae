"""What rows bring, told in a few bytes: whether their images or vectors are still those of then."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import IntArray, RealArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.manifest import Manifest, Payload, Skip, VectorKind
from noisecleaner.ingest.payloads import ImageColumn, ImageFiles
from noisecleaner.ingest.vectors.columns import VectorColumn, VectorFile
from noisecleaner.ingest.vectors.orders import AnyVectors, NamedProbabilities

#: What rows bring.
ContentKind = Literal["images"] | VectorKind
#: Rows of which is kept what they bring, spread evenly.
_SAMPLE = 256
#: Row numbers times this, modulo 2**32, are what vectors are weighted with (Knuth's multiplicative hash).
_FACTOR = np.uint32(2654435769)


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What the rows of a dataset bring.

    Args:
        kind: images or vectors, and which.
        rows: how many there are.
        samples: hashes of what rows bring that are spread evenly over all, "" where an image could not be read.
        sums: hash of the weighted sums of all vectors, or of the sizes of all image files; "" where those lie in a
            table or a store, or one is not there.
        stamp: which files they are, if nobody touched them; "" where that cannot be told.
    """

    kind: ContentKind
    rows: int
    samples: tuple[str, ...]
    sums: str = ""
    stamp: str = ""

    @classmethod
    def of(cls, payload: Payload, rows: int) -> Fingerprint:
        """Look at images of a few rows and at the sizes of all image files, or at all vectors."""
        if isinstance(payload, AnyVectors):
            passing = PassingVectors(payload, rows)
            for block in payload.blocks():
                passing.take(block)
            return passing.fingerprint()
        stamp = _stamp(payload)
        images = payload.read(_sampled(rows))  # type: ignore[union-attr]  # vectors never get here
        samples = tuple(digest(content) for _, content in images)
        return cls(kind="images", rows=rows, samples=samples, sums=_sizes(payload), stamp=stamp)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Fingerprint:
        """Take what `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return cls(**{**content, "samples": tuple(content["samples"])})

    def to_json(self) -> dict[str, Any]:
        """Give plain values by the names of the fields."""
        return asdict(self)

    def changed(self, payload: Payload, rows: int) -> Change | None:
        """Look whether rows still bring the same; None where they do.

        Files that nobody touched are not read; others are, because a copy may have another date and the same content.

        Args:
            payload: what they bring now, of the same kind.
            rows: how many they are.
        """
        if self.stamp and self.stamp == _stamp(payload):
            return None
        now = Fingerprint.of(payload, rows)
        # what could not be read has no score that might belong to something else
        looks = zip(_sampled(rows).tolist(), self.samples, now.samples, strict=False)
        pairs = [(row, before != after) for row, before, after in looks if before and after]
        other = tuple(row for row, changed in pairs if changed)
        same = self.sums == now.sums or "" in (self.sums, now.sums)
        if not other and same and self.rows == now.rows:
            return None
        return Change(kind=self.kind, looked_at=len(pairs), rows=other)

    def unlike(self, payload: Payload, rows: int) -> IntArray:
        """Rows whose images another process does not see as they are here, or not at all, shape [n].

        It does not read files that are these very files.

        Args:
            payload: what that process sees; images.
            rows: how many they are.
        """
        if self.stamp and self.stamp == _stamp(payload):
            return np.empty(0, dtype=np.int64)
        pairs = zip(self.samples, Fingerprint.of(payload, rows).samples, strict=True)
        return _sampled(rows)[[before != after for before, after in pairs]]


@dataclass(frozen=True, kw_only=True)
class Change:
    """Rows that bring something else than before.

    Args:
        kind: what they bring.
        looked_at: rows that were compared one by one.
        rows: those of them that changed, ascending; perhaps none, where vectors of other rows did.
    """

    kind: ContentKind
    looked_at: int
    rows: tuple[int, ...]

    def words(self, ids: pa.ChunkedArray) -> str:
        """Say so, as the end of a sentence: `its images have changed since (…)`.

        Args:
            ids: of all rows.
        """
        if not self.rows:
            return f"some of its {self.kind} have changed since"
        example = ids[self.rows[0]].as_py()
        found = f"those of {len(self.rows):,} of {self.looked_at:,} rows that were compared, such as {example!r}"
        return f"its {self.kind} have changed since ({found})"


class PassingVectors:
    """Makes the fingerprint of vectors as their blocks pass by: that costs next to nothing where they are read anyway.

    Args:
        payload: where the vectors come from.
        rows: how many there are.
    """

    def __init__(self, payload: AnyVectors, rows: int) -> None:
        self._kind, self._stamp, self._count = payload.kind, _stamp(payload), rows
        self._sampled, self._samples, self._first = _sampled(rows), list[str](), 0
        self._sums = np.zeros(payload.width, dtype=np.uint32)

    def take(self, block: RealArray) -> None:
        """Take in the block of vectors that comes next, shape [n, width]."""
        with np.errstate(over="ignore"):
            words = np.ascontiguousarray(block, dtype=np.float32).view(np.uint32)
        end = self._first + len(block)
        # odd weights: a single vector that changed always shows; and each another one: so does another order
        weights = np.arange(self._first, end, dtype=np.uint32) * _FACTOR | np.uint32(1)
        self._sums += np.einsum("r,rc->c", weights, words)
        inside = self._sampled[(self._sampled >= self._first) & (self._sampled < end)] - self._first
        self._samples += [digest(words[row].tobytes()) for row in inside.tolist()]
        self._first = end

    def fingerprint(self) -> Fingerprint:
        """Sum up what passed by."""
        return Fingerprint(
            kind=self._kind,
            rows=self._count,
            samples=tuple(self._samples),
            sums=digest(self._sums.tobytes()),
            stamp=self._stamp,
        )


def digest(content: bytes | Skip) -> str:
    """Tell a content in 12 characters; "" where it could not be read."""
    return "" if isinstance(content, Skip) else hashlib.blake2b(content, digest_size=6).hexdigest()


def refuse_other(before: Sequence[Fingerprint], manifest: Manifest, *, required: str, hint: str) -> None:
    """Refuse rows that bring other images or vectors than before; where nothing was kept of those, nothing is.

    Args:
        before: what the rows brought then.
        manifest: the same rows now.
        required: what is required, as the beginning of a sentence.
        hint: what to do.

    Raises:
        NoisecleanerError: they bring something else.
    """
    kind = manifest.payload.kind if isinstance(manifest.payload, AnyVectors) else "images"
    for fingerprint in before:
        if fingerprint.kind == kind and (changed := fingerprint.changed(manifest.payload, len(manifest))) is not None:
            raise NoisecleanerError(f"{required}, but {changed.words(manifest.table['sample_id'])}.", hint)


def _sampled(rows: int) -> IntArray:
    """Rows that are spread evenly, the first and the last one among them, shape [sample]."""
    return np.unique(np.linspace(0, rows - 1, min(rows, _SAMPLE)).astype(np.int64))


def _sizes(payload: Payload) -> str:
    """Tell the sizes of all image files, in two microseconds each: an image that is replaced has another one."""
    if not isinstance(payload, ImageFiles) or payload.remote:
        return ""
    sizes, root = hashlib.blake2b(digest_size=6), payload.root.path
    try:
        for path in payload.paths:
            size = os.stat(os.path.join(root, path.as_py())).st_size if path.is_valid else -1
            sizes.update(size.to_bytes(8, "little", signed=True))
    except (OSError, ValueError):  # one is not there, or called as no file can be
        return ""
    return sizes.hexdigest()


def _stamp(payload: Payload) -> str:
    """Tell files of this machine from all others, and from themselves once somebody has written to them.

    The time at which the system last changed a file's entry cannot be set, as that of its content can.
    """
    paths = _files(payload)
    try:
        found = [os.stat(path) for path in paths]
    except OSError:
        return ""
    stamps = [(file.st_ino, file.st_size, file.st_mtime_ns, file.st_ctime_ns) for file in found]
    return digest(repr((paths, stamps)).encode()) if paths else ""


def _files(payload: Payload) -> list[str]:
    """The files that hold all that rows bring; none where there are too many, or on another file system."""
    if isinstance(payload, NamedProbabilities):
        return _files(payload.vectors)
    if isinstance(payload, VectorFile):
        return [payload.path]
    if isinstance(payload, ImageColumn) and not pa.types.is_binary(payload.files.schema.field(payload.column).type):
        return []  # paths of other files may be in there
    if isinstance(payload, (ImageColumn, VectorColumn)):
        places = payload.files.places
        return [place.path for place in places] if all(place.local for place in places) else []
    return []
