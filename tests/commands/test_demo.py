"""`noisecleaner demo`: what it says, and that what it says to type works."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.outcomes import refused

from noisecleaner.networks.backbones.efficientnet_lite import installed


def test_it_says_what_it_wrote_and_what_to_type_next(command: Command, tmp_path: Path) -> None:
    out = tmp_path / "a demo"
    outcome = command("demo", out)
    assert outcome.code == 0
    assert outcome.err == ""
    wrote, following = outcome.out.splitlines()
    assert wrote.startswith(f"Wrote {out}/data.parquet (1,000 images; ")
    assert f"{out}/trusted.parquet (200 of them, " in wrote
    assert wrote.endswith(f"{out}/truth.parquet.")
    words = shlex.split(following.removeprefix("Next: "))
    expected = ["fit", f"{out}/data.parquet", "--trusted", f"{out}/trusted.parquet", "--out", f"{out}/run"]
    assert words == ["noisecleaner", *expected]


def test_a_directory_that_holds_something_is_refused(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    refused(command("demo", tmp_path), "exists already", "as in `noisecleaner demo DIR`")


@pytest.mark.parametrize(
    "backbone",
    [
        pytest.param("efficientnet-lite0", marks=pytest.mark.skipif(not installed(), reason="the extra `pretrained`")),
        pytest.param("cifar-quick", marks=pytest.mark.slow),  # trained from scratch
    ],
)
def test_what_it_says_to_type_finds_how_much_is_wrong(command: Command, tmp_path: Path, backbone: str) -> None:
    """The interval holds the share that the truth tells, and flagged rows are mostly wrong ones."""
    following = command("demo", tmp_path / "demo").out.splitlines()[1]
    words = shlex.split(following.removeprefix("Next: noisecleaner "))
    assert command(*words, "--backbone", backbone).code == 0
    assert command("score", tmp_path / "demo" / "run").code == 0
    scores = pq.read_table(tmp_path / "demo" / "run" / "scores.parquet")
    truth = pq.read_table(tmp_path / "demo" / "truth.parquet")
    assert scores["sample_id"].equals(truth["sample_id"])
    wrong = pc.not_equal(scores["given_label"], truth["true_label"])
    noise = json.loads((tmp_path / "demo" / "run" / "noise.json").read_text("utf-8"))["overall"]
    share = pc.mean(wrong).as_py()
    assert noise["low"] <= share <= noise["high"] < noise["low"] + 0.12
    flagged = scores["flagged"].combine_chunks()
    assert pc.mean(wrong.combine_chunks().filter(flagged)).as_py() > 2 * share
