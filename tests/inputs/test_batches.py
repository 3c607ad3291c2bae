"""Batches hold the rows that were asked for, with the label that counts there, in the layout that networks take."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from noisecleaner.inputs.batches import Data, inputs_of
from noisecleaner.inputs.probabilities import logarithms

CPU = torch.device("cpu")
GIVEN, TRUSTED = np.array([0, 1, 2, -1, 1]), np.array([-1, 2, -1, 0, -1])
ROWS = np.array([4, 1, 3])


def pixels(**options: bool) -> Data:
    array = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    return Data(array=array, given=GIVEN, trusted=TRUSTED, device=CPU, **options)


def vectors() -> Data:
    array = np.random.default_rng(0).random((5, 3), dtype=np.float32)
    return Data(array=array, given=GIVEN, trusted=TRUSTED, device=CPU)


def test_source_rows_come_with_their_given_labels() -> None:
    batch = vectors().source(ROWS[:2])
    assert batch.labels.tolist() == [1, 1]
    assert batch.rows.tolist() == [4, 1]
    assert np.array_equal(batch.inputs.numpy(), vectors().array[[4, 1]])


def test_trusted_rows_come_with_their_verified_labels_and_clean_ones_with_the_given() -> None:
    assert vectors().target(ROWS).labels.tolist() == [1, 2, 0]


def test_pixels_become_channels_first_floats_that_lie_in_memory_as_they_were() -> None:
    inputs = pixels().inputs(ROWS)
    assert inputs.dtype == torch.float32
    assert np.array_equal(inputs.numpy(), pixels().array[ROWS].transpose(0, 3, 1, 2))
    assert inputs.is_contiguous(memory_format=torch.channels_last)


def test_probabilities_become_logarithms() -> None:
    shares = np.array([[0.2, 0.8], [1.0, 0.0]], dtype=np.float32)
    data = Data(array=shares, given=GIVEN[:2], trusted=TRUSTED[:2], device=CPU, probabilities=True)
    inputs = data.inputs(np.arange(2))
    assert torch.equal(inputs, inputs_of(logarithms(shares), CPU))
    torch.testing.assert_close(inputs[0].exp(), torch.tensor([0.2, 0.8]))
    assert inputs.isfinite().all()


def test_source_pixels_alone_are_augmented() -> None:
    data = pixels(augmented=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first, second = (data.source(ROWS).inputs for _ in range(2))
        assert not torch.equal(first, second)
        assert torch.equal(data.target(ROWS).inputs, pixels().inputs(ROWS))
        assert torch.equal(pixels().source(ROWS).inputs, pixels().inputs(ROWS))


def test_no_row_makes_an_empty_batch() -> None:
    batch = pixels(augmented=True).target(ROWS[:0])
    assert batch.inputs.shape == (0, 3, 8, 8)
    assert batch.labels.shape == batch.rows.shape == (0,)


def test_another_process_maps_the_file_instead_of_getting_all_rows(tmp_path: Path) -> None:
    data = vectors()
    np.save(tmp_path / "rows.npy", np.repeat(data.array, 10_000, axis=0))
    mapped = replace(data, array=np.load(tmp_path / "rows.npy", mmap_mode="r"))
    sent = pickle.dumps(mapped)
    assert len(sent) < 5_000
    arrived = pickle.loads(sent)  # noqa: S301  # what was just dumped
    assert isinstance(arrived.array, np.memmap)
    assert np.array_equal(arrived.array, mapped.array)
    assert arrived.given.tolist() == GIVEN.tolist()


def test_rows_in_memory_are_sent_as_they_are() -> None:
    arrived = pickle.loads(pickle.dumps(pixels()))  # noqa: S301  # what was just dumped
    assert np.array_equal(arrived.array, pixels().array)
