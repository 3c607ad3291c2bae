"""Data is found, decoded once, and refused where it is not whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.outcomes import refused

from noisecleaner.bench import BenchConfig, bench
from noisecleaner.errors import NoisecleanerError

TINY = ("--scale", 0.0001, "--device", "cpu")


def test_pixels_are_decoded_once(command: Command, cifar10: Path, tmp_path: Path) -> None:
    words = ["bench", "l2b-cifar10", "--data", cifar10, "--out", tmp_path, *TINY, "--seeds"]
    assert command(*words, 1).err.count("Decoding") == 1
    (notes,) = (tmp_path / "pixels").rglob("pixels.json")
    before = notes.stat().st_mtime_ns
    again = command(*words, 2)
    assert again.code == 0
    assert "seed 1" in again.err
    assert notes.stat().st_mtime_ns == before


def test_missing_data_is_refused_with_what_to_type(command: Command, cifar10: Path, tmp_path: Path) -> None:
    words = ["bench", "l2b-cifar10", "--out", tmp_path / "out"]
    needs = "needs cifar10/train-*.parquet"
    refused(command(*words), needs, "none was named", "noisecleaner bench l2b-cifar10 --data DIR")
    refused(command(*words, "--data", tmp_path / "nowhere"), needs, "is no directory", "--data DIR")
    refused(command(*words, "--data", cifar10 / "cifar10"), needs, "has no cifar10/train-*.parquet", "--data DIR")
    assert not (tmp_path / "out").exists()


def test_an_image_that_cannot_be_read_is_refused(cifar10: Path, tmp_path: Path) -> None:
    shutil.copytree(cifar10, tmp_path / "data")
    file = tmp_path / "data" / "cifar10" / "train-00000-of-00003.parquet"
    table = pq.read_table(file).to_pylist()
    table[3]["image"]["bytes"] = b"no image"
    pq.write_table(pa.Table.from_pylist(table, schema=pq.read_schema(file)), file)
    with pytest.raises(NoisecleanerError, match=r"1 of 300 .* cannot be read"):
        bench(
            BenchConfig("bilevel-cifar10", data=tmp_path / "data", seeds=1, scale=0.0001, device="cpu"),
            tmp_path / "out",
        )
