"""What a user may choose, as values: no torch, so that asking for help costs nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from noisecleaner.threads import cores

Precision = Literal["auto", "float32", "bfloat16"]
Layers = Literal["exact", "block", "last"]
Crop = Literal["squash", "center", "pad"]
Decline = Literal["cosine", "constant", "step"]

#: What `trusted` says where nobody has verified anything.
NO_TRUSTED = "none"
#: Rows in a step, for all but a head on many rows.
BATCH_SIZE = 128
#: Width times height above which an image is refused unread: 64 million pixels are 192 MB as RGB.
MAX_PIXELS = 64_000_000


@dataclass(frozen=True, kw_only=True)
class Meta:
    """How exactly a weighting asks which way the trusted loss falls.

    Args:
        layers: which parameters v covers: all ("exact"), the last block of the trunk and the classifier ("block"), or
            the classifier ("last"), which is exact where it is all that is trained.
        every: steps between two trusted batches; in between, the last v serves.
        momentum: share of the last v in the next one. Training swings about its way, and a lone v says most of all
            how: which classes have just been favoured. In the mean over many steps that cancels out, which serves
            weights that sum up many visits (SOSELETO's), but not those of one step (L2B's).
    """

    layers: Layers = "exact"
    every: int = 1
    momentum: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Model:
    """What looks at the images.

    Args:
        backbone: a name of `noisecleaner methods`, any torchvision classification model, `timm:NAME`, or
            `onnx:FILE`; None chooses. `A+B` joins the features of several frozen ones, `A@160+B@192` on images of these
            edge lengths.
        frozen: compute features once and train a small head on them; None does so where weights are pretrained, or as
            the run did that `weights` names.
        pretrained: load published weights.
        weights: a safetensors file with the backbone's weights, or a run directory whose network is gone on with, with
            a new classifier. Of several folds it is the network of the first.
        image_size: edge length that images are resized to; None takes the backbone's own.
        image_crop: how an image becomes a square: `squash` shows all of it and gives its aspect ratio up, `center` cuts
            what stands over the shorter side, `pad` fills the shorter side up; None takes the backbone's own.
        hidden: units of a hidden layer in the head on features or embeddings, 0 for none.
    """

    backbone: str | None = None
    frozen: bool | None = None
    pretrained: bool = False
    weights: str | os.PathLike[str] | None = None
    image_size: int | None = None
    image_crop: Crop | None = None
    hidden: int = 0


@dataclass(frozen=True, kw_only=True)
class Regularisation:
    """What changes the loss besides the weighting, and the rows that it looks at.

    Args:
        regularisers: files of `regularisers/` with their own options.
        unlabelled: table or folder of rows of the target without labels.
        irrelevant: table or folder of rows with a task-irrelevant label; its column is `Columns.irrelevant`.
    """

    regularisers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unlabelled: str | None = None
    irrelevant: str | None = None


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long and how hard to train; None chooses.

    Args:
        epochs: passes over the data.
        batch_size: rows in a step; None takes 128, for a head on many rows more.
        trusted_batch: trusted rows in a step.
        learning_rate: at the start.
        schedule: how the learning rate goes on: down to zero along a half "cosine" (L2B, section 4.2), "constant"
            (SOSELETO, section 4), or by a "step" down to a tenth after half of the steps and after three quarters (He
            et al., 2016, for CIFAR-10).
        momentum: share of a step that the next one goes on with, from 0 to below 1.
        clip: norm that a step's gradient is cut to, 5 in L2B; 0 leaves it as it is.
        weight_decay: L2 penalty.
        folds: training runs for cross-fitting (at least 3), or 1 for a single run.
        rounds: 2 predicts every row once more, by a head on what labels really are (`training/second_round.py`); 1
            does not.
        checkpoint_seconds: least time between two checkpoints.
        meta: how exact the weighting's meta step is.
        precision: what the network's layers compute in; "auto" chooses by the hardware, and "float32" asks for all of
            its digits, which several processes on CPUs take where nothing else is said.
        workers: folds of a small head trained at once, each in a process of its own, where they are not trained in one
            step (`recipe.may_stack`); see `workers.side_by_side` for what more than one asks of a script.
    """

    epochs: int | None = None
    batch_size: int | None = None
    trusted_batch: int = 64
    learning_rate: float | None = None
    schedule: Decline = "cosine"
    momentum: float = 0.9
    clip: float = 5.0
    weight_decay: float | None = None
    folds: int | None = None
    rounds: int | None = None
    checkpoint_seconds: float = 30.0
    meta: Meta = field(default_factory=Meta)
    precision: Precision = "auto"
    workers: int = 1


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How images are decoded.

    Args:
        threads: images decoded at once.
        max_pixels: width times height above which an image is refused.
    """

    threads: int = field(default_factory=lambda: min(32, cores()))
    max_pixels: int = MAX_PIXELS


@dataclass(frozen=True, kw_only=True)
class Inference:
    """How rows that were not fitted are looked at.

    Args:
        device: where to compute: `auto`, `cpu`, `cuda`, `cuda:1`, …
        max_pixels: width times height above which an image is refused.
        strict: make a row that cannot be used an error.
        engine: where a frozen network looks at images: a file of `engines/`.
    """

    device: str = "auto"
    max_pixels: int = MAX_PIXELS
    strict: bool = False
    engine: str = "local"
