"""Which device, and which number format on it."""

from __future__ import annotations

import pytest
import torch

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks import devices
from noisecleaner.networks.devices import autocast, choose_device, choose_precision, native_bfloat16

CPU = torch.device("cpu")


@pytest.mark.parametrize(("cuda", "mps", "expected"), [(1, 1, "cuda"), (0, 1, "mps"), (0, 0, "cpu")])
def test_auto_takes_cuda_then_mps_then_the_cpu(
    monkeypatch: pytest.MonkeyPatch, cuda: int, mps: int, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(cuda))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: bool(mps))
    assert choose_device("auto") == torch.device(expected)


def test_a_device_that_is_named_is_taken() -> None:
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize("name", ["abacus", "meta", "cuda:99", ""])
def test_a_device_that_holds_no_numbers_is_refused_in_python(name: str) -> None:
    with pytest.raises(NoisecleanerError, match=f"`device='{name}'` cannot be used") as refused:
        choose_device(name)
    assert "auto, cpu" in refused.value.hint
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("convolutions", [True, False])
def test_auto_takes_bfloat16_for_pixels_where_the_hardware_has_it(
    monkeypatch: pytest.MonkeyPatch, native: bool, convolutions: bool
) -> None:
    monkeypatch.setattr(devices, "native_bfloat16", lambda device: native)
    expected = torch.bfloat16 if native and convolutions else torch.float32
    assert choose_precision("auto", CPU, convolutions=convolutions) == expected
    assert choose_precision("bfloat16", CPU, convolutions=convolutions) == torch.bfloat16
    assert choose_precision("float32", CPU, convolutions=convolutions) == torch.float32


@pytest.mark.parametrize(
    ("capabilities", "native"), [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx2": True}, False)]
)
def test_a_cpu_says_itself_whether_it_has_bfloat16(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], native: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert native_bfloat16(CPU) is native
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not native_bfloat16(CPU)


def test_other_devices_stay_at_float32() -> None:
    assert not native_bfloat16(torch.device("mps"))


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_layers_compute_in_the_format_and_losses_do_not(precision: torch.dtype) -> None:
    layer, inputs = torch.nn.Linear(3, 2), torch.randn(4, 3)
    with autocast(CPU, precision):
        logits = layer(inputs)
        loss = torch.nn.functional.cross_entropy(logits, torch.zeros(4, dtype=torch.int64))
    assert logits.dtype == precision
    assert loss.dtype == torch.float32
