"""`embed`: the vectors that a fit would compute, shard by shard, whatever happens in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.datasets import image_folder, write_trusted
from support.embedding import config, read, tiny, typed, vectors

from noisecleaner.api import FitConfig, embed
from noisecleaner.errors import NoisecleanerError
from noisecleaner.fitting import fit
from noisecleaner.ingest import Source
from noisecleaner.settings import Effort, Model


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return tiny(tmp_path)


def test_vectors_are_those_of_a_fit_bit_for_bit(tmp_path: Path, model: Model) -> None:
    write_trusted(tmp_path / "t.parquet", image_folder(tmp_path / "images", rows=150))
    result = embed(config(tmp_path / "images", model), tmp_path / "emb")
    assert (result.rows, result.shards, result.width, result.skipped) == (150, 3, 64, {})
    asked = FitConfig(
        source=Source(str(tmp_path / "images")),
        trusted=tmp_path / "t.parquet",
        model=model,
        device="cpu",
        effort=Effort(folds=3, epochs=1),
    )
    fit(asked, tmp_path / "run")
    np.testing.assert_array_equal(vectors(read(tmp_path / "emb")), np.load(tmp_path / "run" / "features.npy"))


def test_rows_that_cannot_be_read_are_rows_with_a_reason(tmp_path: Path, model: Model) -> None:
    truth = image_folder(tmp_path / "images", rows=70)
    bad = sorted(truth)[66]
    (tmp_path / "images" / bad).write_bytes(b"")
    result = embed(config(tmp_path / "images", model), tmp_path / "emb")
    assert result.skipped == {"empty_file": 1}
    assert [(row.sample_id, row.reason) for row in result.unreadable] == [(bad, "empty_file")]
    table = read(tmp_path / "emb")
    assert table["sample_id"].to_pylist() == sorted(truth)
    assert [row for row, why in enumerate(table["skip_reason"].to_pylist()) if why] == [66]
    assert np.isnan(vectors(table)).all(axis=1).nonzero()[0].tolist() == [66]
    with pytest.raises(NoisecleanerError, match=f"such as '{bad}' \\(empty_file\\)"):
        embed(replace(config(tmp_path / "images", model), strict=True), tmp_path / "strict")
    assert not (tmp_path / "strict").exists()


def test_a_killed_run_goes_on_behind_its_last_shard_with_the_same_bytes(tmp_path: Path, model: Model) -> None:
    image_folder(tmp_path / "images", rows=600)
    words = ["embed", "images", "--out", "emb", "--rows-per-shard", "64", "--device", "cpu", *typed(model)]
    killed = subprocess.Popen([sys.executable, "-m", "noisecleaner", *words], cwd=tmp_path, stderr=subprocess.DEVNULL)
    partial = tmp_path / ".emb.partial"
    while not list(partial.glob("part-*")) and killed.poll() is None:
        time.sleep(0.002)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    there = {path: path.stat().st_mtime_ns for path in partial.glob("part-*")}
    assert not (tmp_path / "emb").exists()
    assert 0 < len(there) < 10
    embed(config(tmp_path / "images", model), tmp_path / "emb", resume=True)
    embed(config(tmp_path / "images", model), tmp_path / "whole")
    for path, before in there.items():
        assert (tmp_path / "emb" / path.name).stat().st_mtime_ns == before
    files = [sorted(path.name for path in (tmp_path / out).iterdir()) for out in ("emb", "whole")]
    assert files[0] == files[1]
    for name in files[0]:
        assert (tmp_path / "emb" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_folder_inside_the_dataset_is_refused(tmp_path: Path, model: Model) -> None:
    image_folder(tmp_path / "images", rows=6)
    with pytest.raises(NoisecleanerError, match="Outputs must lie outside the dataset"):
        embed(config(tmp_path / "images", model), tmp_path / "images" / "emb")
