"""Files keep their names in a copy; those whose own is taken or cannot be written are renamed, counted and told."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.exported import scored
from support.sources import make

from noisecleaner.export import file_names
from noisecleaner.ingest import Source

#: Names that Linux takes, and one that would be the first of them with another letter.
ODD = [
    'x"y',
    "x_y",
    "a:b",
    "a_b",
    "q?",
    "p|q",
    "<t>",
    "st*r",
    "c::d",
    "h#1",
    "tail ",
    " lead",
    "con",
    "dot.",
    "50%",
    "é\u200dß",
]
FLAT = {"fiftyone": "data", "label-studio": "images", "cvat": "images", "folder": "a", "yolo": "a"}


def dataset(folder: Path, *more: str) -> tuple[Path, dict[str, bytes]]:
    content = make(folder / "in", *(f"a/{name}.png" for name in [*ODD, *more]), "b/other.png")
    return folder / "in", {name.removeprefix("a/"): held for name, held in content.items() if name.startswith("a/")}


def names_in(out: Path, format: str) -> dict[str, bytes]:
    if format == "cvat":
        with ZipFile(out / "dataset.zip") as archive:
            listed = [name for name in archive.namelist() if name.endswith(".png")]
            return {name.rpartition("/")[2]: archive.read(name) for name in listed}
    return {path.name: path.read_bytes() for path in (out / FLAT[format]).iterdir() if path.suffix == ".png"}


@pytest.mark.parametrize("format", FLAT)
def test_names_stay_as_they_are(tmp_path: Path, command: Command, format: str) -> None:
    data, content = dataset(tmp_path)
    run = scored(tmp_path, Source(str(data)))
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--format", format)
    assert outcome.code == 0
    assert "renamed" not in outcome.err
    found = names_in(tmp_path / "out", format)
    assert {name: found[name] for name in content} == content
    assert found.keys() - content.keys() <= {"other.png"}


@pytest.mark.parametrize("format", FLAT)
def test_what_cannot_be_written_is_renamed_and_nothing_else_is(tmp_path: Path, command: Command, format: str) -> None:
    """A name with a backslash comes first in the order of rows, and would be called like an innocent one."""
    data, content = dataset(tmp_path, "!s\\t", "!s_t", "!n\nl")
    run = scored(tmp_path, Source(str(data)))
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--format", format)
    assert outcome.code == 0
    assert "2 files are renamed" in outcome.err
    assert "nc_path has the old path of each row" in outcome.err
    found = names_in(tmp_path / "out", format)
    assert found["!s_t.png"] == content["!s_t.png"]
    assert found["!s_t-2.png"] == content["!s\\t.png"]
    assert found["!n_l.png"] == content["!n\nl.png"]
    if format in ("folder", "yolo"):
        rows = pq.read_table(tmp_path / "out" / "metadata.parquet").to_pylist()
        assert {row["nc_path"] for row in rows if row["file_name"] == "a/!s_t-2.png"} == {"a/!s\\t.png"}


def test_keys_of_webdataset_have_no_dots_and_the_others_stay(tmp_path: Path, command: Command) -> None:
    make(tmp_path / "in", "a/x.1.png", "a/x_1.png", 'a/x"1.png', "b/y.png")
    run = scored(tmp_path, Source(str(tmp_path / "in")))
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--format", "webdataset")
    assert "1 file is renamed, whose names are taken in the copy or cannot be written there" in outcome.err
    with tarfile.open(tmp_path / "out" / "train-000000.tar") as tar:
        told = {name: json.load(tar.extractfile(name))["nc_path"] for name in tar.getnames() if name.endswith(".json")}  # type: ignore[arg-type]
    assert told == {"x_1-2.json": "a/x.1.png", "x_1.json": "a/x_1.png", 'x"1.json': 'a/x"1.png', "y.json": "b/y.png"}


def test_a_file_that_moves_makes_room_for_one_that_stays(tmp_path: Path, command: Command) -> None:
    content = make(tmp_path / "in", "cat/1.png", "cat/2.png", "dog/1.png")
    run = scored(tmp_path, Source(str(tmp_path / "in")), suggested={"cat/1.png": "dog"})
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--on-flag", "relabel")
    assert "1 file is renamed" in outcome.err
    for name, held in {"dog/1.png": "dog/1.png", "dog/1-2.png": "cat/1.png", "cat/2.png": "cat/2.png"}.items():
        assert (tmp_path / "out" / name).read_bytes() == content[held]


def test_a_file_system_that_takes_fewer_names_gets_plain_ones(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_names, "_PROBE", "no/such/folder")
    make(tmp_path / "in", 'a/x"y.png', "a/x_y.png", "b/1.png")
    run = scored(tmp_path, Source(str(tmp_path / "in")))
    outcome = command("export-clean", run, "--out", tmp_path / "out")
    assert "1 file is renamed" in outcome.err
    assert sorted(path.name for path in (tmp_path / "out" / "a").iterdir()) == ["x_y-2.png", "x_y.png"]


@pytest.mark.parametrize("format", ["cvat", "label-studio"])
def test_classes_that_a_tool_calls_otherwise_are_told(tmp_path: Path, command: Command, format: str) -> None:
    make(tmp_path / "in", " lead/1.png", "b/2.png")
    run = scored(tmp_path, Source(str(tmp_path / "in")))
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--format", format)
    assert "1 class is called otherwise in" in outcome.err
    assert "' lead' is 'lead' there" in outcome.err
