"""Plans as text for a spreadsheet: ids are joined, so they are written as they are, or not at all.

What begins like a formula is one to a spreadsheet, and comes back as what it made of it; a mark in front of it would
change the id for everybody else. Such tables are refused, and Parquet or the page of `review` holds them. Numbers with
zeros in front and dates are written with a warning: only a spreadsheet that is told nothing writes them otherwise.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError, quoted
from noisecleaner.files import replacing
from noisecleaner.notices import Notice
from noisecleaner.tables import count_true
from noisecleaner.texts import agreeing, cell, counted

#: Ending -> what separates cells.
ENDINGS = {".csv": ",", ".tsv": "\t"}
_BREAK = re.compile(r"[\r\n]")
#: Texts that a spreadsheet takes for numbers, dates or truth values, and writes otherwise.
_RESPELLED = (
    r"^[+-]?0\d+(\.\d*)?$|^[+-]?\d*\.?\d*0$|^[+-]?\d+(\.\d*)?[eE][+-]?\d+$|^\+\d|^\d{16,}$"
    r"|^\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?$|^(?i:true|false)$|^\s|\s$"
)
#: Numbers that end in a zero and have no point are written as they are.
_WHOLE = r"^-?(0|[1-9]\d{0,14})$"


def refuse_formulas(out: Path, table: pa.Table, classes: Sequence[str]) -> None:
    """Refuse rows whose ids, or classes whose names, would come back as something else.

    Args:
        out: where the table was to be written.
        table: with the columns sample_id and path.
        classes: what a person may write into a cell.

    Raises:
        NoisecleanerError: names the first one.
    """
    hint = f"Write `out={str(out.with_suffix('.parquet'))!r}` and fill it in on the page of review."
    kinds: dict[str, Sequence[str]] = {"id": table["sample_id"].to_pylist(), "class": classes}
    for kind, texts in kinds.items():
        if (found := next((text for text in texts if _is_formula(text)), None)) is not None:
            raise NoisecleanerError(
                f"What a spreadsheet takes for a formula does not come back as it was, but {out} would hold the {kind} "
                f"{quoted(found)}.",
                hint,
            )
    for kind, texts in {**kinds, "path": table["path"].drop_null().to_pylist()}.items():
        if (found := next((text for text in texts if _BREAK.search(text)), None)) is not None:
            raise NoisecleanerError(
                f"A row of a table of text is a line, but {out} would hold the {kind} {quoted(found)}.", hint
            )


def respelled(ids: pa.ChunkedArray, where: Path) -> tuple[Notice, ...]:
    """Say so where ids look like numbers or dates that a spreadsheet writes otherwise."""
    risky = pc.and_not(pc.match_substring_regex(ids, _RESPELLED), pc.match_substring_regex(ids, _WHOLE))
    count = count_true(risky)
    if not count:
        return ()
    example = quoted(ids.filter(risky)[0].as_py())
    message = (
        f"{counted(count, 'id')} of {where} {agreeing(count, 'looks', 'look')} like a number or a date to a "
        f"spreadsheet, which saves it otherwise (such as {example}), and then it is no id of the dataset: import the "
        "column sample_id as text, or plan into a .parquet and fill it in on the page of review."
    )
    return (Notice(code="ids-respelled", message=message),)


def write_text(out: Path, table: pa.Table) -> None:
    """Write a table as text in UTF-8 with a mark for Excel, whole or not at all; a null is an empty cell."""
    with replacing(out) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        # quotes around all texts: some spreadsheets end a field at a semicolon
        writer = csv.writer(file, delimiter=ENDINGS[out.suffix], quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(table.column_names)
        columns = [_cells(table, name) for name in table.column_names]
        writer.writerows(zip(*columns, strict=True))


def _cells(table: pa.Table, name: str) -> list[object]:
    """The cells of a column; of a number the shortest text that is the same one again."""
    column = table[name]
    if pa.types.is_floating(column.type):
        return list(column.to_numpy(zero_copy_only=False))
    return [_named(text) if name == "path" else text for text in column.to_pylist()]


def _named(path: str | None) -> str | None:
    """A path that is no formula, of the same file."""
    return f"./{path}" if path is not None and _is_formula(path) else path


def _is_formula(text: str) -> bool:
    return cell(text) != text
