"""What is missing is said before anything is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sources import read, refusal, vectors

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Skip, check_enough, refuse_skips, require_readable
from noisecleaner.ingest.checks import check_ids, check_labels, require_two

CLASSES = ("ant", "bee", "cat")


def test_without_two_readable_classes_there_is_nothing_to_do(tmp_path: Path) -> None:
    manifest = read(vectors(tmp_path / "d.parquet", ["a", "b", "b"]), embedding="embedding")
    require_readable(manifest)
    with pytest.raises(NoisecleanerError, match="of 3 rows 2 can be used, of 1 classes"):
        require_readable(manifest.skipping({0: Skip.NO_VECTOR}))


def test_null_and_repeated_ids_are_refused(tmp_path: Path) -> None:
    null = vectors(tmp_path / "1.parquet", ["a", "b"], sample_id=["x", None])
    assert "1 of 2 rows" in refusal(null, embedding="embedding")
    twice = vectors(tmp_path / "2.parquet", ["a", "b"], sample_id=["x", "x"])
    assert "must be unique" in refusal(twice, embedding="embedding")


@pytest.mark.parametrize("classes", [(), ("ant",)])
def test_fewer_than_two_classes_are_none_to_confuse(classes: tuple[str, ...]) -> None:
    require_two(CLASSES[:2], "here")
    with pytest.raises(NoisecleanerError, match=f"here has {len(classes)} "):
        require_two(classes, "here")


def test_with_strict_a_row_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    manifest = read(vectors(tmp_path / "d.parquet", ["a", "b", "b"]), embedding="embedding")
    refuse_skips(manifest)
    skipped = manifest.skipping({0: Skip.TRUNCATED, 2: Skip.NO_IMAGE})
    with pytest.raises(
        NoisecleanerError,
        match=r"`strict=True` .* 2 rows are none \(1 truncated, 1 no_image\): r0 \(truncated\), r2 \(no_image\)",
    ):
        refuse_skips(skipped)


def test_verified_labels_are_classes_of_the_dataset() -> None:
    check_labels(pa.chunked_array([["ant", None], ["cat"]]), CLASSES, "file")
    with pytest.raises(
        NoisecleanerError,
        match=r"holds fox, and the classes are ant, bee, cat\. .* in row \d of \d\.",
    ):
        check_labels(pa.chunked_array([["ant", "fox"], ["fox"]]), CLASSES, "file")


@pytest.mark.parametrize(
    ("trusted", "says"), [([-1, -1], "there are none"), ([2, -1, 2], "all are 'cat'"), ([], "there are none")]
)
def test_what_is_steered_needs_rows_of_two_classes(trusted: list[int], says: str) -> None:
    check_enough(np.array([0, -1, 2]), CLASSES, "l2b")
    with pytest.raises(NoisecleanerError, match=says):
        check_enough(np.array(trusted, dtype=np.int64), CLASSES, "l2b")


@pytest.mark.parametrize(
    ("trusted", "disputed", "says"),
    [
        ([-2, -2, -1], 0, r"of 2 verified rows 2 are of no class of the dataset: none can steer"),
        ([-1, -1, -1], 1, r"of 1 verified row 1 is seen differently by two looks: none can steer"),
        ([-2, -1, -1], 2, r"of 3 verified rows 1 is of no class .* and 2 are seen differently"),
    ],
)
def test_verified_rows_none_of_which_can_steer_are_counted(trusted: list[int], disputed: int, says: str) -> None:
    with pytest.raises(NoisecleanerError, match=says) as error:
        check_enough(np.array(trusted), CLASSES, "soseleto", disputed=disputed)
    assert "at least two classes" in error.value.hint


@settings(deadline=None)
@given(st.lists(st.text(max_size=3), max_size=30), st.integers(1, 5))
def test_ids_are_refused_exactly_where_some_occur_twice(ids: list[str], chunks: int) -> None:
    parts = [ids[first : first + chunks] for first in range(0, len(ids), chunks)]
    column = pa.chunked_array(parts, pa.string())
    if len(set(ids)) == len(ids):
        check_ids(column, "file")
        return
    with pytest.raises(NoisecleanerError, match="must be unique") as error:
        check_ids(column, "file")
    twice = {name for name in ids if ids.count(name) > 1}
    assert f"{len(twice)} of them" in str(error.value)


def test_ids_of_one_hash_that_differ_are_no_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("noisecleaner.ingest.checks._all_differ", lambda ids: False)
    check_ids(pa.chunked_array([["a", "b"]]), "file")
