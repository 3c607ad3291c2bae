"""Weights from a safetensors file: whole, or not at all; a pickle is never opened."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import require_regular

#: What PyTorch's files begin with: a ZIP, or a plain pickle.
_PICKLES = (b"PK\x03\x04", b"\x80\x02")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; a pickle is never opened.

    Raises:
        NoisecleanerError: the file is none.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        require_regular(path)
        return load_file(path)
    except (OSError, SafetensorError) as error:
        pickled = path.is_file() and _start(path).startswith(_PICKLES)
        found = "is a pickle, which can run any code when it is opened" if pickled else "cannot be read as one"
        why = "" if pickled else f" ({error})"
        raise NoisecleanerError(
            f"`Model.weights` needs a safetensors file, but {path} {found}{why}.",
            "Convert it where you trust it: safetensors.torch.save_file(torch.load(FILE, weights_only=True), "
            "'weights.safetensors').",
        ) from error


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def fitting(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: Path, *, hint: str) -> dict[str, Tensor]:
    """Choose the tensors of a network, each of any shape.

    Args:
        own: those that it has now.
        tensors: by its names, or by those of a network that it wraps; a classification layer is left out.
        path: where they were read.
        hint: what to do where they do not fit.

    Raises:
        NoisecleanerError: some are missing, or have another shape.
    """
    prefix = "" if own.keys() & tensors.keys() else "network."
    found = {prefix + k: v for k, v in tensors.items() if own.get(prefix + k, torch.empty(0)).shape == v.shape}
    missing = sorted(own.keys() - found.keys())
    if missing:
        raise NoisecleanerError(
            f"`Model.weights` must hold every tensor of the backbone, but {path} lacks {len(missing)} of {len(own)} "
            f"(such as {missing[0]}), or holds them in another shape.",
            hint,
        )
    return {name: tensor for name, tensor in found.items() if name in own}


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of tensors of any shape: their names, kinds, shapes and bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
