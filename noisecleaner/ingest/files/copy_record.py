"""What a clean copy tells of itself in the file beside its rows: rows that it left out, names of its classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import LongList, read_regular
from noisecleaner.ingest.files.kinds import OWN_FILES
from noisecleaner.ingest.files.places import fixed_part, leads_out
from noisecleaner.ingest.labels.label_names import checked_names

#: The folders of a copy that hold its tables.
from noisecleaner.texts import parsed_json

_TABLES = ("data", "train")
#: Ids that are written together.
_TOGETHER = 2**14


@dataclass(frozen=True, kw_only=True)
class CopyRecord:
    """What a copy tells of itself.

    Args:
        left_out: reason -> sample ids of the rows that are not in it, as text, also those that earlier copies left
            out.
        label: its column of labels; None where earlier versions wrote the copy.
        label_names: what the numbers of that column stand for, where it does not say so itself; else `()`.
        marked: how many of its rows carry a verified label or a correction.
    """

    left_out: Mapping[str, pa.Array] = field(default_factory=dict)
    label: str | None = None
    label_names: tuple[str, ...] = ()
    marked: int = 0

    @classmethod
    def beside(cls, data: str) -> CopyRecord | None:
        """Read what lies beside a dataset; None where that is no copy of this machine.

        Args:
            data: the copy, its folder of tables, or tables in either.

        Raises:
            NoisecleanerError: the file is there, and damaged.
        """
        if leads_out(data):
            return None
        place = Path(fixed_part(data))
        home = place if place.is_dir() else place.parent
        homes = (home, home.parent) if home.name in _TABLES else (home,)
        places = (folder / name for folder in homes for name in OWN_FILES)
        path = next((place for place in places if place.exists()), None)
        return None if path is None else cls._read(path)

    @classmethod
    def _read(cls, path: Path) -> CopyRecord:
        try:
            content = parsed_json(read_regular(path).decode("utf-8"))
            written = content.get("left_out", {}).items()
            left_out = {str(why): pa.array(list(map(str, ids)), pa.string()) for why, ids in written}
            names = tuple(map(str, content.get("label_names") or ()))
            names = names and checked_names(names, str(path))
            marked = sum(int(content.get(name) or 0) for name in ("verified", "corrected"))
            return cls(left_out=left_out, label=content.get("label_column"), label_names=names, marked=marked)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise NoisecleanerError(
                f"{path} must say what the copy beside it leaves out, but cannot be read ({error}).",
                "Export the copy again, or remove that file, and pass `Columns(label_names=FILE)` again if you did.",
            ) from error

    def to_json(self) -> dict[str, Any]:
        """Describe the record as a JSON object."""
        left_out = {why: LongList(partial(_parts, ids)) for why, ids in self.left_out.items()}
        return {"label_column": self.label, "label_names": list(self.label_names), "left_out": left_out}

    @property
    def ids(self) -> pa.Array:
        """Sample ids of all rows that the copy leaves out."""
        return pa.concat_arrays([pa.array([], pa.string()), *self.left_out.values()])

    def after(self, earlier: CopyRecord | None) -> CopyRecord:
        """Return the record of a copy that was made of another one: what that left out is not in it either."""
        if earlier is None:
            return self
        reasons = dict.fromkeys((*earlier.left_out, *self.left_out))
        both = {why: [record.left_out[why] for record in (earlier, self) if why in record.left_out] for why in reasons}
        return replace(self, left_out={why: pa.concat_arrays(ids) for why, ids in both.items()})


def _parts(ids: pa.Array) -> Iterator[list[str]]:
    """Yield ids some at a time."""
    yield from (ids.slice(first, _TOGETHER).to_pylist() for first in range(0, len(ids), _TOGETHER))
