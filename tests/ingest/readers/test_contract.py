"""One contract for every file of `ingest/readers/`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.packages import with_file
from support.tables import WRITERS

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source, ingest
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers import Reader, _text, reader_of, readers
from noisecleaner.registry import module_in, names_in, table_endings

NAMES = names_in("ingest.readers")
#: Texts that every kind can hold: no control characters, and not empty, which CSV takes for null.
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=8)

DROPPED_IN = '''"""Feather: Arrow's own file."""

import pyarrow as pa
from pyarrow import feather

from noisecleaner.errors import NoisecleanerError

ENDINGS = (".feather",)
IN_FOLDERS = True


def read_schema(place):
    return _read(place).schema


def read_batches(place, columns, size):
    yield from _read(place).select(list(columns)).to_batches(size)


def _read(place):
    try:
        with place.open() as file:
            return feather.read_table(file)
    except pa.ArrowException as error:
        raise NoisecleanerError(f"{place} is no table ({error}).", "Write it again.") from error
'''


def reader(name: str) -> Reader:
    return cast(Reader, module_in("ingest.readers", name, parameter="a reader"))


def write(folder: Path, name: str, table: pa.Table) -> Place:
    ending = reader(name).ENDINGS[0]
    (folder / f"table{ending}").write_bytes(WRITERS[ending](table))
    return Place.parse(folder / f"table{ending}")


@pytest.mark.parametrize("name", NAMES)
def test_endings_are_lower_case_with_their_dot_and_belong_to_one_reader(name: str) -> None:
    for ending in reader(name).ENDINGS:
        assert ending == ending.lower()
        assert ending.startswith(".")
        assert table_endings().count(ending) == 1
        assert reader_of(Place.parse(f"x{ending.upper()}")) is reader(name)
    assert isinstance(reader(name).IN_FOLDERS, bool)


def test_kinds_that_make_up_folders_stand_first() -> None:
    first = [kind.IN_FOLDERS for kind in readers()]
    assert first == sorted(first, reverse=True)


def test_a_table_of_another_kind_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(NoisecleanerError) as error:
        reader_of(Place.parse("photo.png"))
    assert f"must end in {', '.join(table_endings())}," in str(error.value)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12), size=st.integers(1, 5))
def test_texts_come_out_as_they_went_in(tmp_path: Path, name: str, rows: list[tuple[str, str]], size: int) -> None:
    place = write(tmp_path, name, pa.table({"a": [a for a, _ in rows], "b": [b for _, b in rows]}))
    assert reader(name).read_schema(place).names == ["a", "b"]
    batches = list(reader(name).read_batches(place, ["b"], size))
    assert all(batch.schema.names == ["b"] and 0 < batch.num_rows <= size for batch in batches)
    assert [text for batch in batches for text in batch.column(0).to_pylist()] == [b for _, b in rows]


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_tells_the_types_of_the_batches(tmp_path: Path, name: str) -> None:
    place = write(tmp_path, name, pa.table({"text": ["x", "y"], "number": [1, 2], "share": [0.5, None]}))
    schema = reader(name).read_schema(place)
    for column in schema.names:
        (batch,) = reader(name).read_batches(place, [column], 10)
        assert batch.schema.field(0).type == schema.field(column).type


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.sampled_from([1, 3, 60, 130, 400]), min_size=1, max_size=30))
def test_rows_longer_than_the_blocks_of_a_text_are_read_all_the_same(
    tmp_path: Path, name: str, lengths: list[int]
) -> None:
    texts = ["é" * length for length in lengths]
    place = write(tmp_path, name, pa.table({"a": [f"{row:04d}x" for row in range(len(texts))], "b": texts}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_text, "_BLOCKS", (128, 2**20))
        assert reader(name).read_schema(place).names == ["a", "b"]
        batches = list(reader(name).read_batches(place, ["b"], 7))
    assert [text for batch in batches for text in batch.column(0).to_pylist()] == texts


@pytest.mark.parametrize("name", NAMES)
def test_columns_come_in_the_order_that_is_asked_for(tmp_path: Path, name: str) -> None:
    place = write(tmp_path, name, pa.table({"a": ["1"], "b": ["2"], "c": ["3"]}))
    (batch,) = reader(name).read_batches(place, ["c", "a"], 10)
    assert dict(zip(batch.schema.names, batch.columns, strict=True)).keys() == {"c", "a"}


@pytest.mark.parametrize("name", NAMES)
def test_a_table_is_a_dataset(tmp_path: Path, name: str) -> None:
    place = write(
        tmp_path, name, pa.table({"key": ["x", "y", "z"], "label": ["a", "b", None], "image": ["1", "2", "3"]})
    )
    manifest, _ = ingest(Source(place.path, columns=Columns(sample_id="key")))
    assert manifest.table["sample_id"].to_pylist() == ["x", "y", "z"]
    assert manifest.table["given_label"].to_pylist() == ["a", "b", None]
    assert manifest.table["path"].to_pylist() == ["1", "2", "3"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "content", [b"", b'\0\xff\xfe\0\xd8 no table at all \n\n"{[', b"PAR1\0\0"], ids=["empty", "junk", "cut"]
)
def test_what_is_no_such_table_is_refused_with_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / f"table{reader(name).ENDINGS[0]}"
    path.write_bytes(content)
    with pytest.raises(NoisecleanerError, match="table"):
        ingest(Source(str(path)))


def test_adding_a_kind_of_tables_is_one_file(tmp_path: Path) -> None:
    """A copy of the package with one more file in `ingest/readers/`."""
    package = with_file(tmp_path, "ingest/readers/feather.py", DROPPED_IN)
    table = pa.table({"sample_id": list("wxyz"), "label": list("abab"), "embedding": [[1.0, 2.0]] * 4})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "part.feather").write_bytes(WRITERS[".feather"](table))
    for data in ("data/part.feather", "data"):
        out = f"noisy-{Path(data).name}"
        words = ("corrupt", data, "--out", out, "--embedding-column", "embedding", "--rate", "0")
        assert "(0 of 4 labels were changed" in package.command(*words)
    assert ".feather" in package.command("fit", "--help")
    package.passes("ingest/readers/test_contract.py", "feather")
