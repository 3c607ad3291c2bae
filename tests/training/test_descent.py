"""Momentum SGD on parameters: PyTorch's own class is the oracle, and its compiler stays out."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from noisecleaner.training.descent import Descent


def _parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    layers = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((4, 3, 2, 2), (5,))]
    layers[0] = layers[0].to(memory_format=torch.channels_last)
    return [nn.Parameter(layer) for layer in layers]


@pytest.mark.parametrize("late", [0, 3], ids=["always", "second parameter from step 3"])
def test_steps_are_those_of_the_class(late: int) -> None:
    ours, theirs = _parameters(), _parameters()
    descent = Descent(ours, momentum=0.9, weight_decay=0.01)
    optimiser = torch.optim.SGD(theirs, 1.0, 0.9, weight_decay=0.01)
    generator = torch.Generator().manual_seed(1)
    for number in range(6):
        descent.clear()
        optimiser.zero_grad()
        for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            if index == 0 or number >= late:
                a.grad = torch.randn(a.shape, generator=generator, dtype=a.dtype).contiguous(
                    memory_format=torch.channels_last if a.dim() == 4 else torch.contiguous_format
                )
                b.grad = a.grad.clone()
        descent.step(0.1 / (1 + number))
        optimiser.param_groups[0]["lr"] = 0.1 / (1 + number)
        optimiser.step()
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_momentum_alone_is_saved() -> None:
    parameters = _parameters()
    names = Descent(parameters, momentum=0.9, weight_decay=0.0).state_dict()
    assert {name: tensor.shape for name, tensor in names.items()} == {"0": (4, 3, 2, 2), "1": (5,)}


def test_no_gradient_no_step() -> None:
    parameters = _parameters()
    Descent(parameters, momentum=0.9, weight_decay=0.5).step(1.0)
    for after, before in zip(parameters, _parameters(), strict=True):
        assert torch.equal(after, before)


def test_the_compiler_is_not_imported() -> None:
    code = """
import sys, torch
from noisecleaner.training.descent import Descent
import noisecleaner.training.loop
parameter = torch.nn.Parameter(torch.ones(3))
descent = Descent([parameter], momentum=0.9, weight_decay=0.0)
torch.autograd.backward(parameter.sum())
torch.nn.utils.clip_grad_norm_([parameter], 5.0)
descent.step(0.1)
assert not torch.equal(parameter, torch.ones(3))
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
