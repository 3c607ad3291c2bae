"""How backbones are named."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.names import parts_of, placed


def test_a_name_has_parts_with_sizes() -> None:
    assert parts_of("lenet", None) == {"lenet": None}
    assert parts_of("timm:a.b@224+onnx:dir/m.onnx#out/mean+lenet", 32) == {
        "timm:a.b": 224,
        "onnx:dir/m.onnx#out/mean": 32,
        "lenet": 32,
    }


@pytest.mark.parametrize("name", ["", "+", "a+a", "a@", "a@0", "a@1@2", "@3"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(NoisecleanerError, match="needs the name of a network"):
        parts_of(name, None)


def test_files_are_placed_and_nothing_else_is() -> None:
    here = os.getcwd()  # as a text
    assert placed("onnx:dir/../m.onnx#out@224+timm:a.b@96+lenet") == f"onnx:{here}/m.onnx#out@224+timm:a.b@96+lenet"
    assert placed(placed("onnx:m.onnx")) == placed("onnx:m.onnx")
    assert placed("onnx:") == "onnx:"


def test_it_is_known_without_torch() -> None:
    check = "import noisecleaner.networks.names, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
