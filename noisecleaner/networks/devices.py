"""Devices, and the number formats that layers compute in on them: bfloat16 where the hardware has it, else float32."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from noisecleaner.errors import NoisecleanerError
from noisecleaner.settings import Precision


def choose_device(name: str) -> torch.device:
    """Choose the device.

    Args:
        name: "auto" takes CUDA, then Apple's MPS, then the CPU; else as PyTorch names devices.

    Raises:
        NoisecleanerError: the device is not there.
    """
    if name == "auto":
        return torch.device(
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # fails on devices that hold no numbers, such as meta
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise NoisecleanerError(
            f"`device={name!r}` cannot be used ({str(error).splitlines()[0]}).",
            "Give auto, cpu, cuda, cuda:N or mps.",
        ) from error
    return device


def native_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies matrices in bfloat16 itself; emulated, it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        can: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # not in every supported version
        return any(can.get(name) for name in ("avx512_bf16", "amx_bf16"))
    return False


def choose_precision(name: Precision, device: torch.device, *, convolutions: bool) -> torch.dtype:
    """Choose the format that layers compute in; parameters, losses and weights of rows are float32 anyway.

    Args:
        name: "auto" takes bfloat16 where it pays: in networks on pixels, on hardware that has it.
        device: where training runs.
        convolutions: whether a network on pixels is trained, rather than a head on vectors.
    """
    if name == "auto":
        name = "bfloat16" if convolutions and native_bfloat16(device) else "float32"
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def autocast(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """Let layers compute in a format."""
    return torch.autocast(device.type, precision, enabled=precision != torch.float32)
