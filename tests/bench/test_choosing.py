"""Options choose rows, and change no run."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisecleaner.bench import BenchConfig, Row, bench
from noisecleaner.bench._choosing import chosen
from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.backbones.efficientnet_lite import installed

ROWS = (
    Row("l2b", {"noise": "worse", "rounds": 1}),
    Row("l2b", {"noise": "symmetric 0.2", "rounds": 2}),
    Row("cleanlab", {"noise": "worse", "rounds": 0}),
)


def test_rows_have_one_of_the_values_of_each_option() -> None:
    assert chosen(ROWS, {"methods": "", "noises": ""}) == ROWS
    assert chosen(ROWS, {"noises": "worse, symmetric 0.2", "methods": "l2b"}) == ROWS[:2]
    assert chosen(ROWS, {"rounds": 0}) == ROWS[2:]  # a number that was typed


def test_what_no_row_has_is_refused() -> None:
    with pytest.raises(NoisecleanerError, match="worst is unknown") as unknown:
        chosen(ROWS, {"noises": "worst"})
    assert "worse, symmetric 0.2" in unknown.value.hint
    with pytest.raises(NoisecleanerError, match="No row"):
        chosen(ROWS, {"methods": "cleanlab", "rounds": "2"})


@pytest.mark.skipif(not installed("efficientnet-lite0"), reason="features need the extra `pretrained`")
def test_what_is_done_is_not_repeated_for_another_choice(pictures: Path, tmp_path: Path) -> None:
    seconds = []
    for methods in ("neighbours", "neighbours,verified only"):
        options = {"parts": "labels", "noises": "worse", "methods": methods, "size": 32}
        config = BenchConfig("detect", data=pictures, seeds=1, scale=0.7, device="cpu", options=options)
        seconds.append({line.row.method: line for line in bench(config, tmp_path).lines if "seconds" in line.metric})
    assert list(seconds[1]) == ["neighbours", "verified only"]
    assert seconds[0]["neighbours"] == seconds[1]["neighbours"]  # read, not measured again
    assert len(list((tmp_path / "runs").glob("*.json"))) == 2
