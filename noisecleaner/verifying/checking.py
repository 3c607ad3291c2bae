"""`verify`: whether a run, scores, a copy or embeddings are still what was written, bit for bit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from noisecleaner.errors import NoisecleanerError, quoted
from noisecleaner.files import (
    HIDDEN_MANIFEST,
    RUN_MANIFEST,
    AnyPath,
    Seal,
    SealedFile,
    files_below,
    located,
    looked_at,
    settle,
    shared,
)
from noisecleaner.progress import Progress, Stage
from noisecleaner.runs.edited import FLAGGED
from noisecleaner.runs.replaced import RECORD_FILE
from noisecleaner.runs.run import SEALED, Run
from noisecleaner.runs.score_files import SCORES_FILE, ScoreFiles
from noisecleaner.verifying.beside import (
    KIND_OF,
    MANIFEST_OF,
    is_manifest,
    left_beside,
    named_by_damaged,
    nothing_to_verify,
)
from noisecleaner.verifying.soundness import CheckedManifest, VerifyResult


def verify(path: AnyPath, *, progress: Progress | None = None) -> VerifyResult:
    """Compare every file of a run, of scores, of a copy or of embeddings with what was written; changes nothing.

    All manifests below the folder are looked at: scores of new rows lie in folders of a run.

    Args:
        path: a run, the output of `score_new`, of `export_clean`, of `corrupt` or of `embed`.
        progress: is told about the files.

    Raises:
        NoisecleanerError: nothing of ours is there, its fit has not ended, or it was written anew meanwhile.
    """
    path, progress = located(path), progress or Progress()
    with shared(path, work="verify", progress=progress):
        names = _listed(path)
        manifests = [name for name in names if is_manifest(path / name)]
        if RECORD_FILE in names and RUN_MANIFEST not in names:
            _refuse_unfinished(path)
        without = list(_without_manifest(path, names))
        if not manifests and not without:
            raise nothing_to_verify(path)
        seals = {name: _read(path / name) for name in manifests}
        known = [seal for seal in seals.values() if isinstance(seal, Seal)]
        with progress.stage("Verifying", sum(len(seal.files) for seal in known), "files") as stage:
            checked = [_checked(path, name, seal, names, stage) for name, seal in seals.items()]
        checked += [one for one in without if isinstance(one, CheckedManifest)]
        _refuse_changed(path, seals)
    unknown = tuple(name for name in without if isinstance(name, str))
    covered = {_below(name, file) for name, seal in seals.items() if isinstance(seal, Seal) for file in seal.files}
    covered |= {*seals, *unknown} | {name for one in checked for name in one.added}
    covered |= named_by_damaged([one.name for one in checked if not one.files], names)
    rest = [name for name in names if name not in covered and not _hidden(name)]
    ours = left_beside([*(one.name for one in checked), *map(_manifest_of, unknown)], rest)
    return VerifyResult(
        path=path,
        manifests=tuple(checked),
        unknown=unknown,
        beside=tuple(name for name in rest if name in ours),
        others=tuple(name for name in rest if name not in ours),
    )


def _listed(path: Path) -> list[str]:
    """Names of all files below a folder, after what a killed command had committed is in its place."""
    if not path.is_dir():
        raise nothing_to_verify(path)
    for where, folders, _ in os.walk(path):
        if ".committed" in folders:
            settle(Path(where))
    return files_below(path)


def _refuse_unfinished(path: Path) -> None:
    """Refuse a run whose fit goes on, or was interrupted: its files are not those that it will have.

    Raises:
        NoisecleanerError: it is one.
    """
    try:
        unfinished = Run(path).read().result is None
    except NoisecleanerError:
        return  # it is damaged, which is told
    if unfinished:
        Run(path).read_fitted()


def _refuse_changed(path: Path, seals: Mapping[str, Seal | str]) -> None:
    """Refuse to judge files that a command has written anew while they were looked at.

    Raises:
        NoisecleanerError: one has.
    """
    if any(_read(path / name) != seal for name, seal in seals.items()):
        raise NoisecleanerError(
            f"{quoted(path)} must stay as it is while it is verified, but was written to meanwhile.",
            "Run this again when nothing else writes there.",
        )


def _read(path: Path) -> Seal | str:
    """Read a manifest, or say what is wrong with it."""
    try:
        seal = Seal.read(path)
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:
        return str(error)
    return "it is not there any more" if seal is None else seal


def _checked(path: Path, name: str, seal: Seal | str, names: Sequence[str], stage: Stage) -> CheckedManifest:
    """Look at the files of one manifest."""
    if isinstance(seal, str):
        return CheckedManifest(name=name, kind=_kind(name), changed=(name,), fault=seal)
    home, found = (path / name).parent, _Findings()
    for file, now in looked_at(home, list(seal.files)):
        found.take(_below(name, file), seal.files[file], now, edited=file == FLAGGED)
        stage.advance()
    return CheckedManifest(
        name=name,
        kind=seal.kind,
        writer=seal.writer,
        identity=seal.identity,
        files=len(seal.files),
        bytes=sum(file.size for file in seal.files.values()),
        changed=tuple(found.changed),
        missing=tuple(found.missing),
        unreadable=tuple(found.unreadable),
        added=tuple(_added(name, seal, names)),
        edited=tuple(found.edited),
        fault=_of_another_fit(home, seal),
    )


@dataclass(frozen=True)
class _Findings:
    """Names of files by what became of them."""

    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)

    def take(self, name: str, before: SealedFile, now: SealedFile | OSError, *, edited: bool) -> None:
        """Put a file where it belongs; `edited` says whether a person may have changed it."""
        if isinstance(now, (FileNotFoundError, NotADirectoryError)):
            self.missing.append(name)
        elif isinstance(now, OSError):
            self.unreadable.append(f"{name} ({now.strerror})")
        elif now != before:
            (self.edited if edited else self.changed).append(name)


def _added(manifest: str, seal: Seal, names: Sequence[str]) -> Iterator[str]:
    """Find files of a folder of data that nobody has written with it, but hidden ones."""
    if not manifest.endswith(HIDDEN_MANIFEST):
        return
    home = _below(manifest, "")
    for name in names:
        inner = name[len(home) :]
        if name.startswith(home) and inner not in seal.files and not _hidden(inner):
            yield name


def _of_another_fit(home: Path, seal: Seal) -> str:
    """Say so where scores lie beside another fit than that which they were made of."""
    if seal.made_of is None or seal.kind != "scores":
        return ""
    fit = _read(home / RUN_MANIFEST) if (home / RUN_MANIFEST).exists() else None
    if isinstance(fit, Seal) and fit.identity != seal.made_of:
        return "these scores were made of another fit than the one that they lie beside"
    return ""


def _without_manifest(path: Path, names: Sequence[str]) -> Iterator[CheckedManifest | str]:
    """Name what was written without a manifest, by an earlier version; or what is wrong where one is missing."""
    there = {*names}
    for name in names:
        manifest = _manifest_of(name)
        if manifest in there:
            continue
        try:
            missing = _was_sealed(path / name)
        except NoisecleanerError as error:
            yield CheckedManifest(name=manifest, kind=_kind(manifest), changed=(name,), fault=error.message)
        else:
            found = CheckedManifest(name=manifest, kind=_kind(manifest), missing=(manifest,))
            yield found if missing else name


def _manifest_of(name: str) -> str:
    """The manifest that is written beside a file that tells what a folder holds; of others, themselves."""
    above, slash, file = name.rpartition("/")
    return f"{above}{slash}{MANIFEST_OF.get(file, file)}"


def _kind(manifest: str) -> str:
    """What a manifest names that cannot be read; empty where its name does not tell."""
    return KIND_OF.get(manifest.rpartition("/")[2], "")


def _was_sealed(path: Path) -> bool:
    """Whether a manifest was written beside a file.

    Raises:
        NoisecleanerError: the file is damaged.
    """
    if path.name == SCORES_FILE:
        return bool(ScoreFiles(path.parent).told().get(SEALED))
    return path.name == RECORD_FILE and Run(path.parent).is_sealed()


def _below(manifest: str, file: str) -> str:
    """The name of a file that a manifest names, below the folder that is looked at."""
    above, slash, _ = manifest.rpartition("/")
    return f"{above}{slash}{file}"


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))
