"""What a network takes and gives, as run directories keep it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.networks.shapes import Shape

SHAPES = st.builds(
    Shape,
    kind=st.sampled_from(["pixels", "vectors", "probabilities"]),
    classes=st.integers(2, 10**4),
    width=st.integers(1, 10**4),
    backbone=st.none() | st.text(),
    size=st.none() | st.integers(1, 1000),
    hidden=st.integers(0, 1000),
)


@given(SHAPES)
def test_a_shape_comes_back_from_json(shape: Shape) -> None:
    assert Shape(**json.loads(json.dumps(asdict(shape)))) == shape


def test_classes_and_width_cannot_change_places() -> None:
    with pytest.raises(TypeError):
        Shape("vectors", 3, 5)  # type: ignore[misc]


def test_a_shape_is_known_without_torch() -> None:
    check = "import noisecleaner.networks.shapes, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
