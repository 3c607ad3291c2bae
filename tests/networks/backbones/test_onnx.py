"""Networks in ONNX files: what they compute is what they hold, and no file gets at what is outside of its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")

from onnx import TensorProto, helper
from support.onnx_files import KERNEL, by_hand, network, saved, with_external

from noisecleaner.errors import NoisecleanerError
from noisecleaner.images.framing import Framing
from noisecleaner.inputs.encoders import feature_encoder
from noisecleaner.networks.backbones import Backbone, build, restore
from noisecleaner.networks.backbones import onnx as provider
from noisecleaner.networks.backbones._onnx_files import self_contained
from noisecleaner.networks.backbones._onnx_sessions import Session, Signature

MEAN = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
DEVIATION = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)


def made(path: Path | str, size: int | None = 16) -> Backbone:
    return build(f"onnx:{path}", size=size, pretrained=False, weights=None).eval()


def images(rows: int = 4, size: int = 16) -> torch.Tensor:
    return torch.randint(0, 256, (rows, 3, size, size), generator=torch.Generator().manual_seed(1)).float()


SHAPES: list[tuple[tuple[int | str | None, ...], str]] = [
    (("n", 3, "h", "w"), "float32"),
    (("n", 3, 16, 16), "float32"),
    ((None, None, None, None), "float32"),
    ((1, 3, 16, 16), "float32"),
    ((3, 3, "h", "w"), "float32"),
    (("n", "h", "w", 3), "float32"),
    ((2, 16, 16, 3), "float32"),
    (("n", 3, "h", "w"), "float16"),
    (("n", "h", "w", 3), "uint8"),
]


@pytest.mark.parametrize(("shape", "kind"), SHAPES)
def test_features_are_what_the_network_computes(tmp_path: Path, shape: tuple[int | str | None, ...], kind: str) -> None:
    backbone, pixels = made(saved(tmp_path / "m.onnx", shape=shape, kind=kind)), images()
    expected = by_hand(pixels if kind == "uint8" else (pixels - MEAN) / DEVIATION)
    tolerance = 5e-3 if kind == "float16" else 1e-4
    torch.testing.assert_close(backbone(pixels), expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(backbone.for_inference()(pixels[:1]), expected[:1], rtol=tolerance, atol=tolerance)
    assert (backbone.width, backbone.trained, backbone.trainable, backbone.size) == (5, True, False, 16)
    assert (backbone.caveat is None) == (kind == "uint8")


@pytest.mark.parametrize(
    ("outputs", "asked"),
    [
        (("embedding",), ""),
        (("pooled",), ""),
        (("tokens", "embedding", "maps"), ""),
        (("tokens", "embedding", "pooled"), "#embedding"),
        (("tokens", "embedding"), "#tokens/mean"),
        (("maps",), "#maps/mean"),
    ],
)
def test_the_embedding_is_found_or_asked_for(tmp_path: Path, outputs: tuple[str, ...], asked: str) -> None:
    backbone = made(f"{saved(tmp_path / 'm.onnx', outputs=outputs)}{asked}")
    torch.testing.assert_close(backbone(images()), by_hand((images() - MEAN) / DEVIATION), rtol=1e-4, atol=1e-4)
    assert backbone.called == f"onnx:m.onnx{asked}"


def test_the_first_token_stands_for_the_image_where_that_is_asked_for(tmp_path: Path) -> None:
    backbone = made(f"{saved(tmp_path / 'm.onnx', outputs=('tokens',))}#tokens/first")
    expected = by_hand(((images() - MEAN) / DEVIATION)[:, :, :4, :4])
    torch.testing.assert_close(backbone(images()), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("outputs", "asked", "says"),
    [
        (
            ("tokens",),
            "",
            "has 0 such outputs among tokens [2, 16, 5]. Name one behind #: `Model(backbone='",
        ),
        (("embedding", "pooled"), "", "has 2 such outputs among embedding [2, 5], pooled [2, 5, 1, 1]"),
        (("embedding",), "#tokens", "asks for the output 'tokens', but"),
        (("tokens",), "#tokens", "without pooling, is no vector an image: its shape is [2, 16, 5]"),
        (("maps",), "#maps/first", "pooled by first, is no vector an image"),
        (("embedding",), "#embedding/mean", "pooled by mean, is no vector an image"),
    ],
)
def test_an_output_that_is_no_embedding_is_refused(
    tmp_path: Path, outputs: tuple[str, ...], asked: str, says: str
) -> None:
    with pytest.raises(NoisecleanerError) as error:
        made(f"{saved(tmp_path / 'm.onnx', outputs=outputs)}{asked}")
    assert says in str(error.value)


TEXT = helper.make_tensor_value_info("text", TensorProto.INT64, ["n", 77])
CUSTOM = helper.make_node("Anything", ["embedding"], ["odd"], domain="com.example.custom")
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "text beside images": ({"inputs": [TEXT]}, "and nothing besides, but"),
    "grey images": ({"shape": ("n", 1, "h", "w")}, "takes images, [n, 3, size, size] or"),
    "no square": ({"shape": ("n", 3, 16, 32)}, "takes square images, but"),
    "operators of others": ({"nodes": [CUSTOM], "outputs": ("odd",)}, "ONNX Runtime can run, but it cannot run"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_takes_no_images_or_cannot_be_run_is_refused(tmp_path: Path, case: str) -> None:
    options, says = REFUSED[case]
    with pytest.raises(NoisecleanerError) as error:
        made(saved(tmp_path / "m.onnx", **options))
    assert says in str(error.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xff" * 100, b"\x08\x08"])
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    for name in ("m.onnx", "none.onnx", ""):
        with pytest.raises(NoisecleanerError, match=r"needs an ONNX file behind `onnx:`, but .* cannot be read as one"):
            made(tmp_path / name)


def test_no_part_of_a_file_makes_anything_else_than_a_refusal(tmp_path: Path) -> None:
    whole = network().SerializeToString()
    rng, path = np.random.default_rng(0), tmp_path / "m.onnx"
    for trial in range(60):
        broken = bytearray(whole[: rng.integers(1, len(whole))] if trial % 2 else whole)
        broken[rng.integers(0, len(broken))] ^= 1 << int(rng.integers(0, 8))
        path.write_bytes(bytes(broken))
        try:
            made(path)
        except NoisecleanerError as error:
            assert error.hint  # noqa: PT017  # either is right: a bit of a weight may flip


def test_weights_beside_the_file_become_a_part_of_it(tmp_path: Path) -> None:
    content = b"xyz" + KERNEL.tobytes() + b"end"
    here = with_external(tmp_path / "m.onnx", "w.bin", content=content, offset=3, length=KERNEL.nbytes)
    below = with_external(tmp_path / "n.onnx", "parts/w.bin", content=KERNEL.tobytes())
    expected = made(saved(tmp_path / "plain.onnx"))(images())
    assert torch.equal(made(here)(images()), expected)
    assert torch.equal(made(below)(images()), expected)
    assert self_contained(here) == self_contained(below)
    assert b"w.bin" not in self_contained(here)


def test_weights_outside_of_the_folder_are_never_read(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(KERNEL.tobytes())
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    for location in ("../secret.bin", str(tmp_path / "secret.bin"), "link.bin", ".", "none.bin", "", "a\0b"):
        path = with_external(folder / "m.onnx", location)
        with pytest.raises(NoisecleanerError, match="must lie in its folder and be whole"):
            made(path)


@pytest.mark.parametrize("place", [{"offset": 10**9}, {"offset": -8}, {"length": 10**12}, {"length": -1}])
def test_weights_that_are_not_whole_are_refused(tmp_path: Path, place: dict[str, int]) -> None:
    path = with_external(tmp_path / "m.onnx", "w.bin", content=KERNEL.tobytes(), **place)
    with pytest.raises(NoisecleanerError, match="must lie in its folder and be whole"):
        made(path)


def test_weights_of_another_length_than_their_shape_are_refused(tmp_path: Path) -> None:
    path = with_external(tmp_path / "m.onnx", "w.bin", content=KERNEL.tobytes()[:-4])
    with pytest.raises(NoisecleanerError, match="cannot run"):
        made(path)


def test_a_run_needs_no_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.onnx", outputs=("tokens", "embedding"))
    first = made(f"{path}#tokens/mean")
    first.cropped("pad")
    card = first.card(str(first.called))
    path.unlink()
    second = restore(card.name, size=16, card=card, tensors=first.state_dict(), path=tmp_path)
    assert torch.equal(first(images()), second(images()))
    assert second.card(card.name) == card
    assert second.framing == Framing(16, "pad")
    assert second.caveat is None
    for tensors in ({}, {"model": torch.zeros(3, dtype=torch.uint8)}, {"other": torch.zeros(3)}):
        with pytest.raises(NoisecleanerError):
            restore(card.name, size=16, card=card, tensors=tensors, path=tmp_path)


def test_what_stands_beside_the_file_says_how_images_are_prepared(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    told = {"crop_size": {"height": 16, "width": 16}, "size": {"shortest_edge": 20}, "resample": 2}
    told |= {"image_mean": [0.5, 0.25, 0], "image_std": [0.5, 1, 2]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(told))
    backbone = made(saved(tmp_path / "onnx" / "m.onnx"), None)
    assert backbone.framing == Framing(16, "center", 0.8, "bilinear")
    mean, deviation = (torch.tensor(told[key]).view(3, 1, 1) for key in ("image_mean", "image_std"))
    torch.testing.assert_close(backbone(images()), by_hand((images() / 255 - mean) / deviation), rtol=1e-4, atol=1e-4)
    assert backbone.caveat is None


def test_a_size_is_needed_and_fits(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match=r"takes images of any size.*image_size=224"):
        made(saved(tmp_path / "m.onnx"), None)
    with pytest.raises(NoisecleanerError, match=r"takes images of 16 pixels, but `Model.image_size` is 32"):
        made(saved(tmp_path / "m.onnx", shape=("n", 3, 16, 16)), 32)
    with pytest.raises(NoisecleanerError, match="cannot run"):
        made(saved(tmp_path / "m.onnx"), 3)  # less than a patch


def test_weights_of_their_own_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="an ONNX file holds its weights"):
        build(f"onnx:{saved(tmp_path / 'm.onnx')}", size=16, pretrained=False, weights=tmp_path / "w.safetensors")


def test_features_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    odd = [
        helper.make_node("Sub", ["embedding", "embedding"], ["zero"]),
        helper.make_node("Div", ["zero", "zero"], ["nan"]),
    ]
    backbone = made(saved(tmp_path / "m.onnx", nodes=odd, outputs=("nan",)))
    encoder = feature_encoder([backbone], torch.device("cpu"))
    with pytest.raises(NoisecleanerError, match="of 3 images looked at together 3 became NaN"):
        encoder.encode([np.zeros((3, 16, 16, 3), np.uint8)])


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "installed", lambda: False)
    with pytest.raises(NoisecleanerError, match=r"needs the extra 'onnx'.*pip install 'noisecleaner\[onnx\]'"):
        made("m.onnx")
    with pytest.raises(NoisecleanerError, match=r"needs the extra 'onnx'"):
        restore("onnx:m.onnx", size=16, card=None, tensors={}, path=Path("x"))


def test_an_output_without_a_row_for_each_image_is_refused() -> None:
    """A mean over the batch would be broadcast to all of its images."""

    class Mixing:
        def run(self, outputs: list[str], taken: dict[str, np.ndarray]) -> list[np.ndarray]:
            return [np.zeros((1, 16), np.float32)]

    session = object.__new__(Session)
    session._session, session._where = Mixing(), "m.onnx"
    signature = {"name": "x", "dtype": np.float32, "channels_last": False, "batch": None, "size": None}
    session.signature = Signature(**signature)
    with pytest.raises(NoisecleanerError, match=r"the shape \[1, 16\] for 4 images"):
        session.run(np.zeros((4, 3, 8, 8), np.float32), ["y"])
