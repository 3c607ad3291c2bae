"""Patches look at images as their definition says, and at nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from noisecleaner.networks.patches import Patches


def images(count: int = 40, size: int = 32, seed: int = 0) -> torch.Tensor:
    """Smooth random images, whose neighbouring pixels are alike."""
    small = np.random.default_rng(seed).uniform(0, 255, (count, 3, 8, 8)).astype(np.float32)
    return functional.interpolate(torch.from_numpy(small), size=size, mode="bilinear")


def fitted(size: int = 32, seed: int = 0) -> Patches:
    patches = Patches(size)
    patches.fit(images(size=size), np.random.default_rng(seed))
    return patches


def test_a_filter_answers_a_patch_as_the_whitened_and_standardised_patch_says() -> None:
    patches, image = fitted(), images(1, seed=1)
    features = patches(image).view(-1, 3, 3)
    windows = functional.unfold(image.double(), 6, stride=2)[0].T  # [places, pixels], as the definition cuts them
    centred = windows - windows.mean(dim=1, keepdim=True)
    standardised = centred / (centred.square().mean(dim=1, keepdim=True) + 10).sqrt()
    answers = standardised @ patches.filters.double().flatten(1).T + patches.offset.double() - 0.5
    expected = functional.adaptive_avg_pool2d(answers.relu().T.reshape(-1, 14, 14), 3).sqrt()
    torch.testing.assert_close(features.double(), expected, rtol=1e-3, atol=1e-3)
    assert (expected > 0).double().mean() > 0.5


def test_filters_see_all_directions_alike() -> None:
    patches = fitted()
    windows = functional.unfold(images(), 6)[:, :, ::7].transpose(1, 2).flatten(0, 1).double()
    centred = windows - windows.mean(dim=1, keepdim=True)
    standardised = centred / (centred.square().mean(dim=1, keepdim=True) + 10).sqrt()
    spread = (standardised @ patches.filters.double().flatten(1).T).std(dim=0)
    assert spread.max() / spread.min() < 2  # pixels themselves: their principal directions differ by hundreds


def test_brightness_and_contrast_change_little() -> None:
    patches, some = fitted(), images(5, seed=2)
    plain, darker = patches(some), patches(0.5 * some + 20)
    assert (plain - darker).abs().max() < 0.1 * plain.max()


@pytest.mark.parametrize("size", [8, 16, 28, 32, 100])
def test_images_of_any_size_have_as_many_features(size: int) -> None:
    patches = fitted(size)
    features = patches(images(4, size))
    assert features.shape == (4, patches.width)
    assert features.isfinite().all()
    assert features.std(dim=0).max() > 0


def test_images_of_one_colour_are_no_division_by_zero() -> None:
    patches = Patches(32)
    patches.fit(torch.full((5, 3, 32, 32), 7.0), np.random.default_rng(0))
    assert patches(torch.zeros(2, 3, 32, 32)).isfinite().all()


def test_the_same_draws_give_the_same_bits() -> None:
    torch.testing.assert_close(fitted().filters, fitted().filters, rtol=0, atol=0)
    assert (fitted(seed=1).filters != fitted().filters).any()
