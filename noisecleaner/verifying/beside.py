"""Files that no manifest names: those that a damaged manifest would name, ours that lie beside, and those of others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from noisecleaner.errors import NoisecleanerError, quoted
from noisecleaner.files import HIDDEN_MANIFEST, MANIFESTS, RUN_MANIFEST, SCORES_MANIFEST, read_regular
from noisecleaner.ingest.files.kinds import OWN_FILES
from noisecleaner.runs.edited import FLAGGED
from noisecleaner.runs.replaced import RECORD_FILE
from noisecleaner.runs.score_files import NOISE_FILE, REPORT_FILE, SCORES_FILE

#: The file that tells what a folder holds -> the manifest that is written beside it.
MANIFEST_OF = {
    RECORD_FILE: RUN_MANIFEST,
    SCORES_FILE: SCORES_MANIFEST,
    **dict.fromkeys(OWN_FILES, HIDDEN_MANIFEST),
}
#: A manifest -> what the files are that it names; that of a folder of data is not told by its name.
KIND_OF = {RUN_MANIFEST: "run", SCORES_MANIFEST: "scores"}
#: What a manifest of a run tells among its first bytes.
_OURS, _BEGINNING = b'"noisecleaner"', 80
#: Files that a manifest names, or would if it could be read.
_NAMED_BY = {
    RUN_MANIFEST: (RECORD_FILE, "trace.parquet", "duplicates.parquet", "contents.json", "*.npy", "auditor/*"),
    SCORES_MANIFEST: (SCORES_FILE, REPORT_FILE, NOISE_FILE, FLAGGED),
    HIDDEN_MANIFEST: ("*",),
}
#: What commands leave beside a fit and its scores: designs of `plan`, lists that somebody had worked on.
_BESIDE = ("design.parquet", "designs/*", f"{Path(FLAGGED).stem}-edited*.csv")


def is_manifest(path: Path) -> bool:
    """Whether a file is a manifest of ours, damaged or not: others call theirs manifest.json, too."""
    if path.name not in MANIFESTS:
        return False
    if path.name != RUN_MANIFEST or path.with_name(RECORD_FILE).exists():
        return True
    try:
        return _OURS in read_regular(path)[:_BEGINNING]
    except OSError:
        return False


def named_by_damaged(manifests: Iterable[str], names: Sequence[str]) -> set[str]:
    """Find the files that manifests would name which are damaged or missing.

    Args:
        manifests: paths of these, below the folder that is looked at.
        names: of all files below it.
    """
    found = set[str]()
    for manifest in manifests:
        above, slash, file = manifest.rpartition("/")
        found |= _like(names, f"{above}{slash}", _NAMED_BY[file])
    return found


def left_beside(manifests: Iterable[str], names: Sequence[str]) -> set[str]:
    """Find what commands leave beside fits and scores, and no manifest names, as `plan` writes it anew.

    Args:
        manifests: paths of all manifests, also of those that are missing, below the folder that is looked at.
        names: of all files below it.
    """
    found = set[str]()
    for manifest in manifests:
        above, slash, file = manifest.rpartition("/")
        if file in KIND_OF:
            found |= _like(names, f"{above}{slash}", _BESIDE)
    return found


def _like(names: Sequence[str], home: str, patterns: Sequence[str]) -> set[str]:
    """Names below a folder that are like one of some patterns; `*` of a pattern alone goes over folders."""
    below = (name for name in names if name.startswith(home))
    return {name for name in below if any(_fits(name[len(home) :], pattern) for pattern in patterns)}


def _fits(name: str, pattern: str) -> bool:
    goes_down = pattern == "*" or "/" in pattern
    return fnmatchcase(name, pattern) and (goes_down or "/" not in name)


def nothing_to_verify(path: Path) -> NoisecleanerError:
    """Say that there is nothing of ours, and which folder above is meant perhaps."""
    found = f"{quoted(path)} holds none of them" if path.is_dir() else f"{quoted(path)} is no folder"
    return NoisecleanerError(
        f"A run, scores, a clean copy, a corrupted dataset or embeddings are required, but {found}.",
        _meant(path) or "Name the folder that one of these wrote: fit, score, export-clean, corrupt, embed.",
    )


def _meant(path: Path) -> str:
    """Name the folder above that holds a manifest; empty where none does."""
    for above in path.absolute().parents if path.exists() else ():
        if manifest := next((name for name in MANIFESTS if _lies(above / name)), None):
            home = above.relative_to(Path.cwd()) if above.is_relative_to(Path.cwd()) else above
            told = f"{quoted(home)} above it does: its {manifest} tells what was written there, and below."
            return f"{told} Name that: `verify({str(home)!r})`."
    return ""


def _lies(manifest: Path) -> bool:
    return manifest.is_file() and is_manifest(manifest)
