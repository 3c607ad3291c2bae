"""An ONNX file -> one piece of bytes that needs no other file; what it points to outside of its folder is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from noisecleaner.errors import NoisecleanerError

#: The most that the format can hold in one piece.
_MOST = 2**31 - 1


def self_contained(path: Path) -> bytes:
    """Read a model, with the weights that it keeps in files beside it.

    Raises:
        NoisecleanerError: it is no ONNX file, larger than 2 GB, or points to files outside of its folder.
    """
    import onnx
    from google.protobuf.message import DecodeError, EncodeError

    try:
        content = path.read_bytes()
        model = onnx.ModelProto.FromString(content) if len(content) <= _MOST else None
    except (OSError, DecodeError) as error:
        raise _unreadable(path, error) from error
    if model is None or not model.graph.node:
        raise _unreadable(path, f"it holds {len(content):,} bytes, and no network")
    outside = [tensor for tensor in _tensors(model) if tensor.data_location == onnx.TensorProto.EXTERNAL]
    if not outside:
        return content
    total = len(content)
    for tensor in outside:
        tensor.raw_data = _external(tensor, path)
        total += len(tensor.raw_data)
        if total > _MOST:
            raise _too_large(path)
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
    try:
        return bytes(model.SerializeToString())
    except (EncodeError, ValueError) as error:
        raise _too_large(path) from error


def _tensors(message: Any) -> Iterator[Any]:
    """Yield every tensor in a model, wherever it stands: among weights, in attributes of nodes, in functions."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        repeated = not hasattr(value, "ListFields")
        for inner in value if repeated else (value,):
            if field.message_type.name == "TensorProto":
                yield inner
            elif hasattr(inner, "ListFields"):
                yield from _tensors(inner)


def _external(tensor: Any, path: Path) -> bytes:
    """Read the bytes of a tensor from a file in the folder of its model."""
    said = {entry.key: entry.value for entry in tensor.external_data}
    folder = path.resolve().parent
    try:
        place = (folder / said["location"]).resolve()
        offset, length = int(said.get("offset", 0)), int(said["length"]) if "length" in said else None
        if not place.is_relative_to(folder) or not place.is_file():
            raise ValueError("it is no file there")
        left = place.stat().st_size - offset
        if offset < 0 or left < 0 or not 0 <= (left if length is None else length) <= left:
            raise ValueError(f"it has {place.stat().st_size:,} bytes")
        with place.open("rb") as file:
            file.seek(offset)
            content: bytes = file.read(left if length is None else length)
            return content
    except (KeyError, ValueError, OSError) as error:
        raise NoisecleanerError(
            f"{path} keeps weights in other files, which must lie in its folder and be whole, but of "
            f"{said.get('location')!r} it asks for what is not there ({error}).",
            "Put all files of the model into one folder.",
        ) from error


def _unreadable(path: Path, reason: object) -> NoisecleanerError:
    return NoisecleanerError(
        f"`Model.backbone` needs an ONNX file behind `onnx:`, but {path} cannot be read as one ({reason}).",
        "Export the network with torch.onnx.export, or with Hugging Face's optimum.",
    )


def _too_large(path: Path) -> NoisecleanerError:
    return NoisecleanerError(
        f"A run keeps its network in one piece of at most 2 GB, but {path} is larger with its weights.",
        "Export a smaller network, or the same in float16; or bring embeddings.",
    )
