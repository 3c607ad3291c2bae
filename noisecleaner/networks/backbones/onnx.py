"""A network in an ONNX file, frozen: ONNX Runtime computes its features (extra `onnx`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from torch import Tensor

from noisecleaner.errors import NoisecleanerError, quoted
from noisecleaner.files import damaged, located
from noisecleaner.images.framing import Framing
from noisecleaner.networks.backbones import Backbone, Normalise
from noisecleaner.networks.backbones._onnx_files import self_contained
from noisecleaner.networks.backbones._onnx_outputs import asked_output, choose_output
from noisecleaner.networks.backbones._onnx_sessions import Session
from noisecleaner.networks.backbones._preprocessing import Preprocessing, beside
from noisecleaner.networks.cards import Card

#: How the networks of this file are named, and what `methods` says of them.
SPELLING = "onnx:FILE"
FAMILY = "onnx:FILE for a network in an ONNX file (extra onnx)"
_PREFIX = "onnx:"


class OnnxBackbone(Backbone):
    """A network that ONNX Runtime computes. Its one tensor is the file, so that a run holds all that it needs.

    Args:
        name: `onnx:FILE`, or `onnx:FILE#OUTPUT`.
        model: an ONNX file that needs no other.
        preprocessing: what becomes of an image before the network sees it.
        size: edge length of the images; None takes that of the preprocessing or of the file.

    Raises:
        NoisecleanerError: ONNX Runtime cannot run it, it takes no images of this size, or gives no embedding.
    """

    trained, trainable = True, False

    def __init__(self, name: str, model: bytes, preprocessing: Preprocessing, *, size: int | None) -> None:
        super().__init__()
        import onnxruntime

        file, output = _split(name)
        self.package, self.called = f"onnxruntime {onnxruntime.__version__}", _called(file, output)
        self.model: Tensor
        self.register_buffer("model", torch.from_numpy(np.frombuffer(model, np.uint8).copy()))
        self._sessions = {"cpu": Session(model, torch.device("cpu"), file)}
        self._signature = self._sessions["cpu"].signature
        self.framed(_framing(file, self._signature.size, preprocessing.framing, size))
        eight_bits = self._signature.dtype == np.uint8
        self.normalise = None if eight_bits else Normalise(preprocessing.mean, preprocessing.deviation)
        if not eight_bits and not preprocessing.told:
            self.caveat = (
                f"Nothing says which pixels {file} wants: it gets ImageNet's mean and deviation. Where that is wrong, "
                "its features are poor. A preprocessor_config.json beside it would say so."
            )
        tried = self._taken(torch.zeros(self._signature.batch or 2, 3, self.size, self.size))
        outputs = self._sessions["cpu"].outputs
        made = self._sessions["cpu"].run(tried, outputs)
        self._output = choose_output(list(zip(outputs, made, strict=True)), asked_output(output), file)
        self.width = self._output.pooled(made[outputs.index(self._output.name)]).shape[1]

    def features(self, pixels: Tensor) -> Tensor:
        """Turn pixels [batch, 3, size, size] into features [batch, width]."""
        (made,) = self._session(pixels.device).run(self._taken(pixels), [self._output.name])
        return torch.from_numpy(self._output.pooled(made)).to(pixels.device)

    def _taken(self, pixels: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        """Bring pixels [batch, 3, size, size] into the network's own layout and kind."""
        values = pixels if self.normalise is None else self.normalise(pixels)
        values = values.permute(0, 2, 3, 1) if self._signature.channels_last else values
        return np.ascontiguousarray(values.detach().cpu().numpy().astype(self._signature.dtype))

    def _session(self, device: torch.device) -> Session:
        if str(device) not in self._sessions:
            self._sessions[str(device)] = Session(self.model.cpu().numpy().tobytes(), device, str(self.called))
        return self._sessions[str(device)]


def names() -> list[str]:
    """List nothing: networks are files of the user's."""
    return []


def installed() -> bool:
    """Whether the extra `onnx` is there."""
    return find_spec("onnx") is not None and find_spec("onnxruntime") is not None


def build(name: str, *, size: int | None, pretrained: bool) -> Backbone:
    """Open a file; the weights are in it, whether or not they are asked for.

    Raises:
        NoisecleanerError: the extra is not installed, or the file cannot be used.
    """
    _require_package(name)
    path = located(_split(name)[0])
    return OnnxBackbone(name, self_contained(path), beside(path.resolve()), size=size)


def restore(name: str, card: Card | None, tensors: Mapping[str, Tensor]) -> Backbone:
    """Make the network of a run again from the tensors, each of any shape, that it kept: it needs no file.

    Raises:
        NoisecleanerError: the extra is not installed, the tensors are of another network, or it cannot be run.
    """
    _require_package(name)
    if card is None or tensors.keys() != {"model"}:
        raise damaged(Path("backbone.safetensors"), "it holds no ONNX file")
    told = Preprocessing(framing=card.framing, mean=card.mean, deviation=card.deviation, told=True)
    backbone = OnnxBackbone(name, tensors["model"].numpy().tobytes(), told, size=card.framing.size)
    backbone.framed(card.framing)
    return backbone


def load(backbone: Backbone, path: Path) -> NoReturn:
    """Refuse weights: the file holds its own.

    Raises:
        NoisecleanerError: always.
    """
    raise NoisecleanerError(
        f"`Model.weights` is for networks that PyTorch computes, but an ONNX file holds its weights; {path} would do "
        "nothing.",
        "Leave `Model.weights` out.",
    )


def _require_package(name: str) -> None:
    if not installed():
        raise NoisecleanerError(
            f"`Model(backbone={name!r})` needs the extra 'onnx', which is not installed, or not as a whole.",
            "Run: pip install 'noisecleaner[onnx]'.",
        )


def _split(name: str) -> tuple[str, str]:
    """Part a name into the file and the output that it asks for, "" where it asks for none."""
    file, mark, output = name.removeprefix(_PREFIX).rpartition("#")
    return (file, output) if mark else (output, "")


def _called(file: str, output: str) -> str:
    """What a network is called in what is kept of it, wherever the file is."""
    return f"{_PREFIX}{Path(file).name}{'#' if output else ''}{output}"


def _framing(file: str, fixed: int | None, told: Framing | None, size: int | None) -> Framing:
    """How a network wants its images.

    Args:
        file: as an error calls it.
        fixed: edge length that the file says, None where it leaves that open.
        told: what the preprocessing says, if it says something.
        size: edge length that was asked for.

    Raises:
        NoisecleanerError: it takes no images of that size, or nobody says of which.
    """
    edge = size or fixed or (told.size if told else None)
    if edge is None:
        raise NoisecleanerError(
            f"{quoted(file)} takes images of any size, and nothing says which is the best.",
            "Give `Model(image_size=224)`, or what it was trained on.",
        )
    if fixed is not None and edge != fixed:
        raise NoisecleanerError(
            f"{quoted(file)} takes images of {fixed} pixels, but `Model.image_size` is {edge}.",
            "Leave `Model.image_size` out, or export the network for any size.",
        )
    return replace(told, size=edge) if told else Framing(edge)
