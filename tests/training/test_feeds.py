"""However rows come to the device, a step gets the same batches; on a GPU none of them makes it wait."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from support import learners

from noisecleaner.arrays import IntArray
from noisecleaner.inputs.batches import Data
from noisecleaner.inputs.held import Held
from noisecleaner.networks.network import Batch
from noisecleaner.training.feeds import Feed, HeldFeed, HostFeed, PinnedFeed, feed_of
from noisecleaner.training.recipe import Recipe

CPU = torch.device("cpu")
EPOCH = 3
NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def pixels(device: torch.device = CPU) -> Data:
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, (20, 8, 8, 3)).astype(np.uint8)
    given, trusted = rng.integers(0, 3, 20), np.where(np.arange(20) < 8, rng.integers(0, 3, 20), -1)
    return Data(array=array, given=given, trusted=trusted, device=device, augmented=True)


def rows_of(number: int) -> tuple[IntArray, IntArray]:
    rng = np.random.default_rng(number)
    return np.sort(rng.permutation(20)[:6]), np.sort(rng.permutation(8)[: 4 * (number % 2)])


def batches(feed: Feed, data: Data) -> list[Batch]:
    """The batches of two epochs, on the CPU."""
    found = []
    with torch.random.fork_rng(), feed.running():
        for number in range(2 * EPOCH):
            torch.manual_seed(number)
            found += feed.batches(feed.drawn(number))
    return [Batch(inputs=b.inputs.cpu(), labels=b.labels.cpu(), rows=b.rows.cpu()) for b in found]


def assert_same(ones: list[Batch], others: list[Batch]) -> None:
    for one, other in zip(ones, others, strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.labels, other.labels)
        assert torch.equal(one.rows, other.rows)


def test_rows_that_a_device_holds_make_the_same_batches() -> None:
    data = pixels()
    held = replace(data, held=Held.of(data.array, CPU))
    host = batches(HostFeed(data, rows_of), data)
    assert_same(host, batches(HeldFeed(held, rows_of, epoch=EPOCH), held))
    assert any(len(batch.rows) == 0 for batch in host)
    assert host[0].labels.tolist() == data.given[rows_of(0)[0]].tolist()


def test_a_cpu_reads_from_the_host() -> None:
    assert isinstance(feed_of(pixels(), rows_of, epoch=EPOCH), HostFeed)


def test_rows_are_asked_for_anew_when_others_steer() -> None:
    data, asked = pixels(), list[int]()

    def watched(number: int) -> tuple[IntArray, IntArray]:
        asked.append(number)
        return rows_of(number)

    feed = HeldFeed(replace(data, held=Held.of(data.array, CPU)), watched, epoch=EPOCH)
    feed.drawn(0)
    feed.drawn(1)
    assert asked == [0, 1, 2]
    feed.forget()
    feed.drawn(1)
    assert asked == [0, 1, 2] * 2


@pytest.mark.parametrize("method", ["uniform", "soseleto", "l2b"])
def test_training_is_the_same_to_the_bit(method: str) -> None:
    plain, other = (learners.learner(Recipe(method), epochs=2) for _ in range(2))
    data = replace(other.data, held=Held.of(other.data.array, CPU))
    other._feed = HeldFeed(data, other._rows, epoch=other.steps_per_epoch)
    for learner in (plain, other):
        with learner.session():
            for number in range(2 * learner.steps_per_epoch):
                learner.step(number)
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(tensor, other.state_dict()[name], rtol=0, atol=0, equal_nan=True, msg=name)


@NEEDS_GPU
@pytest.mark.parametrize("held", [False, True], ids=["ahead", "held"])
def test_a_gpu_gets_the_rows_of_the_host(held: bool) -> None:
    data = pixels(torch.device("cuda"))
    data = data.on_device() if held else data
    feed = feed_of(data, rows_of, epoch=EPOCH)
    assert isinstance(feed, HeldFeed if held else PinnedFeed)
    plain = replace(data, held=None, augmented=False)
    without = replace(data, augmented=False)
    ours = type(feed)(without, rows_of, epoch=EPOCH)  # type: ignore[call-arg]  # both take it
    assert_same(batches(ours, without), batches(HostFeed(plain, rows_of), plain))
