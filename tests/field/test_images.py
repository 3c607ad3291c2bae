"""Images and folders that cannot be used: refused in one paragraph that says what to do, and nothing written."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support.datasets import Command, image_folder, png, write_trusted
from support.field import SMALL, Refused, bomb, few_images


def test_missing_path(refused: Refused) -> None:
    refused("fit", "nowhere", "--out", "run", says=["nowhere is nothing", "Check the path"])


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
        (b"", "empty_file"),
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


def test_more_images_than_promised_pixels_allow(refused: Refused, tmp_path: Path) -> None:
    few_images(tmp_path / "images")
    fit = ["fit", "images", "--method", "uniform", "--out", "run", *SMALL, "--max-pixels", "1000"]
    refused(*fit, says=["20 too_large"])


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
