"""Which row of the dataset a verified row is: by its id, else by its content, else by the name of its file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.ingest.files.kinds import IMAGE_ENDINGS, PICTURE_ENDINGS, ending_of
from noisecleaner.ingest.manifest import Column, Payload
from noisecleaner.ingest.payloads import ImageColumn, ImageFiles
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.ingest.verified.cells import find_ids
from noisecleaner.ingest.verified.contents import VectorDigests, digests
from noisecleaner.ingest.verified.file_names import as_file, find_by_name, find_by_path
from noisecleaner.ingest.verified.pictures import Found, Pictures
from noisecleaner.ingest.verified.vector_twins import SummedVectors
from noisecleaner.ingest.verified.verification import Verification
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing, counted


@dataclass(frozen=True, kw_only=True)
class CandidateRows:
    """The rows that verified labels may belong to; the columns have the shape [rows].

    Args:
        ids: sample ids.
        paths: of the images, null where they have none.
        vectors: opens the vectors, in this order; gives None where that cannot be done.
        images: opens the images, also those that vectors stand in for; likewise.
    """

    ids: pa.Array
    paths: Column
    vectors: Callable[[], Payload | None] = lambda: None
    images: Callable[[], Payload | None] = lambda: None

    def names(self) -> Iterator[str]:
        """Yield what may name the file of each row: its path, else its id."""
        return (name or "" for name in pc.coalesce(self.paths, self.ids).to_pylist())


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Where verified rows belong.

    Args:
        rows: of the dataset, -1 for those that are not in it, shape [verified rows].
        by_id: how many labelled rows were joined so.
        by_content: likewise.
        by_name: likewise.
        by_path: likewise.
        unseen: how many of these last ones nobody could compare.
        namesakes: rows that are not in the dataset, but have the file name of another picture there.
        bare: labelled rows that are not in the dataset and bring nothing that can be read, shape [verified rows].
    """

    rows: IntArray
    by_id: int
    by_content: int = 0
    by_name: int = 0
    by_path: int = 0
    unseen: int = 0
    namesakes: int = 0
    bare: BoolArray

    def notices(self, where: str) -> Iterator[Notice]:
        """Say how rows were joined, where not all were by id.

        Args:
            where: the table or folder of verified labels.
        """
        if self.by_content or self.by_name or self.by_path:
            kinds = {
                "id": self.by_id,
                "content": self.by_content,
                "path": self.by_path,
                "file name": self.by_name,
            }
            how = ", ".join(f"{count:,} by {kind}" for kind, count in kinds.items() if count or kind == "id")
            unsure = f" {self.unseen:,} could not be compared: check that files of one name show one picture."
            yield Notice(
                code="verified-joined",
                severity=Severity.WARNING if self.unseen else Severity.NOTE,
                message=f"{counted(sum(kinds.values()), 'verified row')} of {where} "
                f"{agreeing(sum(kinds.values()), 'was', 'were')} joined to rows of the dataset: {how}."
                f"{unsure if self.unseen else ''}",
            )
        if self.namesakes:
            yield Notice(
                code="verified-namesakes",
                message=f"{counted(self.namesakes, 'verified image')} of {where} "
                f"{agreeing(self.namesakes, 'has', 'have')} the file name of a row of the dataset, "
                "but show another picture: they count as images that are not in the dataset, and measure nothing.",
            )


def match(verification: Verification, dataset: CandidateRows) -> Matches:
    """Find the row of each verified row.

    Args:
        verification: what somebody verified.
        dataset: the rows that it may belong to.

    Raises:
        NoisecleanerError: ids and contents contradict each other, or content is in the dataset under another id and
            does not tell which row it is.
    """
    labelled = np.asarray(pc.is_valid(verification.labels))
    rows = find_ids(verification.ids, dataset.ids, verification.where)
    inside, lost = labelled & (rows >= 0), labelled & (rows < 0)
    own = verification.payload
    if isinstance(own, AnyVectors):
        _refuse_twins(own, verification, dataset, rows=rows, labelled=labelled)
        return Matches(rows=rows, by_id=int(inside.sum()), bare=np.zeros_like(lost))
    # ids that a table gives are meant; paths in their place, or ids of which none is known, are not
    free = not verification.vouched or not inside.any()
    paths, names = _by_file(verification, dataset, labelled=labelled, lost=lost) if free and lost.any() else ({}, {})
    if isinstance(own, (ImageFiles, ImageColumn)):
        found = _by_looks(own, verification, dataset, rows=rows, labelled=labelled, names=names)
    else:
        bare = [row for row in np.flatnonzero(lost).tolist() if row not in names and row not in paths]
        found = Found(by_name=names, unseen=len(names), bare=bare)
    for joined in (paths, found.by_content, found.by_name):
        rows[list(joined)] = list(joined.values())
    nothing = np.zeros_like(lost)
    nothing[list(found.bare)] = True
    return Matches(
        rows=rows,
        by_id=int(inside.sum()),
        by_content=len(found.by_content),
        by_name=len(found.by_name),
        by_path=len(paths),
        unseen=found.unseen,
        namesakes=found.namesakes,
        bare=nothing,
    )


def _by_file(
    verification: Verification, dataset: CandidateRows, *, labelled: BoolArray, lost: BoolArray
) -> tuple[Mapping[int, int], Mapping[int, int]]:
    """Find rows by the paths and by the names of their files: verified row -> row of the dataset.

    Images tell by themselves whether they are the same, and the folders that they lie in may be labels: no paths there.
    """
    own = verification.paths if verification.paths is not None else verification.ids
    names = {row: name for row, name in enumerate(own.to_pylist()) if labelled[row] and name}
    if verification.vouched and verification.paths is None and not _files(names.values()):
        return {}, {}
    places, paths = np.flatnonzero(lost).tolist(), {}
    if not isinstance(verification.payload, (ImageFiles, ImageColumn)):
        paths = find_by_path(names, lost=places, known=dataset.names)
    return paths, find_by_name(names, lost=[row for row in places if row not in paths], known=dataset.names)


def _files(names: Collection[str]) -> bool:
    """Whether ids are names of images."""
    return bool(names) and all(ending_of(as_file(name)) in IMAGE_ENDINGS | PICTURE_ENDINGS for name in names)


def _by_looks(
    own: ImageFiles | ImageColumn,
    verification: Verification,
    dataset: CandidateRows,
    *,
    rows: IntArray,
    labelled: BoolArray,
    names: Mapping[int, int],
) -> Found:
    """Find rows by their images, once it is sure that none of them contradicts its id."""
    theirs, lost = dataset.images(), labelled & (rows < 0)
    if not isinstance(theirs, (ImageFiles, ImageColumn)):
        readable = digests(own, np.flatnonzero(lost))
        bare = [row for row in np.flatnonzero(lost).tolist() if row not in names and row not in readable]
        return Found(by_name=names, unseen=len(names), bare=bare)
    pictures = Pictures(own=own, own_ids=verification.ids, theirs=theirs, ids=dataset.ids, where=verification.where)
    pictures.refuse_contradictions(rows, labelled & (rows >= 0))
    return pictures.find(lost, names, joins=not verification.vouched or bool(names))


def _refuse_twins(
    own: AnyVectors, verification: Verification, dataset: CandidateRows, *, rows: IntArray, labelled: BoolArray
) -> None:
    """Refuse embeddings that are those of other rows; class probabilities may well be equal."""
    theirs = dataset.vectors()
    if own.kind == "embeddings" and isinstance(theirs, AnyVectors) and own.width == theirs.width:
        SummedVectors(vectors=VectorDigests.of(own), ids=verification.ids).refuse_twins(
            SummedVectors(vectors=VectorDigests.of(theirs), ids=dataset.ids),
            rows=rows,
            labelled=labelled,
            where=verification.where,
        )
