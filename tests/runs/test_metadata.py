"""What stands beside scores comes back as it was, also from earlier versions; anything else is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from support.scored import metadata_of, sampled

from noisecleaner.noise.goal import Goal
from noisecleaner.notices import Notice
from noisecleaner.runs.basis import Basis
from noisecleaner.runs.metadata import Metadata

FULL = metadata_of(
    ["cat", "dog"],
    goal=Goal("noise", 0.1),
    kept_noise=sampled(5, 60),
    judged=60,
    weighted=True,
    notices=(Notice(code="odd", message="Something is odd."),),
    unused=("emu",),
    basis=Basis(rows=60, data="fitted"),
)


def through_json(content: object) -> Any:
    return json.loads(json.dumps(content))


@pytest.mark.parametrize("metadata", [FULL, metadata_of(["cat"]), replace(FULL, by="margin", threshold=-1.5)])
def test_it_comes_back(metadata: Metadata) -> None:
    assert Metadata.from_json(through_json(metadata.to_json())) == metadata


def test_what_earlier_versions_did_not_know_is_nothing() -> None:
    content = through_json(FULL.to_json())
    for name in ("kept_noise", "judged", "notices", "unused", "basis", "contents"):
        del content[name]
    assert Metadata.from_json(content) == replace(
        FULL, kept_noise=None, judged=None, notices=(), unused=(), basis=None, contents=()
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": "cat"},
        {"classes": [1]},
        {"by": "beta"},
        {"threshold": True},
        {"threshold": float("nan")},
        {"goal": {"kind": "noise", "value": 7, "confidence": 0.9}},
        {"judged": -1},
    ],
)
def test_anything_else_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Metadata.from_json({**through_json(FULL.to_json()), **wrong})
