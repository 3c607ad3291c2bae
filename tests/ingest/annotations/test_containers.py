"""Folders and archives that annotation tools export are taken as they are; archives are read without unpacking them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.annotations import WRITERS
from support.sources import make

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.annotations import _containers
from noisecleaner.ingest.opening import open_labels

LABELS = {"a.png": "cat", "b.png": "dog"}


def labels_of(path: Path) -> dict[str, str]:
    files = open_labels(str(path))
    assert files is not None
    return dict(zip(files.column("file_name").to_pylist(), files.column("trusted_label").to_pylist(), strict=True))


def archive(path: Path, name: str, text: str) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as made:
        made.writestr("images/a.png", b"no image")
        made.writestr(name, text)
    return path


@pytest.mark.parametrize("split", ["", "train"])
def test_the_folder_of_fiftyone_is_taken(tmp_path: Path, split: str) -> None:
    make(tmp_path, "data/a.png", "data/b.png")
    (tmp_path / split).mkdir(exist_ok=True)
    (tmp_path / split / "labels.json").write_text(WRITERS["fiftyone"](LABELS))
    assert labels_of(tmp_path) == {"a": "cat", "b": "dog"}


def test_labels_of_several_splits_are_told(tmp_path: Path) -> None:
    for split in ("train", "test"):
        make(tmp_path, f"{split}/data/a.png")
        (tmp_path / split / "labels.json").write_text(WRITERS["fiftyone"](LABELS))
    with pytest.raises(NoisecleanerError, match=r"holds 2 \(.*test/labels.json, .*train/labels.json\)"):
        open_labels(str(tmp_path))


def test_an_image_folder_stays_one(tmp_path: Path) -> None:
    make(tmp_path, "cat/a.png", "dog/b.png")
    (tmp_path / "labels.json").write_text('{"anything": 1}')
    assert open_labels(str(tmp_path)) is None


@pytest.mark.parametrize("name", ["annotations.xml", "x/annotations.xml", "../../annotations.xml"])
def test_the_archive_of_cvat_is_read_where_it_lies(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    path = archive(tmp_path / "in" / "x.zip", name, WRITERS["cvat"](LABELS))
    assert labels_of(path) == LABELS
    assert [file.name for file in tmp_path.rglob("*")] == ["in", "x.zip"]


def test_an_archive_without_labels_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="is an archive"):
        open_labels(str(archive(tmp_path / "x.zip", "readme.txt", "x")))


def test_an_archive_that_grows_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_containers, "_MOST", 2**20)
    path = archive(tmp_path / "x.zip", "annotations.xml", "<annotations>" + " " * 2**21)
    with pytest.raises(NoisecleanerError, match="may have 1 MiB"):
        open_labels(str(path))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60), at=st.integers(0, 400))
def test_any_damage_of_an_archive_is_told(tmp_path: Path, content: bytes, at: int) -> None:
    path = archive(tmp_path / "x.zip", "annotations.xml", WRITERS["cvat"](LABELS))
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + content + whole[at + len(content) :])
    with suppress(NoisecleanerError):
        assert set(labels_of(path)) == set(LABELS) or content


def test_samples_of_fiftyone_are_a_table(tmp_path: Path) -> None:
    make(tmp_path, "data/a.png")
    truth = {"_cls": "Classification", "label": "cat"}
    (tmp_path / "samples.json").write_text(json.dumps({"samples": [{"filepath": "data/a.png", "truth": truth}]}))
    (tmp_path / "metadata.json").write_text("{}")
    for path in (tmp_path, tmp_path / "samples.json"):
        files = open_labels(str(path))
        assert files is not None
        assert files.column("truth").to_pylist() == ["cat"]
