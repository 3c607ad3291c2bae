"""Small networks in ONNX files, and what they compute, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

#: A convolution of 3 channels over patches of 4 pixels, to 5 numbers.
KERNEL = np.random.default_rng(7).normal(scale=0.2, size=(5, 3, 4, 4)).astype(np.float32)
KINDS = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8}

Axis = int | str | None


def network(
    *,
    shape: Sequence[Axis] = ("n", 3, "h", "w"),
    kind: str = "float32",
    outputs: Sequence[str] = ("embedding",),
    nodes: Sequence[Any] = (),
    inputs: Sequence[Any] = (),
) -> Any:
    """A model with outputs among `maps` [n, 5, h, w], `tokens` [n, t, 5], `pooled` [n, 5, 1, 1] and `embedding` [n, 5].

    Args:
        shape: of the input.
        kind: of its numbers.
        outputs: names of the outputs.
        nodes: more of the graph.
        inputs: more inputs.
    """
    last = shape[-1] == 3 and shape[1] != 3
    steps = [
        helper.make_node("Cast", ["pixels"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["cast"], ["first"], perm=[0, 3, 1, 2] if last else [0, 1, 2, 3]),
        helper.make_node("Conv", ["first", "kernel"], ["maps"], strides=[4, 4]),
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["embedding"]),
        helper.make_node("Reshape", ["maps", "flat"], ["lines"]),
        helper.make_node("Transpose", ["lines"], ["tokens"], perm=[0, 2, 1]),
        *nodes,
    ]
    weights = [numpy_helper.from_array(KERNEL, "kernel"), numpy_helper.from_array(np.array([0, 5, -1]), "flat")]
    graph = helper.make_graph(
        steps,
        "toy",
        [helper.make_tensor_value_info("pixels", KINDS[kind], list(shape)), *inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def saved(path: Path, **options: Any) -> Path:
    """Write a model to a file."""
    onnx.save(network(**options), path)
    return path


def with_external(path: Path, location: str, *, content: bytes | None = None, **place: int) -> Path:
    """Write a model that says its kernel lies in another file, and that file, where it has content."""
    model = network()
    kernel = model.graph.initializer[0]
    kernel.ClearField("raw_data")
    kernel.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **place}.items():
        entry = kernel.external_data.add()
        entry.key, entry.value = key, str(value)
    path.write_bytes(model.SerializeToString())
    if content is not None:
        (path.parent / location).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / location).write_bytes(content)
    return path


def by_hand(pixels: torch.Tensor) -> torch.Tensor:
    """The embedding of what the network takes, float32 [n, 3, h, w]."""
    return torch.nn.functional.conv2d(pixels, torch.from_numpy(KERNEL), stride=4).mean(dim=(2, 3))
