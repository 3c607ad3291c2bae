"""`noisecleaner export-clean` and `noisecleaner corrupt`: what they ask of the library."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.asking import Asked
from support.datasets import Command
from support.outcomes import refused

from noisecleaner.api import Kind, OnFlag, Policy
from noisecleaner.ingest import Columns, Source


def test_an_export_has_a_policy(asked: Asked) -> None:
    call = asked("export_clean", "export-clean", "run", "--out", "clean")
    assert call.positional == (Path("run"), Path("clean"))
    default = {"policy": Policy(on_flag=OnFlag.DROP), "format": "same", "data": None, "corrections": None}
    assert call.named == {**default, "dry_run": False}
    words = ["--on-flag", "relabel", "--min-confidence", "0.7", "--threshold", "0.2", "--format", "parquet"]
    words += ["--corrections", "c", "--data", "moved", "--dry-run"]
    call = asked("export_clean", "export-clean", "run", "--out", "clean", *words)
    policy = Policy(on_flag=OnFlag.RELABEL, threshold=0.2, min_confidence=0.7)
    others = {"format": "parquet", "data": "moved", "corrections": "c"}
    assert call.named == {"policy": policy, **others, "dry_run": True}


def test_noise_is_put_in(asked: Asked) -> None:
    call = asked("corrupt", "corrupt", "images", "--out", "noisy")
    assert call.positional == (Source("images"), Path("noisy"))
    assert call.named == {"kind": Kind.SYMMETRIC, "rate": 0.4, "seed": 0, "pairs": {}}
    words = "--kind asymmetric --rate 0.1 --pair cat=dog --pair a=b=c --seed 3 --image-column i --label-column l"
    call = asked("corrupt", "corrupt", "d", "--out", "n", *words.split(), "--id-column", "s", "--embedding-column", "e")
    source = Source("d", columns=Columns(image="i", label="l", sample_id="s", embedding="e"))
    assert call.positional == (source, Path("n"))
    assert call.named == {"kind": Kind.ASYMMETRIC, "rate": 0.1, "seed": 3, "pairs": {"cat": "dog", "a": "b=c"}}


def test_corrupt_has_no_options_about_verified_labels_or_probabilities(command: Command) -> None:
    for option in ("--trusted-column", "--probabilities-column", "--none-label"):
        assert command("corrupt", "d", "--out", "n", option, "x").code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["export-clean", "run", "--on-flag", "burn"], "--on-flag burn is unknown"),
        (["export-clean", "run", "--min-confidence", "0.5"], "--min-confidence would do nothing: only for --on-flag"),
        (["corrupt", "data", "--kind", "odd"], "--kind odd is unknown"),
        (["corrupt", "data", "--pair", "a=b"], "--pair would do nothing: only for --kind asymmetric"),
        (["corrupt", "data", "--kind", "asymmetric", "--pair", "a"], "--pair takes NAME=VALUE"),
    ],
)
def test_choices_that_there_are_not_are_refused(command: Command, words: list[str], says: str) -> None:
    refused(command(*words, "--out", "out"), says)
