"""Object stores, by one of this machine: what is read, in which way, and what is said where it refuses."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations import memory
from pyarrow import fs
from support.store import Store, serving

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import located
from noisecleaner.ingest import Columns, Skip, Source, ingest
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.files.stores import Limits, open_uri
from noisecleaner.ingest.payloads import ImageFiles

#: So that a test of what does not answer takes seconds.
HASTE = {"connect_timeout": 1, "request_timeout": 1, "attempts": 2}
PICTURES = {f"bucket/pets/{name}/{n}.png": f"{name} {n}".encode() for name in ("cat", "dog") for n in range(20)}


def parquet(**columns: list[object]) -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written)
    return written.getvalue()


TABLE = parquet(
    sample_id=[*map(str, range(40))],
    label=["cat", "dog"] * 20,
    image=[f"pets/{name}/{n}.png" for n in range(20) for name in ("cat", "dog")],
)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.fixture
def store() -> Iterator[Store]:
    with serving(Store({**PICTURES, "bucket/rows.parquet": TABLE, "bucket/notes.txt": b"x"})) as opened:
        yield opened


def contents(source: Source) -> dict[str, object]:
    dataset, _ = ingest(source)
    assert isinstance(dataset.payload, ImageFiles)
    read = dataset.payload.read(np.arange(len(dataset)))
    return {dataset.table["sample_id"][row].as_py(): content for row, content in read}


def refusal(source: Source) -> str:
    with pytest.raises(NoisecleanerError) as error:
        contents(source)
    return f"{error.value.message} {error.value.hint}"


def test_a_folder_of_a_store_is_an_image_folder_whose_images_are_fetched_many_at_a_time(store: Store) -> None:
    found = contents(Source(store.uri("bucket/pets")))
    assert found == {name.removeprefix("bucket/pets/"): content for name, content in PICTURES.items()}
    assert store.most_together > 4


def test_a_table_of_a_store_names_images_beside_it(store: Store) -> None:
    assert contents(Source(store.uri("bucket/rows.parquet"))) == {
        str(2 * n + place): PICTURES[f"bucket/pets/{name}/{n}.png"]
        for n in range(20)
        for place, name in enumerate(("cat", "dog"))
    }


def test_a_table_of_this_machine_names_images_of_a_store_where_that_is_allowed(store: Store, tmp_path: Path) -> None:
    addresses = [store.uri(name) for name in PICTURES]
    path = tmp_path / "rows.parquet"
    path.write_bytes(parquet(sample_id=[*PICTURES], label=["cat", "dog"] * 20, image=addresses))
    assert "stay inside" in refusal(Source(str(path)))
    assert contents(Source(str(path), allow_absolute=True)) == PICTURES


def test_an_image_that_is_not_there_is_a_row_and_no_error(store: Store) -> None:
    store.objects = {name: content for name, content in store.objects.items() if not name.endswith("cat/7.png")}
    found = contents(Source(store.uri("bucket/rows.parquet")))
    assert [name for name, content in found.items() if isinstance(content, Skip)] == ["14"]
    assert found["14"] is Skip.MISSING_FILE


@pytest.mark.parametrize("path", ["bucket/pets", "bucket/rows.parquet"])
def test_a_store_that_is_closed_to_the_reader_is_said(store: Store, path: str) -> None:
    store.closed = True
    said = refusal(Source(store.uri(path, **HASTE)))
    assert "its store refuses" in said
    assert "AWS_ACCESS_KEY_ID" in said


@pytest.mark.parametrize("stalled", ["bucket/rows.parquet", "bucket/pets/dog/3.png"])
def test_a_store_that_stalls_is_given_up_and_said_and_no_image_is_called_broken_for_it(
    store: Store, stalled: str
) -> None:
    store.stalled = frozenset({stalled})
    said = refusal(Source(store.uri("bucket/rows.parquet", **HASTE)))
    assert "must answer within 1 s, but did not in 2 attempts" in said
    assert f"s3://{stalled}" in said
    assert "request_timeout=120" in said


def test_a_store_that_is_not_there_is_said(store: Store) -> None:
    store.address = "127.0.0.1:9"
    assert "must be within reach" in refusal(Source(store.uri("bucket/rows.parquet", **HASTE)))


def test_what_a_store_refuses_for_a_while_is_asked_for_again(store: Store) -> None:
    store.flaky = 1
    assert len(contents(Source(store.uri("bucket/rows.parquet")))) == 40
    assert min(store.asked[name] for name in PICTURES) > 1


def test_a_folder_of_a_store_with_metadata_is_refused_rather_than_read_without(store: Store) -> None:
    store.objects = {**store.objects, "bucket/pets/metadata.csv": b"file_name,label\n"}
    assert "this machine only" in refusal(Source(store.uri("bucket/pets")))


@pytest.mark.parametrize("limit", ["request_timeout=soon", "attempts=1.5"])
def test_limits_are_numbers(limit: str) -> None:
    with pytest.raises(NoisecleanerError, match="are numbers"):
        Place.parse(f"s3://bucket/x?region=us-east-1&{limit}")


def test_what_arrow_does_not_know_is_opened_by_fsspec() -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe("/shop/rows.csv", b"sample_id,label,image\n1,cat,a.png\n2,dog,b.png\n3,dog,c.png\n")
    memory.pipe({"/shop/a.png": b"one", "/shop/b.png": b"two"})
    found = contents(Source("memory://shop/rows.csv"))
    assert found == {"1": b"one", "2": b"two", "3": Skip.MISSING_FILE}


def test_without_fsspec_one_is_told_which_extra_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(NoisecleanerError, match="cannot open memory://") as error:
        Place.parse("memory://shop/rows.csv")
    assert "noisecleaner[cloud]" in error.value.hint


def test_nothing_opens_an_address_of_no_kind() -> None:
    with pytest.raises(NoisecleanerError, match="cannot be opened"):
        Place.parse("nowhere://x/y.parquet")


@pytest.mark.parametrize("path", ["s3://bucket/run", "gs://bucket/out.html"])
def test_results_are_written_to_this_machine(path: str) -> None:
    with pytest.raises(NoisecleanerError, match="written to this machine"):
        located(path)


def test_columns_keep_their_names_in_a_store(store: Store) -> None:
    source = Source(store.uri("bucket/rows.parquet"), columns=Columns(image="picture"))
    assert "needs a column 'picture'" in refusal(source)


class Elsewhere(fs.FSSpecHandler):  # type: ignore[misc]  # Arrow has no types
    """What reads a store through a package, which raises what it likes."""

    def get_file_info(self, paths: list[str]) -> list[object]:
        raise LookupError("ConnectError: name or service not known")

    open_input_file = get_file_info


@pytest.mark.parametrize("ask", [Place.is_dir, Place.is_file, Place.size, Place.open, Place.read])
def test_what_a_package_behind_an_address_raises_is_told(ask: Callable[[Place], object]) -> None:
    filesystem = fs.PyFileSystem(Elsewhere(memory.MemoryFileSystem()))
    with pytest.raises(NoisecleanerError, match=r"a/b must be within reach, .*name or service not known"):
        ask(Place(filesystem, "a/b", limits=Limits()))


@pytest.mark.parametrize("uri", ["hf://", "hf://a", "abfs://x", "nonsense://x/y", "hdfs://x:y"])
def test_addresses_that_lead_nowhere_are_refused(uri: str) -> None:
    with pytest.raises((NoisecleanerError, FileNotFoundError)):
        assert Place.parse(uri).is_dir()


def test_the_environment_says_where_a_store_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{store.address}")
    folder = store.uri("bucket/pets").partition("?")[0]
    assert contents(Source(f"{folder}?region=us-east-1")) == contents(Source(store.uri("bucket/pets")))


@pytest.mark.parametrize("limit", ["", "&retry_limit_seconds=1"])
def test_a_store_of_google_that_nobody_answers_for_is_given_up(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not limit:
        monkeypatch.setattr(Limits, "request_timeout", 1.0)
    begin = time.monotonic()
    opened, path = open_uri(f"gs://anonymous@nothing/x.parquet?scheme=http&endpoint_override=127.0.0.1:9{limit}")
    with pytest.raises(OSError, match="Retry policy exhausted"):
        opened.filesystem.get_file_info(path)
    assert time.monotonic() - begin < 30  # by itself it goes on for a quarter of an hour
