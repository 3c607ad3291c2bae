"""Vectors of new rows by a run's own networks: theirs, once, and nothing is left behind."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.datasets import Command, embeddings, image_folder, write_trusted
from support.embedding import tiny, typed

from noisecleaner.embedding import new_rows
from noisecleaner.embedding.new_rows import embedded
from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.ingest import Columns, Source, read_manifest
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.progress import Progress
from noisecleaner.runs.run import Run
from noisecleaner.settings import Inference

CPU = Inference(device="cpu")


@pytest.fixture
def run(tmp_path: Path, command: Command) -> Run:
    truth = image_folder(tmp_path / "images", rows=90)
    (tmp_path / "images" / sorted(truth)[7]).write_bytes(b"")
    write_trusted(tmp_path / "t.parquet", truth)
    words = ["--trusted", tmp_path / "t.parquet", "--folds", 3, "--epochs", 1, "--device", "cpu", "--rounds", 1]
    outcome = command("fit", tmp_path / "images", "--out", tmp_path / "run", *words, *typed(tiny(tmp_path)))
    assert outcome.code == 0, outcome.err
    return Run(tmp_path / "run")


def test_they_are_those_of_the_fit_and_go_when_they_were_used(tmp_path: Path, run: Run) -> None:
    source = Source(str(tmp_path / "images"))
    dataset = read_manifest(source)
    out = tmp_path / "new"
    with embedded(dataset, run, source, out, inference=CPU, progress=Progress()) as rows:
        assert isinstance(rows.payload, AnyVectors)
        found = np.concatenate(list(rows.payload.blocks()))
        assert rows.table["path"].equals(dataset.table["path"])
        assert rows.skips() == {"empty_file": 1}
    there = np.delete(np.arange(90), 7)
    np.testing.assert_array_equal(found[there], np.load(run.path / "features.npy")[there])
    assert list(tmp_path.glob(".new*")) == []


def test_an_interrupted_call_goes_on_and_another_one_starts_again(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(str(tmp_path / "images"))
    dataset, out, filled = read_manifest(source), tmp_path / "new", []
    fill = new_rows.fill
    monkeypatch.setattr(new_rows, "fill", lambda *given, **rest: filled.append(fill(*given, **rest)))

    def use(inference: Inference, stop: bool) -> None:
        with ExitStack() as stack:
            stack.enter_context(embedded(dataset, run, source, out, inference=inference, progress=Progress()))
            if stop:
                raise Interrupted(15)

    with pytest.raises(Interrupted):
        use(CPU, stop=True)
    assert len(filled) == 1
    with pytest.raises(Interrupted):
        use(CPU, stop=True)
    assert len(filled) == 1  # they were there
    use(replace(CPU, max_pixels=10**6), stop=False)
    assert len(filled) == 2
    assert list(tmp_path.glob(".new*")) == []


def test_rows_or_runs_without_images_are_refused(tmp_path: Path, run: Run, fitted: Path) -> None:
    embeddings(tmp_path / "e.parquet", rows=12)
    of_vectors = Source(str(tmp_path / "e.parquet"), columns=Columns(embedding="embedding"))
    of_images = Source(str(tmp_path / "images"))
    for which, source, words in (
        (run, of_vectors, "the rows bring vectors"),
        (Run(fitted / "run"), of_images, "has none"),
    ):
        with (
            pytest.raises(NoisecleanerError, match=words),
            embedded(read_manifest(source), which, source, tmp_path / "new", inference=CPU, progress=Progress()),
        ):
            pass
