"""Each run is recorded once, the paper's numbers stand beside ours, and what cannot be used is refused."""

from __future__ import annotations

import math
import signal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.outcomes import refused

from noisecleaner.bench import BenchConfig, Experiment, Row, Work, bench
from noisecleaner.bench.soseleto_synthetic import SoseletoSynthetic
from noisecleaner.files import read_record
from noisecleaner.registry import names_in

TINY = ("--scale", 0.0001, "--device", "cpu")


def runs(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "runs").glob("*.json")}


def test_every_run_is_a_row_and_the_papers_number_stands_beside_ours(command: Command, tmp_path: Path) -> None:
    outcome = command("bench", "soseleto-synthetic", "--out", tmp_path, "--seeds", 2, "--scale", 0.2, "--device", "cpu")
    assert outcome.code == 0, outcome.err
    table = pq.read_table(tmp_path / "soseleto-synthetic.parquet")
    assert table.column_names[:6] == ["experiment", "method", "seed", "scale", "device", "backbone"]
    assert table["seed"].to_pylist() == [0, 1]
    assert table["scale"].to_pylist() == [0.2, 0.2]
    mean = np.mean(table["target_accuracy"].to_numpy())
    (line,) = [line for line in outcome.out.splitlines() if "target accuracy" in line]
    assert line.split()[:5] == ["soseleto", "target", "accuracy", "1.0000", f"{mean:.4f}"]
    assert line.split()[-1] == "2"
    assert not list((tmp_path / "runs").glob("*.safetensors"))


def test_what_is_done_is_not_repeated_and_other_scales_and_seeds_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def run(self: Experiment, row: Row, work: Work) -> dict[str, float]:
        seen.append((work.seed, work.scale))
        return {"target_accuracy": 0.5 + work.seed}

    monkeypatch.setattr(SoseletoSynthetic, "run", run)
    first = bench(BenchConfig("soseleto-synthetic", seeds=2, scale=0.5, device="cpu"), tmp_path)
    before = runs(tmp_path)
    again = bench(BenchConfig("soseleto-synthetic", seeds=2, scale=0.5, device="cpu"), tmp_path)
    assert seen == [(0, 0.5), (1, 0.5)]
    assert runs(tmp_path) == before
    assert again == first
    assert [(line.values, line.paper) for line in again.lines] == [((0.5, 1.5), 1.0)]
    assert again.lines[0].deviation == pytest.approx(math.sqrt(0.5))
    bench(BenchConfig("soseleto-synthetic", seeds=3, scale=0.5, device="cpu"), tmp_path)
    other = bench(BenchConfig("soseleto-synthetic", seeds=1, device="cpu"), tmp_path)
    assert seen[2:] == [(2, 0.5), (0, 1.0)]
    assert other.lines[0].deviation is None
    assert pq.read_table(other.table).num_rows == 4


def test_a_damaged_record_is_repeated(command: Command, tmp_path: Path) -> None:
    words = ["bench", "soseleto-synthetic", "--out", tmp_path, "--seeds", 1, *TINY]
    assert command(*words).code == 0
    (record,) = (tmp_path / "runs").glob("*.json")
    whole = read_record(record)
    record.write_text(record.read_text().replace('"seed": 0', '"seed": 1'))
    outcome = command(*words)
    assert outcome.code == 0
    assert "That run is repeated" in outcome.err
    assert read_record(record)["metrics"] == whole["metrics"]


def test_an_interrupted_bench_says_what_to_type_and_goes_on(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = SoseletoSynthetic.run

    def stopped(self: SoseletoSynthetic, row: Row, work: Work) -> dict[str, float]:
        if work.seed == 1:
            signal.raise_signal(signal.SIGINT)
        return kept(self, row, work)

    words = ["bench", "soseleto-synthetic", "--out", tmp_path, "--seeds", 2, *TINY]
    monkeypatch.setattr(SoseletoSynthetic, "run", stopped)
    outcome = command(*words)
    assert outcome.code == 130
    assert "Go on where it stopped with: noisecleaner bench soseleto-synthetic" in outcome.err
    before = runs(tmp_path)
    assert len(before) == 1
    assert pq.read_table(tmp_path / "soseleto-synthetic.parquet").num_rows == 1
    monkeypatch.setattr(SoseletoSynthetic, "run", kept)
    assert command(*words).code == 0
    assert len(runs(tmp_path)) == 2
    assert before.items() <= runs(tmp_path).items()


def test_an_unknown_paper_is_refused_with_the_valid_ones(command: Command, tmp_path: Path) -> None:
    refused(command("bench", "nonsense", "--out", tmp_path / "out"), "nonsense", ", ".join(names_in("bench")))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--seeds", 0, "at least 1"),
        ("--seeds", -1, "at least 1"),
        ("--scale", 0, "(0, 1]"),
        ("--scale", 1.5, "(0, 1]"),
        ("--scale", "nan", "(0, 1]"),
        ("--device", "abacus", "--device abacus"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    command: Command, tmp_path: Path, option: str, value: object, says: str
) -> None:
    refused(command("bench", "soseleto-synthetic", "--out", tmp_path / "out", option, value), says)
    assert not (tmp_path / "out").exists()


def test_an_option_that_an_experiment_does_not_have_is_refused(command: Command, tmp_path: Path) -> None:
    outcome = command("bench", "detect", "--out", tmp_path, "--option", "sise=64")
    refused(outcome, "--option sise is unknown to detect", "size")
    outcome = command("bench", "soseleto-synthetic", "--out", tmp_path, "--option", "size=64")
    refused(outcome, "has no options")
