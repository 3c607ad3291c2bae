"""Images are encoded in turns: what is kept does not depend on how many processes there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support.datasets import image_folder
from support.processes import together
from torch import Tensor

from noisecleaner.ingest import Source, ingest
from noisecleaner.inputs.encoders import feature_encoder
from noisecleaner.inputs.prepare import prepare_images
from noisecleaner.networks.backbones import build
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.ranks.group import ALONE, Ranks
from noisecleaner.ranks.tasks import dismiss, follow
from noisecleaner.settings import Decoding
from noisecleaner.training.streams import first_parameters

ROWS = 610


@dataclass(frozen=True)
class Encoding:
    """Encodes the images of a folder, in which some cannot be read, into another.

    Args:
        images: the one.
        folder: the other.
    """

    images: Path
    folder: Path

    def __call__(self, ranks: Ranks) -> dict[str, Any]:
        if not ranks.leads:
            return dict(follow(ranks, Interrupts()))
        with first_parameters(0):
            backbone = build("lenet", size=28, pretrained=False, weights=None)
        encoder = feature_encoder([backbone], torch.device("cpu"))
        inputs = prepare_images(
            [ingest(Source(self.images))[0]],
            encoder=encoder,
            folder=self.folder,
            decoding=Decoding(threads=2),
            progress=Progress(),
            ranks=ranks,
        )
        found: dict[str, Tensor] = {
            "features": torch.from_numpy(np.array(inputs.array)),
            "skipped": torch.tensor(sorted(inputs.skipped)),
        }
        dismiss(ranks, found)
        return found


def test_two_processes_keep_what_one_keeps(tmp_path: Path) -> None:
    images = tmp_path / "images"
    image_folder(images, rows=ROWS)
    broken = sorted(images.rglob("*.png"))[300]
    broken.write_bytes(broken.read_bytes()[:60])
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    one = Encoding(images, folders[0])(ALONE)
    leader, other = together(Encoding(images, folders[1]), 2, tmp_path / "two")
    assert len(one["skipped"]) == 1
    for found in (leader, other):
        assert torch.equal(found["features"], one["features"])
        assert torch.equal(found["skipped"], one["skipped"])
