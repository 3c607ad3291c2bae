"""Weights from a file fit as a whole, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.backbones import build, load_weights, restore
from noisecleaner.networks.weights import digest_of


def test_weights_from_a_file_are_used_whole_or_refused(tmp_path: Path) -> None:
    source = build("lenet", size=28, pretrained=False, weights=None)
    file = tmp_path / "lenet.safetensors"
    save_file(source.state_dict(), file)
    loaded = build("lenet", size=28, pretrained=False, weights=file)
    assert loaded.trained
    assert all(torch.equal(a, b) for a, b in zip(source.parameters(), loaded.parameters(), strict=True))
    partial = {name: tensor for name, tensor in source.state_dict().items() if "1.weight" not in name}
    save_file(partial, file)
    fresh = build("lenet", size=28, pretrained=False, weights=None)
    before = [p.clone() for p in fresh.parameters()]
    with pytest.raises(NoisecleanerError, match="lacks"):
        load_weights(fresh, file)
    assert all(torch.equal(a, b) for a, b in zip(before, fresh.parameters(), strict=True))


class Planted:
    """What a pickle may do to whoever opens it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('it ran')",)


@pytest.mark.parametrize("name", ["weights.pth", "weights.bin", "weights.safetensors"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_refused_unopened_whatever_it_is_called(tmp_path: Path, name: str, zipped: bool) -> None:
    torch.save({"a": Planted()}, tmp_path / name, _use_new_zipfile_serialization=zipped)
    with pytest.raises(NoisecleanerError, match=r"is a pickle, which can run any code when it is opened\. Convert it"):
        build("lenet", size=28, pretrained=False, weights=tmp_path / name)


def test_what_is_no_file_of_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"\xff" * 64)
    for name in ("weights.safetensors", "none.safetensors", "."):
        with pytest.raises(NoisecleanerError, match=r"needs a safetensors file, but .* cannot be read as one"):
            build("lenet", size=28, pretrained=False, weights=tmp_path / name)


def test_weights_of_another_version_name_the_version(tmp_path: Path) -> None:
    card = build("lenet", size=28, pretrained=False, weights=None).card("lenet")
    for noted, says in ((replace(card, package="timm 0.1"), "written with timm 0.1: install"), (card, "Fit again")):
        with pytest.raises(NoisecleanerError, match=says):
            restore("lenet", size=28, card=noted, tensors={}, path=tmp_path)


def test_a_digest_tells_names_shapes_kinds_and_bytes_apart() -> None:
    tensors = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones((), dtype=torch.int64)}
    same = {"b": tensors["b"].clone(), "a": tensors["a"].t().contiguous().t()}
    others = [{"c": tensors["a"], "b": tensors["b"]}, {**tensors, "a": tensors["a"].view(3, 2)}, {"a": tensors["a"]}]
    others += [{**tensors, "a": tensors["a"].half()}, {**tensors, "b": tensors["b"] + 1}]
    assert digest_of(same) == digest_of(tensors)
    assert len({digest_of(tensors), *map(digest_of, others)}) == 6
