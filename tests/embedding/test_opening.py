"""Networks in other processes: the ones that were chosen, or none."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path

import pytest
from support.embedding import tiny

from noisecleaner.embedding.backbones import frozen_backbones, maker_of
from noisecleaner.embedding.opening import Opening
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.tables.maker import Maker
from noisecleaner.settings import Decoding


def test_a_process_that_finds_other_weights_stops(tmp_path: Path) -> None:
    maker = Maker(backbone="cifar-quick", size=16, crop="squash", weights="others")
    load = partial(frozen_backbones, tiny(tmp_path))
    with pytest.raises(NoisecleanerError, match="weights of the digest others, but one has others"):
        Opening(load=load, device="cpu", decoding=Decoding(), maker=maker)()


def test_it_travels_and_takes_as_many_threads_as_it_is_given(tmp_path: Path) -> None:
    load = partial(frozen_backbones, tiny(tmp_path))
    opening = Opening(load=load, device="cpu", decoding=Decoding(threads=5, max_pixels=99), maker=maker_of(load()))
    there = pickle.loads(pickle.dumps(opening))  # noqa: S301  # our own
    assert there(3).decoding == Decoding(threads=3, max_pixels=99)
    assert there().decoding == Decoding(threads=5, max_pixels=99)
