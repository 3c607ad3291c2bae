"""Files that appear whole or not at all: written beside their final name, synced, then renamed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files.paths import named
from noisecleaner.files.scratch import begins, scratch_folder
from noisecleaner.progress.holds import holding

_TOGETHER = "together"
#: What a block of `together` has committed, and is not in its place yet.
_COMMITTED = ".committed"
#: How the file is called that comes last, where a block writes no pages of one name.
_MANIFEST = "manifest.json"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name on the disk of `path`; when the block ends well, rename it to `path`.

    Works for a file and for a whole directory (which must not exist yet). When the block fails,
    what it wrote is removed and whatever stood at `path` is still there.
    """
    path = named(path)
    with _naming(path, begins(path.parent, path.name)), scratch_folder(path.parent, path.name) as folder:
        temporary = folder / path.name
        yield temporary
        if temporary.is_dir():
            os.sync()  # one call for any number of files
        else:
            _sync(temporary)
        with holding():
            os.replace(temporary, path)
            _sync(path.parent)


@contextmanager
def together(folder: Path, name: str = "") -> Iterator[Path]:
    """Yield an empty folder; when the block ends well, what was written there replaces its namesakes in `folder`.

    One rename commits all of it: whoever is killed before that has changed nothing, and what was committed and is not
    in its place yet is put there by the next command, see `settle`. So nobody takes files of two blocks for those of
    one. Blocks of several processes must not overlap: the caller holds a lock. One without a name writes a manifest,
    too, which tells others that the files are ours.

    Args:
        folder: made where there is none.
        name: of what belongs together, where the folder holds more than that; a caller for each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settle(folder, name)
    if os.path.lexists(committed := _committed(folder, name)):
        raise NoisecleanerError(
            f"{committed} is where files wait for their place, but something else is there.", "Move it away."
        )
    called = name or _TOGETHER
    with _naming(folder / name, begins(folder, called)), scratch_folder(folder, called) as staged:
        yield staged
        if not name and not any(path.name.endswith(_MANIFEST) for path in staged.iterdir()):
            raise AssertionError("what belongs together has a manifest")
        for path in (*staged.iterdir(), staged):
            _sync(path)
        with holding():
            os.replace(staged, committed)
            _sync(folder)
            settle(folder, name)


def settle(folder: Path, name: str = "") -> None:
    """Put in place what a command that was killed had committed, see `together`; mostly there is nothing to do.

    Readers do so, too: whoever moves a file from there to its place does what is left to be done, at any time, and so
    do several at once.

    Raises:
        NoisecleanerError: the folder may not be written to.
    """
    committed = _committed(folder, name)
    files = _files(committed)
    if files is None or not (name or not files or files[-1].endswith(_MANIFEST)):
        return  # nothing, or what somebody else made
    try:
        for file in files:
            with suppress(FileNotFoundError):  # another process has moved it
                os.replace(committed / file, folder / file)
        _sync(folder)
        with suppress(OSError):  # likewise
            committed.rmdir()
    except OSError as error:
        raise NoisecleanerError(
            f"{folder} holds files that a command committed before it was killed, which are put in their place first, "
            f"but it cannot be written to ({error.strerror}).",
            "Run the command again as somebody who may write there: what reads the folder does the rest.",
        ) from error


def _files(committed: Path) -> list[str] | None:
    """The names of the files of a committed folder; None where it is none, a link, or holds anything else.

    Manifests come last: while they are those of before, nobody takes what is in place for all.
    """
    try:
        if not stat.S_ISDIR(os.lstat(committed).st_mode):
            return None
        with os.scandir(committed) as entries:
            found = [(entry.name, entry.is_file(follow_symlinks=False)) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not all(plain for _, plain in found):
        return None
    return sorted((file for file, _ in found), key=lambda file: (file.endswith(_MANIFEST), file))


def _committed(folder: Path, name: str) -> Path:
    """Where a block of `together` commits."""
    return folder / (f".{name}{_COMMITTED}" if name else _COMMITTED)


@contextmanager
def _naming(path: Path, temporary: str) -> Iterator[None]:
    """Put the path of an output into errors of the system that name none, or what is not there any more.

    Args:
        path: the output.
        temporary: how the paths begin under which it is written.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None and (error.filename is None or str(error.filename).startswith(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _sync(path: Path) -> None:
    """Force a file, or a directory's entries, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
