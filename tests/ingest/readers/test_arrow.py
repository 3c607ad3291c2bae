"""Both kinds of Arrow files are read, batch by batch, and what is cut short is refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers.arrow import read_batches, read_schema

TABLE = pa.table(
    {
        "id": list(range(10)),
        "image": pa.array(
            [{"bytes": b"x", "path": f"{row}.png"} if row % 2 else None for row in range(10)],
            pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
        ),
    }
)


def write(path: Path, *, stream: bool) -> Place:
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as sink, new(sink, TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=4)
    return Place.parse(path)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "file"])
def test_rows_come_back_in_batches_of_the_asked_size(tmp_path: Path, stream: bool) -> None:
    place = write(tmp_path / "t.arrow", stream=stream)
    assert read_schema(place).names == ["id", "image"]
    batches = list(read_batches(place, ["id"], 3))
    assert [batch.num_rows for batch in batches] == [3, 1, 3, 1, 2]
    assert [row["id"] for batch in batches for row in batch.to_pylist()] == list(range(10))


def test_a_field_of_a_struct_is_read_alone(tmp_path: Path) -> None:
    place = write(tmp_path / "t.arrow", stream=True)
    first = next(read_batches(place, ["image.path"], 3))
    assert first.to_pylist() == [{"image": None}, {"image": {"path": "1.png"}}, {"image": None}]


def test_a_file_that_was_cut_short_is_refused_when_its_rows_are_read(tmp_path: Path) -> None:
    place = write(tmp_path / "t.arrow", stream=True)
    content = (tmp_path / "t.arrow").read_bytes()
    (tmp_path / "t.arrow").write_bytes(content[: len(content) * 2 // 3])
    assert read_schema(place).names == ["id", "image"]
    with pytest.raises(NoisecleanerError, match="Check that it was copied completely"):
        list(read_batches(place, ["id"], 100))
