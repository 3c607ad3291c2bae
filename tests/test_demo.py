"""The drawn dataset: the same each time, with the labels that are wrong said elsewhere, and nothing half written."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image

from noisecleaner import demo as drawing
from noisecleaner.demo import PATTERNS, Demo, demo
from noisecleaner.errors import NoisecleanerError


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return demo(tmp_path_factory.mktemp("drawn") / "demo")


def test_there_are_as_many_rows_and_wrong_labels_as_it_says(written: Demo) -> None:
    data, truth = pq.read_table(written.data), pq.read_table(written.truth)
    assert data.column_names == ["sample_id", "image", "label"]
    assert data["sample_id"].equals(truth["sample_id"])
    assert len(pc.unique(data["sample_id"])) == len(data) == written.rows == 1000
    assert pc.sum(pc.not_equal(data["label"], truth["true_label"])).as_py() == written.wrong
    assert 0.2 < written.wrong / written.rows < 0.3
    assert set(data["label"].to_pylist()) == set(PATTERNS)


def test_verified_rows_have_their_right_label(written: Demo) -> None:
    trusted, truth = pq.read_table(written.trusted), pq.read_table(written.truth)
    assert len(trusted) == written.verified == 200
    right = dict(zip(truth["sample_id"].to_pylist(), truth["true_label"].to_pylist(), strict=True))
    assert trusted["trusted_label"].to_pylist() == [right[i] for i in trusted["sample_id"].to_pylist()]


def test_labels_are_mistaken_mostly_for_the_pattern_that_looks_alike(written: Demo) -> None:
    given = pq.read_table(written.data, columns=["label"])["label"].to_pylist()
    true = pq.read_table(written.truth)["true_label"].to_pylist()
    alike = {"checks": "dots", "dots": "checks", "rings": "stripes", "stripes": "rings"}
    wrong = [(t, g) for t, g in zip(true, given, strict=True) if t != g]
    assert 0.7 < sum(alike[t] == g for t, g in wrong) / len(wrong) < 0.95


def test_images_are_small_pngs_in_colour(written: Demo) -> None:
    images = pq.read_table(written.data)["image"]
    for encoded in images[:20].to_pylist():
        with Image.open(io.BytesIO(encoded), formats=["PNG"]) as image:
            assert (image.size, image.mode) == ((32, 32), "RGB")
            assert np.asarray(image).std() > 5
    assert len(pc.unique(images)) == len(images)


def test_it_is_the_same_each_time_also_in_an_empty_directory(written: Demo, tmp_path: Path) -> None:
    again = demo(tmp_path)
    for name in ("data", "trusted", "truth"):
        assert pq.read_table(getattr(again, name)).equals(pq.read_table(getattr(written, name)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.parquet", "trusted.parquet", "truth.parquet"]


def test_what_stands_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(NoisecleanerError, match="exists already"):
        demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_nothing_is_left_of_one_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(table: object, path: Path, **named: object) -> None:
        if path.name == "truth.parquet":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(drawing.pq, "write_table", full)
    with pytest.raises(OSError, match="No space"):
        demo(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []


def test_it_does_not_import_torch(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom noisecleaner.api import demo\n"
        f"demo(Path({str(tmp_path / 'demo')!r}))\nsys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
