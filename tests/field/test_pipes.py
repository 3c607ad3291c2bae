"""A pipe in the place of a file that somebody names, or that lies in a folder of a dataset, is not waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.datasets import Command

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.copy_record import CopyRecord
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.readers import arrow
from noisecleaner.networks.weights import read_weights

IRREGULAR = "is no regular file"


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_vectors(fitted: Path, tmp_path: Path, command: Command, name: str) -> None:
    os.mkfifo(tmp_path / name)
    words = ["--trusted", fitted / "trusted.parquet", "--embedding-column", tmp_path / name]
    outcome = command("fit", fitted / "data.parquet", *words, "--out", tmp_path / "run")
    assert (outcome.code, IRREGULAR in outcome.err) == (2, True)


def test_a_table_of_a_folder(fitted: Path, tmp_path: Path, command: Command) -> None:
    os.mkfifo(tmp_path / "a.parquet")
    words = ["--trusted", fitted / "trusted.parquet", "--embedding-column", "embedding"]
    outcome = command("fit", tmp_path, *words, "--out", tmp_path / "run")
    assert outcome.code == 2


def test_the_record_of_a_copy_is_not_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "noisecleaner.json")
    with pytest.raises(NoisecleanerError, match=IRREGULAR):
        CopyRecord.beside(str(tmp_path))


def test_tables_and_weights(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.arrow")
    place = Place.parse(str(tmp_path / "x.arrow"))
    with pytest.raises(OSError, match=IRREGULAR):
        place.read()
    with pytest.raises(NoisecleanerError, match=IRREGULAR):
        arrow.read_schema(place)
    with pytest.raises(NoisecleanerError, match=IRREGULAR):
        read_weights(tmp_path / "x.arrow")
