"""How many images a second are decoded and turned into features, beside what the libraries do alone."""

from __future__ import annotations

import copy
import io
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from noisecleaner.arrays import FloatArray
from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._datasets import scaled
from noisecleaner.files import scratch_folder
from noisecleaner.images.framing import Framing
from noisecleaner.images.greys import Pixels
from noisecleaner.ingest import Skip, Source, ingest
from noisecleaner.inputs.decoding import decode_all
from noisecleaner.inputs.encoders import Encoder, EncodingBlock, encode_all, feature_encoder
from noisecleaner.inputs.prepare import prepare_images
from noisecleaner.networks.backbones import Backbone, build
from noisecleaner.progress import Progress
from noisecleaner.settings import Decoding

_IMAGES = 3_000
_ROUNDS = 5
#: Different images; they are repeated, because making one takes longer than decoding it.
_DIFFERENT = 48

Lap = Callable[[], object]


@dataclass(frozen=True)
class _Times:
    """What one contender took.

    Args:
        seconds: one lap for each round, shape [rounds].
    """

    seconds: FloatArray

    def rates(self, name: str, images: int) -> Metrics:
        """Images a second: the median of the rounds, and the quartiles."""
        named = ((name, 0.5), (f"{name}_low", 0.25), (f"{name}_high", 0.75))
        return {metric: float(np.quantile(images / self.seconds, share)) for metric, share in named}

    def of(self, name: str, other: _Times) -> Metrics:
        """How many times as fast as another contender: the median of the rounds' ratios."""
        return {f"of_{name}": float(np.median(other.seconds / self.seconds))}


class Throughput(Experiment):
    """Synthetic JPEGs of 500 x 375 pixels through EfficientNet-Lite0: 3,000 times `scale` of them.

    Rates are in images a second: the median of five rounds, with quartiles as `…_low` and `…_high`. In a round each of
    what is compared takes its turn, and a ratio is the median of the rounds' ratios. `decoding`: ours and Pillow alone
    in as many threads. `features`: ours, eager PyTorch in batches of 64 and, where the packages onnxruntime and
    onnxscript are installed, ONNX Runtime in batches of 16. `pipeline`: from files to features, and what its parts,
    decoding and features, would reach one after the other.

    Args:
        size: edge length that images are reduced to, a multiple of 32.
    """

    rows = (Row("decoding"), Row("features"), Row("pipeline"))
    backbone = "efficientnet-lite0"
    scale = 0.05

    def __init__(self, *, size: int = 224) -> None:
        self.size = size

    def run(self, row: Row, work: Work) -> Metrics:
        """Measure one row."""
        images = scaled(_IMAGES, work.scale, least=8)
        different = [photograph(np.random.default_rng((work.seed, n))) for n in range(min(images, _DIFFERENT))]
        files = [different[n % len(different)] for n in range(images)]
        decode = partial(_decode, files, self.size)
        if row.method == "decoding":
            return _compared(_race({"ours": decode, "pillow": partial(_pillow, files, self.size)}, work), images)
        backbone = build("efficientnet-lite0", size=self.size, pretrained=True, weights=None).eval()
        encoder, pixels = feature_encoder([backbone], work.device), np.stack(decode())
        encode = partial(_encode, pixels, encoder)
        if row.method == "features":
            others: dict[str, Lap] = {
                "eager": partial(_eager, backbone, pixels, work.device),
                **_onnxruntime(backbone, pixels, work.checkpoint.parent),
            }
            return _compared(_race({"ours": encode, **others}, work), images)
        with scratch_folder(work.checkpoint.parent, "bench") as folder:
            whole = _pipeline(files, encoder, folder)
            times = _race({"ours": whole, "decoding": decode, "features": encode}, work)
        parts = _Times(times["decoding"].seconds + times["features"].seconds)
        return _compared({"ours": times["ours"], "parts": parts}, images)


def photograph(rng: np.random.Generator) -> bytes:
    """Make a JPEG of about 70 KB with the spectrum of a photograph: each octave of frequencies is equally strong."""
    total = np.full((375, 500, 3), 128, np.float32)
    for octave in range(1, 9):
        shape = (2**octave * 3 // 4, 2**octave)
        small = rng.normal(size=shape) + 0.3 * rng.normal(size=(3, *shape))  # mostly grey: colours vary together
        layers = [Image.fromarray(s.astype(np.float32)).resize((500, 375), Image.Resampling.BICUBIC) for s in small]
        total += 14 * np.stack([np.asarray(layer) for layer in layers], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(total, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _decode(files: list[bytes], size: int) -> list[Pixels]:
    decoded = decode_all(enumerate(files), framings=(Framing(size),), decoding=Decoding())
    return [images[0] for _, images in decoded if not isinstance(images, Skip)]


def _pillow(files: list[bytes], size: int) -> list[Pixels]:
    """The library's calls with the arguments that `inputs.decoding` gives them, and nothing else."""

    def one(content: bytes) -> Pixels:
        with Image.open(io.BytesIO(content)) as image:
            if min(image.size) >= 2 * size:
                image.draft("RGB", (2 * size, 2 * size))
            return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))

    with ThreadPoolExecutor(Decoding().threads) as pool:
        return list(pool.map(one, files))


def _encode(pixels: Pixels, encoder: Encoder) -> list[EncodingBlock]:
    rows = np.array_split(np.arange(len(pixels)), range(encoder.block, len(pixels), encoder.block))
    blocks = (
        EncodingBlock(
            end=int(some[-1]) + 1, rows=some.tolist(), images=[(image,) for image in pixels[some]], skipped={}
        )
        for some in rows
    )
    return list(encode_all(blocks, encoder, Decoding().threads))


@torch.inference_mode()
def _eager(backbone: Backbone, pixels: Pixels, device: torch.device) -> None:
    for n in range(0, len(pixels), 64):
        backbone.features(torch.from_numpy(pixels[n : n + 64]).to(device).permute(0, 3, 1, 2).float()).cpu()


def _onnxruntime(backbone: Backbone, pixels: Pixels, space: Path) -> Mapping[str, Lap]:
    """Export the network to ONNX Runtime, where it and the exporter are installed; `space` has some for it."""
    if not (find_spec("onnxruntime") and find_spec("onnxscript")):
        return {}
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = Decoding().threads
    with scratch_folder(space, "bench") as folder:
        path = _exported(backbone, folder)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()

    def lap() -> None:
        for n in range(0, len(pixels), 16):
            batch = np.ascontiguousarray(pixels[n : n + 16].transpose(0, 3, 1, 2), dtype=np.float32)
            session.run(None, {taken.name: batch})

    return {"onnxruntime": lap}


def _exported(backbone: Backbone, folder: Path) -> Path:
    path = folder / "network.onnx"
    torch.onnx.export(
        copy.deepcopy(backbone).cpu(),
        (torch.zeros(2, 3, backbone.size, backbone.size),),
        path,
        dynamo=True,
        external_data=False,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    return path


def _pipeline(files: list[bytes], encoder: Encoder, folder: Path) -> Lap:
    for n, content in enumerate(files):
        path = folder / "images" / f"class{n % 2}" / f"{n:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    manifest, _ = ingest(Source(str(folder / "images")))
    laps = count()

    def lap() -> None:
        out = folder / f"lap{next(laps)}"
        out.mkdir()
        prepare_images([manifest], encoder=encoder, folder=out, decoding=Decoding(), progress=Progress())

    return lap


def _race(laps: Mapping[str, Lap], work: Work) -> Mapping[str, _Times]:
    """Time everything once in each round, after a round that warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in laps}
    with work.progress.stage(work.title, (_ROUNDS + 1) * len(laps), "laps") as stage:
        for _ in range(_ROUNDS + 1):
            for name, lap in laps.items():
                started = time.perf_counter()
                lap()
                seconds[name].append(time.perf_counter() - started)
                stage.advance()
    return {name: _Times(np.array(laps_of_one[1:])) for name, laps_of_one in seconds.items()}


def _compared(times: Mapping[str, _Times], images: int) -> Metrics:
    """The rates of all, then how many times as fast as each of the others ours is."""
    metrics: Metrics = {}
    for name, one in times.items():
        metrics |= one.rates(name, images)
    for name, one in times.items():
        metrics |= times["ours"].of(name, one) if name != "ours" else {}
    return metrics
