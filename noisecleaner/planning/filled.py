"""Read a table that `plan` wrote, filled in or not: whoever shows its rows to a person needs no more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from noisecleaner.arrays import FloatArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest import Columns, open_tables
from noisecleaner.ingest.checks import check_ids
from noisecleaner.ingest.columns import id_texts, written_probability
from noisecleaner.ingest.labels.cells import as_text
from noisecleaner.ingest.labels.indices import SECOND
from noisecleaner.planning.origin import Origin
from noisecleaner.tables import METADATA_KEY, doubles

#: Columns that a person fills in: new rows have the first, verified ones that are looked at again the second.
from noisecleaner.texts import parsed_json

ANSWERS = (Columns.trusted, SECOND)
_DRAW = "Draw rows first: `plan(RUN, out=FILE)`, or `plan_data(DATA, out=FILE)` before any fit."


@dataclass(frozen=True, kw_only=True)
class FilledForm:
    """The rows of a plan, in its order.

    Args:
        ids: sample ids, shape [rows].
        paths: of the images as the plan names them, null where it names none, shape [rows].
        column: what a person fills in, one of `ANSWERS`.
        labels: the text that stands there, null where nothing does, shape [rows].
        probability: with which each row would be in the table, NaN where a cell is empty, shape [rows]; None where the
            table has no such column.
        origin: where the rows come from; None where the table cannot tell (CSV), or an earlier version wrote it.
    """

    ids: pa.ChunkedArray
    paths: pa.ChunkedArray
    column: str
    labels: pa.ChunkedArray
    probability: FloatArray | None
    origin: Origin | None

    def __len__(self) -> int:
        return len(self.ids)


def read_form(path: Path) -> FilledForm:
    """Read a plan: Parquet, or a table of text as a spreadsheet writes it back.

    Raises:
        NoisecleanerError: it is no table that `plan` or `recheck` wrote, or it is damaged.
    """
    if not path.exists():
        raise NoisecleanerError(f"A plan is required, but {path} does not exist.", _DRAW)
    files = open_tables(str(path))
    names = [] if files is None else [name for name in ANSWERS if name in files]
    if files is None or len(names) != 1 or Columns.sample_id not in files:
        found = "a folder of images" if files is None else f"a table with the columns {listed(files.schema.names)}"
        raise NoisecleanerError(
            f"A plan is a table with the columns {Columns.sample_id} and {' or '.join(ANSWERS)}, but {path} is "
            f"{found}.",
            _DRAW,
        )
    ids = id_texts(files, Columns.sample_id)
    check_ids(ids, str(files))
    nothing = pa.chunked_array([pa.nulls(len(ids), pa.string())])
    drawn = written_probability(files)
    return FilledForm(
        ids=ids,
        paths=as_text(files.column("path"), names=(), where=files.where("path")) if "path" in files else nothing,
        column=names[0],
        labels=as_text(files.column(names[0]), names=(), where=files.where(names[0])),
        probability=None if drawn is None else doubles(drawn),
        origin=_origin(path, files.schema),
    )


def _origin(path: Path, schema: pa.Schema) -> Origin | None:
    """Read where the rows come from.

    Raises:
        NoisecleanerError: it is said, but cannot be read.
    """
    try:
        content = parsed_json((schema.metadata or {}).get(METADATA_KEY, b"{}"))
        return Origin.from_json(content) if "source" in content else None
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError, NoisecleanerError) as error:
        raise NoisecleanerError(
            f"A plan says where its rows come from, but what {path} says cannot be read ({error}).",
            "Draw rows once more: `plan(RUN, out=FILE)`.",
        ) from error
