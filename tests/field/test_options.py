"""Options that there are not, out of range or of no use: refused in one paragraph, and nothing written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.field import VECTORS, Refused, few_images, table


@pytest.mark.parametrize("threshold", ["-0.1", "1.01", "nan", "inf"])
def test_threshold_outside_its_range(refused: Refused, tmp_path: Path, fitted: Path, threshold: str) -> None:
    shutil.copytree(fitted / "run", tmp_path / "run")
    refused("score", "run", "--threshold", threshold, says=["--threshold must lie in [0, 1]", "0.5"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--method", "magic"], ["--method magic", "bilevel, bootstrap, dividemix, l2b, l2rw, soseleto, uniform"]),
        (["--method", "l2b", "--option", "wramup=3"], ["wramup", "warmup"]),
        (["--option", "rate"], ["NAME=VALUE", "'rate'"]),
        (["--option", "classifier=both"], ["classifier=both", "auto"]),
        (["--option", "rate=fast"], ["rate=fast", "float"]),
        (["--option", "normalise=cut"], ["--option normalise is unknown to soseleto", "an option of --method l2b"]),
        (["--method", "l2b", "--option", "normalise=foo"], ["normalise=foo", "must be one of cut, sigmoid, softmax"]),
        (["--clip", "-1"], ["--clip must be at least 0", "Leave --clip out for 5."]),
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
        (["--schedule", "linear"], ["--schedule linear", "cosine, constant, step"]),
        (["--momentum", "1"], ["--momentum must be at least 0 and below 1"]),
        (["--clip", "inf"], ["--clip must be at least 0 and finite"]),
        (["--folds", "2"], ["--folds must be 1", "at least 3"]),
        (["--folds", "1000000"], ["--folds", "at most", "but it is 1,000,000", "Leave --folds out"]),
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
        (["--backbone", "lenet", "--pretrained"], ["lenet has none", "--weights RUN"]),
        (["--backbone", "lenet", "--frozen"], ["--frozen", "Add --weights FILE.safetensors or --weights RUN, choose"]),
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
    refused("export-clean", "run", "--out", "x", "--format", "zip", says=["csv, "])
    refused("score", "run", "--label-level", "2", says=["--label-level would do nothing", "--data"])
    refused("score", "run", "--allow-absolute", says=["--allow-absolute would do nothing", "--data"])
    refused("score", "run", "--data", "new.csv", "--by", "alpha", says=["New rows have no alpha", "Leave --by out"])
    refused("score", "run", "--strict", says=["--strict would do nothing", "--data"])
    refused("score", "run", "--threshold", "0.5", "--budget", "9", says=["--threshold and --budget", "Keep one"])
    refused("score", "run", "--target-noise", "0", says=["--target-noise must lie between 0 and 1"])
    refused("score", "run", "--target-precision", "1.5", says=["--target-precision must lie between 0 and 1"])
    refused("score", "run", "--budget", "0", says=["--budget takes a number of rows"])
    refused("score", "run", "--confidence", "0.8", says=["--confidence would do nothing", "a target"])
    refused("score", "run", "--target-noise", "0.1", "--confidence", "1", says=["--confidence must lie between"])


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
