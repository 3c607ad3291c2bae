"""A process that sees other images or inputs than the leader is refused; the same ones are let through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import learners
from support.datasets import image_folder

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source, read_manifest
from noisecleaner.ingest.fingerprints import Fingerprint
from noisecleaner.ingest.payloads import ImageFiles
from noisecleaner.inputs.sight import SameImages, SameInputs, samples
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.ranks.group import Ranks

SECOND = Ranks(rank=1, size=2)


@pytest.mark.parametrize("content", [b"another image", None])
def test_images_that_differ_or_are_missing_are_refused(tmp_path: Path, content: bytes | None) -> None:
    image_folder(tmp_path / "images", rows=12)
    manifest = read_manifest(Source(str(tmp_path / "images")))
    payload = manifest.payload
    assert isinstance(payload, ImageFiles)
    seen = Fingerprint.of(payload, len(manifest))
    task = SameImages(parts=(manifest,), seen=(seen,))
    task(SECOND, Progress(), Interrupts())
    other = tmp_path / "images" / payload.paths[3].as_py()
    other.unlink()
    if content is not None:
        other.write_bytes(content)
    with pytest.raises(NoisecleanerError, match=r"Process 1 must see .* for 1 of 12 images that were compared"):
        task(SECOND, Progress(), Interrupts())
    task(replace(SECOND, rank=0), Progress(), Interrupts())


def test_inputs_that_differ_are_refused() -> None:
    data = learners.vectors()
    task = SameInputs(data=data, samples=samples(data.array))
    task(SECOND, Progress(), Interrupts())
    for array in (
        data.array[:-1],
        data.array.astype(np.float64),
        data.array + (np.arange(len(data.array)) == 3)[:, None],
    ):
        with pytest.raises(NoisecleanerError, match="its inputs are others"):
            replace(task, data=replace(data, array=array))(SECOND, Progress(), Interrupts())
