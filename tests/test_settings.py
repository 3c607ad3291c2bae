"""Settings are frozen values that are built by name, and knowing them costs nothing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, fields

import pytest

from noisecleaner.settings import Decoding, Effort, Inference, Meta, Model, Regularisation
from noisecleaner.threads import cores

ALL = [Meta, Model, Regularisation, Effort, Decoding, Inference]


@pytest.mark.parametrize("kind", ALL)
def test_settings_have_defaults_are_equal_by_value_and_frozen(kind: type) -> None:
    assert kind() == kind()
    with pytest.raises(FrozenInstanceError):
        setattr(kind(), fields(kind)[0].name, None)


@pytest.mark.parametrize("kind", ALL)
def test_settings_are_built_by_name_alone(kind: type) -> None:
    """Else epochs and batch size, or threads and pixels, could be swapped unseen."""
    with pytest.raises(TypeError, match="positional"):
        kind(1)


def test_images_are_decoded_in_as_many_threads_as_there_are_cores_but_not_in_hundreds() -> None:
    assert Decoding().threads == min(32, cores())


def test_settings_import_neither_torch_nor_arrow() -> None:
    check = "import noisecleaner.settings, sys; sys.exit(bool({'torch', 'pyarrow', 'numpy'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
