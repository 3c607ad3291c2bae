"""What holds for every experiment, also for one that is dropped into the folder."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.packages import with_file

from noisecleaner.bench import BenchConfig, bench, experiment_class
from noisecleaner.registry import names_in

DROPPED_IN = '''"""Mine: no paper has it."""

from noisecleaner.bench import Experiment, Row


class Mine(Experiment):
    """Says how large the seed is; `scale` changes nothing."""

    rows = (Row("uniform", {"noise": 0.5}, paper={"size": 3.0}),)

    def run(self, row, work):
        return {"size": float(work.seed), "other": 1.0}
'''


@pytest.mark.parametrize("paper", names_in("bench"))
def test_every_experiment_keeps_the_contract(paper: str) -> None:
    experiment = experiment_class(paper)
    assert 0 < experiment.scale <= 1
    assert experiment.rows
    assert len({tuple(row.setting) for row in experiment.rows}) == 1
    assert len({str(row) for row in experiment.rows}) == len(experiment.rows)
    assert "scale" in (experiment.__doc__ or "")
    for file in experiment.files:
        assert not Path(file).is_absolute()


def test_an_experiment_dropped_into_the_folder_shows_up(tmp_path: Path) -> None:
    """In a copy of the package, so that the one under test stays as it is."""
    package = with_file(tmp_path, "bench/my_table.py", DROPPED_IN)
    assert "my-table" in package.command("bench", "--help")
    assert "1.0000 ± 1.0000" in package.command("bench", "my-table", "--out", "out", "--device", "cpu")
    table = pq.read_table(tmp_path / "out" / "my-table.parquet")
    assert table["noise"].to_pylist() == [0.5] * 3
    assert table["size"].to_pylist() == [0.0, 1.0, 2.0]
    package.passes("bench/test_contract.py", "keeps_the_contract and my-table")


@pytest.mark.parametrize("paper", ["soseleto-cifar10", "bilevel-cifar10", "l2b-cifar10"])
def test_experiments_on_images_run_on_a_tiny_dataset(
    command: Command, cifar10: Path, tmp_path: Path, paper: str
) -> None:
    outcome = command(
        "bench", paper, "--data", cifar10, "--out", tmp_path, "--seeds", 1, "--scale", 0.0001, "--device", "cpu"
    )
    assert outcome.code == 0, outcome.err
    rows = pq.read_table(tmp_path / f"{paper}.parquet").to_pylist()
    assert len(rows) == len(experiment_class(paper).rows)
    for line in experiment_class(paper).rows:
        (found,) = [row for row in rows if row.items() >= {**line.setting, "method": line.method}.items()]
        assert all(0 <= found[metric] <= 1 or metric == "gap" for metric in line.paper)
    assert (tmp_path / "pixels").is_dir()


@pytest.mark.parametrize("paper", ["soseleto-transfer", "lautum-notmnist", "lautum-gradient", "purified-mnistm"])
def test_experiments_on_digits_run_on_a_tiny_dataset(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paper: str
) -> None:
    module = import_module(f"noisecleaner.bench.{paper.replace('-', '_')}")
    if hasattr(module, "fine_tune"):  # its steps do not shrink with the scale
        kept = module.fine_tune
        monkeypatch.setattr(module, "fine_tune", lambda *of, steps, **more: kept(*of, steps=2, **more))
    found = bench(BenchConfig(paper, data=digits, seeds=1, scale=0.001, device="cpu"), tmp_path)
    assert {str(line.row) for line in found.lines} == {str(row) for row in experiment_class(paper).rows}
    assert all(0 <= line.mean <= 1 for line in found.lines)
    assert pq.read_table(found.table).num_rows == len(experiment_class(paper).rows)
    assert not list((tmp_path / "runs").glob("*.safetensors"))
