"""Runs that are none, damaged or of another version, and disks that are full: nothing that was there is lost."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.field import VECTORS, Refused

from noisecleaner.files import read_record, write_record
from noisecleaner.runs.run import SCHEMA_VERSION


def test_run_directory_that_is_none(refused: Refused, tmp_path: Path) -> None:
    refused("score", "run", says=["run does not exist", "noisecleaner fit"])
    (tmp_path / "run").mkdir()
    refused("score", "run", says=["holds no run.json"])


def test_run_directory_that_exists(refused: Refused, tmp_path: Path, fitted: Path) -> None:
    shutil.copytree(fitted, tmp_path, dirs_exist_ok=True)
    fit = ["fit", "data.parquet", "--trusted", "trusted.parquet", "--out", "run", *VECTORS]
    refused(*fit, says=["exists already", "--resume", "--overwrite"])
    refused(*fit, "--resume", says=["--epochs", "--overwrite"])  # `fitted` was made with other options
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1").write_text("years of work")
    refused(*fit[:5], "thesis", *VECTORS, "--overwrite", says=["something else"])
    (tmp_path / "file").write_text("not a directory")
    refused(*fit[:5], "file", *VECTORS, "--overwrite", says=["something else"])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


DAMAGES = [
    (name, damage)
    for name in ("trace.parquet", "auditor/fold-0.safetensors", "auditor/auditor.json", "run.json")
    for damage in ("removed", "cut", "emptied", "flipped")
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_damaged_run_directory(refused: Refused, tmp_path: Path, fitted: Path, name: str, damage: str) -> None:
    shutil.copytree(fitted, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "run" / name
    content = file.read_bytes()
    if damage == "removed":
        file.unlink()
    elif damage == "flipped":
        flip(file)
    else:
        file.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    new = ["--data", "data.parquet", "--embedding-column", "embedding", "--out", "new"]
    needed = ["noisecleaner fit"]
    refused("score", "run", *(new if name.startswith("auditor") else []), says=needed)


def test_run_directory_of_another_version(refused: Refused, tmp_path: Path, fitted: Path) -> None:
    shutil.copytree(fitted / "run", tmp_path / "run")
    record = tmp_path / "run" / "run.json"
    write_record(record, {**read_record(record), "schema_version": 99})
    refused("score", "run", says=[f"schema version {SCHEMA_VERSION}", "version 99", "--overwrite"])


@pytest.mark.parametrize("call", ["posix_fallocate", "fsync"])
def test_disk_full_while_fitting(
    refused: Refused, tmp_path: Path, fitted: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    for name in ("data.parquet", "trusted.parquet"):
        shutil.copy(fitted / name, tmp_path)

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    fit = ["fit", "data.parquet", "--trusted", "trusted.parquet", "--out", "run", *VECTORS]
    refused(*fit, says=["No space left on device", "free space"])


def test_disk_full_while_scoring_keeps_the_old_scores(
    refused: Refused, command: Command, tmp_path: Path, fitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(fitted / "run", tmp_path / "run")
    assert command("score", tmp_path / "run").code == 0

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refused("score", "run", "--threshold", "0.1", says=["No space left on device"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which only Linux has")
def test_output_into_a_full_pipe_is_no_bug_of_ours(fitted: Path) -> None:
    with Path("/dev/full").open("w") as full:
        words = [sys.executable, "-m", "noisecleaner", "methods"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr


def test_when_a_new_fit_fails_the_old_run_comes_back(refused: Refused, tmp_path: Path, fitted: Path) -> None:
    shutil.copytree(fitted, tmp_path, dirs_exist_ok=True)
    data = pq.read_table(tmp_path / "data.parquet")
    vectors = data["embedding"].to_pylist()
    vectors[5] = [0.0] * 15
    index = data.schema.get_field_index("embedding")
    pq.write_table(data.set_column(index, "embedding", pa.array(vectors)), tmp_path / "broken.parquet")
    fit = ["fit", "broken.parquet", "--trusted", "trusted.parquet", "--out", "run", *VECTORS, "--overwrite"]
    refused(*fit, says=["row 5", "15"])


def test_nobody_reads_the_output_is_not_the_code_of_a_failed_gate(fitted: Path) -> None:
    for words in ("methods", "--help", "fit --help", f"ids {fitted}/data.parquet"):
        line = f"{sys.executable} -m noisecleaner {words} | true; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", line], check=False, stderr=subprocess.DEVNULL)
        assert done.returncode in (0, 141), words
