"""Standard augmentation for training from scratch: random crops of a padded image, and mirroring."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from noisecleaner.networks.network import Share


def augment(pixels: Tensor, flips: bool, share: Share | None = None) -> Tensor:
    """Shift every image by up to an eighth of its edge, and mirror half of them.

    Draws from torch's global generator; no work per sample in Python.

    Args:
        pixels: shape [n, channels, size, size].
        flips: whether a mirrored image keeps its label.
        share: what they are of a batch that several processes share: each draws for all of it, and takes its own.
    """
    count, _, size, _ = pixels.shape
    reach = size // 8
    padded = functional.pad(pixels, (reach,) * 4, mode="reflect")
    whole, first = (count, 0) if share is None else (share.size, share.first)
    own = slice(first, first + count)
    offsets = torch.randint(0, 2 * reach + 1, (2, whole, 1), device=pixels.device)[:, own]
    down, right = offsets + torch.arange(size, device=pixels.device)
    image = torch.arange(count, device=pixels.device).view(-1, 1, 1)
    # with the channels last, which is how they are kept, a pixel is copied at a time
    shifted = padded.permute(0, 2, 3, 1)[image, down[:, :, None], right[:, None, :]].permute(0, 3, 1, 2)
    if not flips:
        return shifted
    mirrored = torch.rand(whole, 1, 1, 1, device=pixels.device)[own] < 0.5
    return torch.where(mirrored, shifted.flip(-1), shifted)
