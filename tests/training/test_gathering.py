"""What a linear head sees is what its trunk makes of the rows, wherever it is gathered."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from noisecleaner.inputs.batches import Data
from noisecleaner.inputs.held import Held
from noisecleaner.networks.heads import build_network, standardise
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.training.gathering import Gathering

ROWS, WIDTH = 40, 6
CPU = torch.device("cpu")


def data(dtype: type = np.float16) -> Data:
    array = np.random.default_rng(0).normal(3, 2, (ROWS, WIDTH)).astype(dtype)
    return Data(array=array, given=np.zeros(ROWS, int), trusted=np.zeros(ROWS, int), device=CPU)


def network(rooted: bool = False) -> Network:
    made = build_network(Shape(kind="vectors", classes=2, width=WIDTH, rooted=rooted))
    standardise(made, mean=np.linspace(1, 4, WIDTH), deviation=np.linspace(0.5, 3, WIDTH))
    return made


def expected(rows: Tensor, of: Data, rooted: bool = False) -> Tensor:
    return network(rooted).trunk(of.inputs(rows.numpy()))


@pytest.mark.parametrize("rooted", [False, True], ids=["", "rooted"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rows_of_the_host_are_standardised_like_others(dtype: type, rooted: bool) -> None:
    made, of = Gathering(data(dtype), network(rooted).trunk), data(dtype)
    for rows in (torch.tensor([3, 9, 30]), torch.tensor([0, 39]), torch.tensor([5, 6])):
        torch.testing.assert_close(made.from_host(rows, 0), expected(rows, of, rooted))


def test_what_was_read_stays_until_its_slot_is_used_again() -> None:
    made, first, second = Gathering(data(), network().trunk), torch.tensor([1, 2]), torch.tensor([3, 4])
    kept = made.from_host(first, 0)
    made.from_host(second, 1)
    torch.testing.assert_close(kept, expected(first, data()))
    assert made.from_host(second, 0).data_ptr() == kept.data_ptr()
    torch.testing.assert_close(kept, expected(second, data()))


def test_a_device_that_holds_all_rows_gathers_them_itself() -> None:
    of, rows = data(), torch.tensor([7, 3])
    held = Data(**{**vars(of), "held": Held(torch.from_numpy(of.array))})
    torch.testing.assert_close(Gathering(held, network().trunk).on_device(rows), expected(rows, of))
