"""How an image of any shape becomes a square, in numbers."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.images.framing import Framing

EDGES = st.integers(1, 5000)


@given(EDGES, EDGES, st.integers(1, 600), st.floats(0.5, 1))
def test_what_is_scaled_fills_the_square_or_fits_in(width: int, height: int, size: int, share: float) -> None:
    squashed, cut, padded = (Framing(size, crop, share).scaled(width, height) for crop in ("squash", "center", "pad"))  # type: ignore[arg-type]  # a text of three
    scale = Framing(size, share=share).scale
    assert squashed == (scale, scale)
    assert min(cut) == max(padded) == scale >= size
    assert min(padded) >= 1


def test_a_photograph_is_scaled_as_torchvision_does() -> None:
    assert Framing(224, "center", 0.875).scaled(640, 427) == (383, 256)
    assert Framing(224, "pad").scaled(640, 427) == (224, 149)


def test_another_crop_cuts_no_more_off_than_it_must() -> None:
    own = Framing(224, "center", 0.9, "bicubic")
    assert own.cropped(None) == own.cropped("center") == own
    assert own.cropped("pad") == Framing(224, "pad", 1.0, "bicubic")


def test_words_name_what_is_unusual() -> None:
    assert Framing(160).words() == "160 px"
    assert Framing(518, "center", interpolation="bicubic").words() == "518 px (center crop)"
    assert Framing(224, "center", 0.9).words() == "224 px (center crop of 90%)"
    assert Framing(224, "pad").words() == "224 px (padded)"


@pytest.mark.parametrize(
    "odd", [{"size": 0}, {"share": 0.0}, {"share": 1.5}, {"crop": "round"}, {"interpolation": "x"}]
)
def test_what_is_no_framing_is_refused(odd: dict[str, object]) -> None:
    assert Framing.from_json(asdict(Framing(8))) == Framing(8)
    with pytest.raises(ValueError, match="framed"):
        Framing.from_json({**asdict(Framing(8)), **odd})


def test_it_is_known_without_torch() -> None:
    check = "import noisecleaner.images.framing, noisecleaner.networks.cards, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
