"""What an auditor's record says comes back, also from earlier versions; a damaged one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_record, write_record
from noisecleaner.networks.shapes import Shape
from noisecleaner.quality.model import QualityModel
from noisecleaner.runs.auditor_record import AuditorRecord
from noisecleaner.runs.run import Run


def test_the_record_comes_back_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.auditor.mkdir()
    record = AuditorRecord(
        classes=("a", "b"),
        folds=3,
        shape=Shape(kind="vectors", classes=2, width=5),
        quality=QualityModel("uncalibrated"),
    )
    record.write(run)
    assert AuditorRecord.read(run) == record
    path = run.auditor / "auditor.json"
    path.write_text(path.read_text().replace('"folds": 3', '"folds": 4'))
    with pytest.raises(NoisecleanerError, match="checksum"):
        AuditorRecord.read(run)
    write_record(path, {"classes": ["a", "b"]})
    with pytest.raises(NoisecleanerError, match="folds"):
        AuditorRecord.read(run)


def test_an_earlier_version_knew_neither_order_nor_vectors_of_classes(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.auditor.mkdir()
    shape = Shape(kind="vectors", classes=2, width=5)
    record = AuditorRecord(
        classes=("a", "b"), folds=3, shape=shape, quality=QualityModel("planted"), ordered=True, zero_shot=True
    )
    record.write(run)
    path = run.auditor / "auditor.json"
    content = read_record(path)
    write_record(path, {name: content[name] for name in ("classes", "folds", "shape", "quality")})
    read = AuditorRecord.read(run)
    assert (read.ordered, read.zero_shot, read.shape, read.quality) == (False, False, shape, record.quality)
