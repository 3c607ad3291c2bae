"""A small frozen network, and what `embed` makes with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import save_file

from noisecleaner.embedding.config import EmbedConfig
from noisecleaner.ingest import Source
from noisecleaner.networks.backbones.cifar_quick import CifarQuick
from noisecleaner.settings import Model


def tiny(folder: Path, seed: int = 0) -> Model:
    """Write the weights of a network for images of 16 pixels; nothing has to be downloaded."""
    torch.manual_seed(seed)
    path = folder / f"tiny-{seed}.safetensors"
    save_file(CifarQuick(16).state_dict(), path)
    return Model(backbone="cifar-quick", weights=path, image_size=16)


def typed(model: Model) -> list[str]:
    """The same as one types it."""
    return ["--backbone", str(model.backbone), "--weights", str(model.weights), "--image-size", str(model.image_size)]


def config(data: object, model: Model, **more: object) -> EmbedConfig:
    """Ask for shards of 64 rows on the CPU."""
    asked: dict[str, object] = {"device": "cpu", "rows_per_shard": 64} | more
    return EmbedConfig(source=Source(str(data)), model=model, **asked)  # type: ignore[arg-type]  # any option


def read(folder: Path) -> pa.Table:
    """All shards, in their order."""
    return pa.concat_tables([pq.read_table(path, partitioning=None) for path in sorted(folder.glob("part-*.parquet"))])


def vectors(table: pa.Table) -> np.ndarray:
    """The vectors of a table, shape [rows, width]."""
    column = table["embedding"].combine_chunks()
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(table), -1)
