"""Command lines and tables that nobody would write on purpose, drawn at random."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from noisecleaner.cli import app

#: Names that mean something to us, to a file system, to a shell or to a log; and what is no name at all.
NAMES = [
    "sample_id", "label", "image", "trusted_label", "embedding", "corrected_label", "split", "path", "",
    "metadata.parquet", "_classes.csv", "con", ".", "..", "a/../b", "::error::x", "##[error]", "=1+1", "nan", "-1",
    "ä", "ä", "CAT", "cat", "x" * 5000, "a\nb", "\0", "\u202e", "none", "`seed`", "{}", "%s", "image.bytes",
]  # fmt: skip
#: Types of columns, and what may stand in them.
_CELLS: list[tuple[pa.DataType, list[Any]]] = [
    (pa.string(), [*NAMES, "cat", "dog", "1", "0.5"]),
    (pa.string_view(), ["cat", "dog", "", "x"]),
    (pa.binary(), [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"cat", b"\0" * 64]),
    (pa.binary_view(), [b"", b"GIF89a", b"x" * 70]),
    (pa.int64(), [-2, -1, 0, 1, 2, 3, 2**63 - 1, -(2**63)]),
    (pa.uint8(), [0, 1, 2, 255]),
    (pa.float64(), [0.0, 1.0, -1.0, 0.5, math.nan, math.inf, 1e308, 5e-324]),
    (pa.bool_(), [True, False]),
    (pa.null(), [None]),
    (pa.list_(pa.float32()), [[], [0.0], [1.0, math.nan], [math.inf, 3e38], [0.0, 1.0]]),
    (pa.list_(pa.list_(pa.int64())), [[], [[]], [[0, 3], [1]]]),
    (pa.struct([("bytes", pa.binary()), ("path", pa.string())]), [{"bytes": None, "path": "../x.png"}]),
    (pa.timestamp("ns"), [0, 1, -(2**62), 2**62]),
    (pa.date32(), [0, -100_000, 100_000]),
    (pa.decimal128(5, 2), [None]),
    (pa.dictionary(pa.int32(), pa.string()), ["cat", "dog", None]),
]
#: Values for any option: numbers that are none or cannot be, names of files, words that mean something somewhere.
_VALUES = [
    "0", "1", "-1", "2", "0.5", "nan", "inf", "-inf", "1e400", "-0", "1e-400", "0x10", "1_0", "١", " 1", str(10**30),
    "99999999999999999999", "4294967295", "auto", "none", "", "x", "x=1", "run", "t", "new", "..", "/dev",
    "data.parquet", "trusted.parquet", "images", "pictures", "/dev/null", "/nowhere/x", "'", "\x1b[31m", "::x::",
    "ä" * 300, "cat", "5:1", "run/../run", "a\nb", "hf://", "file:///nowhere", "memory://x", "http://127.0.0.1:9/x.parquet",
    "csv", "cifar-quick", "json", "names.txt", "w.safetensors",
]  # fmt: skip
#: Values that an option is made for, or nearly; drawn for it more often than those.
_OWN = {
    "--backbone": ["cifar-quick", "lenet", "onnx:net.onnx", "onnx:net.onnx#maps", "onnx:w.safetensors", "onnx:",
                   "timm:resnet10t", "timm:nothing", "lenet+cifar-quick", "onnx:net.onnx+lenet", "efficientnet-lite0"],
    "--weights": ["w.safetensors", "net.onnx"],
    "--image-crop": ["center", "squash", "pad", "x"],
    "--image-size": ["8", "16", "17", "4097"],
    "--label-names": ["names.txt", "names.json"],
    "--format": ["same", "csv", "json", "jsonl", "parquet", "folder", "cvat", "yolo", "fiftyone", "label-studio",
                 "webdataset", "sarif", "junit", "github", "markdown"],
    "--on-flag": ["drop", "relabel", "keep"],
    "--kind": ["symmetric", "asymmetric", "confusion"],
    "--method": ["l2b", "l2rw", "soseleto", "bilevel", "uniform"],
    "--folds": ["1", "2", "3", "12", "1000"],
    "--regulariser": ["lautum", "purified"],
    "--embedding-column": ["embedding", "data.parquet"],
}  # fmt: skip
_DATA = ["data.parquet", "images"]
#: Commands that would run for minutes, or for ever.
_LONG = frozenset({"bench", "demo"})
#: Options that ask for hours when they are given a large number, as they should.
_HOURS = frozenset({"--epochs"})
COMMANDS = {name: command for name, command in typer.main.get_group(app).commands.items() if name not in _LONG}


class Chance(Random):
    """Draws what is tried; a number begins it."""

    def some(self, options: Sequence[Any], most: int) -> list[Any]:
        """Draw none, or up to so many."""
        return self.choices(options, k=self.randint(0, most)) if options else []

    def once_in(self, times: int) -> bool:
        """Whether it comes now, which it does once in so many times."""
        return self.randrange(times) == 0


def table(chance: Chance) -> tuple[str, bytes]:
    """Draw a table: the ending of its name, and its bytes."""
    rows = chance.choice([0, 1, 2, 12, 12])
    names = [*chance.some(NAMES, 3), *chance.choices(["sample_id", "label", "embedding"], k=chance.randint(0, 3))]
    if chance.once_in(3):
        names = ["sample_id", "label", "embedding", *chance.some(NAMES, 1)]
    columns = [_column(chance, name, rows) for name in names]
    ending = chance.choice(["parquet", "arrow", "csv", "tsv", "json", "jsonl"])
    metadata = chance.choice([None, None, None, b"{", b"[" * 20_000, b"\xff"])
    return ending, _WRITERS[ending](names, columns, metadata)


def _column(chance: Chance, name: str, rows: int) -> pa.Array:
    """Draw a column; more often than not one that can be used."""
    usual: dict[str, Callable[[int], Any]] = {
        "sample_id": lambda row: f"s{row}",
        "label": lambda row: ["cat", "dog"][row % 2],
        "embedding": lambda row: [float(row % 2), float(row)],
    }
    if name in usual and not chance.once_in(4):
        return pa.array([usual[name](row) for row in range(rows)])
    kind, cells = chance.choice(_CELLS)
    return pa.array(chance.choices([None, *cells], k=rows), kind)


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


def line(chance: Chance, table: str) -> list[str]:
    """Draw a command line: mostly a command with arguments that are there, and any options with any values."""
    name = chance.choice(sorted(COMMANDS))
    words, options = [name], []
    for parameter in COMMANDS[name].params:
        if parameter.param_type_name == "argument":
            of_run = parameter.name in ("run", "scored", "place", "plan_or_run")
            usual = ["run", "pictures"] if of_run else [*_DATA, table]
            odd = [table, "data.parquet", "images", "run", "new", "nan", "", "memory://x", "file:///x"]
            words.append(chance.choice([*usual * 10, *odd]))
        elif not _HOURS.intersection(parameter.opts):
            options.append(parameter)
    if any("--out" in option.opts for option in options) and not chance.once_in(10):
        words += ["--out", chance.choice(["new", "new.parquet", "new.html", "new.csv"])]
    vectors = any("--embedding-column" in option.opts for option in options)
    if vectors and not chance.once_in(3 if words[1:2] == ["data.parquet"] else 2):
        words += ["--embedding-column", "embedding"]
    if name == "fit":  # or a draw would take seconds
        words += ["--epochs", "1", "--method", "uniform"]
        words += chance.choice([[], ["--trusted", "trusted.parquet"], ["--trusted", "seen.parquet"]])
    if name in ("fit", "embed") and chance.once_in(2):
        words += ["--backbone", chance.choice(_OWN["--backbone"]), "--image-size", "16"]
    if name == "gate" and not chance.once_in(4):
        words += ["--max-noise", "0.1"]
    for option in chance.some(options, chance.choice([0, 1, 1, 2, 4])):
        words += _option(chance, option, table)
    return [word for word in words if "\0" not in word]


def _option(chance: Chance, option: Any, table: str) -> list[str]:
    """Draw an option, nearly always with a value where it takes one."""
    flag = chance.choice([flag for flag in [*option.opts, *option.secondary_opts] if flag.startswith("--")])
    if getattr(option, "is_flag", False) or chance.once_in(16):
        return [flag]
    return [flag, chance.choice(_OWN[flag] if flag in _OWN and chance.once_in(2) else [table, *_VALUES])]


def write(folder: Path, table: tuple[str, bytes]) -> str:
    """Write a drawn table, and return its name."""
    ending, content = table
    (folder / f"t.{ending}").write_bytes(content)
    return f"t.{ending}"
