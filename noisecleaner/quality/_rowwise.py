"""Arrays of the same rows as one value: some of them, all of several parts, and as the columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Self, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import Array, FloatArray, IntArray
from noisecleaner.quality.features import Features

_SINGLE = pa.float32()


@dataclass(frozen=True)
class Signal:
    """How a field is kept in files, and how calibrators read it.

    Args:
        column: its name in files.
        kind: its type there. Memory holds double precision, and NaN (-1 where it is an integer) for null.
        feature: its place among the features of its class, on which the last bits of a fit depend; None where
            calibrators do not read it.
        long_tailed: it enters as log(1 + |x|) with its sign, or one heavy row would bend the model.
        optional: arrays of which no row has it, and files of earlier versions, go without.
    """

    column: str
    kind: pa.DataType = _SINGLE
    feature: int | None = None
    long_tailed: bool = False
    optional: bool = False

    @property
    def _item(self) -> Any:
        """The type of one number in files, as numpy has it."""
        item = self.kind.value_type if pa.types.is_list(self.kind) else self.kind
        # `to_pandas_dtype` imports pandas in older Arrow, which need not be there
        return pa.array([], item).to_numpy().dtype

    @property
    def _integer(self) -> bool:
        return bool(np.issubdtype(self._item, np.integer))

    def stored(self, values: Array) -> Array:
        """Round as files do, whatever the shape."""
        return values.astype(self._item, copy=False)

    def loaded(self, values: Array) -> Array:
        """Bring back to the precision of memory, whatever the shape."""
        return values.astype(np.int64 if self._integer else np.float64, copy=False)

    def to_arrow(self, values: Array) -> pa.Array:
        """Make a column of numbers [rows], or of lists from [rows, k]."""
        stored = self.stored(values)
        first = stored if stored.ndim == 1 else stored[:, 0]
        missing = first < 0 if self._integer else np.isnan(first)
        if stored.ndim == 1:
            return pa.array(stored, self.kind, mask=missing)
        # a null list of some length is valid, but older Arrow does not write it to a file
        offsets = np.append(0, np.cumsum(np.where(missing, 0, stored.shape[1])))
        flat = pa.array(stored[~missing].reshape(-1), self.kind.value_type)
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat, mask=pa.array(missing)).cast(self.kind)

    def from_arrow(self, column: pa.ChunkedArray) -> Array:
        """Read what `to_arrow` made; lists must be of one length: shape [rows] or [rows, length]."""
        if pa.types.is_list(self.kind):
            return self.loaded(self._matrix(column.combine_chunks()))
        return self.loaded(np.asarray(pc.fill_null(column, -1) if self._integer else column.to_numpy()))

    def _matrix(self, lists: pa.ListArray) -> Array:
        """Shape [rows, length]; [rows, 1] where no row has a list."""
        width = int(pc.max(pc.list_value_length(lists)).as_py() or 1)
        matrix = np.full((len(lists), width), -1 if self._integer else np.nan, self._item)
        matrix[np.asarray(pc.is_valid(lists))] = np.asarray(lists.drop_null().flatten()).reshape(-1, width)
        return matrix

    def read(self, values: FloatArray) -> FloatArray:
        """What a calibrator gets to see of it, shape [rows]."""
        return np.sign(values) * np.log1p(np.abs(values)) if self.long_tailed else values


@dataclass(frozen=True, kw_only=True)
class Rowwise:
    """Arrays of the same rows, each with these in its first axis."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    @classmethod
    @cache
    def signals(cls) -> dict[str, Signal]:
        """Name of a field -> how it is kept; without those that no file holds."""
        hints = get_type_hints(cls, include_extras=True)
        return {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}

    def take(self, rows: IntArray) -> Self:
        """Some of the rows: their places, shape [n]."""
        return replace(self, **{name: values[rows] for name, values in vars(self).items()})

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """All rows of several parts, one behind the other."""
        if len(parts) == 1:  # so are most blocks of vectors with few classes
            return parts[0]
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    @classmethod
    def spread(cls, parts: Sequence[tuple[IntArray, Self]], rows: int) -> Self:
        """Put parts into their places among many rows, of which the others are unknown.

        Args:
            parts: where the rows of a part go, shape [its rows], and the part; at least one.
            rows: how many there are then.
        """
        some = [(places, part) for places, part in parts if len(places)]
        arrays = {}
        for name, like in vars((some or parts)[0][1]).items():
            unknown = np.nan if np.issubdtype(like.dtype, np.floating) else -1
            arrays[name] = np.full((rows, *like.shape[1:]), unknown, like.dtype)
            for places, part in some:
                arrays[name][places] = getattr(part, name)
        return cls(**arrays)

    def stored(self) -> Iterator[tuple[str, Array]]:
        """Columns and their values, as files hold them, shape [rows] or [rows, length]."""
        for name, signal in self.signals().items():
            if not (signal.optional and np.isnan(getattr(self, name)).all()):
                yield signal.column, signal.stored(getattr(self, name))

    @classmethod
    def loaded(cls, column: Callable[[str], Array], **others: IntArray) -> Self:
        """Bring back what `stored` gave.

        Args:
            column: name of a column -> its values, shape [rows] or [rows, length].
            others: the fields that no file holds, shape [rows].

        Raises:
            KeyError: there is no such column.
        """
        arrays = {}
        for name, signal in cls.signals().items():
            try:
                arrays[name] = signal.loaded(column(signal.column))
            except KeyError:
                if not signal.optional:
                    raise
        return cls(**arrays, **others)

    def to_table(self) -> pa.Table:
        """Make the columns of the trace, in single precision."""
        arrays = {signal.column: signal.to_arrow(getattr(self, name)) for name, signal in self.signals().items()}
        return pa.table(arrays)

    @classmethod
    def from_table(cls, table: pa.Table, **others: IntArray) -> Self:
        """Read a trace, or any table with these columns.

        Args:
            table: it may have more columns, and lack optional ones.
            others: the fields that no file holds.
        """
        there = {n: s for n, s in cls.signals().items() if not s.optional or s.column in table.column_names}
        return cls(**{name: signal.from_arrow(table[signal.column]) for name, signal in there.items()}, **others)

    def features(self) -> Features:
        """What calibrators read of these rows."""
        places = {s.feature: (s, getattr(self, name)) for name, s in self.signals().items() if s.feature is not None}
        return Features.of(**{signal.column: signal.read(values) for _, (signal, values) in sorted(places.items())})
