"""Names of outputs are checked before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import named, refuse_existing, unused


def test_an_output_directory_that_holds_something_is_refused(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    refuse_existing(tmp_path / "empty")
    with pytest.raises(NoisecleanerError, match="exists already"):
        refuse_existing(tmp_path)


def test_an_output_always_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert named(Path(".")).name == tmp_path.name
    with pytest.raises(NoisecleanerError, match="root"):
        named(Path("/"))


def test_an_unused_name_is_that_of_no_file(tmp_path: Path) -> None:
    path = tmp_path / "verify.parquet"
    assert unused(path) == path
    path.touch()
    (tmp_path / "verify-2.parquet").symlink_to("nowhere")
    assert unused(path) == tmp_path / "verify-3.parquet"
