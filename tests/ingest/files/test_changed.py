"""A shard that is not what `embed` wrote is refused before it is read, and what no manifest knows is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.sources import read, refusal, table, vectors

from noisecleaner.files import HIDDEN_MANIFEST, seal_folder
from noisecleaner.progress import Progress

IDS = ["r0", "r1", "r2", "r3"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sealed shards."""
    home = tmp_path / "emb"
    home.mkdir()
    for part in range(2):
        table(home / f"part-{part}.parquet", sample_id=IDS[2 * part :][:2], embedding=list(np.eye(2)))
    seal_folder(home, kind="embeddings", progress=Progress())
    return home


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"]))


def test_what_was_written_is_read(folder: Path, data: str) -> None:
    read(data, embedding=f"{folder}/")
    (folder / "part-2.parquet").write_bytes((folder / "part-0.parquet").read_bytes())  # of nobody's manifest
    assert "part-2" not in refusal(data, embedding=f"{folder}/")


@pytest.mark.parametrize("of", ["", "part-1.parquet", "part-*.parquet"])
def test_another_shard_in_its_place_is_refused(folder: Path, data: str, of: str) -> None:
    table(folder / "part-1.parquet", sample_id=IDS[2:], embedding=list(np.eye(2)), more=[1, 2])
    said = refusal(data, embedding=f"{folder}/{of}")
    assert f"{folder / 'part-1.parquet'} is not: it has" in said
    assert f"`verify('{folder}')`" in said
    (folder / HIDDEN_MANIFEST).unlink()
    if of != "part-1.parquet":
        assert "more" in refusal(data, embedding=f"{folder}/{of}")


def test_a_footer_with_a_flipped_bit_is_refused(folder: Path, data: str) -> None:
    content = bytearray((folder / "part-0.parquet").read_bytes())
    content[-20] ^= 1
    (folder / "part-0.parquet").write_bytes(content)
    assert "its checksum is wrong" in refusal(data, embedding=f"{folder}/")


def test_a_lost_shard_and_a_damaged_manifest_are_refused(folder: Path, data: str) -> None:
    (folder / "part-1.parquet").rename(folder.parent / "p")
    assert "part-1.parquet is not: it is not there any more" in refusal(data, embedding=f"{folder}/")
    (folder.parent / "p").rename(folder / "part-1.parquet")
    (folder / HIDDEN_MANIFEST).write_text("{}")
    assert f"{HIDDEN_MANIFEST} is not: it is not what was written" in refusal(data, embedding=f"{folder}/")
