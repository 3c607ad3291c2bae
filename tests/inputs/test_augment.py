"""Augmentation shifts and mirrors, and repeats with the seed."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from noisecleaner.inputs.augment import augment


def test_augmentation_shifts_by_at_most_an_eighth_and_mirrors_half() -> None:
    torch.manual_seed(0)
    columns = torch.arange(32.0).expand(400, 1, 32, 32)
    moved = augment(columns, flips=True)
    rising = moved[:, 0, 16, 20] > moved[:, 0, 16, 12]
    assert 0.4 < rising.float().mean() < 0.6
    plain = augment(columns, flips=False)
    shifts = plain[:, 0, 16, 16] - 16
    assert shifts.min() == -4
    assert shifts.max() == 4
    assert len(shifts.unique()) == 9


def test_augmentation_repeats_with_the_seed() -> None:
    pixels = torch.rand(8, 3, 16, 16)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(augment(pixels, flips=True))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize("size", [8, 17, 32])
def test_each_image_is_one_crop_of_its_padded_self(size: int, flips: bool) -> None:
    """Against every crop there is, mirrored or not."""
    torch.manual_seed(0)
    pixels = torch.rand(20, 3, size, size)
    reach = size // 8
    padded = functional.pad(pixels, (reach,) * 4, mode="reflect")
    places = [(down, right) for down in range(2 * reach + 1) for right in range(2 * reach + 1)]
    crops = torch.stack([padded[..., down : down + size, right : right + size] for down, right in places])
    choices = torch.cat([crops, crops.flip(-1)]) if flips else crops
    moved = augment(pixels, flips=flips)
    assert moved.shape == pixels.shape
    assert (choices == moved).flatten(2).all(2).any(0).all()
