"""ONNX Runtime: a model in memory, what it takes, and what it makes of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from noisecleaner.arrays import Array
from noisecleaner.errors import NoisecleanerError, listed

_KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
_CUDA = "CUDAExecutionProvider"


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a model takes.

    Args:
        name: of its only input.
        dtype: of the input; pixels of 8 bits are taken as they are.
        channels_last: whether images are [n, size, size, 3] and not [n, 3, size, size].
        batch: how many images it takes at once; None for any number.
        size: edge length of the images; None for any.
    """

    name: str
    dtype: npt.DTypeLike
    channels_last: bool
    batch: int | None
    size: int | None

    @classmethod
    def of(cls, session: Any, where: str) -> Signature:
        """Read it from a session.

        Raises:
            NoisecleanerError: the model takes something else than images of three channels, and nothing besides.
        """
        inputs = session.get_inputs()
        described = [f"{one.name} {one.type} {one.shape}" for one in inputs]
        shape = list(inputs[0].shape or ()) if len(inputs) == 1 else []
        last = len(shape) == 4 and shape[3] == 3 != shape[1]
        # where the file does not say how long that axis is, channels come first, as PyTorch has them
        first = len(shape) == 4 and not last and (shape[1] == 3 or not isinstance(shape[1], int))
        if not (first or last) or inputs[0].type not in _KINDS:
            raise NoisecleanerError(
                f"A backbone takes images, [n, 3, size, size] or [n, size, size, 3], as float32, float16 or uint8, and "
                f"nothing besides, but {where} takes {listed(described)}.",
                "Export the part of the network that looks at images.",
            )
        edges = {edge for edge in (shape[1:3] if last else shape[2:4]) if isinstance(edge, int)}
        if len(edges) > 1:
            raise NoisecleanerError(
                f"A backbone takes square images, but {where} takes {described[0]}.", "Export it for square images."
            )
        return cls(
            name=inputs[0].name,
            dtype=_KINDS[inputs[0].type],
            channels_last=last,
            batch=shape[0] if isinstance(shape[0], int) else None,
            size=min(edges, default=None),
        )


@contextmanager
def _refusing(where: str) -> Iterator[None]:
    """Say of whatever ONNX Runtime stumbles over that it cannot run the model."""
    try:
        yield
    except NoisecleanerError:
        raise
    except Exception as error:  # its errors have no common class but this
        reason = " ".join(str(error).split())
        raise NoisecleanerError(
            f"`Model.backbone` needs a network that ONNX Runtime can run, but it cannot run {where} ({reason[:300]}).",
            "Export it with operators of the standard only, in a version that the installed onnxruntime knows.",
        ) from error


class Session:
    """A model, ready to run on a device.

    Args:
        model: an ONNX file that needs no other.
        device: on a GPU with CUDA it runs there where the installed onnxruntime can.
        where: the file, as an error calls it.
    """

    def __init__(self, model: bytes, device: torch.device, where: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        if device.type == "cpu":  # each thread of an encoder has a core of its own
            options.intra_op_num_threads = options.inter_op_num_threads = 1
        cuda = device.type == "cuda" and _CUDA in onnxruntime.get_available_providers()
        providers = [(_CUDA, {"device_id": device.index or 0})] if cuda else []
        with _refusing(where):
            self._session = onnxruntime.InferenceSession(model, options, [*providers, "CPUExecutionProvider"])
        self._where = where
        self.signature = Signature.of(self._session, where)
        self.outputs = [one.name for one in self._session.get_outputs()]

    def run(self, images: Array, outputs: Sequence[str]) -> list[Array]:
        """Compute outputs, each of shape [n, …], of images of the model's own layout and dtype, shape [n, …]."""
        batch = self.signature.batch or len(images)
        parts = []
        with _refusing(self._where):
            for first in range(0, len(images), batch):
                part = images[first : first + batch]
                filled = np.concatenate([part, np.repeat(part[-1:], batch - len(part), axis=0)])
                made = self._session.run(list(outputs), {self.signature.name: filled})
                self._refuse_mixed(outputs, made, len(filled))
                parts.append([np.asarray(values)[: len(part)] for values in made])
        return [np.concatenate(values) for values in zip(*parts, strict=True)]

    def _refuse_mixed(self, outputs: Sequence[str], made: Sequence[Any], images: int) -> None:
        """Refuse outputs that have no row for each image, such as a mean over all of them."""
        for name, values in zip(outputs, made, strict=True):
            shape = np.shape(values)
            if not shape or shape[0] != images:
                raise NoisecleanerError(
                    f"A backbone makes a row of features of each image, but output {name} of {self._where} has the "
                    f"shape {list(shape)} for {images} images.",
                    "Name another output with `onnx:FILE#OUTPUT`, or export the network without what it does beyond.",
                )
