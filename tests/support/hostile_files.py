"""Files that nobody would write on purpose, drawn at random: weights, networks, names, and damaged runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from support.hostile import Chance
from support.onnx_files import network

#: What torchrun tells a process, told by somebody else.
_LIES = ["", "0", "1", "-1", "x", "1e3", "99999999999999999999", " 2", "２", "nan"]
_TOLD = ["WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"]


def lies(chance: Chance) -> dict[str, str]:
    """Draw an environment that speaks of other processes; never one in which they would be waited for."""
    if not chance.once_in(10):
        return {}
    told = {name: chance.choice(_LIES) for name in chance.some(_TOLD, 6)}
    return {**told, "RANK": "7"} if told.get("WORLD_SIZE", "").strip() in ("2", "２") else told


@cache
def _networks() -> list[bytes]:
    """Files in ONNX: of one output, of several, of a fixed size, with the last axis for colours, in bytes."""
    options: list[dict[str, Any]] = [
        {},
        {"outputs": ("maps", "tokens", "pooled", "embedding")},
        {"shape": (1, 3, 16, 16)},
        {"shape": ("n", 16, 16, 3), "kind": "uint8"},
        {"shape": ("n", 3, 2**40, 16)},
        {"outputs": ("nothing",)},
    ]
    return [network(**option).SerializeToString() for option in options]


@cache
def _weights() -> list[bytes]:
    """Files of safetensors: of a network that there is, of none, with numbers that are none."""
    from noisecleaner.networks.backbones import build

    own = {
        name: tensor.numpy()
        for name, tensor in build("cifar-quick", size=None, pretrained=False, weights=None).state_dict().items()
    }
    broken = {name: np.full_like(array, np.nan) for name, array in own.items()}
    return [
        save(own),
        save(broken),
        save({}),
        save({"x": np.zeros(0, np.float32)}),
        save({name: array.astype(np.float16) for name, array in own.items()}),
        _headed({"x": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}),
        _headed({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "y": None}),
        _headed({"x" * 100_000: {"dtype": "F99", "shape": [1], "data_offsets": [4, 0]}}),
        (2**63).to_bytes(8, "little"),
        b"\x80\x04cos\nsystem\n",
    ]


def _headed(header: Mapping[str, Any]) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"\0" * 4


def damaged(chance: Chance, content: bytes) -> bytes:
    """Draw what may become of a file: nothing, cut, a bit flipped, bytes put over or behind."""
    how = chance.choice(["whole", "cut", "flipped", "filled", "longer"])
    place = chance.randrange(max(1, len(content)))
    if how == "cut":
        return content[:place]
    if how == "flipped" and content:
        return content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1 :]
    noise = chance.randbytes(chance.randint(1, 64))
    if how == "filled":
        return content[:place] + noise + content[place + len(noise) :]
    return content + noise if how == "longer" else content


#: Names of files that command lines name, and what may stand in them.
FILES: dict[str, Callable[[], list[bytes]]] = {
    "w.safetensors": _weights,
    "net.onnx": _networks,
    "names.txt": lambda: [
        b"cat\ndog\n", b"dog\n\ncat", b"", b"\xff\xfe", b"cat\ncat\n", b"::error::\n1\n", b"0 cat", b"x" * 10**6
    ],
    "names.json": lambda: [
        b'["cat", "dog"]', b'{"0": "cat", "1": "dog"}', b"[" * 20_000, b"{}", b"null", b'{"cat": 1e400}', b"[1, NaN]"
    ],
    "noisecleaner.toml": lambda: [
        b"[gate]\nmax-noise = nan\n", b"[fit]\nfolds = 1e400\n", b"[score]\nthreshold = -0\n", b"[gate", b"\xff",
        b"[export]\nformat = 'cvat'\n", b"gate = 1\n", b"[fit]\nepochs = 1\n[report]\nrows = 10000000000000000000000"
    ],
}  # fmt: skip


def files(chance: Chance, words: list[str]) -> dict[str, bytes]:
    """Draw the files that a command line names, and now and then one that is read unasked."""
    named = [name for name in FILES if any(name in word for word in words)]
    unasked = ["noisecleaner.toml"] if chance.once_in(20) else []
    return {name: damaged(chance, chance.choice(FILES[name]())) for name in sorted({*named, *unasked})}


def damage(chance: Chance, run: Path) -> list[str]:
    """Draw what becomes of a file or two of a run, and do it: their names."""
    paths = sorted(path for path in run.rglob("*") if path.is_file())
    struck = chance.sample(paths, chance.randint(1, 2))
    for path in struck:
        if not chance.once_in(10):
            path.write_bytes(damaged(chance, path.read_bytes()))
        else:
            path.unlink()
            if chance.once_in(2):
                path.mkdir()
    return [path.name for path in struck]


def restored(run: Path, kept: Path) -> None:
    """Put a run back as it was."""
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(kept, run)
