"""The Python interface as a data scientist writes it: paths as text, data from memory, tables out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support.datasets import embeddings, write_trusted

from noisecleaner.api import Columns, Effort, FitConfig, NoisecleanerError, ScoredRun, Source, fit, score
from noisecleaner.ingest import read_manifest

#: What README shows; the names of the files and the column of vectors are put in by the test.
LINES = """
import pandas as pd
import pyarrow.parquet as pq
from noisecleaner.api import Columns, FitConfig, OnFlag, Policy, ProgressBars, ScoredRun, Source, export_clean
from noisecleaner.api import fit, keep, score

data, verified = pq.read_table("data.parquet"), pd.read_parquet("trusted.parquet")
source = Source.of(data, keep="runs/data.parquet", columns=Columns(embedding="embedding"))
config = FitConfig(source=source, trusted=keep(verified, "runs/verified.parquet"))
fit(config, "runs/api", progress=ProgressBars())
summary = score("runs/api")
print(summary.flagged, summary.noise.overall.words())
worst = ScoredRun("runs/api").to_pandas().nsmallest(20, "label_quality")
export_clean("runs/api", "clean-api", policy=Policy(on_flag=OnFlag.RELABEL))
"""


def test_the_lines_of_the_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    truth = embeddings(tmp_path / "data.parquet")
    write_trusted(tmp_path / "trusted.parquet", truth, every=4)
    told: dict[str, pd.DataFrame] = {}
    exec(LINES, told)  # noqa: S102  # these lines, and no others
    captured = capfd.readouterr()
    assert "Training" in captured.err
    assert captured.out.endswith(")\n")
    worst = told["worst"]
    assert len(worst) == 20
    assert (worst["sample_id"].map(truth) != worst["given_label"]).mean() > 0.9
    assert "embedding" in pq.read_schema(next((tmp_path / "clean-api").rglob("*.parquet"))).names


def test_from_memory_is_as_from_files(tmp_path: Path, fitted: Path) -> None:
    """A frame, an Arrow table and a Dataset give the bits that the file gives."""
    table = pq.read_table(fitted / "data.parquet")
    trusted = str(fitted / "trusted.parquet")
    columns, effort = Columns(embedding="embedding"), Effort(epochs=2, folds=3)
    found = {}
    for name, data in {
        "file": fitted / "data.parquet",
        "frame": table.to_pandas(),
        "arrow": table,
        "dataset": datasets.Dataset.from_dict(table.to_pydict()),
    }.items():
        kept = None if name == "file" else tmp_path / f"{name}.parquet"
        source = Source.of(data, keep=kept, columns=columns)
        fit(FitConfig(source=source, trusted=trusted, effort=effort), str(tmp_path / name))
        score(str(tmp_path / name))
        found[name] = ScoredRun(tmp_path / name).to_arrow()
    assert all(other.equals(found["file"]) for other in found.values())


def test_images_classes_and_splits_of_a_dataset_dict_are_read(tmp_path: Path) -> None:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    pictures = [Image.fromarray(np.full((8, 8, 3), shade, np.uint8)) for shade in range(30)]
    rows = datasets.Dataset.from_dict({"image": pictures, "label": [n % 2 for n in range(30)]}, features=features)
    both = datasets.DatasetDict(train=rows.select(range(20)), test=rows.select(range(20, 30)))
    source = Source.of(both, keep=tmp_path / "rows", columns=Columns(row_ids=True))
    manifest = read_manifest(source)
    assert (len(manifest), manifest.classes) == (30, ("cat", "dog"))
    assert set(manifest.skips()) == set()


def test_pictures_categories_and_a_named_index_of_a_frame_are_read(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "image": [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in range(30)],
            "label": pd.Categorical(["cat", "dog"] * 15),
        },
        index=pd.Index(range(100, 130), name="key"),
    )
    source = Source.of(frame, keep=tmp_path / "rows.parquet", columns=Columns(sample_id="key"))
    manifest = read_manifest(source)
    assert manifest.table["sample_id"].to_pylist() == [str(number) for number in range(100, 130)]
    assert manifest.classes == ("cat", "dog")
    assert set(manifest.skips()) == set()


def test_data_in_the_place_of_a_path_is_told_what_to_do(tmp_path: Path) -> None:
    table = pa.table({"a": [1]})
    source = Source("data.parquet")
    wrong: Any
    says = r"a Table stands in its place\. Data that are in memory are written"
    for wrong in (lambda: FitConfig(source=source, trusted=table), lambda: Source(table), lambda: ScoredRun(table)):
        with pytest.raises(NoisecleanerError, match=says):
            wrong()
    with pytest.raises(NoisecleanerError, match="need a place to be kept"):
        Source.of(table)
    with pytest.raises(NoisecleanerError, match="a path needs none"):
        Source.of("data.parquet", keep=tmp_path / "x.parquet")
    assert Source.of(tmp_path / "data.parquet") == Source(str(tmp_path / "data.parquet"))
