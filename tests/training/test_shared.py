"""Whole training runs are dealt out; what cannot be shared is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source
from noisecleaner.networks.network import Network
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.ranks.group import ALONE, Ranks
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.record import Record
from noisecleaner.runs.run import Run
from noisecleaner.settings import Effort, Precision
from noisecleaner.training.recipe import Recipe
from noisecleaner.training.shared import deal, lots, refuse_unshared, told, with_precision

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


@pytest.mark.parametrize(("device", "ranks", "expected"), [("cpu", THREE, "float32"), ("cpu", ALONE, "auto")])
@pytest.mark.parametrize("asked", ["auto", "bfloat16"])
def test_on_cpus_several_processes_keep_all_digits(device: str, ranks: Ranks, expected: str, asked: Precision) -> None:
    config = FitConfig(source=Source("data"), device=device, effort=Effort(precision=asked))
    found = with_precision(config, None, ranks).effort.precision
    assert found == (expected if asked == "auto" else asked)
    assert with_precision(replace(config, device="cuda"), None, ranks) == replace(config, device="cuda")


@pytest.mark.parametrize("settled", ["auto", "float32"])
def test_a_run_that_is_gone_on_with_has_settled_it(tmp_path: Path, settled: Precision) -> None:
    config = FitConfig(source=Source("data"), device="cpu")
    assert with_precision(config, Run(tmp_path), THREE).effort.precision == "float32"
    Run(tmp_path).write(Record(replace(config, effort=Effort(precision=settled)), "of the data"))
    for ranks in (ALONE, THREE):
        assert with_precision(config, Run(tmp_path), ranks).effort.precision == settled


def test_layers_that_are_not_synchronised_are_named() -> None:
    plain = Network(trunk=nn.Linear(2, 2), head=nn.Linear(2, 2))
    normed = Network(trunk=nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout()), head=nn.Linear(2, 2))
    assert "Batch norm" not in told(plain, THREE)
    assert "Batch norm is not synchronised" in told(normed, THREE)
    assert "Dropout" in told(normed, THREE)
