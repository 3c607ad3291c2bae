"""A bit that flips, in any file of a run, of scores or of a copy, is found: by `verify`, and by who reads the file."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from support.datasets import image_folder
from support.exports import Row, write_scores

from noisecleaner.api import ScoredRun, Soundness, Source, corrupt, export_clean, score, score_new, verify
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_arrays
from noisecleaner.registry import names_in
from noisecleaner.runs.auditor_record import AuditorRecord
from noisecleaner.runs.contents import Contents
from noisecleaner.runs.run import Run
from noisecleaner.runs.trace import Trace

#: What reads a file, by the end of its name. The other files of a copy are read by other programs.
READERS: dict[str, Callable[[Path], object]] = {
    "noise.json": lambda path: ScoredRun(path.parent).noise,
    "report.parquet": lambda path: ScoredRun(path.parent).thresholds(),
    "scores.parquet": lambda path: ScoredRun(path.parent).scores(),
    "scores-manifest.json": lambda path: ScoredRun(path.parent),
    "trace.parquet": lambda path: Trace.read(path, sealed=Run(path.parent).sealed(path)),
    "contents.json": lambda path: Contents.read(Run(path.parent)),
    "run.json": lambda path: Run(path.parent).read_fitted(),
    "auditor.json": lambda path: AuditorRecord.read(Run(path.parent.parent)),
    ".safetensors": read_arrays,
    "/manifest.json": lambda path: Run(path.parent).seal(),
}
#: Those that see every bit; the others are JSON, in which a flipped bit may change nothing that is read.
WHOLE = {*READERS} - {"contents.json", "run.json", "auditor.json"}


def tell(what: str) -> None:
    """Say what was tried; `pytest -s` shows it."""
    sys.stderr.write(f"\n{what}\n")


@pytest.fixture
def home(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scored run, scores of new rows, a copy and a corrupted dataset of vectors."""
    # without what plans of other tests have left there
    shutil.copytree(fitted, tmp_path / "home", ignore=shutil.ignore_patterns("design*"))
    monkeypatch.chdir(tmp_path / "home")
    score("run")
    score_new("run", Source("data.parquet"), "new")
    export_clean("run", "clean")
    corrupt(Run(Path("run")).read().config.source, "noisy", kind="symmetric", rate=0.2)  # type: ignore[arg-type]  # as typed
    return tmp_path / "home"


@contextmanager
def flipped(path: Path, rng: np.random.Generator) -> Iterator[None]:
    """Flip a bit of a file while the block runs."""
    place, bit = int(rng.integers(path.stat().st_size)), int(rng.integers(8))
    with path.open("r+b") as file:
        for _ in range(2):
            file.seek(place)
            (byte,) = file.read(1)
            file.seek(place)
            file.write(bytes([byte ^ 1 << bit]))
            file.flush()
            if not _:
                yield


def refused(read: Callable[[Path], object], path: Path) -> bool:
    try:
        read(path)
    except NoisecleanerError:
        return True
    return False


def reader_of(path: Path) -> tuple[str, Callable[[Path], object]] | None:
    return next(((end, read) for end, read in READERS.items() if str(path).endswith(end)), None)


def attack(folder: Path, *, flips: int, rng: np.random.Generator) -> Counter[str]:
    """Flip bits of every file of a folder, one at a time; count how many were tried, and who found them."""
    counts: Counter[str] = Counter()
    for path in sorted(file for file in folder.rglob("*") if file.is_file() and file.stat().st_size):
        found = reader_of(path)
        for _ in range(flips):
            with flipped(path, rng):
                result = verify(folder)
                assert result.soundness is not Soundness.UNKNOWN
                edited = path.name in {Path(name).name for one in result.manifests for name in one.edited}
                assert edited if path.name == "flagged.csv" else result.soundness is Soundness.DAMAGED, path
                seen = found is not None and refused(found[1], path)
            assert seen or found is None or found[0] not in WHOLE, path
            counts.update(tried=1, readers=found is not None, refused=seen)
        assert verify(folder).soundness is Soundness.SOUND, path
    return counts


def formats(folder: Path) -> Iterator[Path]:
    """Copies of images in every format."""
    image_folder(folder / "images", rows=9)
    names = sorted(str(path.relative_to(folder / "images")) for path in (folder / "images").rglob("*.png"))
    rows = [Row(name, name.split("/")[0], name.split("/")[0], path=name) for name in names]
    classes = sorted({row.given for row in rows})
    run = write_scores(folder / "scored", Source(str(folder / "images")), rows, classes)
    for format in names_in("export.formats"):
        yield export_clean(run, folder / format, format=format).path


def tell_of(counts: Counter[str]) -> None:
    by_readers = f"readers refused {counts['refused']} of {counts['readers']} that they read"
    tell(f"{counts['tried']} bits flipped, all found by verify; {by_readers}")


def test_a_flipped_bit_of_any_file_is_found(home: Path, tmp_path: Path) -> None:
    rng, counts = np.random.default_rng(0), Counter[str]()
    for folder in (*(Path(name) for name in ("run", "new", "clean", "noisy")), *formats(tmp_path)):
        counts += attack(folder, flips=2, rng=rng)
    tell_of(counts)
    assert counts["tried"] > 150


@pytest.mark.slow
def test_forty_flipped_bits_of_every_file_are_found(home: Path, tmp_path: Path) -> None:
    rng, counts = np.random.default_rng(1), Counter[str]()
    for folder in (*(Path(name) for name in ("run", "new", "clean", "noisy")), *formats(tmp_path)):
        counts += attack(folder, flips=40, rng=rng)
    tell_of(counts)


@pytest.mark.parametrize("flips", [400, pytest.param(4000, marks=pytest.mark.slow)])
def test_a_gate_reads_no_flipped_bit_of_the_noise(home: Path, flips: int) -> None:
    rng, path, found = np.random.default_rng(2), Path("run/noise.json"), 0
    for _ in range(flips):
        with flipped(path, rng):
            found += refused(READERS["noise.json"], path)
    tell(f"{found} of {flips} flipped bits of noise.json refused by the gate's reader")
    assert found == flips
    assert ScoredRun("run").noise.overall.value is not None


def test_files_that_shrink_grow_or_go_are_found(home: Path) -> None:
    for path in sorted(file for file in Path("run").rglob("*") if file.is_file() and file.name != "flagged.csv"):
        whole = path.read_bytes()
        for other in (whole[:-1], whole + b"\n", b""):
            path.write_bytes(other)
            assert verify("run").soundness is Soundness.DAMAGED, path
        os.truncate(path, 0)
        path.unlink()
        assert verify("run").soundness is Soundness.DAMAGED, path
        path.write_bytes(whole)
    assert verify("run").soundness is Soundness.SOUND
