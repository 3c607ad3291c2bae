"""CIFAR-10 as features with known wrong labels, fitted as a user would: shared by `detect` and `coverage`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from noisecleaner.arrays import IntArray
from noisecleaner.bench import Work
from noisecleaner.bench._datasets import drawn, scaled
from noisecleaner.export.corrupt import Kind, confusion_matrix, flip
from noisecleaner.files import replacing
from noisecleaner.fitting import fit
from noisecleaner.ingest import Columns, Source
from noisecleaner.networks.backbones import build
from noisecleaner.runs.config import FitConfig

TRAIN, HUMAN = "cifar10/train-*.parquet", "cifar10/human_labels.parquet"
#: Mistakes between look-alikes, as they are usually planted (Patrini et al., 2017).
_LOOK_ALIKES = {"truck": "automobile", "bird": "airplane", "deer": "horse", "cat": "dog", "dog": "cat"}
#: CIFAR-10N (Wei et al., 2022): the worst of three people's labels, and the first one's.
_HUMAN = {"worse": "worse_label", "random1": "random_label1"}
_BATCH = 250


@dataclass(frozen=True, kw_only=True)
class Task:
    """Rows with a given and a true label.

    Args:
        features: float16, shape [rows, width].
        true: true class indices, shape [rows].
        given: given ones, shape [rows].
        classes: the class names.
    """

    features: npt.NDArray[np.float16]
    true: IntArray
    given: IntArray
    classes: tuple[str, ...]

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """Whether the given label is wrong, shape [rows]."""
        wrong: npt.NDArray[np.bool_] = self.given != self.true
        return wrong

    @contextmanager
    def fitted(self, audited: IntArray, work: Work) -> Iterator[Path]:
        """Write the rows as embeddings, verify some, fit, and hand out the run directory for a while."""
        names, ids = np.array(self.classes), np.arange(len(self.true)).astype(str)
        with tempfile.TemporaryDirectory(prefix=".bench-", dir=work.checkpoint.parent) as folder:
            data, trusted = Path(folder) / "data.parquet", Path(folder) / "trusted.parquet"
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(self.features.reshape(-1)), self.features.shape[1])
            pq.write_table(pa.table({"sample_id": ids, "label": names[self.given], "embedding": vectors}), data)
            pq.write_table(pa.table({"sample_id": ids[audited], "trusted_label": names[self.true[audited]]}), trusted)
            config = FitConfig(
                source=Source(str(data), columns=Columns(embedding="embedding")),
                trusted=str(trusted),
                seed=work.seed,
                device=str(work.device),
            )
            fit(config, Path(folder) / "run", progress=work.progress, interrupts=work.interrupts)
            yield Path(folder) / "run"


def task(work: Work, noise: str, size: int) -> Task:
    """Draw rows of CIFAR-10 (the same for every seed), look at them through EfficientNet-Lite0, give them labels.

    Args:
        work: the run; its scale is the share of the 50,000 rows.
        noise: `worse` or `random1` (people's), `symmetric 0.4` and the like, `asymmetric 0.4`.
        size: edge length that images are enlarged to.
    """
    dataset = work.datasets.read(TRAIN, 32)
    everyone, count = np.arange(len(dataset.labels)), scaled(len(dataset.labels), work.scale, least=200)
    rows = np.sort(drawn(everyone, count, np.random.default_rng(0)))
    true = dataset.labels[rows]
    if noise in _HUMAN:
        people = pq.read_table(work.datasets.path(HUMAN), columns=[_HUMAN[noise]])
        given = people.column(0).to_numpy()[rows].astype(np.int64)
    else:
        kind, rate = noise.split()
        pairs = _LOOK_ALIKES if kind == "asymmetric" else None
        rng = np.random.default_rng((work.seed, 5))
        given = flip(true, confusion_matrix(Kind(kind), dataset.classes, float(rate), rng, pairs=pairs), rng)
    features = _features(work, dataset.pixels, rows, size)
    return Task(features=features, true=true, given=given, classes=dataset.classes)


def audited_rows(work: Work, count: int, *, of: int) -> IntArray:
    """Draw the rows that are verified, at random; at most a quarter of all."""
    return np.sort(drawn(np.arange(of), min(count, of // 4), np.random.default_rng((work.seed, 6))))


def _features(work: Work, pixels: npt.NDArray[np.uint8], rows: IntArray, size: int) -> npt.NDArray[np.float16]:
    """Compute features once for each output directory; they are kept beside the results."""
    kept = work.checkpoint.parent.parent / "pixels" / f"efficientnet-lite0-{size}-{len(rows)}.npy"
    if kept.exists():
        return np.asarray(np.load(kept, mmap_mode="r"), dtype=np.float16)
    network = build("efficientnet-lite0", size=size, pretrained=True, weights=None).to(work.device).eval()
    parts = []
    with torch.no_grad(), work.progress.stage("Features", len(rows), "images") as stage:
        for first in range(0, len(rows), _BATCH):
            images = [Image.fromarray(pixels[row]) for row in rows[first : first + _BATCH]]
            # as images of a dataset are resized
            larger = np.stack([np.asarray(image.resize((size, size), Image.Resampling.BILINEAR)) for image in images])
            batch = torch.from_numpy(larger).to(work.device).permute(0, 3, 1, 2).float()
            parts.append(network(batch).cpu().numpy().astype(np.float16))
            stage.advance(len(batch))
    features = np.concatenate(parts)
    with replacing(kept) as temporary, temporary.open("wb") as file:
        np.save(file, features)
    return features
