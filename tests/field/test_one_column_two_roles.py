"""One column that is named for two roles: ids may be the paths of images, other pairs are refused in one paragraph."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.exported import scored
from support.outcomes import refused
from support.sources import make, table, vectors, write_metadata

from noisecleaner.export.formats import Format
from noisecleaner.ingest import Columns, Source, read_manifest

ROLES = ["image", "label", "id", "trusted", "irrelevant", "embedding", "probabilities"]
#: Pairs that need no refusal of their own: allowed, or two kinds of vectors, or images that nobody looks for.
ALLOWED = {("image", "id"), ("label", "trusted"), ("image", "embedding"), ("image", "probabilities")}
NAMES = ["x/1.png", "x/2.png", "y/1.png", "y/2.png"]


def options(*roles: str) -> list[str]:
    return [word for role in roles for word in (f"--{role}-column", "c")]


@pytest.mark.parametrize("pair", [pair for pair in combinations(ROLES, 2) if pair not in ALLOWED], ids="-".join)
def test_a_column_for_two_roles_is_refused(tmp_path: Path, command: Command, pair: tuple[str, str]) -> None:
    content: Any = [[1.0, 2.0]] * 4 if {"embedding", "probabilities"} & {*pair} else NAMES
    make(tmp_path, *NAMES)
    path = vectors(tmp_path / "d.parquet", ["a", "b", "a", "b"], c=content, image=NAMES)
    outcome = command("fit", path, "--trusted", "none", *options(*pair), "--out", tmp_path / "run")
    refused(outcome)
    if pair == ("label", "id"):
        assert "holds the id of each row" in outcome.err
    elif pair != ("embedding", "probabilities"):
        named = [f"--{role}-column" for role in pair]
        assert f"{named[0]} and {named[1]} must be different columns, but both are 'c'." in outcome.err
    assert not (tmp_path / "run").exists()


def test_ids_of_verified_labels_that_are_those_labels_are_refused(tmp_path: Path, command: Command) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b"])
    words = ("--embedding-column", "embedding", "--trusted-column", "c", "--trusted-id-column", "c", "--trusted", path)
    refused(command("fit", path, *words, "--out", tmp_path / "run"), "--trusted-column and --trusted-id-column must")


@pytest.mark.parametrize("role", ["embedding", "probabilities"])
def test_vectors_may_stand_in_a_column_that_is_called_like_that_of_images(tmp_path: Path, role: str) -> None:
    path = table(tmp_path / "d.parquet", sample_id=["1", "2"], label=["a", "b"], image=[[0.5, 0.5]] * 2)
    columns = Columns(embedding="image") if role == "embedding" else Columns(probabilities="image")
    assert len(read_manifest(Source(str(path), columns=columns))) == 2


def by_path(folder: Path, **more: Any) -> Source:
    make(folder, *NAMES)
    rows = [{"c": name, "label": label, **more} for name, label in zip(NAMES, "abab", strict=True)]
    write_metadata(folder / "d.csv", rows)
    return Source(str(folder / "d.csv"), columns=Columns(image="c", sample_id="c"))


@pytest.mark.parametrize("format", Format)
def test_copies_of_rows_whose_ids_are_their_paths(tmp_path: Path, command: Command, format: str) -> None:
    run = scored(tmp_path, by_path(tmp_path / "in"), suggested={"y/2.png": "a"})
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--format", format)
    assert outcome.code == 0, outcome.err
    if format in ("folder", "parquet", "csv", "json", "jsonl"):
        columns = {"folder": {}, "parquet": {"image": "c"}}.get(format, {"image": "c"})
        data = tmp_path / "out" / ("" if format in ("folder", "parquet") else f"d.{format}")
        read = read_manifest(Source(str(data), columns=Columns(**columns), allow_absolute=True))
        assert sorted(read.table["sample_id"].to_pylist()) == NAMES[:3]
        assert read.readable.all()


@pytest.mark.parametrize("taken", [False, True])
def test_noise_is_put_into_rows_whose_ids_are_their_paths(tmp_path: Path, command: Command, taken: bool) -> None:
    source = by_path(tmp_path / "in", **({"sample_id": "mine"} if taken else {}))
    words = ("--id-column", "c", "--image-column", "c", "--rate", "0.5")
    assert command("ids", source.data, *words[:4]).out.split() == NAMES
    assert command("corrupt", source.data, *words, "--out", tmp_path / "out").code == 0
    made = pq.read_table(tmp_path / "out" / "data.parquet")
    own = "nc_sample_id" if taken else "sample_id"
    assert made[own].to_pylist() == NAMES
    assert [image["path"] for image in made["c"].to_pylist()] == NAMES
    assert not taken or made["sample_id"].to_pylist() == ["mine"] * 4
