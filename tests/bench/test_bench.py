"""`bench`: each run is recorded once, the paper's numbers stand beside ours, and what cannot be used is refused."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from support.datasets import Command, Outcome, png

import noisecleaner.bench as package
from noisecleaner.bench import (
    Experiment,
    Work,
    approximations,
    bench,
    coverage,
    experiment_class,
    scale,
    step,
    throughput,
)
from noisecleaner.bench.approximations import Approximations
from noisecleaner.bench.coverage import Coverage
from noisecleaner.bench.detect import Detect
from noisecleaner.bench.scale import Scale
from noisecleaner.bench.soseleto_synthetic import SoseletoSynthetic
from noisecleaner.bench.step import MetaStep
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_record
from noisecleaner.networks.backbones.efficientnet_lite0 import installed
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.registry import names_in

TINY = ("--scale", 0.0001, "--device", "cpu")

DROPPED_IN = '''"""Mine: no paper has it."""

from noisecleaner.bench import Experiment, Row


class Mine(Experiment):
    """Says how large the seed is."""

    rows = (Row("uniform", {"noise": 0.5}, {"size": 3.0}),)

    def run(self, row, work):
        return {"size": float(work.seed), "other": 1.0}
'''


@pytest.fixture(scope="module")
def cifar10(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in the layout of the real one: 300 rows in three files, labels 0 to 2."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "cifar10").mkdir()
    rng = np.random.default_rng(0)
    for part in range(3):
        rows = np.arange(part * 100, part * 100 + 100)
        images = [{"bytes": png(int(row) % 3, rng), "path": f"train_{row:05d}.png"} for row in rows]
        columns = {"image": images, "label": rows % 3, "index": rows.astype(np.int32)}
        name = f"train-{part:05d}-of-00003.parquet"
        pq.write_table(pa.table(columns), folder / "cifar10" / name)
    people = np.arange(300) % 3
    flipped = rng.random(300) < 0.3
    people[flipped] = (people[flipped] + 1) % 3
    named = {"index": np.arange(300), "worse_label": people, "random_label1": people}
    pq.write_table(pa.table(named), folder / "cifar10" / "human_labels.parquet")
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with ten classes of 28 pixels under each of the names that the experiments ask for."""
    folder = tmp_path_factory.mktemp("digits")
    rng = np.random.default_rng(1)
    for number, name in enumerate(("mnist/train", "mnist/test", "mnist_m/train", "mnist_m/test", "notmnist/small")):
        rows = np.arange(300 if "train" in name or "small" in name else 60)
        images = [{"bytes": png(int(row + number) % 3, rng, (28, 28)), "path": f"{row}.png"} for row in rows]
        file = folder / f"{name}-00000-of-00001.parquet"
        file.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"image": images, "label": rows % 10, "index": rows}), file)
    return folder


def runs(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "runs").glob("*.json")}


def refused(outcome: Outcome, *says: str) -> None:
    assert outcome.code == 2
    assert outcome.out == ""
    assert all(text in outcome.err for text in says), outcome.err
    assert outcome.err.count("\n") == 1


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

    def run(self: Experiment, row: package.Row, work: package.Work) -> dict[str, float]:
        seen.append((work.seed, work.scale))
        return {"target_accuracy": 0.5 + work.seed}

    monkeypatch.setattr(SoseletoSynthetic, "run", run)
    first = bench("soseleto-synthetic", tmp_path, seeds=2, scale=0.5, device="cpu")
    before = runs(tmp_path)
    again = bench("soseleto-synthetic", tmp_path, seeds=2, scale=0.5, device="cpu")
    assert seen == [(0, 0.5), (1, 0.5)]
    assert runs(tmp_path) == before
    assert again == first
    assert [(line.values, line.paper) for line in again.lines] == [((0.5, 1.5), 1.0)]
    assert again.lines[0].deviation == pytest.approx(math.sqrt(0.5))
    bench("soseleto-synthetic", tmp_path, seeds=3, scale=0.5, device="cpu")
    other = bench("soseleto-synthetic", tmp_path, seeds=1, device="cpu")
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
    import signal

    kept = SoseletoSynthetic.run

    def stopped(self: SoseletoSynthetic, row: package.Row, work: package.Work) -> dict[str, float]:
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


def test_an_experiment_dropped_into_the_folder_shows_up(tmp_path: Path) -> None:
    """In a copy of the package, so that the one under test stays as it is."""
    shutil.copytree(Path(package.__file__).parent.parent, tmp_path / "noisecleaner")
    (tmp_path / "noisecleaner" / "bench" / "my_table.py").write_text(DROPPED_IN)
    words = [sys.executable, "-m", "noisecleaner", "bench"]
    shown = subprocess.run([*words, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "my-table" in shown.stdout
    done = subprocess.run(
        [*words, "my-table", "--out", "out", "--device", "cpu"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "1.0000 ± 1.0000" in done.stdout
    table = pq.read_table(tmp_path / "out" / "my-table.parquet")
    assert table["noise"].to_pylist() == [0.5] * 3
    assert table["size"].to_pylist() == [0.0, 1.0, 2.0]


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


@pytest.mark.parametrize("paper", ["soseleto-cifar10", "bilevel-cifar10", "l2b-cifar10"])
def test_experiments_on_images_run_on_a_tiny_dataset(
    command: Command, cifar10: Path, tmp_path: Path, paper: str
) -> None:
    outcome = command("bench", paper, "--data", cifar10, "--out", tmp_path, "--seeds", 1, *TINY)
    assert outcome.code == 0, outcome.err
    rows = pq.read_table(tmp_path / f"{paper}.parquet").to_pylist()
    assert len(rows) == len(experiment_class(paper).rows)
    for line in experiment_class(paper).rows:
        (found,) = [row for row in rows if row.items() >= {**line.setting, "method": line.method}.items()]
        assert all(0 <= found[metric] <= 1 or metric == "gap" for metric in line.paper)
    assert (tmp_path / "pixels").is_dir()


@pytest.mark.parametrize("paper", ["soseleto-transfer", "lautum-notmnist", "purified-mnistm"])
def test_experiments_on_digits_run_on_a_tiny_dataset(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paper: str
) -> None:
    module = import_module(f"noisecleaner.bench.{paper.replace('-', '_')}")
    if hasattr(module, "fine_tune"):  # its steps do not shrink with the scale
        kept = module.fine_tune
        monkeypatch.setattr(module, "fine_tune", lambda net, few, steps, rate, work: kept(net, few, 2, rate, work))
    found = bench(paper, tmp_path, data=digits, seeds=1, scale=0.001, device="cpu")
    assert {str(line.row) for line in found.lines} == {str(row) for row in experiment_class(paper).rows}
    assert all(0 <= line.mean <= 1 for line in found.lines)
    assert pq.read_table(found.table).num_rows == len(experiment_class(paper).rows)
    assert not list((tmp_path / "runs").glob("*.safetensors"))


def test_pixels_are_decoded_once(command: Command, cifar10: Path, tmp_path: Path) -> None:
    words = ["bench", "l2b-cifar10", "--data", cifar10, "--out", tmp_path, *TINY, "--seeds"]
    assert command(*words, 1).err.count("Decoding") == 1
    (notes,) = (tmp_path / "pixels").rglob("pixels.json")
    before = notes.stat().st_mtime_ns
    again = command(*words, 2)
    assert again.code == 0
    assert "seed 1" in again.err
    assert notes.stat().st_mtime_ns == before


def test_an_unknown_paper_is_refused_with_the_valid_ones(command: Command, tmp_path: Path) -> None:
    refused(command("bench", "nonsense", "--out", tmp_path / "out"), "nonsense", ", ".join(names_in("bench")))
    assert not (tmp_path / "out").exists()


def test_missing_data_is_refused_with_what_to_type(command: Command, cifar10: Path, tmp_path: Path) -> None:
    words = ["bench", "l2b-cifar10", "--out", tmp_path / "out"]
    needs = "needs cifar10/train-*.parquet"
    refused(command(*words), needs, "none was named", "noisecleaner bench l2b-cifar10 --data DIR")
    refused(command(*words, "--data", tmp_path / "nowhere"), needs, "is no directory", "--data DIR")
    refused(command(*words, "--data", cifar10 / "cifar10"), needs, "has no cifar10/train-*.parquet", "--data DIR")
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


def test_an_image_that_cannot_be_read_is_refused(cifar10: Path, tmp_path: Path) -> None:
    shutil.copytree(cifar10, tmp_path / "data")
    file = tmp_path / "data" / "cifar10" / "train-00000-of-00003.parquet"
    table = pq.read_table(file).to_pylist()
    table[3]["image"]["bytes"] = b"no image"
    pq.write_table(pa.Table.from_pylist(table, schema=pq.read_schema(file)), file)
    with pytest.raises(NoisecleanerError, match=r"1 of 300 .* cannot be read"):
        bench("bilevel-cifar10", tmp_path / "out", data=tmp_path / "data", seeds=1, scale=0.0001, device="cpu")


@pytest.mark.skipif(not installed(), reason="features need the extra `pretrained`")
def test_detection_is_compared_on_a_tiny_dataset(
    cifar10: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [row for row in Detect.rows if row.setting["noise"] == "worse" and row.setting["verified"] != 500]
    monkeypatch.setattr(Detect, "rows", tuple(kept))
    found = bench("detect", tmp_path, data=cifar10, seeds=1, scale=0.7, device="cpu", options={"size": 32})
    values = {(line.row.method, line.metric): line.mean for line in found.lines}
    assert {method for method, _ in values} == {"noisecleaner", "cleanlab", "neighbours", "verified only"}
    assert all(values[method, "auroc"] > 0.6 for method, _ in values)  # three colours, which anybody can tell
    assert values["noisecleaner", "true_noise"] == values["cleanlab", "true_noise"]
    assert values["noisecleaner", "noise_low"] < values["noisecleaner", "noise_high"]


@pytest.mark.skipif(not installed(), reason="features need the extra `pretrained`")
def test_coverage_is_counted_on_a_tiny_dataset(cifar10: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Coverage, "rows", Coverage.rows[:1])
    monkeypatch.setattr(coverage, "_VERIFIED", (60,))
    monkeypatch.setattr(coverage, "_DRAWS", 10)
    found = bench("coverage", tmp_path, data=cifar10, seeds=1, scale=0.7, device="cpu", options={"size": 32})
    values = {line.metric: line.mean for line in found.lines}
    assert 0 <= values["covered_60"] <= 1
    assert values["half_width_60"] > 0
    assert values["broken_noise_60"] <= values["answered_noise_60"]


@pytest.mark.skipif(not installed(), reason="features need the extra `pretrained`")
def test_throughput_is_measured_beside_the_libraries(tmp_path: Path) -> None:
    found = bench("throughput", tmp_path, seeds=1, scale=0.005, device="cpu", options={"size": 32})
    values = {(line.row.method, line.metric): line.mean for line in found.lines}
    assert all(math.isfinite(value) and value > 0 for value in values.values())
    assert {method for method, _ in values} == {"decoding", "features", "pipeline"}
    for method, other in (("decoding", "pillow"), ("features", "eager"), ("pipeline", "parts")):
        assert values[method, "ours_low"] <= values[method, "ours"] <= values[method, "ours_high"]
        assert (method, f"of_{other}") in values


def test_a_ratio_above_one_means_that_ours_is_faster() -> None:
    seconds = {"ours": np.array([1.0, 2.0, 1.0, 5.0, 1.0]), "other": np.array([2.0, 4.0, 3.0, 5.0, 1.0])}
    assert throughput._ratio("other", seconds["ours"], seconds["other"]) == {"of_other": 2.0}
    rates = throughput._rates(seconds, 60)
    assert (rates["ours_low"], rates["ours"], rates["ours_high"]) == (30.0, 60.0, 60.0)
    assert (rates["other_low"], rates["other"], rates["other_high"]) == (15.0, 20.0, 30.0)


def test_pillow_alone_decodes_to_the_same_pixels_as_ours() -> None:
    files = [throughput.photograph(np.random.default_rng(seed)) for seed in (1, 2)]
    assert files[0] != files[1]
    assert all(40_000 < len(content) < 100_000 for content in files)
    for size in (64, 224):
        ours, alone = throughput._decode(files, size), throughput._pillow(files, size)
        assert np.array_equal(ours, alone)


def test_an_option_that_an_experiment_does_not_have_is_refused(command: Command, tmp_path: Path) -> None:
    outcome = command("bench", "detect", "--out", tmp_path, "--option", "sise=64")
    refused(outcome, "--option of detect sise is unknown", "size")
    outcome = command("bench", "soseleto-synthetic", "--out", tmp_path, "--option", "size=64")
    refused(outcome, "has no options")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from Linux's /proc")
def test_large_datasets_are_scored_in_processes_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "_CLASSES", 5)
    monkeypatch.setattr(scale, "_SAMPLE", 300)
    monkeypatch.setattr(Scale, "rows", tuple(row for row in Scale.rows if row.setting["rows"] == 100_000))
    found = bench("scale", tmp_path, seeds=1, scale=0.005, device="cpu")
    assert {line.row.method for line in found.lines} == {"noisecleaner", "cleanlab", "cleanlab batched"}
    values = {(line.row.method, line.metric): line.mean for line in found.lines}
    for method in ("noisecleaner", "cleanlab", "cleanlab batched"):
        assert values[method, "rows_per_second"] == pytest.approx(500 / values[method, "work_seconds"])
        assert 10 < values[method, "peak_megabytes"] < 2_000
        assert 0.1 < values[method, "flagged"] < 0.3  # a fifth of the labels is wrong
    assert not list((tmp_path / "runs").glob(".bench-*"))


def test_a_measured_process_that_fails_is_an_error() -> None:
    with pytest.raises(NoisecleanerError, match="failed with 3: no such thing"):
        scale._watched([sys.executable, "-c", "import sys; print('no such thing'); sys.exit(3)"])


def measured(network: str, method: str, **wanted: object) -> dict[str, float]:
    """What `bench step` says of one row, with batches of 8."""
    rows = [r for r in MetaStep.rows if r.method == method and {**r.setting, "network": network, **wanted} == r.setting]
    work = Work(0, 0.01, torch.device("cpu"), None, Path(), "", Progress(), Interrupts())  # type: ignore[arg-type]
    return MetaStep().run(rows[0], work)


@pytest.mark.parametrize(
    ("network", "method", "wanted", "operations", "memory"),
    [
        ("cifar-quick", "soseleto", {"meta": "exact", "trusted": 1.0}, 7 / 3, 1.5),
        ("cifar-quick", "soseleto", {"meta": "exact", "trusted": 0.25}, 4.75 / 3, 1.5),
        ("cifar-quick", "l2b", {"meta": "exact", "trusted": 1.0, "every": 1}, 8 / 3, 1.5),
        ("cifar-quick", "l2b", {"meta": "exact", "trusted": 0.25}, 5.75 / 3, 1.5),
        ("cifar-quick", "l2b", {"meta": "last", "trusted": 1.0}, 4 / 3, 1.05),
        ("cifar-quick", "l2b", {"meta": "last", "trusted": 0.25}, 3.25 / 3, 1.05),
        ("cifar-quick", "l2b", {"meta": "exact", "every": 4}, 5.75 / 3, 1.5),
        ("preact-resnet18", "soseleto", {"meta": "exact", "trusted": 1.0}, 8 / 3, 1.5),
        ("preact-resnet18", "l2b", {"meta": "block", "trusted": 1.0}, 5 / 3, 1.1),
        ("head", "l2b", {"meta": "exact", "trusted": 1.0, "every": 1}, 8 / 3, 1.5),
    ],
)
def test_a_meta_step_multiplies_no_more_than_counting_passes_allows(
    monkeypatch: pytest.MonkeyPatch,
    network: str,
    method: str,
    wanted: dict[str, object],
    operations: float,
    memory: float,
) -> None:
    """A plain step is a forward pass and twice that back; a first layer passes nothing on, hence the tenth more."""
    monkeypatch.setattr(step, "_ROUNDS", 2)
    found = measured(network, method, **wanted)
    assert found["lower"] <= found["plain_steps"] <= found["upper"]
    assert 1 < found["operations"] < operations + 0.1
    assert 0.9 < found["memory"] < memory


def test_create_graph_multiplies_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "_ROUNDS", 2)
    found = measured("cifar-quick", "create_graph")
    assert found["operations"] > 3.5
    assert found["memory"] > 1.7


def test_approximations_are_compared_on_a_tiny_dataset(
    cifar10: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approximations, "_EPOCHS", 1)
    monkeypatch.setattr(approximations, "_AFTER", (0, 1))
    monkeypatch.setattr(approximations, "_COMPARED", 1)
    rows = [r for r in Approximations.rows if r.method == "l2b" and r.setting["way"] in {"exact", "last", "every 4"}]
    monkeypatch.setattr(Approximations, "rows", tuple(rows))
    found = bench("approximations", tmp_path / "out", data=cifar10, seeds=1, scale=1.0, device="cpu")
    numbers = {(line.row.setting["way"], line.metric): line.mean for line in found.lines}
    assert numbers["exact", "correlation_1"] == pytest.approx(1)
    assert 0 < numbers["exact", "distance_1"] < 0.01 < numbers["last", "distance_1"]
    assert 0 < numbers["last", "correlation_1"] < 0.999
    assert numbers["every 4", "correlation_1"] < 0.999
    assert 0 <= numbers["last", "auroc"] <= 1
