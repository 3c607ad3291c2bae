"""What a copy of a dataset holds, for whatever format writes it: rows, labels, notes, images, the owner's columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import BoolArray, IntArray, counted_by_class
from noisecleaner.errors import NoisecleanerError, quoted
from noisecleaner.export.label_cells import KnownClasses, LabelCells
from noisecleaner.export.owner import Owner
from noisecleaner.export.structure import Structure
from noisecleaner.ingest import Columns, Manifest, Skip, Source
from noisecleaner.ingest.payloads import ImageColumn, ImageFiles

#: Rows read together with their images: few stay far below Arrow's 2 GiB limit, and give random access where written.
IMAGE_ROWS = 100
#: And without.
OTHER_ROWS = 10_000
#: What the column of ids is called where the paths of images are the ids, and another column has its usual name.
_OWN_ID = "nc_sample_id"


@dataclass(frozen=True)
class Part:
    """Consecutive rows of a copy, n of them.

    Args:
        rows: their numbers in the dataset, shape [n], ascending.
        owned: their sample ids, and the owner's columns that the copy does not make anew.
        labels: their class indices, int64, null for none.
        cells: the same as the owner's column writes them.
        notes: what is added.
    """

    rows: IntArray
    owned: pa.Table
    labels: pa.Array
    cells: pa.Array
    notes: pa.Table


@dataclass(frozen=True, kw_only=True)
class Copy:
    """What to copy.

    Args:
        manifest: the rows of the dataset.
        source: where the manifest was read from; its other columns are copied, too.
        labels: the class index that each row gets, -1 for none, shape [rows].
        keep: the rows to copy, shape [rows].
        notes: further columns, one value for each row of the manifest.
        complete: make an image that cannot be read an error, instead of leaving it out.
    """

    manifest: Manifest
    source: Source
    labels: IntArray
    keep: BoolArray
    notes: pa.Table
    complete: bool = True

    @property
    def rows(self) -> IntArray:
        """The numbers of the rows to copy, ascending, shape [copied rows]."""
        return np.flatnonzero(self.keep)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that `labels` index."""
        return self.manifest.classes

    @property
    def brings_images(self) -> bool:
        """Whether the rows have images, rather than vectors."""
        return isinstance(self.manifest.payload, (ImageFiles, ImageColumn))

    @property
    def id_column(self) -> str:
        """The column of sample ids; one of its own where the owner's ids are the paths in the column of images."""
        columns = self.source.columns
        if not self.brings_images or columns.sample_id != columns.image:
            return columns.sample_id
        return _OWN_ID if Columns.sample_id in self.owner else Columns.sample_id

    @cached_property
    def owner(self) -> Owner:
        """The columns of the dataset, as they are."""
        return Owner.of(self.source.data)

    @cached_property
    def structure(self) -> Structure:
        """The splits and folders of the dataset."""
        return Structure.of(self.manifest, self.source, self.owner)

    @cached_property
    def cells(self) -> LabelCells:
        """How classes are written.

        Raises:
            NoisecleanerError: the owner's column of labels cannot hold a class that a row gets.
        """
        column = self.source.columns.label
        if column not in self.owner:
            return LabelCells.of_folders(self.classes, len(self.manifest))
        counts = counted_by_class(self.labels, len(self.classes), self.keep)
        needed = [self.classes[place] for place in np.flatnonzero(counts).tolist()]
        known = KnownClasses(classes=self.classes, needed=needed, told=self.source.columns.told)
        cells = LabelCells.of_column(self.owner, column, text=self.manifest.table["given_label"], known=known)
        cells.check(counts, self.classes, column)
        return cells

    @property
    def label_field(self) -> pa.Field:
        """Name and type of the column of labels, with what the owner says of it."""
        name = self.source.columns.label
        field = self.owner.schema.field(name) if name in self.owner else pa.field(name, pa.int64())
        return field.with_type(self.cells.type)

    def refuse_unwritable(self) -> None:
        """Refuse labels that the owner's column cannot hold.

        Raises:
            NoisecleanerError: a row gets a class that nobody knows how to write.
        """
        _ = self.cells

    def images(self) -> Iterator[tuple[int, bytes | None]]:
        """Yield (row, encoded bytes) for the rows to copy, as they are in the dataset; None for one that is not there.

        Raises:
            NoisecleanerError: the copy has to be complete, and an image cannot be read any more.
        """
        payload = self.manifest.payload
        if not isinstance(payload, (ImageFiles, ImageColumn)):
            return
        for row, content in payload.read(self.rows):
            if isinstance(content, Skip) and self.complete:
                name = quoted(self.manifest.table["sample_id"][row])
                raise NoisecleanerError(
                    f"Every row to copy must still be readable, but {name} is not ({content}).",
                    "Put the image back, or run `fit(...)` and `score(...)` again.",
                )
            yield row, None if isinstance(content, Skip) else content

    def parts(self, size: int) -> Iterator[Part]:
        """Yield the rows to copy, at most `size` together; a part may hold none, but has all columns."""
        for first, batch in self._owned(size):
            rows = first + np.flatnonzero(self.keep[first : first + batch.num_rows])
            owned = pa.Table.from_batches([batch.take(pa.array(rows - first))])
            labels = pa.array(self.labels[rows], pa.int64(), mask=self.labels[rows] < 0)
            cells = self.cells.of(rows, self.labels[rows])
            notes = self._noted(first, batch.num_rows).take(pa.array(rows - first))
            yield Part(rows=rows, owned=owned, labels=labels, cells=cells, notes=notes)

    def _noted(self, first: int, count: int) -> pa.Table:
        """The notes of some rows; texts that were held as numbers are texts again."""
        notes = self.notes.slice(first, count).combine_chunks()
        for place, field in enumerate(notes.schema):
            if pa.types.is_dictionary(field.type):
                notes = notes.set_column(place, field.name, notes[field.name].cast(field.type.value_type))
        return notes

    def _owned(self, size: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield (first row, sample ids and the owner's other columns) over all rows of the dataset."""
        columns, named_ids = self.source.columns, self.id_column
        anew = {columns.label, columns.sample_id, named_ids, *self.notes.column_names}
        anew |= {columns.image} if self.brings_images else set()
        fields = [field for field in self.owner.schema if field.name not in anew]
        typed_ids = named_ids == columns.sample_id and named_ids in self.owner
        if typed_ids:
            fields.insert(0, self.owner.schema.field(named_ids))
        batches = self.owner.batches([field.name for field in fields], size) if fields else None
        ids, first = self.manifest.table["sample_id"], 0
        while first < len(ids):
            batch = None if batches is None else next(batches)
            count = min(size, len(ids) - first) if batch is None else batch.num_rows
            arrays = [] if batch is None else [batch.column(field.name) for field in fields]
            named = fields if typed_ids else [pa.field(named_ids, pa.string()), *fields]
            arrays = arrays if typed_ids else [pa.concat_arrays(ids.slice(first, count).chunks), *arrays]
            yield first, pa.RecordBatch.from_arrays(arrays, schema=pa.schema(named))
            first += count
