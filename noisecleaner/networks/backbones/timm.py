"""Any model of timm without its last layer: DINOv2 and DINOv3, SigLIP, towers of CLIP (extra `timm`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from torch import Tensor

from noisecleaner.errors import NoisecleanerError, quoted
from noisecleaner.images.framing import Filter, Framing
from noisecleaner.networks.backbones import Backbone, Normalise, load_weights
from noisecleaner.networks.weights import read_weights
from noisecleaner.settings import Crop

#: How the networks of this file are named, and what `methods` says of them: only timm knows them all.
SPELLING = "timm:NAME"
FAMILY = "timm:NAME for every model of timm (extra timm), such as timm:vit_small_patch14_dinov2.lvd142m"
_PREFIX = "timm:"
#: timm's names of crops, and ours.
_CROPS: Mapping[str, Crop] = {"center": "center", "squash": "squash", "border": "pad"}
#: What a hub calls a file of weights that is a pickle, and the safe one beside it.
_PICKLED, _SAFE = "pytorch_model.bin", "model.safetensors"


class TimmBackbone(Backbone):
    """A model of timm that returns what its last layer would have received.

    Args:
        name: of the model, as timm knows it.
        network: the model, without its last layer.
        framing: how it wants its images.
    """

    def __init__(self, name: str, network: Any, framing: Framing) -> None:
        super().__init__()
        import timm
        from timm.data import resolve_model_data_config

        self.framed(framing)
        self.name, self.package = name, f"timm {timm.__version__}"
        config = resolve_model_data_config(network)
        mean, deviation = (tuple(255 * value for value in config[key]) for key in ("mean", "std"))
        self.normalise = Normalise(mean, deviation)
        self.network: Any = network
        self.width = int(getattr(network, "head_hidden_size", None) or network.num_features)
        self.licence = network.pretrained_cfg.get("license")

    def features(self, pixels: Tensor) -> Tensor:
        """Turn pixels [batch, 3, size, size] into features [batch, width]."""
        features: Tensor = self.network(self.normalise(pixels))
        return features.flatten(1)


def names() -> list[str]:
    """List the models of the installed timm, and those of them that have published weights, with their tags."""
    if not installed():
        return []
    from timm import list_models, list_pretrained

    return [f"{_PREFIX}{name}" for name in sorted({*list_models(), *list_pretrained()})]


def names_weights(name: str) -> bool:
    """Whether a name has a tag, which is that of published weights."""
    return "." in name


def installed() -> bool:
    """Whether the extra `timm` is there."""
    return find_spec("timm") is not None


def build(name: str, *, size: int | None, pretrained: bool) -> Backbone:
    """Make a model; `pretrained` fetches its published weights from the Hugging Face hub (or its cache).

    Raises:
        NoisecleanerError: the extra is not installed, the name is unknown, or the weights cannot be had.
    """
    model = _known(name)
    network = _created(model, size)
    backbone = TimmBackbone(model, network, _framing(network, size))
    if pretrained:
        load(backbone, _published(model, network.pretrained_cfg))
    return backbone


def load(backbone: Backbone, path: Path) -> None:
    """Give a model the weights of a file: as they are, or as timm converts them, to the size of the images as well.

    Raises:
        NoisecleanerError: the file is no safetensors file, or holds the weights of another model.
    """
    assert isinstance(backbone, TimmBackbone)  # noqa: S101  # one of this file
    tensors = read_weights(path)
    try:
        load_weights(backbone, path)
    except NoisecleanerError:
        with _refusing_others(backbone.name, path):
            # all of the weights, those of the last layer as well: then timm refuses a file in which some are missing
            own = {"state_dict": {**_last_layer(backbone.name, tensors), **tensors}, "custom_load": False}
            network = _created(
                backbone.name, backbone.size, pretrained=True, pretrained_cfg_overlay=own, num_classes=None
            )
            network.reset_classifier(0)
        network.pretrained_cfg.pop("state_dict")  # no second copy
        backbone.network, backbone.trained = network, True


def _last_layer(model: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Make up tensors of a classifier, of any shape, where a file holds none: it is thrown away anyway."""
    whole = _created(model, None, num_classes=None)
    names = whole.pretrained_cfg.get("classifier") or ()
    inside = tuple(f"{name}." for name in ((names,) if isinstance(names, str) else names))
    if not inside or any(name.startswith(inside) for name in tensors):
        return {}
    return {name: tensor for name, tensor in whole.state_dict().items() if name.startswith(inside)}


def _known(name: str) -> str:
    """Return timm's own name of a model.

    Raises:
        NoisecleanerError: there is no such model, or no timm.
    """
    if not installed():
        raise NoisecleanerError(
            f"`Model(backbone={name!r})` needs the extra 'timm', which is not installed.",
            "Run: pip install 'noisecleaner[timm]'.",
        )
    known = names()
    if name in known:
        return name.removeprefix(_PREFIX)
    near = get_close_matches(name.removeprefix(_PREFIX), [one.removeprefix(_PREFIX) for one in known], n=5)
    there = f"Choose one of: {', '.join(_PREFIX + one for one in near)}."
    raise NoisecleanerError(
        f"`Model.backbone` {quoted(name)} is unknown to the installed timm.",
        there if near else "timm.list_pretrained('*dinov2*') in Python lists its names.",
    )


def _created(model: str, size: int | None, **options: Any) -> Any:
    """Have timm make a model, for images of a size where it wants to know."""
    from timm import create_model
    from timm.models import get_pretrained_cfg

    published = get_pretrained_cfg(model)
    fixed = {"img_size": size} if size and published is not None and published.fixed_input_size else {}
    wanted = {"num_classes": 0, **options}
    try:
        network = create_model(model, **{key: value for key, value in wanted.items() if value is not None}, **fixed)
    except (TypeError, AssertionError, ValueError) as error:
        if not fixed or options:
            raise
        raise NoisecleanerError(
            f"{model} cannot be made for images of {size} pixels ({error}).", "Leave `Model.image_size` out."
        ) from error
    return network


def _framing(network: Any, size: int | None) -> Framing:
    """How a model wants its images, by what timm notes of its weights.

    Raises:
        NoisecleanerError: its patches do not fill images of this size.
    """
    from timm.data import resolve_model_data_config

    config = resolve_model_data_config(network)
    edge = size or int(config["input_size"][-1])
    patch = getattr(getattr(network, "patch_embed", None), "patch_size", None) or 1
    patch = patch[0] if isinstance(patch, tuple) else patch
    if edge % patch:
        raise NoisecleanerError(
            f"This model looks at patches of {patch} pixels and needs an `Model.image_size` that is a multiple of it, "
            f"but it is {edge}.",
            f"Give `Model(image_size={max(patch, round(edge / patch) * patch)})`.",
        )
    # its default size is one of its crop; any other shows the same share
    share = min(1.0, float(config["crop_pct"]))
    # some were trained with a filter drawn anew for each image
    filter: Any = config["interpolation"] if config["interpolation"] in get_args(Filter) else "bilinear"
    return Framing(edge, crop=_CROPS[config["crop_mode"]], share=share, interpolation=filter)


def _published(model: str, config: Mapping[str, Any]) -> Path:
    """Fetch the published weights of a model, or find them in the hub's cache.

    Raises:
        NoisecleanerError: there are none but pickles, or they cannot be had.
    """
    repository, _, revision = (config.get("hf_hub_id") or "").partition("@")
    file = (config.get("hf_hub_filename") or _PICKLED).replace(_PICKLED, _SAFE)
    if not repository or not file.endswith(".safetensors"):
        raise NoisecleanerError(
            f"`Model(pretrained=True)` needs published weights, but {model} has none as safetensors.",
            "Choose one of timm.list_pretrained() in Python, or give `Model(weights=FILE.safetensors)`.",
        )
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    cached = try_to_load_from_cache(repository, file, revision=revision or None)
    if isinstance(cached, str):
        return Path(cached)
    try:
        with _quiet():
            return Path(hf_hub_download(repository, file, revision=revision or None))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise NoisecleanerError(
            f"{_PREFIX}{model} needs its published weights, {file} of https://huggingface.co/{repository}, but they "
            f"could not be downloaded ({str(error).strip().splitlines()[0].rstrip('.')}).",
            "Connect to the internet, or fetch that file elsewhere and give it with `Model(weights=FILE)`.",
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the hub's own log off the terminal: what went wrong is told in one paragraph."""
    from huggingface_hub.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        logging.set_verbosity(before)


@contextmanager
def _refusing_others(model: str, path: Path) -> Iterator[None]:
    """Say of whatever timm stumbles over that the weights do not fit."""
    try:
        yield
    except Exception as error:  # timm's converters meet names and shapes that they have not been written for
        reason = " ".join(str(error).split())
        raise NoisecleanerError(
            f"`Model.weights` must hold all weights of {model}, but {path} holds others ({reason[:200]}).",
            "Give the weights of the same model.",
        ) from error
