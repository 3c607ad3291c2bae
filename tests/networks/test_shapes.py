"""What a network takes and gives, as run directories keep it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.images.framing import Framing
from noisecleaner.networks.cards import Card
from noisecleaner.networks.shapes import Shape

FRAMINGS = st.builds(
    Framing,
    size=st.integers(1, 1000),
    crop=st.sampled_from(["squash", "center", "pad"]),
    share=st.floats(0, 1, exclude_min=True),
)
NUMBERS = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple)
CARDS = st.builds(
    Card,
    name=st.text(),
    framing=FRAMINGS,
    width=st.integers(1, 1000),
    mean=NUMBERS,
    deviation=NUMBERS,
    package=st.none() | st.text(),
)
SHAPES = st.builds(
    Shape,
    kind=st.sampled_from(["pixels", "vectors", "probabilities"]),
    classes=st.integers(2, 10**4),
    width=st.integers(1, 10**4),
    backbone=st.none() | st.text(),
    size=st.none() | st.integers(1, 1000),
    hidden=st.integers(0, 1000),
    cards=st.lists(CARDS, max_size=2).map(tuple),
)


@given(SHAPES)
def test_a_shape_comes_back_from_json(shape: Shape) -> None:
    assert Shape.from_json(json.loads(json.dumps(asdict(shape)))) == shape


def test_a_shape_of_an_earlier_version_has_no_cards() -> None:
    shape = Shape(kind="pixels", classes=3, width=5, backbone="lenet", size=28)
    content = {name: value for name, value in asdict(shape).items() if name != "cards"}
    assert Shape.from_json(content) == shape


def test_classes_and_width_cannot_change_places() -> None:
    with pytest.raises(TypeError):
        Shape("vectors", 3, 5)  # type: ignore[misc]


def test_a_shape_is_known_without_torch() -> None:
    check = "import noisecleaner.networks.shapes, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
