"""Which output of a network is the embedding: the only one of its kind, or the one that a name asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from noisecleaner.arrays import Array
from noisecleaner.errors import NoisecleanerError, listed

_POOLINGS = ("mean", "first")


@dataclass(frozen=True)
class Output:
    """An output, and how one vector an image comes of it.

    Args:
        name: of the output.
        pooling: `mean` over the tokens or the places of a map, the `first` token, or "" where it is an embedding.
    """

    name: str
    pooling: str = ""

    def pooled(self, values: Array) -> Array:
        """Turn an output of shape [n, …] into embeddings [n, width]."""
        if self.pooling == "mean" and values.ndim > 2:
            places = (1,) if values.ndim == 3 else tuple(range(2, values.ndim))
            return np.asarray(values.astype(np.float32).mean(axis=places))
        if self.pooling == "first" and values.ndim == 3:
            return values[:, 0].astype(np.float32)
        return values.reshape(len(values), -1).astype(np.float32)


def asked_output(text: str) -> Output | None:
    """Read what stands behind # in a name: `NAME`, `NAME/mean` or `NAME/first`; None where nothing does."""
    name, slash, pooling = text.rpartition("/")
    if slash and pooling in _POOLINGS:
        return Output(name, pooling)
    return Output(text) if text else None


def choose_output(made: Sequence[tuple[str, Array]], asked: Output | None, where: str) -> Output:
    """Choose an output.

    Args:
        made: name of each output and what it gave for images, shape [n, …].
        asked: the one that was asked for, if one was.
        where: the file, as an error calls it.

    Raises:
        NoisecleanerError: it is not there, or there are several to choose from, or none without pooling.
    """
    shapes = [f"{name} {list(values.shape)}" for name, values in made]
    if asked is None:
        embeddings = [name for name, values in made if _is_embedding(values)]
        if len(embeddings) == 1:
            return Output(embeddings[0])
        raise NoisecleanerError(
            f"A backbone gives one vector an image, but {where} has {len(embeddings)} such outputs "
            f"among {listed(shapes)}.",
            f"Name one behind #: `Model(backbone='onnx:FILE#{_suggestion(made, embeddings)}')`; /mean and /first pool "
            "tokens.",
        )
    found = [values for name, values in made if name == asked.name]
    if not found:
        raise NoisecleanerError(
            f"`Model.backbone` asks for the output {asked.name!r}, but {where} has {listed(shapes)}.",
            "Name one of these behind #.",
        )
    fits = {"": _is_embedding(found[0]), "mean": found[0].ndim > 2, "first": found[0].ndim == 3}
    if not fits[asked.pooling]:
        how = f"pooled by {asked.pooling}" if asked.pooling else "without pooling"
        raise NoisecleanerError(
            f"The output {asked.name!r} of {where}, {how}, is no vector an image: its shape is {list(found[0].shape)}.",
            "Outputs [n, width] need no pooling; tokens [n, tokens, width] take /mean or /first, maps "
            "[n, width, height, width] take /mean.",
        )
    return asked


def _is_embedding(values: Array) -> bool:
    """Whether an output has shape [n, width], or ones behind that."""
    return values.ndim >= 2 and values.shape[1] > 1 and values[0].size == values.shape[1]


def _suggestion(made: Sequence[tuple[str, Array]], embeddings: Sequence[str]) -> str:
    return embeddings[0] if embeddings else f"{made[0][0]}/mean" if made else "NAME"
