"""Command lines and tables that nobody would write on purpose, for hypothesis to draw."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from noisecleaner.cli import app

#: Names that mean something to us, to a file system, to a shell or to a log; and what is no name at all.
NAMES = [
    "sample_id", "label", "image", "trusted_label", "embedding", "corrected_label", "split", "path", "",
    "metadata.parquet", "_classes.csv", "con", ".", "..", "a/../b", "::error::x", "##[error]", "=1+1", "nan", "-1",
    "ä", "ä", "CAT", "cat", "x" * 5000, "a\nb", "\0", "\u202e", "none", "`seed`", "{}", "%s", "image.bytes",
]  # fmt: skip
#: Types of columns, and what may stand in them.
_CELLS: list[tuple[pa.DataType, SearchStrategy[Any]]] = [
    (pa.string(), st.one_of(st.sampled_from(NAMES), st.sampled_from(["cat", "dog", "1", "0.5"]))),
    (pa.string_view(), st.sampled_from(["cat", "dog", "", "x"])),
    (pa.binary(), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"cat", b"\0" * 64])),
    (pa.binary_view(), st.sampled_from([b"", b"GIF89a", b"x" * 70])),
    (pa.int64(), st.one_of(st.integers(-2, 3), st.sampled_from([2**63 - 1, -(2**63)]))),
    (pa.uint8(), st.integers(0, 255)),
    (pa.float64(), st.sampled_from([0.0, 1.0, -1.0, 0.5, math.nan, math.inf, 1e308, 5e-324])),
    (pa.bool_(), st.booleans()),
    (pa.null(), st.none()),
    (pa.list_(pa.float32()), st.lists(st.sampled_from([0.0, 1.0, math.nan, math.inf, 3e38]), max_size=3)),
    (pa.list_(pa.list_(pa.int64())), st.lists(st.lists(st.integers(0, 3), max_size=2), max_size=2)),
    (pa.struct([("bytes", pa.binary()), ("path", pa.string())]), st.just({"bytes": None, "path": "../x.png"})),
    (pa.timestamp("ns"), st.integers(-(2**62), 2**62)),
    (pa.date32(), st.integers(-100_000, 100_000)),
    (pa.decimal128(5, 2), st.none()),
    (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["cat", "dog", None])),
]
#: Values for any option.
_VALUES = [
    "0",
    "1",
    "-1",
    "2",
    "0.5",
    "nan",
    "inf",
    "1e400",
    "auto",
    "none",
    "",
    "x",
    "x=1",
    "run",
    "t",
    "new",
    "..",
    "/",
]
_VALUES += ["data.parquet", "trusted.parquet", "images", "/dev/null", "/nowhere/x", "'", "\x1b[31m", "::x::", "ä" * 300]
_VALUES += [
    "99999999999999999999",
    "cat",
    "5:1",
    "run/../run",
    "a\nb",
    "hf://",
    "uniform",
    "cifar-quick",
    "csv",
    "json",
]
#: Commands that would run for minutes, or for ever.
_LONG = frozenset({"bench", "embed", "demo"})
COMMANDS = {name: command for name, command in typer.main.get_group(app).commands.items() if name not in _LONG}


@st.composite
def tables(draw: DrawFn) -> tuple[str, bytes]:
    """Draw a table: the ending of its name, and its bytes."""
    rows = draw(st.sampled_from([0, 1, 2, 12]))
    usual = ["sample_id", "label", "embedding"]
    names = draw(st.lists(st.sampled_from(NAMES), min_size=0, max_size=4))
    names += draw(st.lists(st.sampled_from(usual), max_size=3))
    columns = [_column(draw, name, rows) for name in names]
    ending = draw(st.sampled_from(["parquet", "arrow", "csv", "tsv", "json", "jsonl"]))
    return ending, _WRITERS[ending](names, columns, draw(st.sampled_from([None, b"{", b"[" * 20_000, b"\xff"])))


def _column(draw: DrawFn, name: str, rows: int) -> pa.Array:
    """Draw a column; more often than not one that can be used."""
    if draw(st.booleans()):
        usual: dict[str, Callable[[int], Any]] = {
            "sample_id": lambda row: f"s{row}",
            "label": lambda row: ["cat", "dog"][row % 2],
            "embedding": lambda row: [float(row % 2), float(row)],
        }
        if name in usual:
            return pa.array([usual[name](row) for row in range(rows)])
    kind, cells = draw(st.sampled_from(_CELLS))
    return pa.array(draw(st.lists(st.one_of(st.none(), cells), min_size=rows, max_size=rows)), kind)


def _parquet(names: list[str], columns: list[pa.Array], metadata: bytes | None) -> bytes:
    table = pa.Table.from_arrays(columns, names)
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({b"huggingface": metadata} if metadata else None), buffer)
    return buffer.getvalue()


def _arrow(names: list[str], columns: list[pa.Array], metadata: bytes | None) -> bytes:
    table = pa.Table.from_arrays(columns, names).replace_schema_metadata(
        {b"huggingface": metadata} if metadata else None
    )
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue()


def _text(columns: list[pa.Array]) -> list[tuple[Any, ...]]:
    """The rows, with what JSON and CSV can write."""
    plain = [[cell if isinstance(cell, (int, float, bool, list, type(None))) else str(cell) for cell in cells]
             for cells in (column.cast(pa.int64()).to_pylist() if pa.types.is_timestamp(column.type)
                           else column.to_pylist() for column in columns)]  # fmt: skip
    return list(zip(*plain, strict=True))


def _csv(names: list[str], columns: list[pa.Array], metadata: bytes | None, delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([names, *_text(columns)])
    return text.getvalue().encode() + (metadata or b"")


def _jsonl(names: list[str], columns: list[pa.Array], metadata: bytes | None) -> bytes:
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in _text(columns)]
    return "\n".join(lines).encode() + (metadata or b"")


def _json(names: list[str], columns: list[pa.Array], metadata: bytes | None) -> bytes:
    return json.dumps([dict(zip(names, row, strict=True)) for row in _text(columns)]).encode() + (metadata or b"")


_WRITERS: dict[str, Callable[[list[str], list[pa.Array], bytes | None], bytes]] = {
    "parquet": _parquet,
    "arrow": _arrow,
    "csv": _csv,
    "tsv": lambda names, columns, metadata: _csv(names, columns, metadata, "\t"),
    "json": _json,
    "jsonl": _jsonl,
}


@st.composite
def lines(draw: DrawFn, table: str) -> list[str]:
    """Draw a command line: mostly a command with arguments that are there, and any options with any values."""
    name = draw(st.sampled_from(sorted(COMMANDS)))
    words, options = [name], []
    for parameter in COMMANDS[name].params:
        if parameter.param_type_name == "argument":
            usual = "run" if parameter.name in ("run", "scored", "place") else table
            words.append(draw(st.sampled_from([usual, usual, table, "data.parquet", "images", "run", *_VALUES[:6]])))
        else:
            options.append(parameter)
    if any("--out" in option.opts for option in options) and draw(st.integers(0, 9)):
        words += ["--out", draw(st.sampled_from(["new", "new.parquet", "new.html", "new.csv"]))]
    if draw(st.booleans()) and any("--embedding-column" in option.opts for option in options):
        words += ["--embedding-column", "embedding"]
    if name == "fit":  # or a draw would take seconds
        words += ["--epochs", "1", "--method", "uniform"]
    for option in draw(st.lists(st.sampled_from(options), max_size=3)) if options else []:
        flags = [*option.opts, *option.secondary_opts]
        words.append(draw(st.sampled_from([flag for flag in flags if flag.startswith("--")])))
        if not getattr(option, "is_flag", False) and draw(st.integers(0, 15)):
            words.append(draw(st.sampled_from([table, *_VALUES])))
    return [word for word in words if "\0" not in word]


def write(folder: Path, table: tuple[str, bytes]) -> str:
    """Write a drawn table, and return its name."""
    ending, content = table
    (folder / f"t.{ending}").write_bytes(content)
    return f"t.{ending}"
