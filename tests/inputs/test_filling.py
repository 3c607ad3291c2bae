"""An array that is being filled goes on where it stopped, or is called damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_record, write_record
from noisecleaner.ingest import Skip
from noisecleaner.inputs.encoders import EncodingBlock
from noisecleaner.inputs.filling import Filling, create

SHAPE = (10, 2)


def fill(filling: Filling, end: int, skipped: dict[int, Skip] | None = None) -> None:
    """Take in rows up to `end`, each holding its number."""
    rows = [row for row in range(filling.done, end) if row not in (skipped or {})]
    images = np.repeat(np.array(rows, np.float32)[:, None], 2, axis=1)
    filling.take(EncodingBlock(end=end, rows=rows, images=images, skipped=skipped or {}))


def half_filled(folder: Path) -> Path:
    filling = Filling.open(folder / "x.npy", SHAPE, np.float32)
    fill(filling, 6, {2: Skip.TRUNCATED})
    filling.save()
    return filling.path


def test_a_new_array_is_empty_and_has_its_space_on_the_disk(tmp_path: Path) -> None:
    array = create(tmp_path / "x.npy", (1000, 100), np.float32)
    assert array.shape == (1000, 100)
    assert not array.any()
    status = (tmp_path / "x.npy").stat()
    assert status.st_blocks * 512 >= status.st_size >= array.nbytes


def test_it_goes_on_behind_what_was_saved(tmp_path: Path) -> None:
    path = half_filled(tmp_path)
    again = Filling.open(path, SHAPE, np.float32)
    assert (again.done, again.skipped) == (6, {2: Skip.TRUNCATED})
    fill(again, 10, {7: Skip.NO_IMAGE})
    again.save_now_and_then()  # all is done
    whole = Filling.open(path, SHAPE, np.float32)
    assert (whole.done, whole.skipped) == (10, {2: Skip.TRUNCATED, 7: Skip.NO_IMAGE})
    expected = np.arange(10.0)
    expected[[2, 7]] = 0
    assert np.array_equal(whole.array, np.stack([expected, expected], axis=1))


def test_what_was_not_saved_is_done_again(tmp_path: Path) -> None:
    filling = Filling.open(tmp_path / "x.npy", SHAPE, np.float32)
    fill(filling, 4)
    filling.save_now_and_then()  # neither done nor old
    assert Filling.open(filling.path, SHAPE, np.float32).done == 0


def test_it_is_saved_from_time_to_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("noisecleaner.inputs.filling._SAVE_SECONDS", 0.0)
    filling = Filling.open(tmp_path / "x.npy", SHAPE, np.float32)
    fill(filling, 4)
    filling.save_now_and_then()
    assert Filling.open(filling.path, SHAPE, np.float32).done == 4


@pytest.mark.parametrize("other", [((11, 2), np.float32), ((10, 3), np.float32), ((10, 2), np.float16)], ids=str)
def test_an_array_of_another_shape_or_type_is_damaged(tmp_path: Path, other: tuple[tuple[int, ...], type]) -> None:
    path = half_filled(tmp_path)
    with pytest.raises(NoisecleanerError, match="its shape is"):
        Filling.open(path, *other)


def test_an_array_that_is_cut_short_or_gone_is_damaged(tmp_path: Path) -> None:
    path = half_filled(tmp_path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(NoisecleanerError, match="its size is wrong"):
        Filling.open(path, SHAPE, np.float32)
    path.unlink()
    with pytest.raises(NoisecleanerError, match="its size is wrong"):
        Filling.open(path, SHAPE, np.float32)


def test_a_record_with_a_flipped_bit_is_damaged(tmp_path: Path) -> None:
    path = half_filled(tmp_path)
    record = path.with_suffix(".json")
    record.write_text(record.read_text().replace('"done": 6', '"done": 7'))
    with pytest.raises(NoisecleanerError, match="checksum"):
        Filling.open(path, SHAPE, np.float32)


def test_what_another_network_filled_is_not_gone_on_with(tmp_path: Path) -> None:
    """Weights may be other ones under the same path, and their features mixed with those of then."""
    Filling.open(tmp_path / "x.npy", SHAPE, np.float32, maker="a").save()
    assert Filling.open(tmp_path / "x.npy", SHAPE, np.float32, maker="a").maker == "a"
    with pytest.raises(NoisecleanerError, match="with the network that it was begun with"):
        Filling.open(tmp_path / "x.npy", SHAPE, np.float32, maker="b")
    notes = read_record(tmp_path / "x.json")
    write_record(tmp_path / "x.json", {name: value for name, value in notes.items() if name != "maker"})
    assert Filling.open(tmp_path / "x.npy", SHAPE, np.float32, maker="b").done == 0  # an earlier version wrote it


def test_a_flipped_bit_of_what_is_done_is_found_when_it_goes_on(tmp_path: Path) -> None:
    """Rows that are not done yet are filled again, and may be anything."""
    filling = Filling.open(tmp_path / "x.npy", SHAPE, np.float32)
    for end in (2, 3, 6):
        fill(filling, end)
        filling.save()
    path, whole = filling.path, filling.path.read_bytes()
    begin = len(whole) - filling.array.nbytes
    for place in range(begin, begin + 6 * 2 * 4):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(NoisecleanerError, match=r"x\.npy .*its checksum is wrong"):
            Filling.open(path, SHAPE, np.float32)
    path.write_bytes(whole[:-1] + b"\x07")
    assert Filling.open(path, SHAPE, np.float32).done == 6
    notes = read_record(path.with_suffix(".json"))
    del notes["crc32_of_rows"]  # as earlier versions wrote it
    write_record(path.with_suffix(".json"), notes)
    assert Filling.open(path, SHAPE, np.float32).done == 6
