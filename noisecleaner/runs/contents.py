"""`contents.json`: what the rows of a fit brought, so that its numbers are never told of other images or vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import Array
from noisecleaner.files import damaged, read_record, write_record
from noisecleaner.ingest import Manifest, Source
from noisecleaner.ingest.fingerprints import Fingerprint, refuse_other
from noisecleaner.ingest.raw import images_beside
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.runs.run import Run


@dataclass(frozen=True)
class Contents:
    """What was brought.

    Args:
        parts: of the dataset and of each part beside it, in the order of the corpus: its images or vectors; both where
            a file of vectors stands beside images.
    """

    parts: tuple[tuple[Fingerprint, ...], ...]

    @classmethod
    def of_images(cls, parts: Sequence[Manifest], source: Source) -> Contents:
        """Look at the images that rows bring; vectors are added when they are read.

        Args:
            parts: the dataset, and what stands beside it.
            source: of the dataset.
        """
        images = [None if isinstance(part.payload, AnyVectors) else part.payload for part in parts]
        images[0] = images[0] or images_beside(source, parts[0].table["path"])
        found = [
            () if payload is None else (Fingerprint.of(payload, len(part)),)
            for part, payload in zip(parts, images, strict=True)
        ]
        return cls(tuple(found))

    def adding(self, vectors: Sequence[Fingerprint]) -> Contents:
        """Return the same with the vectors of each part, if they bring any, in place of what was known of them."""
        if not vectors:
            return self
        both = zip(self.parts, vectors, strict=True)
        return Contents(tuple((*(old for old in part if old.kind != new.kind), new) for part, new in both))

    def write(self, run: Run) -> None:
        """Write it into a run."""
        parts = [[fingerprint.to_json() for fingerprint in part] for part in self.parts]
        write_record(run.contents, {"parts": parts})

    @classmethod
    def read(cls, run: Run) -> Contents | None:
        """Read it; None where an earlier version wrote the run, or it has not come so far.

        Raises:
            NoisecleanerError: it is damaged.
        """
        if not run.contents.exists():
            return None
        content = read_record(run.contents)
        try:
            return cls(tuple(tuple(map(Fingerprint.from_json, part)) for part in content["parts"]))
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(run.contents, error) from error


def dataset_contents(run: Run) -> tuple[Fingerprint, ...]:
    """What the fitted rows brought; nothing where an earlier version wrote the run.

    Raises:
        NoisecleanerError: the file is damaged.
    """
    contents = Contents.read(run)
    return contents.parts[0] if contents is not None else ()


def refuse_other_data(run: Run, parts: Sequence[Manifest]) -> None:
    """Refuse to go on with a run whose rows bring other images or vectors than when it was started.

    Args:
        run: the run to go on with.
        parts: the dataset, and what stands beside it; ids and labels are those of then.

    Raises:
        NoisecleanerError: they do.
    """
    contents = Contents.read(run)
    for before, part in zip(contents.parts if contents else (), parts, strict=False):
        refuse_other(
            before,
            part,
            required=f"`resume=True` needs the data that {run.path} was started with",
            hint="Bring back what the fit began with, or start again with `overwrite=True`.",
        )


def refuse_other_scored(before: Sequence[Fingerprint], manifest: Manifest, *, scored: object, data: str) -> None:
    """Refuse rows that bring other images or vectors than those that were scored.

    Args:
        before: what was scored.
        manifest: the rows now.
        scored: where the scores are.
        data: where the rows are.

    Raises:
        NoisecleanerError: they do.
    """
    refuse_other(
        before,
        manifest,
        required=f"The scores in {scored} must belong to {data}",
        hint="Run `fit(..., overwrite=True)` again, or name the data that was scored with `data=PATH`.",
    )


def fingerprint(parts: list[Manifest], class_vectors: Array | None = None) -> str:
    """Hash ids, paths, labels and skip reasons of all rows (not the images themselves), and vectors of the classes.

    Args:
        parts: the rows.
        class_vectors: shape [classes, width]; None without any.
    """
    digest = hashlib.sha256()
    for part in parts:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, part.table.schema) as writer:
            writer.write_table(part.table.combine_chunks())
        digest.update(sink.getvalue())
        digest.update("\0".join(part.classes).encode())
    if class_vectors is not None:
        digest.update(np.ascontiguousarray(class_vectors).tobytes())
    return digest.hexdigest()
