"""Seals: what the files of an output were when it was written, so that a change of any bit can be told later.

A manifest.json names size and SHA-256 of every file, and of Parquet files that of the footer as well: pages carry
checksums of their own and the footer none, and it is short enough to be looked at whenever a table is opened. The
manifest ends with its own SHA-256, so that no bit of it can flip unseen either.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from noisecleaner import __version__
from noisecleaner.files.outputs import replacing
from noisecleaner.files.regular import open_unbuffered, read_regular
from noisecleaner.progress import Progress
from noisecleaner.texts import parsed_json
from noisecleaner.threads import cores, in_threads

#: The names of manifests: of what a fit wrote, of what a score wrote (both may stand in one folder), and of a folder of
#: data, where it is hidden: no reader of such folders takes it for data.
RUN_MANIFEST, SCORES_MANIFEST, HIDDEN_MANIFEST = "manifest.json", "scores-manifest.json", ".noisecleaner-manifest.json"
MANIFESTS = (RUN_MANIFEST, SCORES_MANIFEST, HIDDEN_MANIFEST)
#: Raised whenever a reader of old manifests would misunderstand new ones.
_VERSION = 1
#: What a manifest ends with.
_END = re.compile(rb',\n  "checksum": "([0-9a-f]{64})"\n}\n')
_DIGEST = re.compile(r"[0-9a-f]{64}")
_END_BYTES = len(',\n  "checksum": ""\n}\n') + 64
#: How Parquet files end, and bytes that say how long the footer is, with that.
_PARQUET, _TAIL = b"PAR1", 8
#: Files, and bytes of them, that one thread takes at a time.
_FILES, _BYTES = 64, 1 << 26
#: Bytes that are read together.
_BLOCK = 1 << 20
#: Bytes that are looked at in a moment, 0.15 s of a core: those of seven million rows of scores.
_MOMENT = 1 << 28
_DAMAGED = "it is not what was written: its checksum is wrong"


class Readable(Protocol):
    """An open file: one of Python's, or of Arrow's."""

    def read(self, size: int = -1, /) -> bytes:
        """Read some bytes, fewer at the end."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        ...

    def tell(self) -> int:
        """Say where the file is read."""
        ...


class UnsealedError(ValueError):
    """A file, or a manifest, is not what was written; the text says in what."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SealedFile:
    """What a file was when it was written.

    Args:
        size: in bytes.
        sha256: of all of it.
        footer: SHA-256 of a Parquet file's footer and of what follows; None of other files.
    """

    size: int
    sha256: str
    footer: str | None = None

    @classmethod
    def of(cls, path: Path) -> SealedFile:
        """Look at a file as it is; reads all of it."""
        with open_unbuffered(path) as file:
            sha256, size = _sha256(file)
            footer = _footer(file) if path.suffix == ".parquet" else None
        return cls(size=size, sha256=sha256, footer=footer)

    def require_opened(self, file: Readable, *, whole: bool = True) -> None:
        """Check a file that has been opened: every byte, where that is done in a moment; else size and footer.

        Args:
            file: is read from its beginning then.
            whole: whether every byte is looked at, where there are not too many; false where that has been done.

        Raises:
            UnsealedError: it is another one.
        """
        size = file.seek(0, 2)
        size = file.tell() if size is None else size  # Arrow's files do not say
        if size != self.size:
            raise UnsealedError(f"it has {size:,} bytes, and had {self.size:,} when it was written")
        if self.footer is not None and _footer(file) != self.footer:
            raise UnsealedError(_DAMAGED)
        file.seek(0)
        if whole and size <= _MOMENT:
            if _sha256(file)[0] != self.sha256:
                raise UnsealedError(_DAMAGED)
            file.seek(0)

    def require_whole(self, content: bytes) -> None:
        """Check every byte of a file.

        Raises:
            UnsealedError: some are others.
        """
        if len(content) != self.size:
            raise UnsealedError(f"it has {len(content):,} bytes, and had {self.size:,} when it was written")
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise UnsealedError(_DAMAGED)

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return {"bytes": self.size, "sha256": self.sha256, **({"footer_sha256": self.footer} if self.footer else {})}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> SealedFile:
        """Take what `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        size, digests = content["bytes"], (content["sha256"], content.get("footer_sha256"))
        if type(size) is not int or size < 0:
            raise ValueError("a file has no size")
        if not all(_DIGEST.fullmatch(digest) for digest in digests if digest is not None) or digests[0] is None:
            raise ValueError("a file has no SHA-256")
        return cls(size=size, sha256=digests[0], footer=digests[1])


@dataclass(frozen=True, kw_only=True)
class Seal:
    """What a manifest says.

    Args:
        kind: what the files are: `run`, `scores`, `export`, `embeddings` or `corrupted`.
        writer: the version of noisecleaner that wrote them.
        identity: SHA-256 over names and digests of the files: of equal files, equal.
        files: by their paths below the folder of the manifest, with `/`.
        made_of: identity of what they were made of; None where that had none.
    """

    kind: str
    writer: str
    identity: str
    files: Mapping[str, SealedFile]
    made_of: str | None = None

    @classmethod
    def read(cls, path: Path) -> Seal | None:
        """Read a manifest; None where there is none, as earlier versions wrote none.

        Raises:
            UnsealedError: it is damaged, or of a later version.
            OSError: it cannot be read.
        """
        try:
            written = read_regular(path)
        except FileNotFoundError:
            return None
        body, end = written[:-_END_BYTES], _END.fullmatch(written[-_END_BYTES:])
        if end is None or hashlib.sha256(body).hexdigest().encode() != end[1]:
            raise UnsealedError(_DAMAGED)
        try:
            return cls._parsed(parsed_json(written))
        except UnsealedError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise UnsealedError(f"it is not what noisecleaner writes: {error!r}") from error

    @classmethod
    def _parsed(cls, content: Mapping[str, Any]) -> Seal:
        if content["schema_version"] != _VERSION:
            raise UnsealedError(
                f"noisecleaner {content['noisecleaner']} wrote it in version {content['schema_version']}, and this one "
                f"reads version {_VERSION}"
            )
        files = {_confined(name): SealedFile.from_json(file) for name, file in content["files"].items()}
        identity = hashlib.sha256(b"".join(f"{_line(*named)}\n".encode("ascii") for named in files.items())).hexdigest()
        if identity != content["identity"]:
            raise ValueError("its identity is that of other files")
        return cls(
            kind=str(content["kind"]),
            writer=str(content["noisecleaner"]),
            identity=identity,
            files=files,
            made_of=content["made_of"],
        )


def write_seal(path: Path, files: Iterable[tuple[str, SealedFile]], *, kind: str, made_of: str | None = None) -> None:
    """Write a manifest, whole or not at all, a line for each file.

    Args:
        path: of the manifest.
        files: names and what they are, sorted by name; read once, so that they need not be in memory together.
        kind: see `Seal`.
        made_of: likewise.
    """
    facts = {"schema_version": _VERSION, "noisecleaner": __version__, "kind": kind, "made_of": made_of}
    digest, identity = hashlib.sha256(), hashlib.sha256()
    with replacing(path) as temporary, temporary.open("wb") as out:

        def put(text: str) -> None:
            digest.update(text.encode("ascii"))
            out.write(text.encode("ascii"))

        put("{\n" + "".join(f"  {json.dumps(name)}: {json.dumps(fact)},\n" for name, fact in facts.items()))
        put('  "files": {')
        for number, (name, file) in enumerate(files):
            line = _line(name, file)
            identity.update(f"{line}\n".encode("ascii"))
            put(f"{',' if number else ''}\n    {line}")
        put(f'\n  }},\n  "identity": "{identity.hexdigest()}"')
        out.write(f',\n  "checksum": "{digest.hexdigest()}"\n}}\n'.encode("ascii"))


def _line(name: str, file: SealedFile) -> str:
    """What a manifest says of a file, in ASCII."""
    return f"{json.dumps(name)}: {json.dumps(file.to_json())}"


def _confined(name: str) -> str:
    """The name of a file below the folder of its manifest.

    Raises:
        ValueError: it is one of a file elsewhere, or none.
    """
    parts = PurePosixPath(name).parts
    if b"\0" in os.fsencode(name) or not parts or ".." in parts or name.startswith("/"):
        raise ValueError("it names what is no file below its folder")
    return name


def looked_at(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, SealedFile | OSError]]:
    """Look at files as they are, in parallel threads; an error in the place of one that cannot be read.

    Args:
        folder: where they are.
        names: below it; they are yielded in the same order.
    """

    def look(block: Sequence[str]) -> list[tuple[str, SealedFile | OSError]]:
        return [(name, _looked_at(folder / name)) for name in block]

    threads = cores()
    for found in in_threads(look, _blocks(folder, names), threads=threads, ahead=2 * threads, name="seal"):
        yield from found


def sealed(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, SealedFile]]:
    """Look at files likewise, for `write_seal`.

    Raises:
        OSError: one of them cannot be read.
    """
    for name, found in looked_at(folder, names):
        if isinstance(found, OSError):
            raise found
        yield name, found


def seal_folder(folder: Path, *, kind: str, progress: Progress, made_of: str | None = None) -> None:
    """Write the manifest of all that a folder of data holds, under its hidden name.

    Args:
        folder: to which nothing is written any more.
        kind: see `Seal`.
        progress: is told about the files.
        made_of: see `Seal`.
    """
    names = [name for name in files_below(folder) if name != HIDDEN_MANIFEST]  # that of a command that was killed
    with progress.stage("Sealing", len(names), "files") as stage:

        def told() -> Iterator[tuple[str, SealedFile]]:
            for named in sealed(folder, names):
                yield named
                stage.advance()

        write_seal(folder / HIDDEN_MANIFEST, told(), kind=kind, made_of=made_of)


def files_below(folder: Path) -> list[str]:
    """Names of all files below a folder, sorted, with `/`."""
    names = list[str]()
    for where, _, files in os.walk(folder):
        above = os.path.relpath(where, folder)
        names += [name if above == os.curdir else f"{above}/{name}".replace(os.sep, "/") for name in files]
    return sorted(names)


def _looked_at(path: Path) -> SealedFile | OSError:
    try:
        return SealedFile.of(path)
    except OSError as error:
        return error


def _blocks(folder: Path, names: Sequence[str]) -> Iterator[list[str]]:
    """Part names so that a block is neither many files nor many bytes."""
    block, size = list[str](), 0
    for name in names:
        block.append(name)
        size += _size(folder / name)
        if len(block) == _FILES or size >= _BYTES:
            yield block
            block, size = [], 0
    yield block


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _sha256(file: Readable) -> tuple[str, int]:
    """SHA-256 and size of a file."""
    digest, size = hashlib.sha256(), 0
    while block := file.read(_BLOCK):
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size


def _footer(file: Readable) -> str | None:
    """SHA-256 of a Parquet file's footer and what follows; None where it has none."""
    file.seek(0, 2)
    size = file.tell()
    if size < _TAIL:
        return None
    file.seek(size - _TAIL)
    tail = file.read(_TAIL)
    length = int.from_bytes(tail[:4], "little") + _TAIL
    if not tail.endswith(_PARQUET) or length > size:
        return None
    file.seek(size - length)
    return hashlib.sha256(file.read(length)).hexdigest()
