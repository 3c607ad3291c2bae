"""A folder of shards: hidden until it is whole, gone on with only where everything is the same."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import image_folder, png
from support.embedding import config, tiny

from noisecleaner.embedding.config import EmbedConfig
from noisecleaner.embedding.rows import ImageRows
from noisecleaner.embedding.shards import ShardRecord, Shards, open_shards
from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.ingest.tables.maker import Maker
from noisecleaner.verifying.checking import verify

MAKER = Maker(backbone="cifar-quick", size=16, crop="squash", weights="0")


@pytest.fixture
def asked(tmp_path: Path) -> EmbedConfig:
    image_folder(tmp_path / "images", rows=100)
    return config(tmp_path / "images", tiny(tmp_path))


def record(asked: EmbedConfig, maker: Maker = MAKER) -> tuple[ShardRecord, ImageRows]:
    rows = ImageRows.read(asked.source)
    return ShardRecord.of(asked, rows, maker), rows


def table(rows: int) -> pa.Table:
    return pa.table({"sample_id": [f"r{row}" for row in range(rows)]})


def interrupt(out: Path, asked: EmbedConfig, *, resume: bool = False) -> None:
    """Write the first shard that is missing, and stop."""
    wanted, rows = record(asked)
    with suppress(Interrupted), open_shards(out, wanted, rows, size=64, resume=resume) as shards:
        assert shards is not None
        shards.write(shards.missing()[0], table(64))
        stop = Interrupted(15)
        raise stop
    assert stop.resumable


def test_the_folder_gets_its_name_when_it_is_whole(tmp_path: Path, asked: EmbedConfig) -> None:
    out = tmp_path / "emb"
    interrupt(out, asked)
    assert not out.exists()
    wanted, rows = record(asked)
    with open_shards(out, wanted, rows, size=64, resume=True) as shards:
        assert shards is not None
        assert (shards.count, shards.missing()) == (2, [1])
        shards.scratch.mkdir()
        shards.write(1, table(36))
        assert not out.exists()
    assert sorted(path.name for path in out.iterdir()) == [
        ".noisecleaner-manifest.json",
        "noisecleaner.json",
        "part-00000.parquet",
        "part-00001.parquet",
    ]
    assert sorted(path.name for path in tmp_path.glob(".emb*")) == []
    (sealed,) = verify(out).manifests
    assert (sealed.kind, sealed.files, sealed.sound) == ("embeddings", 3, True)
    with open_shards(out, wanted, rows, size=64, resume=True) as shards:
        assert shards is None


def test_a_shard_tells_what_made_it(tmp_path: Path, asked: EmbedConfig) -> None:
    wanted, rows = record(asked)
    with open_shards(tmp_path / "emb", wanted, rows, size=64, resume=False) as shards:
        assert shards is not None
        for number in shards.missing():
            shards.write(number, table((64, 36)[number]))
    schema = pq.read_schema(tmp_path / "emb" / "part-00001.parquet")
    assert Maker.of(schema) == MAKER
    told = json.loads(schema.metadata[b"noisecleaner"])
    assert (told["shard"], told["rows"], told["options"]["max_pixels"]) == (1, 100, 64_000_000)
    assert ShardRecord.read(tmp_path / "emb") == wanted


def test_what_is_left_is_not_lost_by_chance(tmp_path: Path, asked: EmbedConfig) -> None:
    interrupt(tmp_path / "emb", asked)
    wanted, rows = record(asked)
    with (
        pytest.raises(NoisecleanerError, match="An interrupted `embed") as told,
        open_shards(tmp_path / "emb", wanted, rows, size=64, resume=False),
    ):
        pass
    assert "`resume=True`" in told.value.hint


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows_per_shard": 128}, "rows_per_shard=64"),
        ({"device": "cuda"}, "device='cpu'"),
        ({"weights": "1"}, "weights of the digest 0"),
        ({"size": 32}, "images of 16 px"),
    ],
)
def test_other_options_or_weights_are_refused(
    tmp_path: Path, asked: EmbedConfig, change: dict[str, object], words: str, finished: bool
) -> None:
    interrupt(tmp_path / "emb", asked)
    if finished:
        (tmp_path / ".emb.partial").rename(tmp_path / "emb")
    of_maker = set(change) <= {"weights", "size"}
    other = asked if of_maker else replace(asked, **change)  # type: ignore[arg-type]  # one field
    wanted, rows = record(other, replace(MAKER, **change) if of_maker else MAKER)  # type: ignore[arg-type]  # likewise
    with (
        pytest.raises(NoisecleanerError, match="needs what") as told,
        open_shards(tmp_path / "emb", wanted, rows, size=64, resume=True),
    ):
        pass
    assert words in told.value.message


def test_other_rows_or_images_are_refused(tmp_path: Path, asked: EmbedConfig) -> None:
    interrupt(tmp_path / "emb", asked)
    path = next((tmp_path / "images" / "red").iterdir())
    before = path.read_bytes()
    for content, name, words in (
        (png(1, np.random.default_rng(9)), path.name, "its images have changed since"),
        (before, "new.png", "ids or labels have changed since"),
    ):
        path.with_name(name).write_bytes(content)
        wanted, rows = record(asked)
        with (
            pytest.raises(NoisecleanerError, match=words),
            open_shards(tmp_path / "emb", wanted, rows, size=64, resume=True),
        ):
            pass
        path.write_bytes(before)


def test_a_folder_that_holds_something_else_is_not_touched(tmp_path: Path, asked: EmbedConfig) -> None:
    out = tmp_path / "emb"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    wanted, rows = record(asked)
    for resume, words in ((False, "exists already"), (True, "noisecleaner.json is required")):
        with pytest.raises(NoisecleanerError, match=words), open_shards(out, wanted, rows, size=64, resume=resume):
            pass
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_taken_and_two_at_a_time_are_not(tmp_path: Path, asked: EmbedConfig) -> None:
    (tmp_path / "emb").mkdir()
    wanted, rows = record(asked)
    with open_shards(tmp_path / "emb", wanted, rows, size=64, resume=False) as shards:
        assert shards is not None
        with (
            pytest.raises(NoisecleanerError, match=r"emb is written by one process at a time.*embed \(process"),
            open_shards(tmp_path / "emb", wanted, rows, size=64, resume=False),
        ):
            pass


def test_what_is_called_like_a_shard_and_is_none_is_made_again(tmp_path: Path, asked: EmbedConfig) -> None:
    """Cut off, a copy of another one, of other rows, or one too many."""
    out, partial = tmp_path / "emb", tmp_path / ".emb.partial"
    interrupt(out, asked)
    whole = (partial / "part-00000.parquet").read_bytes()
    wanted, rows = record(asked)
    for name, content in (("0", whole[:500]), ("1", whole), ("9", whole), ("0", b"")):
        (partial / f"part-0000{name}.parquet").write_bytes(content)
        (partial / "part-00002.parquet").write_bytes(whole)
        with suppress(ZeroDivisionError), open_shards(out, wanted, rows, size=64, resume=True) as shards:
            assert shards is not None
            assert shards.missing() == ([0, 1] if name == "0" else [1])
            assert not shards.path(2).exists()
            shards.write(0, table(64))
            raise ZeroDivisionError


def test_shards_with_other_columns_are_no_dataset(tmp_path: Path, asked: EmbedConfig) -> None:
    wanted, _ = record(asked)
    shards = Shards(folder=tmp_path, record=wanted, size=64)
    shards.write(0, table(64))
    shards.refuse_unequal()
    shards.write(1, table(36).append_column("more", pa.array([1] * 36)))
    with pytest.raises(NoisecleanerError, match="its columns are not those of"):
        shards.refuse_unequal()


def test_a_failure_before_the_first_shard_leaves_nothing_to_go_on_with(tmp_path: Path, asked: EmbedConfig) -> None:
    wanted, rows = record(asked)
    with pytest.raises(ZeroDivisionError), open_shards(tmp_path / "emb", wanted, rows, size=64, resume=False):
        raise ZeroDivisionError
    assert list(tmp_path.glob(".*")) == []
    with open_shards(tmp_path / "emb", wanted, rows, size=64, resume=False) as shards:
        assert shards is not None
        for number in shards.missing():
            shards.write(number, table((64, 36)[number]))
