"""Whole training runs are dealt out; what cannot be shared is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.network import Network
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.ranks.group import ALONE, Ranks
from noisecleaner.training.recipe import Recipe
from noisecleaner.training.shared import common_precision, deal, lots, refuse_unshared, told

THREE = Ranks(size=3)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_lots_are_even_and_miss_nothing(count: int) -> None:
    shared = lots(range(5), count)
    assert len(shared) == count
    assert [number for lot in shared for number in lot] == list(range(5))
    assert max(map(len, shared)) - min(map(len, shared)) <= 1


def test_alone_one_does_all_of_it() -> None:
    done = list[int]()
    deal(
        lambda numbers, progress, interrupts: done.extend(numbers),
        [3, 1, 4],
        ranks=ALONE,
        progress=Progress(),
        interrupts=Interrupts(),
    )
    assert done == [3, 1, 4]


@pytest.mark.parametrize(
    ("recipe", "named"),
    [(Recipe("bilevel"), "`method='bilevel'`"), (Recipe("l2b", regularisers={"lautum": {}}), "lautum")],
)
def test_what_needs_whole_batches_is_refused_unless_runs_are_dealt(recipe: Recipe, named: str) -> None:
    with pytest.raises(NoisecleanerError, match=named):
        refuse_unshared(recipe, None, THREE)
    refuse_unshared(recipe, 5, THREE)
    refuse_unshared(recipe, None, ALONE)
    refuse_unshared(Recipe("soseleto"), None, THREE)


def test_on_cpus_several_processes_keep_all_digits() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert common_precision(cpu, THREE) == "float32"
    assert {common_precision(gpu, THREE), common_precision(cpu, ALONE), common_precision(gpu, ALONE)} == {"auto"}


def test_layers_that_are_not_synchronised_are_named() -> None:
    plain = Network(trunk=nn.Linear(2, 2), head=nn.Linear(2, 2))
    normed = Network(trunk=nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout()), head=nn.Linear(2, 2))
    assert "Batch norm" not in told(plain, THREE)
    assert "Batch norm is not synchronised" in told(normed, THREE)
    assert "Dropout" in told(normed, THREE)
