"""The commands of README and METHODS, typed as a newcomer would, on the sample data; and what they promise."""

from __future__ import annotations

import io
import json
import math
import re
import shlex
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score
from support.datasets import SAMPLE, Command

from noisecleaner.cli import main
from noisecleaner.networks.backbones.efficientnet_lite import installed
from noisecleaner.planning import plan
from noisecleaner.registry import names_in
from noisecleaner.scoring import score

README = (SAMPLE.parent / "README.md").read_text("utf-8")
METHODS = (SAMPLE.parent / "noisecleaner" / "METHODS.md").read_text("utf-8")

pytestmark = [
    pytest.mark.skipif(not installed(), reason="the README's figures need the extra `pretrained`"),
]


def commands() -> list[list[str]]:
    """All noisecleaner commands of the `sh` blocks of README and METHODS, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", README + METHODS, flags=re.DOTALL)
    lines = [part for block in blocks for line in block.splitlines() for part in line.split("&&")]
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == ["noisecleaner"]]


def run(words: list[str]) -> int:
    with pytest.raises(SystemExit) as stop:
        main(words)
    return int(stop.value.code or 0)


@dataclass(frozen=True)
class Demo:
    """Where the README's commands have run, and how long the first two took."""

    folder: Path
    seconds: float

    @property
    def run(self) -> Path:
        return self.folder / "runs" / "demo"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "sample_data").symlink_to(SAMPLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        started = time.monotonic()
        first, second = commands()[:2]
        assert first[0] == "fit"
        assert second[0] == "score"
        assert run(first) == 0
        assert run(second) == 0
        yield Demo(folder, time.monotonic() - started)


def truth() -> dict[str, str]:
    table = pq.read_table(SAMPLE / "truth.parquet")
    return dict(zip(table["sample_id"].to_pylist(), table["true_label"].to_pylist(), strict=True))


def judge(scores: Path) -> tuple[float, float]:
    """AUROC of 1 - label quality, and the share of wrong rows whose suggestion is right."""
    rows, true = pq.read_table(scores).to_pylist(), truth()
    wrong = np.array([row["given_label"] != true[row["sample_id"]] for row in rows])
    suggested = np.array([row["suggested_label"] == true[row["sample_id"]] for row in rows])
    return float(roc_auc_score(wrong, [1 - row["label_quality"] for row in rows])), float(suggested[wrong].mean())


def wrong_share(table: Path) -> float:
    """Share of wrong labels in an exported Parquet file."""
    exported, true = pq.read_table(table), truth()
    features = json.loads(exported.schema.metadata[b"huggingface"])["info"]["features"]
    names = [features["label"]["names"][index] for index in exported["label"].to_pylist()]
    return float(np.mean([true[i] != n for i, n in zip(exported["sample_id"].to_pylist(), names, strict=True)]))


def test_the_first_command_ends_in_time_and_ranks_as_promised(demo: Demo) -> None:
    assert demo.seconds < 240
    ranks, suggestions = judge(demo.run / "scores.parquet")
    assert ranks >= 0.87
    assert suggestions >= 0.5


def test_the_noise_estimate_holds_the_truth_in_its_interval(demo: Demo) -> None:
    rows, true = pq.read_table(demo.run / "scores.parquet").to_pylist(), truth()
    wrong = float(np.mean([row["given_label"] != true[row["sample_id"]] for row in rows]))
    overall = json.loads((demo.run / "noise.json").read_text())["overall"]
    assert overall["low"] < wrong < overall["high"]


def test_label_quality_is_calibrated(demo: Demo) -> None:
    rows, true = pq.read_table(demo.run / "scores.parquet").to_pylist(), truth()
    quality = np.array([row["label_quality"] for row in rows])
    right = np.array([row["given_label"] == true[row["sample_id"]] for row in rows])
    parts = np.array_split(np.argsort(quality), 10)
    assert np.mean([abs(quality[part].mean() - right[part].mean()) for part in parts]) < 0.05


def test_every_command_of_the_documents_runs(demo: Demo) -> None:
    for words in commands()[2:]:
        assert run(words) == 0, words


def test_dropping_and_relabelling_clean_the_set(demo: Demo) -> None:
    for on_flag, most in (("drop", 0.20), ("relabel", 0.30)):
        out = demo.folder / f"checked-{on_flag}"
        assert run(["export-clean", str(demo.run), "--out", str(out), "--threshold", "0.5", "--on-flag", on_flag]) == 0
        (table,) = out.rglob("*.parquet")
        assert wrong_share(table) <= most


def test_the_folder_opens_with_torchvision_and_the_parquet_with_datasets(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import datasets
    from torchvision.datasets import ImageFolder

    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    words = ["export-clean", str(demo.run), "--threshold", "0.5", "--out"]
    assert run([*words, str(tmp_path / "folder"), "--format", "folder"]) == 0
    assert run([*words, str(tmp_path / "parquet"), "--format", "parquet"]) == 0
    folder = ImageFolder(str(tmp_path / "folder"))
    loaded = datasets.load_dataset(str(tmp_path / "parquet"), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(folder) == len(loaded) > 1500
    assert folder.classes == sorted(loaded.features["label"].names)
    assert folder[0][0].size == loaded[0]["image"].size == (32, 32)
    names = loaded.features["label"].names
    counts = {name: sum(1 for label in loaded["label"] if names[label] == name) for name in names}
    assert counts == {name: sum(1 for _, label in folder.samples if folder.classes[label] == name) for name in names}


def test_the_python_example_of_the_readme_is_right(monkeypatch: pytest.MonkeyPatch, demo: Demo) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    from noisecleaner import api

    def known(*arguments: object, **options: object) -> None:
        """Stands in for the minute of training: the run is there already."""
        (demo.folder / "runs" / "api").symlink_to(demo.run)

    monkeypatch.setattr(api, "fit", known, raising=False)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102  # our own documentation
    assert (demo.folder / "clean-api" / "data").is_dir()


def test_the_readme_names_every_method_and_every_column(demo: Demo) -> None:
    for name in (
        *names_in("weightings"),
        *names_in("regularisers"),
        *pq.read_schema(demo.run / "scores.parquet").names,
    ):
        assert f"`{name}`" in README, name


@pytest.mark.parametrize("format", ["console", *names_in("gate.formats")])
@pytest.mark.parametrize(("limit", "code"), [("0.5", 0), ("0.2", 1), ("2", 2), ("0.4", 3)])
def test_the_gate_judges_the_sample_data(demo: Demo, command: Command, format: str, limit: str, code: int) -> None:
    """Of the labels 40 % are wrong, and 300 audited rows cannot tell that from 41 %."""
    outcome = command("gate", demo.run, "--max-noise", limit, "--format", format)
    if format == "sarif":  # of images in a table there are no files to point to
        code = 2
    assert outcome.code == code
    assert bool(outcome.out) == (code != 2)


@pytest.mark.parametrize("draws", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_planned_rows_tell_more_than_random_ones(demo: Demo, tmp_path: Path, draws: int) -> None:
    """`plan`, its table filled in with the truth, `score --trusted`; beside as many rows drawn at random."""
    run_copy = tmp_path / "run"
    shutil.copytree(demo.run, run_copy)
    score(run_copy)
    true = truth()
    scores = pq.read_table(run_copy / "scores.parquet")
    ids = np.array(scores["sample_id"].to_pylist())
    wrong = float(np.mean([given != true[i] for i, given in zip(ids, scores["given_label"].to_pylist(), strict=True)]))
    fitted = pq.read_table(SAMPLE / "trusted.parquet")["sample_id"].to_pylist()
    unknown = np.setdiff1d(ids, fitted)
    estimates: dict[str, list[tuple[float, float]]] = {"planned": [], "random": []}
    for seed in range(draws):
        score(run_copy)  # the verified rows of the fit alone
        planned = tmp_path / f"{seed}.parquet"
        plan(run_copy, planned, count=150, seed=seed)
        table = pq.read_table(planned)
        at_random = np.random.default_rng(seed).choice(unknown, 150, replace=False).tolist()
        tables = {
            "planned": {"sample_id": table["sample_id"], "sample_probability": table["sample_probability"]},
            "random": {"sample_id": pa.array([*fitted, *at_random])},
        }
        for name, columns in tables.items():
            filled = pa.table({**columns, "trusted_label": [true[i] for i in columns["sample_id"].to_pylist()]})
            pq.write_table(filled, tmp_path / "filled.parquet")
            noise = score(run_copy, trusted=str(tmp_path / "filled.parquet")).noise.overall
            assert noise.value is not None
            assert noise.low is not None
            assert noise.high is not None
            estimates[name].append((noise.value, noise.high - noise.low))
    means = {name: np.mean(found, axis=0) for name, found in estimates.items()}
    assert means["planned"][1] < means["random"][1]
    spread = np.std([value for value, _ in estimates["planned"]]) / np.sqrt(draws)
    # all draws share the 300 rows of the fit, whose own error does not average out
    own = json.loads((demo.run / "noise.json").read_text())["overall"]
    assert abs(means["planned"][0] - wrong) < 3 * spread + (own["high"] - own["low"]) / 4


@pytest.mark.parametrize("rows", [600, pytest.param(3000, marks=pytest.mark.slow)])
def test_regularisers_learn_from_real_images(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """The task-irrelevant label is whether an image is dark; a tenth of the rows has no label."""
    monkeypatch.chdir(tmp_path)
    table = pq.read_table(SAMPLE / "cifar10n.parquet")
    known = pq.read_table(SAMPLE / "trusted.parquet")["sample_id"].to_pylist()
    order = np.argsort([sample_id not in known for sample_id in table["sample_id"].to_pylist()], kind="stable")
    table = table.take(order[:rows])
    pixels = [np.asarray(Image.open(io.BytesIO(image["bytes"]))) for image in table["image"].to_pylist()]
    light = pa.array(["dark" if image.mean() < 120 else "light" for image in pixels])
    labels = pa.array([None if row % 10 == 0 else label for row, label in enumerate(table["label"].to_pylist())])
    index = table.schema.get_field_index("label")
    changed = table.append_column("light", light).set_column(index, table.schema.field("label"), labels)
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), "data.parquet")
    words = ["fit", "data.parquet", "--trusted", SAMPLE / "trusted.parquet", "--out", "run", "--hidden", "64"]
    lautum = ["--regulariser", "lautum", "--irrelevant-column", "light"]
    outcome = command(*words, *lautum, "--backbone", "efficientnet-lite0")  # two would make a head of twice the width
    assert outcome.code == 0, outcome.err
    assert command("score", "run").code == 0
    scores = pq.read_table("run/scores.parquet")
    scored = scores.filter(scores["skip_reason"].is_null())
    assert len(scored) == rows - math.ceil(rows / 10)
    assert np.isfinite(scored["alpha"].to_numpy()).all()
    pq.write_table(scored, "scored.parquet")
    ranks, _ = judge(tmp_path / "scored.parquet")
    assert ranks >= (0.87 if rows == 3000 else 0.7)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["l2b", "l2rw", "uniform"])
def test_the_other_methods_rank_as_well(command: Command, tmp_path: Path, method: str) -> None:
    fit = ["fit", SAMPLE / "cifar10n.parquet", "--trusted", SAMPLE / "trusted.parquet", "--out", tmp_path / "run"]
    assert command(*fit, "--method", method).code == 0
    assert command("score", tmp_path / "run").code == 0
    scores = pq.read_table(tmp_path / "run" / "scores.parquet")
    assert np.isfinite(scores["alpha"].to_numpy()).all()
    assert method != "l2b" or np.isfinite(scores["beta"].to_numpy()).all()
    ranks, suggestions = judge(tmp_path / "run" / "scores.parquet")
    assert ranks >= 0.87
    assert suggestions >= 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [["--backbone", "cifar-quick"], ["--backbone", "preact-resnet18", "--epochs", "1"], ["--method", "l2b"]],
)
def test_end_to_end_training_gives_every_row_a_weight(command: Command, tmp_path: Path, options: list[str]) -> None:
    fit = ["fit", SAMPLE / "cifar10n.parquet", "--trusted", SAMPLE / "trusted.parquet", "--out", tmp_path / "run"]
    backbone = [] if "--backbone" in options else ["--backbone", "cifar-quick"]
    assert command(*fit, "--no-frozen", *backbone, *options).code == 0
    assert command("score", tmp_path / "run").code == 0
    scores = pq.read_table(tmp_path / "run" / "scores.parquet")
    assert np.isfinite(scores["alpha"].to_numpy()).all()
    assert "l2b" not in options or np.isfinite(scores["beta"].to_numpy()).all()
