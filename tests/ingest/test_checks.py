"""What is missing is said before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sources import (
    read,
    refusal,
    vectors,
)

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Skip, require_readable


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
