"""Standard augmentation for training from scratch: random crops of a padded image, and mirroring."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def augment(pixels: Tensor, flips: bool) -> Tensor:
    """Shift every image by up to an eighth of its edge, and mirror half of them.

    Draws from torch's global generator; no work per sample in Python.

    Args:
        pixels: shape [n, channels, size, size].
        flips: whether a mirrored image keeps its label.
    """
    count, _, size, _ = pixels.shape
    reach = size // 8
    padded = functional.pad(pixels, (reach,) * 4, mode="reflect")
    offsets = torch.randint(0, 2 * reach + 1, (2, count, 1), device=pixels.device)
    down, right = offsets + torch.arange(size, device=pixels.device)
    image = torch.arange(count, device=pixels.device).view(-1, 1, 1)
    # with the channels last, which is how they are kept, a pixel is copied at a time
    shifted = padded.permute(0, 2, 3, 1)[image, down[:, :, None], right[:, None, :]].permute(0, 3, 1, 2)
    if not flips:
        return shifted
    mirrored = torch.rand(count, 1, 1, 1, device=pixels.device) < 0.5
    return torch.where(mirrored, shifted.flip(-1), shifted)
