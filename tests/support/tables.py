"""How a table of each kind is written, to see whether its reader reads it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook
from pyarrow import csv, feather


def _with(write: Callable[[pa.Table, io.BytesIO], object]) -> Callable[[pa.Table], bytes]:
    def encode(table: pa.Table) -> bytes:
        buffer = io.BytesIO()
        write(table, buffer)
        return buffer.getvalue()

    return encode


def _json_lines(table: pa.Table) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in table.to_pylist()).encode()


def _arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _workbook(table: pa.Table) -> bytes:
    book = Workbook()
    for number, row in enumerate([table.column_names, *(row.values() for row in table.to_pylist())], 1):
        for place, value in enumerate(row, 1):
            cell = book.active.cell(number, place, value)
            if isinstance(value, str):
                cell.data_type = "s"  # what begins like a formula is text, too
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


#: Ending -> the bytes of a table. A new kind of tables needs a line here for its contract.
WRITERS: dict[str, Callable[[pa.Table], bytes]] = {
    ".parquet": _with(pq.write_table),
    ".csv": _with(csv.write_csv),
    ".jsonl": _json_lines,
    ".json": lambda table: json.dumps(table.to_pylist()).encode(),
    ".arrow": _arrow,
    ".feather": _with(feather.write_feather),
    ".xlsx": _workbook,
    ".tsv": _with(lambda table, file: csv.write_csv(table, file, csv.WriteOptions(delimiter="\t"))),
}
