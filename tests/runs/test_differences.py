"""Options that differ are told as they are typed, those that do not are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from noisecleaner.commands.wording import typed
from noisecleaner.ingest import Columns, Source
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.differences import differences
from noisecleaner.settings import Decoding, Effort, Meta, Model, Regularisation

CONFIG = FitConfig(source=Source("/data"), trusted="/t.csv", options={"rate": 0.5, "same": 1})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, []),
        ({"seed": 4}, ["--seed 0 (now --seed 4)"]),
        ({"trusted": "/my table.csv"}, ["--trusted /t.csv (now --trusted '/my table.csv')"]),
        ({"corrections": "/c.csv"}, ["no --corrections (now --corrections /c.csv)"]),
        ({"strict": True}, ["no --strict (now --strict)"]),
        ({"options": {"rate": 0.25, "same": 1}}, ["--option rate=0.5 (now --option rate=0.25)"]),
        ({"options": {}}, ["--option rate=0.5 --option same=1 (now no --option)"]),
        ({"source": Source("/other")}, ["the data '/data' (now the data '/other')"]),
        ({"source": Source("/data", none_label="x")}, ["no --none-label (now --none-label x)"]),
        (
            {"source": Source("/data", columns=Columns(label="y", label_names=tuple("abcd")))},
            [
                "--label-column label (now --label-column y)",
                "no --label-names (now --label-names (a, b, c, … (1 more)))",
            ],
        ),
        ({"model": Model(frozen=False)}, ["no --frozen (now --no-frozen)"]),
        (
            {"effort": Effort(epochs=3, meta=Meta(layers="last"))},
            ["no --epochs (now --epochs 3)", "--meta exact (now --meta last)"],
        ),
        (
            {"regularisation": Regularisation(regularisers={"lautum": {}})},
            ["no --regulariser (now --regulariser lautum)"],
        ),
        ({"decoding": Decoding(max_pixels=5)}, ["--max-pixels 64000000 (now --max-pixels 5)"]),
    ],
)
def test_each_option_is_told_as_it_is_typed(change: dict[str, Any], words: list[str]) -> None:
    found = differences(CONFIG.to_json(), replace(CONFIG, **change).to_json())
    assert [typed(text) for text in found] == words


def test_long_texts_are_cut() -> None:
    (found,) = differences(CONFIG.to_json(), replace(CONFIG, trusted="/" + 5000 * "x").to_json())
    assert len(found) < 300
