"""A table for a person to fill in: where it may be written and how, and what takes it back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import replacing
from noisecleaner.ingest import Source
from noisecleaner.notices import Notice
from noisecleaner.planning.origin import Origin
from noisecleaner.planning.spreadsheet import ENDINGS, refuse_formulas, respelled, write_text
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.tables import write_table


@dataclass(frozen=True, kw_only=True)
class Form:
    """A table to fill in.

    Args:
        path: the table.
        drawn_from: where its rows come from.
        telling: rows of the table whose id or path names their given label, so that a look at it is not blind.
        notices: what whoever fills it in must know.
    """

    path: Path
    drawn_from: Source
    telling: int = 0
    notices: tuple[Notice, ...] = ()

    @property
    def data(self) -> str:
        """The place of the dataset."""
        return self.drawn_from.data


@dataclass(frozen=True, kw_only=True)
class ScoredForm(Form):
    """A table to fill in of rows that have scores, and what takes it back then.

    Args:
        scores: the directory with the scores, which are to be made again.
        run: the run directory of the fit.
        source: the rows of the scores, where those are not the rows of the fit.
    """

    scores: Path
    run: Path
    source: Source | None


def check_new(out: Path) -> None:
    """Refuse a table that cannot be written.

    Raises:
        NoisecleanerError: it exists, or its name does not say of which kind it is.
    """
    if out.exists():
        raise NoisecleanerError(
            f"A plan replaces no file, but {out} exists already, and somebody may have filled it in.",
            "Name another one with `out=FILE`.",
        )
    if out.suffix not in (".parquet", *ENDINGS):
        raise NoisecleanerError(
            f"A plan is a Parquet file, or a table of text for a spreadsheet ({' or '.join(ENDINGS)}), but {out} is "
            "called otherwise.",
            f"Write `out={str(out.with_suffix('.parquet') if out.name else out / 'verify.parquet')!r}`.",
        )


def write_form(
    out: Path,
    table: pa.Table,
    *,
    schema: pa.Schema,
    origin: Origin,
    facts: Mapping[str, Any],
    first: Callable[[], None] | None = None,
) -> tuple[Notice, ...]:
    """Write a table to fill in, whole or not at all, and return what whoever fills it in must know.

    Args:
        out: a name that `check_new` takes; its ending says of which kind the table is.
        table: the rows, with the columns of `schema`.
        schema: of the table.
        origin: where the rows come from, and
        facts: how they were drawn; a table of text has no place for either.
        first: what must be done before the table is there for somebody to fill in, and when it can be written.

    Raises:
        NoisecleanerError: a spreadsheet would take an id or a class name for a formula.
    """
    text = out.suffix in ENDINGS
    if text:
        refuse_formulas(out, table, origin.classes)
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as temporary:
        if text:
            write_text(temporary, table)
        else:
            write_table(temporary, [table], schema, {**origin.to_json(), **facts})
        if first is not None:
            first()
    return respelled(table["sample_id"], out) if text else ()


def tells(row: Mapping[str, str | None], label: str | None) -> bool:
    """Whether a row's id or path holds its given label as a word, as those of an image folder do."""
    word = rf"(?<![^\W_]){re.escape(label or '')}(?![^\W_])"
    return label is not None and any(re.search(word, row[name] or "", re.IGNORECASE) for name in ("sample_id", "path"))


def other_rows(scored: ScoredRun) -> Source | None:
    """The rows of scores, where those are not the rows of the fit."""
    return None if (scored.path / "run.json").exists() else scored.metadata.source
