"""Seals tell every change of a file, and of themselves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noisecleaner.files import (
    HIDDEN_MANIFEST,
    Seal,
    SealedFile,
    UnsealedError,
    looked_at,
    seal_folder,
    sealed,
    write_seal,
)
from noisecleaner.progress import Progress


def folder(path: Path) -> Path:
    (path / "deep" / "ér").mkdir(parents=True)
    (path / "a.txt").write_bytes(b"")
    (path / "deep" / "ér" / "b").write_bytes(bytes(3_000_000))
    pq.write_table(pa.table({"x": range(1000)}), path / "c.parquet")
    (path / "d.parquet").write_text("no table")
    return path


def test_a_manifest_names_every_file_with_what_sha256sum_says(tmp_path: Path) -> None:
    seal_folder(folder(tmp_path), kind="export", progress=Progress(), made_of="x")
    seal = Seal.read(tmp_path / HIDDEN_MANIFEST)
    assert seal is not None
    assert [*seal.files] == ["a.txt", "c.parquet", "d.parquet", "deep/ér/b"]
    for name, file in seal.files.items():
        content = (tmp_path / name).read_bytes()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert (seal.kind, seal.made_of) == ("export", "x")
    assert [name for name, file in seal.files.items() if file.footer] == ["c.parquet"]


def test_equal_files_have_one_identity_and_others_another(tmp_path: Path) -> None:
    identities = []
    for name, last in (("one", "1"), ("two", "1"), ("three", "2")):
        here = folder(tmp_path / name)
        (here / "z").write_text(last)
        for _ in range(2):  # the second time, a manifest lies there already
            seal_folder(here, kind="export", progress=Progress())
        seal = Seal.read(here / HIDDEN_MANIFEST)
        assert seal is not None
        assert HIDDEN_MANIFEST not in seal.files
        identities.append(seal.identity)
    assert identities[0] == identities[1] != identities[2]


def test_every_bit_of_a_manifest_is_covered(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    write_seal(path, [("a", SealedFile(size=3, sha256="0" * 64))], kind="run")
    whole = path.read_bytes()
    assert json.loads(whole)["files"] == {"a": {"bytes": 3, "sha256": "0" * 64}}
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            with pytest.raises(UnsealedError):
                Seal.read(path)
    for other in (b"", whole[:-1], whole + b"\n", b"[]", whole * 2):
        path.write_bytes(other)
        with pytest.raises(UnsealedError):
            Seal.read(path)


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a manifest, and make its checksum right again, as somebody could who wants to deceive."""
    content = json.loads(path.read_bytes())
    del content["checksum"]
    change(content)
    body = json.dumps(content)[:-1].encode()
    path.write_bytes(body + b',\n  "checksum": "' + hashlib.sha256(body).hexdigest().encode() + b'"\n}\n')


@pytest.mark.parametrize(
    "name",
    ["/dev/zero", "../a", "x/../../a", "", "a\0b", "a\ud800"],
    ids=["absolute", "up", "deep", "no", "nul", "half"],
)
def test_a_manifest_names_files_below_it_alone(tmp_path: Path, name: str) -> None:
    write_seal(path := tmp_path / "m", [(name, SealedFile(size=3, sha256="0" * 64))], kind="run")
    with pytest.raises(UnsealedError, match="not what noisecleaner writes"):
        Seal.read(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["files"]["a"].update(bytes=float("inf")),
        lambda content: content["files"]["a"].update(bytes=-1),
        lambda content: content["files"]["a"].update(bytes=True),
        lambda content: content["files"]["a"].update(bytes=4),
        lambda content: content["files"]["a"].update(sha256="x"),
        lambda content: content["files"]["a"].update(sha256=None),
        lambda content: content["files"]["a"].update(footer_sha256=3),
        lambda content: content["files"].clear(),
        lambda content: content.update(files=[]),
        lambda content: content.update(identity="0" * 64),
    ],
)
def test_a_manifest_that_contradicts_itself_is_damaged(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    write_seal(path := tmp_path / "m", [("a", SealedFile(size=3, sha256="0" * 64))], kind="run")
    rewritten(path, lambda content: None)
    assert Seal.read(path)
    rewritten(path, change)
    with pytest.raises(UnsealedError):
        Seal.read(path)


def test_a_manifest_of_a_later_version_says_so(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    write_seal(path, [], kind="run")
    body = path.read_bytes().replace(b'"schema_version": 1', b'"schema_version": 2')
    body = body[: body.index(b',\n  "checksum"')]
    path.write_bytes(body + f',\n  "checksum": "{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode())
    with pytest.raises(UnsealedError, match="in version 2, and this one reads version 1"):
        Seal.read(path)
    assert Seal.read(tmp_path / "none.json") is None


def test_an_opened_table_is_checked_whole_or_by_its_footer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path) / "c.parquet"
    known, whole = SealedFile.of(path), path.read_bytes()

    def refused(content: bytes) -> bool:
        path.write_bytes(content)
        with pa.OSFile(str(path)) as file:
            try:
                known.require_opened(file)
            except UnsealedError:
                return True
            return file.tell() != 0

    page, footer = (
        bytes([*whole[:200], whole[200] ^ 1, *whole[201:]]),
        bytes([*whole[:-20], whole[-20] ^ 1, *whole[-19:]]),
    )
    assert [refused(content) for content in (whole, page, footer, whole[:-1])] == [False, True, True, True]
    monkeypatch.setattr("noisecleaner.files.seals._MOMENT", 100)
    assert [refused(content) for content in (whole, page, footer, whole[:-1])] == [False, False, True, True]


def test_what_cannot_be_read_is_an_error_in_its_place(tmp_path: Path) -> None:
    found = dict(looked_at(folder(tmp_path), ["a.txt", "gone", "deep", "c.parquet"]))
    assert [*found] == ["a.txt", "gone", "deep", "c.parquet"]
    assert isinstance(found["gone"], FileNotFoundError)
    assert isinstance(found["deep"], IsADirectoryError)
    with pytest.raises(FileNotFoundError):
        list(sealed(tmp_path, ["a.txt", "gone"]))
