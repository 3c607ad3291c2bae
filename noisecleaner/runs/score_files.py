"""The files of one score: those that its manifest names, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import (
    SCORES_MANIFEST,
    Seal,
    SealedFile,
    UnsealedError,
    read_regular,
    require_regular,
    sealed,
    settle,
    write_seal,
)
from noisecleaner.runs.run import SEALED, Run
from noisecleaner.tables import ARROW_ERRORS, METADATA_KEY
from noisecleaner.texts import parsed_json

SCORES_FILE, REPORT_FILE, NOISE_FILE = "scores.parquet", "report.parquet", "noise.json"


class ScoreFiles:
    """The files of one score; which one is settled when this is made.

    Without a manifest, as earlier versions left them, files are read as they are.

    Args:
        path: the directory.

    Raises:
        NoisecleanerError: the manifest is damaged, or it is that of scores of another fit than the one beside them.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._seen = path, set[str]()
        settle(path)
        self.seal = _read(path / SCORES_MANIFEST)
        if self.seal is not None and self.seal.made_of is not None:
            self._refuse_other_fit(self.seal.made_of)

    @contextmanager
    def table(self, name: str) -> Iterator[pq.ParquetFile]:
        """Open scores.parquet: the first time all of it is checked, if that takes a moment, and its footer each time.

        Pages carry checksums of their own, which leave out their headers: a bit of these may change what is read.

        Raises:
            NoisecleanerError: it is missing, damaged, or of another score.
        """
        with self.reading(name), _opened(self.path / name) as file:
            if (known := self._known(name)) is not None:
                known.require_opened(file, whole=name not in self._seen)
                self._seen.add(name)
            with pq.ParquetFile(file, page_checksum_verification=True) as opened:
                yield opened

    def content(self, name: str, verb: str = "read") -> bytes:
        """Read a file whose every byte is checked.

        Args:
            name: of the file.
            verb: what cannot be done where it cannot be read.

        Raises:
            NoisecleanerError: it is missing, damaged, or of another score.
        """
        with self.reading(name, verb):
            content = read_regular(self.path / name)
            if (known := self._known(name)) is not None:
                known.require_whole(content)
        return content

    def told(self) -> dict[str, Any]:
        """Read what stands beside the rows of scores.parquet.

        Raises:
            NoisecleanerError: it is missing, damaged, or of another score.
        """
        with self.table(SCORES_FILE) as file:
            return dict(parsed_json(file.metadata.metadata[METADATA_KEY]))

    def require_seal(self) -> None:
        """Refuse files without the manifest that was written with them, but those of earlier versions.

        Raises:
            NoisecleanerError: it is missing.
        """
        if self.told().get(SEALED) and self.seal is None:
            raise NoisecleanerError(
                f"{self.path / SCORES_MANIFEST} is required: it tells that the files beside it are those of one score.",
                "Copy it with them, or score the run again: `score()` writes it.",
            )

    @contextmanager
    def reading(self, name: str, verb: str = "read") -> Iterator[None]:
        """Tell which file is damaged, or of another score, where reading it fails.

        Args:
            name: of the file.
            verb: what cannot be done.
        """
        try:
            yield
        except (OSError, *ARROW_ERRORS, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            self._refuse_changed()
            raise broken(self.path / name, error, verb) from error

    def _known(self, name: str) -> SealedFile | None:
        if self.seal is None:
            return None
        if name not in self.seal.files:
            raise UnsealedError(f"{SCORES_MANIFEST} beside it does not name it")
        return self.seal.files[name]

    def _refuse_changed(self) -> None:
        """Say so where another score has been written since this was made.

        Raises:
            NoisecleanerError: one has.
        """
        settle(self.path)
        now = _read(self.path / SCORES_MANIFEST)
        if (now and now.identity) != (self.seal and self.seal.identity):
            raise NoisecleanerError(
                f"The scores in {self.path} must stay as they are while they are read, but others came.",
                "Run this again when nothing else scores there.",
            )

    def _refuse_other_fit(self, made_of: str) -> None:
        run = Run(self.path)
        fit = run.require_seal() if run.record.exists() else run.seal()
        if fit is not None and fit.identity != made_of:
            raise NoisecleanerError(
                f"Scores must be made of the fit that they lie beside, but those in {self.path} are of another one.",
                f"Score it again: `score({str(self.path)!r})`.",
            )


def seal_scores(staged: Path, *, of: Path) -> None:
    """Write the manifest of the files of a score, which are all that a folder holds.

    Args:
        staged: the folder.
        of: the run directory of the fit that they were made of.
    """
    fit, names = Run(of).seal(), sorted(file.name for file in staged.iterdir())
    write_seal(
        staged / SCORES_MANIFEST,
        sealed(staged, names),
        kind="scores",
        made_of=None if fit is None else fit.identity,
    )


def _read(path: Path) -> Seal | None:
    try:
        return Seal.read(path)
    except (OSError, ValueError) as error:
        raise broken(path, error, "read") from error


def _opened(path: Path) -> pa.OSFile:
    require_regular(path)  # Arrow would wait for a pipe
    return pa.OSFile(str(path))


def broken(path: Path, reason: object, verb: str) -> NoisecleanerError:
    """Describe a file of a score that is missing or damaged, so that something cannot be done with it."""
    return NoisecleanerError(
        f"{path} is required, but it cannot be {verb} ({reason}).", "Score the run again: `score()` writes it."
    )
