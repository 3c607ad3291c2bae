"""Paths stay inside the dataset's folder, unless somebody says that they may not."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from support.datasets import Command
from support.sources import (
    IMAGE,
    contents,
    labels,
    make,
    read,
    red,
    refusal,
    table,
    texts,
    write_metadata,
)

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place, absolute, fixed_part, matching

OUTSIDE = [
    "../secret.png",
    "images/../../secret.png",
    "images\\..\\..\\secret.png",
    "https://example.org/secret.png",
    "file:///secret.png",
    "C:\\secret.png",
    "\\\\server\\secret.png",
    "a\0b.png",
]


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("allow_absolute", [False, True])
def test_paths_up_to_other_file_systems_and_drives_are_always_refused(
    tmp_path: Path, path: str, allow_absolute: bool
) -> None:
    (tmp_path / "secret.png").write_bytes(red())
    paths = table(tmp_path / "data" / "d.parquet", image=["ok.png", path], label=["a", "b"])
    assert "stay inside" in refusal(paths, allow_absolute=allow_absolute)
    rows = pa.array([{"bytes": red(), "path": "ok.png"}, {"bytes": None, "path": path}], IMAGE)
    structs = table(tmp_path / "data" / "s.parquet", image=rows, label=["a", "b"])
    with pytest.raises(NoisecleanerError, match="stay inside"):
        contents(read(structs, allow_absolute=allow_absolute))


@pytest.mark.parametrize("below", [".", "train"])
def test_absolute_paths_need_allow_absolute(tmp_path: Path, below: str) -> None:
    made = make(tmp_path, "1.png", "2.png")
    absolute = [str(tmp_path / name) for name in made]
    data = table(tmp_path / "data" / "d.parquet", image=absolute, label=["a", "b"])
    rows = [{"file_name": absolute[0], "label": "a"}, {"file_name": absolute[1], "label": "b"}]
    write_metadata(tmp_path / "folder" / below / "metadata.csv", rows)
    structs = [{"bytes": None, "path": path} for path in absolute]
    for dataset in (data, tmp_path / "folder"):
        assert "`Source(allow_absolute=True)`" in refusal(dataset)
        manifest = read(dataset, allow_absolute=True)
        assert texts(manifest, "path") == absolute
        assert contents(manifest) == list(made.values())
    nested = table(tmp_path / "data" / "s.parquet", image=pa.array(structs, IMAGE), label=["a", "b"])
    with pytest.raises(NoisecleanerError, match="allow_absolute=True"):
        contents(read(nested))
    assert contents(read(nested, allow_absolute=True)) == list(made.values())


def test_absolute_paths_are_refused_even_into_the_folder_itself(tmp_path: Path) -> None:
    made = make(tmp_path, "1.png", "2.png")
    data = table(tmp_path / "d.parquet", image=[str(tmp_path / "1.png"), "2.png"], label=["a", "b"])
    assert "`Source(allow_absolute=True)`" in refusal(data)
    assert contents(read(data, allow_absolute=True)) == list(made.values())


def test_links_out_of_the_folder_need_allow_absolute(tmp_path: Path) -> None:
    made = make(tmp_path, "secret/1.png", "data/a/0.png", "data/b/0.png")
    inside = tmp_path / "data" / "b" / "link.png"
    inside.symlink_to("../a/0.png")
    assert contents(read(tmp_path / "data"))[2] == made["data/a/0.png"]
    inside.unlink()
    inside.symlink_to(tmp_path / "secret" / "1.png")
    assert "'b/link.png'" in refusal(tmp_path / "data")
    assert contents(read(tmp_path / "data", allow_absolute=True))[2] == made["secret/1.png"]
    inside.unlink()
    (tmp_path / "data" / "c").symlink_to(tmp_path / "secret", target_is_directory=True)
    assert "'c/1.png'" in refusal(tmp_path / "data")
    manifest = read(tmp_path / "data", allow_absolute=True)
    assert labels(manifest) == {"a/0.png": "a", "b/0.png": "b", "c/1.png": "c"}


def test_the_dataset_itself_may_be_reached_through_a_link(tmp_path: Path) -> None:
    make(tmp_path / "real", "a/0.png", "b/1.png")
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert labels(read(tmp_path / "link")) == {"a/0.png": "a", "b/1.png": "b"}


def test_the_command_refuses_such_a_path_and_writes_nothing(tmp_path: Path, command: Command) -> None:
    make(tmp_path, "1.png", "2.png")
    data = table(tmp_path / "data" / "d.parquet", image=["../1.png", "../2.png"], label=["a", "b"])
    outcome = command("corrupt", data, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "stay inside" in outcome.err
    absolute = [str(tmp_path / "1.png"), str(tmp_path / "2.png")]
    table(data, image=absolute, label=["a", "b"])
    assert command("corrupt", data, "--out", tmp_path / "out").code == 2
    assert not (tmp_path / "out").exists()
    assert command("corrupt", data, "--out", tmp_path / "out", "--allow-absolute").code == 0


# Places


def test_a_place_knows_its_name_its_ending_and_its_folder(tmp_path: Path) -> None:
    place = Place.parse(tmp_path / "Data.PARQUET")
    assert (place.name, place.suffix, str(place.parent)) == ("Data.PARQUET", ".parquet", str(tmp_path))
    assert place.local
    assert str(place.parent / "x" / "y.png") == str(tmp_path / "x" / "y.png")
    assert str(place.parent / "/z.png") == "/z.png"


def test_a_place_knows_what_stands_there(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png")
    folder, file, nothing = Place.parse(tmp_path / "a"), Place.parse(tmp_path / "a" / "1.png"), Place.parse("nowhere")
    assert (folder.is_dir(), file.is_dir(), nothing.is_dir()) == (True, False, False)
    assert (folder.is_file(), file.is_file(), nothing.is_file()) == (False, True, False)
    assert file.size() == len(file.read()) > 0
    assert nothing.size() is None


def test_files_of_a_folder_are_sorted_and_hidden_ones_left_out(tmp_path: Path) -> None:
    names = ["b.parquet", "a.PARQUET", "sub/c.parquet", ".x.parquet", "_y.parquet", ".sub/z.parquet", "d.csv"]
    make(tmp_path, *names)
    found = [file.path.removeprefix(f"{tmp_path}/") for file in Place.parse(tmp_path).files(".parquet")]
    assert found == ["a.PARQUET", "b.parquet", "sub/c.parquet"]


def test_a_pattern_names_the_files_that_match(tmp_path: Path) -> None:
    make(tmp_path, "b-1.csv", "b-2.csv", "c.csv", "sub/b-3.csv")
    for start in (str(tmp_path), tmp_path.as_uri()):
        names = [place.name for place in matching(f"{start}/b-*.csv")]
        assert names == ["b-1.csv", "b-2.csv"]
    assert matching(f"{tmp_path}/b-1.csv") == []  # a name is no pattern
    assert matching(f"{tmp_path}/nothing-*.csv") == []


def test_paths_of_another_machine_are_told_what_is_here(tmp_path: Path) -> None:
    make(tmp_path, "images/1.png")
    for path in ("C:\\data\\set\\images\\1.png", "/home/somebody/set/images/1.png"):
        data = table(tmp_path / "d.parquet", image=[path], label=["a"])
        assert "The folder holds images/1.png: take what stands before that off the paths." in refusal(data)
    assert "pass `Source(allow_absolute=True)`" in refusal(
        table(tmp_path / "d.parquet", image=["/x/2.png"], label=["a"])
    )


def test_what_exists_is_taken_by_its_name_even_where_it_looks_like_a_pattern(tmp_path: Path) -> None:
    make(tmp_path, "data [v1]/a [x].csv", "data [v1]/x.csv", "data v/y.csv", "part-[1].csv", "part-1.csv")
    for pattern, names in {
        "data [v1]/*.csv": ["a [x].csv", "x.csv"],
        "data [v1]/a [x].csv": [],  # no pattern, but a file
        "data [v1]/a*[x].csv": ["a [x].csv"],
        "data ?/*.csv": ["y.csv"],
        "part-[1].csv": [],
        "part-[12].csv": ["part-1.csv"],
    }.items():
        assert [place.name for place in matching(f"{tmp_path}/{pattern}")] == names, pattern
    assert [place.name for place in matching(f"{tmp_path.as_uri()}/part-[12].csv")] == ["part-1.csv"]


def test_the_fixed_part_of_a_pattern_ends_before_its_first_wildcard(tmp_path: Path) -> None:
    make(tmp_path, "data [v1]/x.csv")
    assert fixed_part(f"{tmp_path}/data [v1]/*/x.csv") == f"{tmp_path}/data [v1]"
    assert fixed_part("*.csv") == "."
    assert fixed_part("/*.csv") == "/"


@pytest.mark.parametrize("scheme", ["nowhere://x", "ftp://host/x"])
def test_a_file_system_that_arrow_does_not_know_is_refused(scheme: str) -> None:
    with pytest.raises(NoisecleanerError, match="cannot be opened"):
        Place.parse(scheme)


def test_local_paths_become_absolute_and_other_uris_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("x/y") == str(tmp_path / "x" / "y")
    assert absolute((tmp_path / "a b").as_uri()) == str(tmp_path / "a b")
    assert absolute("s3://bucket/x") == "s3://bucket/x"
