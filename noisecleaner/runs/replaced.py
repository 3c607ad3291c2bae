"""What a new fit replaces in a run directory: what fit and score wrote. All else there is a person's, and stays.

Until the new fit has ended, the files of the old one lie in `.RUN.replaced` beside the run, from where they come back
when it fails. While they are moved, one by one, that folder is called `.RUN.moving`: then the old run is what lies
there and what lies in the run, and the next fit puts both together again, should this process be killed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from noisecleaner.errors import listed
from noisecleaner.files import RUN_MANIFEST, SCORES_MANIFEST, Seal, UnsealedError, settle, unused
from noisecleaner.progress import listener
from noisecleaner.progress.holds import holding
from noisecleaner.runs.edited import FLAGGED, NOISE, is_edited, kept_as

RECORD_FILE = "run.json"
#: What a fit writes, now or in an earlier version: the record first, without which nobody takes the rest for a run.
FIT_FILES = (
    RECORD_FILE,
    RUN_MANIFEST,
    "contents.json",
    "duplicates.parquet",
    "features.json",
    "features.npy",
    "trace.parquet",
)
_AUDITOR = "auditor"
FIT_FOLDERS = ("checkpoint", "cache", _AUDITOR)
#: What a score writes beside it.
SCORE_FILES = (SCORES_MANIFEST, "scores.parquet", "report.parquet", NOISE, FLAGGED)
_FIT, _ALL = (*FIT_FILES, *FIT_FOLDERS), (*FIT_FILES, *FIT_FOLDERS, *SCORE_FILES)
#: Endings of what earlier versions, which wrote no manifest, put into the folder of the auditor.
_OF_AUDITORS = (".safetensors", ".json")
#: Names that are told, so that it is one line.
_TOLD = 6


class Replaced:
    """The files of the fit, and of its scores, that a new one replaces; whoever calls this holds the run's lock.

    Args:
        run: the run directory.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._aside = run.with_name(f".{run.name}.replaced")
        self._moving = run.with_name(f".{run.name}.moving")

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self._aside.exists()

    def recover(self) -> None:
        """Put back what a killed process had put aside, unless a new fit has begun since."""
        self._put_together()
        if self and not (self._run / RECORD_FILE).exists():
            self.put_back()

    def put_aside(self) -> None:
        """Make room for a new fit; where an older fit lies aside already, it is the one that comes back."""
        try:
            with holding():
                if self:
                    self.clear()
                elif self._run.exists():
                    self._move_aside()
        except BaseException:
            self.recover()
            raise

    def put_back(self) -> None:
        """Undo that: remove what the new fit wrote, and put the old files in their places."""
        with holding():
            if self:
                self.clear()
                self._aside.rename(self._moving)
            self._put_together()

    def clear(self) -> None:
        """Remove what a fit that has not ended wrote."""
        for name in _there(self._run, _FIT):
            _remove(self._run / name)

    def conclude(self) -> None:
        """Remove the old files after the new fit has ended, but for those that are a person's; says what is kept."""
        if not self:
            return
        for old, place in self._owned():
            new = place if not os.path.lexists(place) else _before(place)
            with suppress(FileNotFoundError):
                new.parent.mkdir(exist_ok=True)
                old.rename(new)
        if os.path.lexists(self._run / FLAGGED) and not (self._run / NOISE).exists():  # see `_move_aside`
            (self._run / FLAGGED).rename(kept_as(self._run))
        shutil.rmtree(self._aside, ignore_errors=True)
        kept = sorted(entry.name for entry in self._run.iterdir() if entry.name not in _ALL and entry.name[0] != ".")
        if kept:
            told = f"What neither that fit nor its scores wrote is kept there: {listed(kept, _TOLD)}."
            listener().note(f"The fit in {self._run} was replaced. {told}")

    def _move_aside(self) -> None:
        settle(self._run)
        # a list that somebody has worked on may be what this fit was given as corrections
        stay = [FLAGGED] if is_edited(self._run) else []
        self._moving.mkdir()
        for name in (name for name in _there(self._run, _ALL) if name not in stay):
            (self._run / name).rename(self._moving / name)
        self._moving.rename(self._aside)

    def _put_together(self) -> None:
        """Move what was being moved back into the run, the record last."""
        if not self._moving.exists():
            return
        self._run.mkdir(exist_ok=True)
        with holding():
            for entry in sorted(self._moving.iterdir(), key=lambda entry: entry.name == RECORD_FILE):
                place = self._run / entry.name
                if os.path.lexists(place):  # a person has put it there since
                    place.rename(_before(place))
                entry.rename(place)
            self._moving.rmdir()

    def _owned(self) -> Iterator[tuple[Path, Path]]:
        """Find what is a person's among what lies aside, and where it belongs."""
        fit, scores = _seal(self._aside / RUN_MANIFEST), _seal(self._aside / SCORES_MANIFEST)
        written = {*FIT_FOLDERS, *_written(FIT_FILES, fit), *_written(SCORE_FILES, scores)}
        if FLAGGED in written and is_edited(self._aside):
            yield self._aside / FLAGGED, kept_as(self._run)
        for entry in sorted(self._aside.iterdir()):
            if entry.name not in written:
                yield entry, self._run / entry.name
        for file in sorted((self._aside / _AUDITOR).glob("*")):
            ours = file.suffix in _OF_AUDITORS if fit is None else f"{_AUDITOR}/{file.name}" in fit.files
            if not ours and file.name[0] != ".":
                yield file, self._run / _AUDITOR / file.name


def _there(folder: Path, names: Sequence[str]) -> list[str]:
    return [name for name in names if os.path.lexists(folder / name)]


def _written(names: Sequence[str], seal: Seal | None) -> list[str]:
    """Those of the names that a manifest names, and its own; all where there is none, as in earlier versions."""
    return [name for name in names if seal is None or name in seal.files or "manifest" in name]


def _seal(path: Path) -> Seal | None:
    """Read a manifest; None where there is none, or it is damaged."""
    try:
        return Seal.read(path)
    except (UnsealedError, OSError, ValueError):
        return None


def _before(place: Path) -> Path:
    """Another name for what stands where something else belongs: `features-before.npy`."""
    return unused(place.with_stem(f"{place.stem}-before"))


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder, never what a link leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
