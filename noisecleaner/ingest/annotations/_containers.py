"""Files of annotation tools inside of what they export: a folder, or an archive whose one member is read in memory."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import SimpleNamespace
from zipfile import BadZipFile, LargeZipFile, ZipFile

import pyarrow as pa
from pyarrow import fs

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.files.places import Place
from noisecleaner.texts import printable

#: Bytes of a member of an archive, unpacked: few packed ones may become any number.
_MOST = 2**28


@dataclass(frozen=True)
class _Held:
    """A file system of the one file that is in memory."""

    content: bytes

    def get_file_info(self, path: str) -> SimpleNamespace:
        """Say that there is such a file."""
        return SimpleNamespace(type=fs.FileType.File, size=len(self.content))

    def open_input_file(self, path: str) -> pa.BufferReader:
        """Open it."""
        return pa.BufferReader(self.content)


def member(archive: Place, names: tuple[str, ...]) -> Place | None:
    """Read the one file of an archive that is called like one of some names; None where there is none, or several.

    Nothing is written, whatever members are called.

    Raises:
        NoisecleanerError: it is too large, encrypted or damaged.
    """
    try:
        with archive.open() as file, ZipFile(file) as opened:
            found = [info for info in opened.infolist() if PurePosixPath(info.filename).name in names]
            if len(found) != 1:
                return None
            with opened.open(found[0]) as packed:
                content = packed.read(_MOST + 1)
    except (BadZipFile, LargeZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise NoisecleanerError(
            f"Annotations in an archive are read where it opens, but {archive} does not ({error}).",
            "Unpack it, and give the file in it.",
        ) from error
    name = printable(found[0].filename)
    if len(content) > _MOST:
        raise NoisecleanerError(
            f"A file of labels in an archive may have {_MOST // 2**20:,} MiB, but {name} of {archive} has more.",
            "Unpack it, and give the file in it.",
        )
    return Place(_Held(content), f"{archive.path}/{name}")


def below(folder: Place, names: tuple[str, ...]) -> list[Place]:
    """List the files of a folder, and of those right in it, that are called like one of some names, sorted."""
    top = [folder / name for name in names if (folder / name).is_file()]
    if top:
        return top
    homes = [info.path for info in folder.filesystem.get_file_info(fs.FileSelector(folder.path))]
    return [file for home in sorted(homes) for name in names if (file := folder / home / name).is_file()]
