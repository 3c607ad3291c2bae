"""The run directory: made, refused, resumed, finished; what is in it and whether it is sound."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.files import (
    RUN_MANIFEST,
    Seal,
    SealedFile,
    alone,
    damaged,
    named,
    read_record,
    replacing,
    sealed,
    settle,
    sweep,
    together,
    write_record,
    write_seal,
)
from noisecleaner.runs.differences import differences
from noisecleaner.runs.near import meant
from noisecleaner.runs.record import Record
from noisecleaner.runs.replaced import FIT_FILES, RECORD_FILE, Replaced

#: Raised whenever a reader of old runs would misunderstand new ones, or the other way round.
SCHEMA_VERSION = 2
#: In what is written beside a manifest: without that, it is not whole. Earlier versions wrote none.
SEALED = "sealed"


class Run:
    """A run directory.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def record(self) -> Path:
        """`run.json`: options, versions, timings, state."""
        return self.path / RECORD_FILE

    @property
    def trace(self) -> Path:
        """What training saw of every row."""
        return self.path / "trace.parquet"

    @property
    def duplicates(self) -> Path:
        """Rows that hold the same as others, or nearly; only where there are any."""
        return self.path / "duplicates.parquet"

    @property
    def contents(self) -> Path:
        """What rows brought, in a few bytes: whether it is still the same; earlier versions kept nothing of it."""
        return self.path / "contents.json"

    @property
    def checkpoint(self) -> Path:
        """What an interrupted fit resumes from; removed at its end."""
        return self.path / "checkpoint"

    @property
    def cache(self) -> Path:
        """Decoded pixels or the user's vectors, for training; removed at its end, like the checkpoint."""
        return self.path / "cache"

    @property
    def auditor(self) -> Path:
        """Weights and calibrator: what scoring new rows needs."""
        return self.path / "auditor"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Those that a fit fills."""
        return self.checkpoint, self.cache, self.auditor

    @property
    def reference(self) -> Path:
        """A sample of the fitted rows, which new rows are compared with."""
        return self.auditor / "reference.safetensors"

    @property
    def views(self) -> Path:
        """The head of a second round on a network trained end to end, and what it sees; only where there was one."""
        return self.auditor / "views.safetensors"

    @property
    def zero_shot(self) -> Path:
        """Vectors of the classes; only where the user brought some."""
        return self.auditor / "zero-shot.safetensors"

    @property
    def manifest(self) -> Path:
        """What the files of the fit were when it ended; earlier versions kept nothing of it."""
        return self.path / RUN_MANIFEST

    def seal(self) -> Seal | None:
        """Read `manifest.json`; None where the fit has not ended, or an earlier version wrote it.

        Raises:
            NoisecleanerError: it is damaged.
        """
        try:
            return Seal.read(self.manifest)
        except (OSError, ValueError) as error:
            raise damaged(self.manifest, error) from error

    def sealed(self, path: Path) -> SealedFile | None:
        """What a file was when the fit ended; None where nothing is known of it.

        Raises:
            NoisecleanerError: the manifest is damaged.
        """
        seal = self.seal()
        return None if seal is None else seal.files.get(path.relative_to(self.path).as_posix())

    def read(self) -> Record:
        """Read `run.json`.

        Raises:
            NoisecleanerError: there is no run, or another version of noisecleaner wrote it.
        """
        settle(self.path)
        if not self.record.exists():
            found = "does not exist" if not self.path.exists() else "is a file"
            found = "holds no run.json" if self.path.is_dir() else found
            raise NoisecleanerError(
                f"A run directory is required, but {self.path} {found}.",
                meant(
                    self.path,
                    f"Make one: `fit(FitConfig(source=Source(DATA), trusted=TRUSTED), out={str(self.path)!r})`.",
                ),
            )
        content = read_record(self.record)
        if content.get("schema_version") != SCHEMA_VERSION:
            raise NoisecleanerError(
                f"This noisecleaner reads run directories of schema version {SCHEMA_VERSION}, but {self.path} has "
                f"version {content.get('schema_version')} (written by noisecleaner {content.get('noisecleaner')}).",
                "Install that version of noisecleaner, or run `fit(..., overwrite=True)` again.",
            )
        try:
            return Record.from_json(content)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(self.record, f"it is not what a fit writes: {error!r}") from error

    def read_fitted(self) -> Record:
        """Read `run.json` of a fit that has ended.

        Raises:
            NoisecleanerError: the fit was interrupted, or see `read`.
        """
        record = self.read()
        self.require_seal()
        if record.result is None:
            raise NoisecleanerError(
                f"{self.path} must hold a finished fit, but its fit is still running or was interrupted.",
                f"Finish it: `fit(..., out={str(self.path)!r}, resume=True)`.",
            )
        return record

    def write(self, record: Record, *, sealed: bool = False) -> None:
        """Write `run.json`; `sealed` says that a manifest stands beside it."""
        more = {SEALED: True} if sealed else {}
        write_record(self.record, {"schema_version": SCHEMA_VERSION, **more, **record.to_json()})

    def is_sealed(self) -> bool:
        """Whether a manifest was written with `run.json`; earlier versions wrote none.

        Raises:
            NoisecleanerError: `run.json` is damaged.
        """
        return bool(read_record(self.record).get(SEALED))

    def require_seal(self) -> Seal | None:
        """Read `manifest.json`; None where none was written with `run.json`.

        Raises:
            NoisecleanerError: one was and is missing, or a file is damaged.
        """
        seal = self.seal()
        if seal is None and self.is_sealed():
            raise damaged(self.manifest, "it was written beside run.json, and is missing")
        return seal

    def begin(self, record: Record) -> None:
        """Make the run, whole or not at all where there is nothing yet; else beside what a person has put there."""
        if self.path.exists() and any(self.path.iterdir()):
            for folder in self.folders:
                folder.mkdir()
            self.write(record)
            return
        with replacing(self.path) as whole:
            for folder in Run(whole).folders:
                folder.mkdir(parents=True)
            Run(whole).write(record)

    def finish(self, record: Record) -> None:
        """Record that the fit has ended and what its files are, and remove what it needs no more."""
        names = sorted(file.relative_to(self.path).as_posix() for file in self._files())
        with together(self.path) as staged:
            Run(staged).write(record, sealed=True)
            files = {**dict(sealed(self.path, names)), **dict(sealed(staged, [self.record.name]))}
            write_seal(staged / RUN_MANIFEST, sorted(files.items()), kind="run")
        self.remove_needless()

    def remove_needless(self) -> None:
        """Remove what only a fit that is resumed would need."""
        for folder in (self.checkpoint, self.cache):
            shutil.rmtree(folder, ignore_errors=True)

    def _files(self) -> Iterator[Path]:
        """The files that a fit writes and its manifest names, but for `run.json`."""
        found = [self.path / name for name in FIT_FILES if name not in (self.record.name, self.manifest.name)]
        yield from (file for file in (*found, *self.auditor.rglob("*")) if file.is_file() and file.name[0] != ".")


@contextmanager
def open_run(path: Path, wanted: Record, *, overwrite: bool, resume: bool) -> Iterator[tuple[Run, Record]]:
    """Open a run directory for a fit; only one process at a time gets it.

    An interrupted run stays, for `resume`. When the block fails otherwise, the old run comes back (`overwrite`);
    without one, a run that has no checkpoint yet is removed.

    Args:
        path: the run directory.
        wanted: what is asked of the fit, and of which data; compared with the run that is resumed.
        overwrite: replace a run that is there, see `replaced.py`; what neither fit nor score wrote there stays.
        resume: go on with an interrupted run, or return a finished one.

    Yields:
        The run, and its record: the wanted one, or the result of a run that has ended already.

    Raises:
        NoisecleanerError: the directory is taken, or holds another run than the one to resume.
    """
    path = named(path)
    run, replaced = Run(path), Replaced(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path, work="fit"):
        replaced.recover()
        if resume and run.record.exists():
            record = run.read()
            _check_same(path, record, wanted)
            if record.result is not None:  # perhaps killed before it had removed them
                run.remove_needless()
            else:
                for folder in (path, *run.folders):
                    folder.mkdir(exist_ok=True)
                    sweep(folder)
            with _resumable():
                yield run, record
        else:
            _check_replaceable(run, overwrite)
            if replaced and _has_ended(run):
                replaced.conclude()
            with _replacing(run, replaced, wanted), _resumable():
                yield run, wanted
        replaced.conclude()


@contextmanager
def _replacing(run: Run, replaced: Replaced, wanted: Record) -> Iterator[None]:
    """Begin a run; when the block fails, put back what stood there, or remove a run that cannot be resumed."""
    replaced.put_aside()
    try:
        run.begin(wanted)
        yield
    except (Interrupted, KeyboardInterrupt):
        replaced.recover()  # unless the run has begun
        raise
    except BaseException:
        if not any(run.checkpoint.glob("*")):
            replaced.clear()
        replaced.put_back()
        with suppress(OSError):  # something is in it
            run.path.rmdir()
        raise


def _has_ended(run: Run) -> bool:
    """Whether the fit of a run has ended; false where that cannot be read."""
    with suppress(NoisecleanerError):
        return run.read().result is not None
    return False


@contextmanager
def _resumable() -> Iterator[None]:
    """Note on an interruption that there is a run to go on with."""
    try:
        yield
    except Interrupted as stop:
        stop.resumable = True
        raise


def _check_replaceable(run: Run, overwrite: bool) -> None:
    if run.path.is_dir() and not any(run.path.iterdir()):
        return
    if run.path.exists() and not overwrite:
        raise NoisecleanerError(
            f"A new run directory is required, but {run.path} exists already.",
            "Pass `resume=True` to go on with an interrupted fit, `overwrite=True` to replace it, or name another with "
            "`out`.",
        )
    if run.path.exists() and not run.record.exists():
        raise NoisecleanerError(
            f"`overwrite=True` replaces run directories, but {run.path} holds no run.json, so it is something else.",
            "Name another directory with `out`.",
        )


def _check_same(path: Path, record: Record, wanted: Record) -> None:
    other = list(differences(record.config.to_json(), wanted.config.to_json()))
    if other:
        raise NoisecleanerError(
            f"`resume=True` needs the options that {path} was started with: {', '.join(other)}.",
            "Repeat the first `fit(...)` and add `resume=True`, or start again with `overwrite=True`.",
        )
    if record.fingerprint != wanted.fingerprint:
        raise NoisecleanerError(
            f"`resume=True` needs the data that {path} was started with, but ids or labels have changed since.",
            "Start again with `overwrite=True`.",
        )
