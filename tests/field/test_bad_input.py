"""Every kind of bad input: exit code 2, one paragraph that says what to do, and nothing written."""

from __future__ import annotations

import errno
import io
import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from support.datasets import Command, Outcome, embeddings, image_folder, png, write_trusted

from noisecleaner.files import read_record, write_record
from noisecleaner.runs.run import SCHEMA_VERSION

SMALL = ["--backbone", "cifar-quick", "--no-frozen", "--epochs", "1", "--folds", "1"]
VECTORS = ["--embedding-column", "embedding", "--epochs", "1"]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


@pytest.fixture
def refused(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run a command in `tmp_path`; it must be refused in one paragraph that holds `words`, and write nothing."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, says: list[str]) -> Outcome:
        before = tree(tmp_path)
        outcome = command(*arguments)
        assert outcome.code == 2, outcome.err
        assert outcome.out == ""
        paragraph = outcome.err.splitlines()[-1]
        assert paragraph.startswith("Error: ")
        assert outcome.err.count("Error: ") == 1
        assert "Traceback" not in outcome.err
        for words in says:
            assert words in paragraph
        assert tree(tmp_path) == before
        return outcome

    return run


Refused = Callable[..., Outcome]


def few_images(folder: Path, **contents: bytes) -> None:
    """Two classes of ten readable images, and files with the given contents among them."""
    rng = np.random.default_rng(0)
    for colour, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            (folder / name / f"{number}.png").write_bytes(png(colour, rng))
    for name, content in contents.items():
        (folder / "cat" / f"{name}.png").write_bytes(content)


def bomb() -> bytes:
    """A PNG of 73 bytes whose header promises 900 million pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")


def test_missing_path(refused: Refused) -> None:
    refused("fit", "nowhere", "--out", "run", says=["nowhere is nothing", "Check the path"])


def test_missing_trusted_path(refused: Refused, tmp_path: Path) -> None:
    embeddings(tmp_path / "data.parquet", rows=60)
    refused("fit", "data.parquet", "--trusted", "gone.csv", "--out", "run", *VECTORS, says=["gone.csv is nothing"])


def test_empty_folder(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused("fit", "empty", "--out", "run", says=["an empty folder", "Check the path"])


def test_folder_without_images(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("no image")
    refused("fit", "notes", "--out", "run", says=["An image folder"])


def test_one_image_is_no_dataset(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(png(0, np.random.default_rng(0)))
    refused("fit", "cat.png", "--out", "run", says=["a single image is no dataset"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not an image at all", "unsupported_format"),
        (b"", "unreadable"),
        (png(0, np.random.default_rng(0), (200, 200))[:400], "truncated"),
        (bomb(), "too_large"),
    ],
    ids=["text", "empty", "truncated", "bomb"],
)
def test_unreadable_images_are_counted_and_fatal_when_strict(
    refused: Refused, command: Command, tmp_path: Path, content: bytes, reason: str
) -> None:
    few_images(tmp_path / "images", broken=content)
    fit = ["fit", "images", "--method", "uniform", "--out", "run", *SMALL]
    found = refused(*fit, "--strict", says=["--strict", "cat/broken.png", "leave --strict out"])
    reason = "unsupported_format" if "unsupported_format" in found.err else reason  # an empty file has no format
    assert f"cat/broken.png ({reason})" in found.err
    outcome = command(*fit)
    assert outcome.code == 0, outcome.err
    assert f"1 skipped: 1 {reason}" in outcome.out
    trace = pq.read_table(tmp_path / "run" / "trace.parquet")
    rows = {row["sample_id"]: row for row in trace.to_pylist()}
    assert rows["cat/broken.png"]["skip_reason"] == reason
    assert rows["cat/broken.png"]["alpha"] is None
    assert all(row["alpha"] is not None for name, row in rows.items() if name != "cat/broken.png")
    assert f"1 skipped: 1 {reason}" in command("score", "run").out


def test_zero_readable_rows(refused: Refused, tmp_path: Path) -> None:
    for name in ("cat/a.png", "cat/b.png", "dog/a.png"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(b"broken")
    fit = ["fit", "images", "--method", "uniform", "--out", "run", *SMALL]
    refused(*fit, says=["of 3 rows 0 can be used", "3 unsupported_format"])


def test_parquet_without_the_columns(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(pa.table({"file": ["a.png"], "category": ["cat"], "sample_id": ["1"]}), tmp_path / "data.parquet")
    fit = ["fit", "data.parquet", "--out", "run"]
    refused(*fit, says=["'image'", "--image-column"])
    refused(*fit, "--image-column", "file", says=["'label'", "file, category", "--label-column"])
    refused(*fit, "--embedding-column", "vector", says=["'vector'", "file, category", "--embedding-column"])


def test_no_ids(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(pa.table({"embedding": [[1.0]] * 4, "label": ["a", "b"] * 2}), tmp_path / "data.parquet")
    refused("fit", "data.parquet", "--out", "run", *VECTORS, says=["--id-column", "--row-ids"])


def test_not_a_parquet_file(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "data.parquet").write_bytes(b"PAR1 nothing PAR1")
    refused("fit", "data.parquet", "--out", "run", says=["A Parquet file is required"])


def test_a_file_of_another_kind(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "data.xlsx").write_bytes(b"PK")
    refused("fit", "data.xlsx", "--out", "run", says=[".parquet, .csv, .jsonl"])


def table(**columns: object) -> pa.Table:
    rows = 40
    ready: dict[str, object] = {
        "sample_id": [f"s{i}" for i in range(rows)],
        "label": ["cat", "dog"] * (rows // 2),
        "embedding": np.random.default_rng(0).normal(size=(rows, 4)).tolist(),
    }
    return pa.table({**ready, **columns})


UNIFORM = ["fit", "data.parquet", "--method", "uniform", "--out", "run", *VECTORS]


def test_duplicate_sample_ids(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(sample_id=["same"] * 2 + [str(i) for i in range(38)]), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["unique", "same", "--id-column"])


def test_null_sample_ids(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(sample_id=[None] + [str(i) for i in range(39)]), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["1 of 40 rows"])


def test_one_class_only(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(label=["cat"] * 40), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["At least two classes", "1 (cat)"])


def test_labels_that_are_no_labels(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(label=[[1.0]] * 40), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["text or integers", "--label-column"])


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ([1.0, 2.0, 3.0], "has 3 numbers"),
        ([1.0, 2.0, 3.0, float("nan")], "holds NaN or infinity"),
        ([1.0, 2.0, 3.0, float("inf")], "holds NaN or infinity"),
        ([], "has 0 numbers"),
    ],
)
def test_embeddings_of_unequal_length_or_with_nan(
    refused: Refused, tmp_path: Path, broken: list[float], says: str
) -> None:
    vectors = np.random.default_rng(0).normal(size=(40, 4)).tolist()
    pq.write_table(table(embedding=[*vectors[:17], broken, *vectors[18:]]), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["row 17", says])


def test_embeddings_that_are_no_numbers(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(embedding=["1,2,3"] * 40), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["lists of numbers", "--embedding-column"])


@pytest.mark.parametrize(("width", "says"), [(-1, "at least one number"), (0, "at least one number"), (4, "no_vector")])
def test_embeddings_that_are_all_missing(refused: Refused, tmp_path: Path, width: int, says: str) -> None:
    empty = pa.array([None] * 40, pa.list_(pa.float32(), width))
    pq.write_table(table(embedding=empty), tmp_path / "data.parquet")
    refused(*UNIFORM, says=[says])


def test_columns_of_the_same_name(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("sample_id,image,label,label\n1,a.png,cat,cat\n2,b.png,dog,dog\n")
    fit = ["fit", "data.csv", "--method", "uniform", "--out", "run"]
    refused(*fit, says=["2 columns called 'label'"])


def test_sample_ids_that_are_no_text(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(sample_id=[[1]] * 40), tmp_path / "data.parquet")
    refused(*UNIFORM, says=["Sample ids must be text or integers"])


def test_probabilities_that_are_none(refused: Refused, tmp_path: Path) -> None:
    fit = ["fit", "data.parquet", "--method", "uniform", "--out", "run", "--probabilities-column", "p"]
    pq.write_table(table(p=[[2.0, -1.0]] * 40), tmp_path / "data.parquet")
    refused(*fit, says=["lie in [0, 1] and sum to 1", "softmax"])
    pq.write_table(table(p=[[0.5, 0.25, 0.25]] * 40), tmp_path / "data.parquet")
    refused(*fit, says=["one number for each of the 2 classes"])


STEERED = ["fit", "data.parquet", "--out", "run", *VECTORS]


@pytest.mark.parametrize("method", ["soseleto", "l2b", "l2rw"])
def test_no_trusted_rows_for_a_method_that_needs_them(refused: Refused, tmp_path: Path, method: str) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    refused(
        *STEERED,
        "--method",
        method,
        says=[f"--method {method}", "--trusted FILE", "--trusted none", "bilevel or uniform"],
    )


def test_rows_of_low_loss_only_where_they_serve(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    refused(*STEERED, "--trusted", "none", "--method", "uniform", says=["--method uniform needs none"])
    pq.write_table(table(trusted_label=["cat", "dog"] * 20), tmp_path / "data.parquet")
    refused(*STEERED, "--trusted", "none", says=["has a column of them", "Leave --trusted out"])


def trusted(path: Path, labels: list[str | None], ids: list[str] | None = None) -> None:
    names = ids or [f"s{i}" for i in range(len(labels))]
    pq.write_table(pa.table({"sample_id": names, "trusted_label": pa.array(labels, pa.string())}), path)


def test_trusted_labels_unknown_to_the_dataset(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    trusted(tmp_path / "t.parquet", ["cat", "horse"])
    refused(*STEERED, "--trusted", "t.parquet", says=["holds horse", "cat, dog", "--trusted-column"])


def test_trusted_rows_all_of_one_class(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    trusted(tmp_path / "t.parquet", ["cat"] * 10)
    refused(*STEERED, "--trusted", "t.parquet", says=["at least two classes", "'cat'", "at random"])


def test_trusted_rows_without_a_label(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    trusted(tmp_path / "t.parquet", [None] * 10)
    refused(*STEERED, "--trusted", "t.parquet", says=["there are none"])


def test_trusted_rows_of_another_dataset(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    trusted(tmp_path / "t.parquet", ["cat", "dog"], ["x", "y"])
    refused(*STEERED, "--trusted", "t.parquet", says=["2 of 2", "same ids"])


def test_trusted_rows_twice(refused: Refused, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    trusted(tmp_path / "t.parquet", ["cat", "dog"], ["s1", "s1"])
    refused(*STEERED, "--trusted", "t.parquet", says=["unique", "s1"])


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "images/../../x.png", "file:///etc/passwd"])
def test_manifest_path_that_leaves_the_root(refused: Refused, tmp_path: Path, path: str) -> None:
    manifest = pa.table({"sample_id": ["1", "2"], "label": ["cat", "dog"], "image": ["a.png", path]})
    (tmp_path / "data").mkdir()
    pq.write_table(manifest, tmp_path / "data" / "m.parquet")
    fit = ["fit", "data/m.parquet", "--method", "uniform", "--out", "run", *SMALL]
    refused(*fit, says=[repr(path), "stay inside", "--allow-absolute"])


def test_absolute_paths_are_read_when_allowed(command: Command, tmp_path: Path) -> None:
    few_images(tmp_path / "images")
    files = sorted((tmp_path / "images").rglob("*.png"))
    manifest = {"sample_id": [str(i) for i in range(20)], "label": ["cat"] * 10 + ["dog"] * 10}
    (tmp_path / "elsewhere").mkdir()
    pq.write_table(pa.table({**manifest, "image": [str(f) for f in files]}), tmp_path / "elsewhere" / "m.parquet")
    fit = ["fit", tmp_path / "elsewhere" / "m.parquet", "--method", "uniform", "--out", tmp_path / "run", *SMALL]
    assert command(*fit).code == 2
    outcome = command(*fit, "--allow-absolute")
    assert outcome.code == 0, outcome.err
    assert "20 rows (0 skipped)" in outcome.out


@pytest.mark.parametrize("threshold", ["-0.1", "1.01", "nan", "inf"])
def test_threshold_outside_its_range(refused: Refused, tmp_path: Path, fitted: Path, threshold: str) -> None:
    shutil.copytree(fitted / "run", tmp_path / "run")
    refused("score", "run", "--threshold", threshold, says=["--threshold must lie in [0, 1]", "0.5"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--method", "magic"], ["--method magic", "bilevel, l2b, l2rw, soseleto, uniform"]),
        (["--method", "l2b", "--option", "wramup=3"], ["wramup", "warmup"]),
        (["--option", "rate"], ["NAME=VALUE", "'rate'"]),
        (["--option", "classifier=both"], ["classifier=both", "auto"]),
        (["--option", "rate=fast"], ["rate=fast", "float"]),
        (["--option", "rate=-1"], ["rate must be above 0"]),
        (["--option", "warmup=1.5"], ["warmup=1.5", "int"]),
        (["--method", "bilevel", "--batch-size", "15"], ["--method bilevel", "--batch-size of at least 16"]),
        (["--method", "bilevel", "--option", "mu_hat=0"], ["mu_hat must be above 0"]),
        (["--epochs", "0"], ["--epochs must be at least 1"]),
        (["--weight-decay", "inf"], ["--weight-decay must be at least 0 and finite"]),
        (["--max-pixels", "9"], ["--max-pixels would do nothing"]),
        (["--probabilities-column", "p"], ["both columns are named"]),
        (["--device", "meta"], ["--device meta"]),
        (["--learning-rate", "1e30"], ["converge", "smaller --learning-rate"]),
        (["--batch-size", "0"], ["--batch-size"]),
        (["--learning-rate", "nan"], ["--learning-rate"]),
        (["--folds", "2"], ["--folds must be 1", "at least 3"]),
        (["--device", "abacus"], ["--device abacus", "auto, cpu"]),
        (["--backbone", "resnet18"], ["--backbone would do nothing"]),
    ],
)
def test_option_values_that_are_unknown_or_out_of_range(
    refused: Refused, tmp_path: Path, fitted: Path, options: list[str], says: list[str]
) -> None:
    for name in ("data.parquet", "trusted.parquet"):
        shutil.copy(fitted / name, tmp_path)
    refused("fit", "data.parquet", "--trusted", "trusted.parquet", "--out", "run", *VECTORS, *options, says=says)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--backbone", "resnet19"], ["--backbone resnet19", "cifar-quick", "resnet18"]),
        (["--backbone", "lenet", "--pretrained"], ["lenet has none", "--weights"]),
        (["--backbone", "lenet", "--frozen"], ["--frozen needs pretrained weights", "--no-frozen"]),
        (["--backbone", "lenet", "--hidden", "8"], ["--hidden"]),
        (["--backbone", "lenet", "--image-size", "9"], ["lenet cannot take images of 9 pixels", "larger --image-size"]),
        (["--backbone", "lenet", "--weights", "nothing.safetensors"], ["--weights needs a safetensors file"]),
    ],
)
def test_backbones_that_cannot_be_had(refused: Refused, tmp_path: Path, options: list[str], says: list[str]) -> None:
    few_images(tmp_path / "images")
    refused("fit", "images", "--method", "uniform", "--out", "run", *options, says=says)


def test_a_pickle_is_never_loaded(refused: Refused, tmp_path: Path) -> None:
    few_images(tmp_path / "images")
    (tmp_path / "w.pt").write_bytes(b"cos\nsystem\n(S'touch hacked'\ntR.")
    fit = ["fit", "images", "--method", "uniform", "--out", "run", "--backbone", "lenet", "--weights", "w.pt"]
    refused(*fit, says=["safetensors.torch.save_file"])
    assert not (tmp_path / "hacked").exists()


def test_unknown_choices_of_other_commands(refused: Refused, tmp_path: Path, fitted: Path) -> None:
    shutil.copytree(fitted / "run", tmp_path / "run")
    refused("score", "run", "--by", "beta", says=["--by beta", "label_quality, alpha"])
    refused("export-clean", "run", "--out", "x", "--on-flag", "burn", says=["drop, relabel, keep"])
    refused("export-clean", "run", "--out", "x", "--format", "zip", says=["folder, parquet"])
    refused("score", "run", "--allow-absolute", says=["--allow-absolute would do nothing", "--data"])
    refused("score", "run", "--data", "new.csv", "--by", "alpha", says=["New rows have no alpha", "Leave --by out"])
    refused("score", "run", "--strict", says=["--strict would do nothing", "--data"])
    refused("score", "run", "--threshold", "0.5", "--budget", "9", says=["--threshold and --budget", "Keep one"])
    refused("score", "run", "--target-noise", "0", says=["--target-noise must lie between 0 and 1"])
    refused("score", "run", "--target-precision", "1.5", says=["--target-precision must lie between 0 and 1"])
    refused("score", "run", "--budget", "0", says=["--budget takes a number of rows"])
    refused("score", "run", "--confidence", "0.8", says=["--confidence would do nothing", "a target"])
    refused("score", "run", "--target-noise", "0.1", "--confidence", "1", says=["--confidence must lie between"])


def test_run_directory_that_is_none(refused: Refused, tmp_path: Path) -> None:
    refused("score", "run", says=["run does not exist", "noisecleaner fit"])
    (tmp_path / "run").mkdir()
    refused("score", "run", says=["holds no run.json"])


def test_run_directory_that_exists(refused: Refused, tmp_path: Path, fitted: Path) -> None:
    shutil.copytree(fitted, tmp_path, dirs_exist_ok=True)
    fit = ["fit", "data.parquet", "--trusted", "trusted.parquet", "--out", "run", *VECTORS]
    refused(*fit, says=["exists already", "--resume", "--overwrite"])
    refused(*fit, "--resume", says=["effort", "--overwrite"])  # `fitted` was made with other options
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
    vectors[5] = [float("nan")] * 16
    index = data.schema.get_field_index("embedding")
    pq.write_table(data.set_column(index, "embedding", pa.array(vectors)), tmp_path / "broken.parquet")
    fit = ["fit", "broken.parquet", "--trusted", "trusted.parquet", "--out", "run", *VECTORS, "--overwrite"]
    refused(*fit, says=["row 5", "NaN"])


def test_more_images_than_promised_pixels_allow(refused: Refused, tmp_path: Path) -> None:
    few_images(tmp_path / "images")
    fit = ["fit", "images", "--method", "uniform", "--out", "run", *SMALL, "--max-pixels", "1000"]
    refused(*fit, says=["20 too_large"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(content=b"\x80\n", ending=".csv")
@example(content=b"caf\xe9,label\n1,a\n", ending=".csv")
@given(content=st.binary(max_size=300), ending=st.sampled_from([".parquet", ".csv", ".jsonl"]))
def test_any_bytes_as_a_table_are_refused(command: Command, tmp_path: Path, content: bytes, ending: str) -> None:
    file = tmp_path / f"data{ending}"
    file.write_bytes(content)
    outcome = command("fit", file, "--method", "uniform", "--out", tmp_path / "run", *VECTORS)
    assert outcome.code == 2, outcome.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("out", [".", "", "/"])
def test_outputs_that_have_no_name(refused: Refused, tmp_path: Path, out: str) -> None:
    pq.write_table(table(), tmp_path / "data.parquet")
    refused("fit", "data.parquet", "--method", "uniform", "--out", out, *VECTORS, says=["--out"])
    refused("corrupt", "data.parquet", "--out", out, "--embedding-column", "embedding", says=["--out"])


def test_outputs_inside_the_dataset(refused: Refused, tmp_path: Path, fitted: Path) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(fitted / "data.parquet", tmp_path / "data")
    shutil.copytree(fitted / "run", tmp_path / "run")
    fit = ["fit", "data", "--method", "uniform", "--out", "data/run", *VECTORS]
    refused(*fit, says=["outside the dataset", "--out"])
    new = ["score", "run", "--data", "data", "--embedding-column", "embedding", "--out"]
    refused(*new, "data", says=["outside the dataset"])
    refused(*new, "run", says=["is a run directory"])


def test_nobody_reads_the_output_is_not_the_code_of_a_failed_gate() -> None:
    for words in ("methods", "--help", "fit --help"):
        line = f"{sys.executable} -m noisecleaner {words} | true; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", line], check=False, stderr=subprocess.DEVNULL)
        assert done.returncode in (0, 141), words


def test_a_folder_of_every_kind_of_image_is_fitted(command: Command, tmp_path: Path) -> None:
    """What decodes is used, whatever its mode; what does not is counted."""
    truth = image_folder(tmp_path / "images", rows=45)
    rng = np.random.default_rng(0)
    for mode, kind in (("L", "png"), ("P", "gif"), ("RGBA", "png"), ("CMYK", "jpeg"), ("1", "bmp"), ("I;16", "tiff")):
        pixels = rng.integers(0, 256, (20, 30), dtype=np.uint8)
        image = Image.fromarray(pixels.astype(np.uint16) * 256 if mode == "I;16" else pixels)
        buffer = io.BytesIO()
        (image if mode == "I;16" else image.convert(mode)).save(buffer, kind)
        (tmp_path / "images" / "red" / f"{mode.replace(';', '')}.{kind}").write_bytes(buffer.getvalue())
    write_trusted(tmp_path / "t.parquet", truth)
    fit = ["fit", tmp_path / "images", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run", *SMALL]
    outcome = command(*fit)
    assert outcome.code == 0, outcome.err
    assert "Fitted 51 rows (0 skipped)" in outcome.out


def ruined(folder: Path, option: str, broken: str) -> list[str]:
    """Write what is wrong with a `.npy` file of 60 rows, 3 numbers each; return what must be said of it."""
    path, good = folder / "v.npy", np.full((60, 3), 1 / 3, dtype=np.float32)
    holed = good.copy()
    holed[17, 1] = np.nan
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "rows": good[:59],
        "flat": good.ravel(),
        "integers": good.astype(np.int64),
        "hole": holed,
    }
    arrays |= {"empty": good[:, :0], "other order": good.astype(">f4"), "logits": 3 * good}
    if broken in arrays:
        np.save(path, arrays[broken])
    elif broken == "pickle":
        np.save(path, np.array([[None] * 3] * 60, dtype=object), allow_pickle=True)
    elif broken == "archive":
        with path.open("wb") as file:
            np.savez(file, good)
    elif broken == "cut short":
        np.save(path, good)
        path.write_bytes(path.read_bytes()[:-100])
    says = {"rows": ["59", "60"], "hole": ["row 17", "NaN"], "logits": ["sum to 1"], "flat": ["[180]", "float32"]}
    return says.get(broken, [f"--{option}-column PATH"])


BROKEN = ["rows", "flat", "integers", "empty", "other order", "pickle", "archive", "cut short", "missing", "hole"]


@pytest.mark.parametrize(
    ("option", "broken"),
    [*(("embedding", broken) for broken in BROKEN), *(("probabilities", broken) for broken in (*BROKEN, "logits"))],
)
def test_files_of_vectors_that_cannot_be_used(
    refused: Refused, tmp_path: Path, fitted: Path, option: str, broken: str
) -> None:
    truth = embeddings(tmp_path / "data.parquet", rows=60)
    write_trusted(tmp_path / "trusted.parquet", truth)
    says = ruined(tmp_path, option, broken)
    words = ["data.parquet", f"--{option}-column", "v.npy"]
    refused("fit", *words, "--trusted", "trusted.parquet", "--out", "run", says=says)
    if option == "embedding" and broken not in ("hole", "logits"):
        refused("score", fitted / "run", "--data", *words, "--out", "scored", says=says)


def test_vectors_of_new_rows_that_the_run_cannot_take(command: Command, refused: Refused, tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "data.parquet", rows=60)
    write_trusted(tmp_path / "trusted.parquet", truth)
    np.save(tmp_path / "p.npy", np.full((60, 3), 1 / 3, dtype=np.float32))
    fit = ["fit", "data.parquet", "--trusted", "trusted.parquet", "--out", "run", "--epochs", "1", "--folds", "3"]
    assert command(*fit, "--probabilities-column", "p.npy").code == 0
    for broken in ("hole", "logits"):
        says = ruined(tmp_path, "probabilities", broken)
        words = ["--data", "data.parquet", "--probabilities-column", "v.npy", "--out", "scored"]
        refused("score", "run", *words, says=says)
    np.save(tmp_path / "wide.npy", np.full((60, 4), 1 / 4, dtype=np.float32))
    wide = ["--data", "data.parquet", "--probabilities-column", "wide.npy", "--out", "scored"]
    refused("score", "run", *wide, says=["vectors of 3 numbers", "vectors of 4 numbers"])


def test_a_file_of_vectors_is_that_of_the_dataset_alone(refused: Refused, tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "data.parquet", rows=60)
    embeddings(tmp_path / "target.parquet", rows=60)
    write_trusted(tmp_path / "trusted.parquet", {f"other-{name}": label for name, label in truth.items()})
    np.save(tmp_path / "v.npy", np.ones((60, 3), dtype=np.float32))
    words = ["fit", "data.parquet", "--embedding-column", "v.npy", "--out", "run", "--trusted"]
    refused(*words, "trusted.parquet", says=["must be rows of the dataset"])
    refused(*words, "target.parquet", "--transfer", says=["holds only the dataset's", "list column"])
    refused(*words, "trusted.parquet", "--probabilities-column", "p", says=["both"])


def test_a_column_of_vectors_of_an_image_folder(refused: Refused, tmp_path: Path) -> None:
    few_images(tmp_path / "images")
    write_trusted(tmp_path / "trusted.parquet", {f"cat/{number}.png": "cat" for number in range(5)})
    words = ["fit", "images", "--trusted", "trusted.parquet", "--out", "run", "--embedding-column", "vector"]
    refused(*words, says=["'vector' is no .npy file"])
