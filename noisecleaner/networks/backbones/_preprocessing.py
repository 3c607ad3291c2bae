"""What stands beside a model about the pixels that it wants: `preprocessor_config.json`, as Hugging Face writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisecleaner.errors import NoisecleanerError
from noisecleaner.images.framing import Filter, Framing
from noisecleaner.texts import parsed_json

NAME = "preprocessor_config.json"
#: Pillow's numbers of filters.
_FILTERS: tuple[Filter, ...] = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
#: Channel means and deviations of ImageNet as shares of 255.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What becomes of an image before a model sees it.

    Args:
        framing: its square; None where the size is the model's own affair.
        mean: what is subtracted from each channel, on the 0 to 255 scale.
        deviation: what it is divided by then.
        told: whether somebody has said so; else it is what most models want.
    """

    framing: Framing | None = None
    mean: tuple[float, ...] = tuple(255 * value for value in _MEAN)
    deviation: tuple[float, ...] = tuple(255 * value for value in _DEVIATION)
    told: bool = False


def beside(path: Path) -> Preprocessing:
    """Read the file in the folder of a model, or in the one above it.

    Raises:
        NoisecleanerError: it cannot be read.
    """
    for place in (path.parent / NAME, path.parent.parent / NAME):
        if place.is_file():
            try:
                return _read(parsed_json(place.read_text("utf-8")))
            except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError, RecursionError) as error:
                raise NoisecleanerError(
                    f"{NAME} beside a model must say how its images are prepared, but {place} does not ({error}).",
                    "Mend it, or remove it.",
                ) from error
    return Preprocessing()


def _read(content: Mapping[str, Any]) -> Preprocessing:
    """Take what the file holds; what it does not say is as Hugging Face's processors have it."""
    factor = float(content.get("rescale_factor") or 1 / 255) if content.get("do_rescale", True) else 1.0
    mean, deviation = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if content.get("do_normalize", True):
        mean, deviation = _three(content.get("image_mean", _MEAN)), _three(content.get("image_std", _DEVIATION))
    # (x * factor - mean) / deviation, on the scale of x
    return Preprocessing(
        framing=_framing(content),
        mean=tuple(value / factor for value in mean),
        deviation=tuple(value / factor for value in deviation),
        told=True,
    )


def _framing(content: Mapping[str, Any]) -> Framing | None:
    """The square; None where nothing is said of its size."""
    number = content.get("resample", 3)
    if type(number) is not int or not 0 <= number < len(_FILTERS):
        raise ValueError(f"resample is {number!r}")
    size, crop = _edges(content.get("size")), _edges(content.get("crop_size"))
    if not content.get("do_center_crop", crop is not None):
        crop = None
    if size is None and crop is None:
        return None
    edge, shorter = (crop or size or (0, False))[0], (size or crop or (0, False))[0]
    squashed = size is not None and not size[1] and edge == shorter
    return Framing(edge, "squash" if squashed else "center", min(1.0, edge / shorter), _FILTERS[number])


def _edges(value: Any) -> tuple[int, bool] | None:
    """Read a size: an edge length, and whether it is that of the shorter side alone; None where there is none."""
    if value is None:
        return None
    if isinstance(value, int):
        return value, True
    if "shortest_edge" in value:
        return int(value["shortest_edge"]), True
    if value["height"] != value["width"]:
        raise ValueError(f"images of {value['width']} x {value['height']} pixels are no squares")
    return int(value["height"]), False


def _three(values: Any) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
