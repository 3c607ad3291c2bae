"""What `verify` says when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from noisecleaner.texts import agreeing, bytes_in_words, counted, printable

if TYPE_CHECKING:
    from noisecleaner.verifying.soundness import CheckedManifest, VerifyResult

#: Files of a kind that are named; and of those that are nobody's fault.
_NAMED, _EXAMPLES = 20, 5
#: What can be wrong with files.
_WORDS = ("changed", "missing", "unreadable", "added")
#: What the kinds of manifests are called.
_KINDS = {
    "run": "The fit",
    "scores": "The scores",
    "export": "The copy",
    "embeddings": "The embeddings",
    "corrupted": "The corrupted dataset",
}
#: How files of data are made again; where their manifest is damaged, nothing tells who wrote them.
_AGAIN = {
    "export": "export again, into another folder: `noisecleaner export-clean RUN --out OTHER`",
    "embeddings": "embed again, into another folder: `noisecleaner embed DATA --out OTHER`",
    "corrupted": "corrupt the data again, into another folder: `noisecleaner corrupt DATA --out OTHER`",
    "": "make them again, into another folder, as these were made (export-clean, embed or corrupt)",
}


def verified_lines(result: VerifyResult) -> list[str]:
    """Say of each manifest what became of its files; then what nobody can tell, and what was not looked at."""
    lines = [line for checked in result.manifests for line in _checked(result, checked)]
    if result.unknown:
        verb = agreeing(len(result.unknown), "was", "were")
        lines += [f"{counted(len(result.unknown), 'file')} {verb} written by an earlier version, without a manifest:"]
        lines += _named("unknown", result.unknown)
        lines += ["Whether these are what was written cannot be told: exit code 3."]
    if result.others:
        more = ", …" if len(result.others) > _EXAMPLES else ""
        named = ", ".join(map(printable, result.others[:_EXAMPLES]))
        lines += [f"{counted(len(result.others), 'file')} that no manifest names: {named}{more}."]
    return lines


def _checked(result: VerifyResult, checked: CheckedManifest) -> Iterator[str]:
    kind = _KINDS.get(checked.kind, "The folder")
    size = f"{counted(checked.files, 'file')}, {bytes_in_words(checked.bytes)}"
    if checked.sound:
        yield f"{kind} ({checked.name}): sound. {size}, bit for bit as noisecleaner {checked.writer} wrote them."
    else:
        # a manifest that is the fault itself is named below
        name = f" ({checked.name})" if checked.files else ""
        fault = f"; {checked.fault.rstrip('.')}." if checked.fault else "."
        yield f"{kind}{name}: damaged{fault}" + (f" Of {size}:" if _counted(checked) else "")
    for word in _WORDS:
        yield from _named(word, getattr(checked, word))
    if not checked.sound:
        yield _advice(result, checked)
    if checked.edited:
        yield f"Somebody has worked on {', '.join(map(printable, checked.edited))}, which is what it is for."


def _counted(checked: CheckedManifest) -> bool:
    """Whether some of the files that a manifest names are listed."""
    return bool(checked.files and any(getattr(checked, word) for word in _WORDS))


def _advice(result: VerifyResult, checked: CheckedManifest) -> str:
    """Say what brings damaged files back."""
    if checked.added and not (checked.changed or checked.missing or checked.unreadable or checked.fault):
        return "Move what was added elsewhere: readers of the folder would take it for data."
    return f"Bring these files back from a backup, or {_again(result, checked)}."


def _again(result: VerifyResult, checked: CheckedManifest) -> str:
    """Say how files are made again."""
    home = (result.path / checked.name).parent
    if checked.kind == "run":
        return f"fit again: `noisecleaner fit DATA --trusted VERIFIED --overwrite --out {_quoted(home)}`, then score"
    if checked.kind != "scores":
        return _AGAIN.get(checked.kind, _AGAIN[""])  # anybody may have written the kind
    if any(one.kind == "run" and (result.path / one.name).parent == home for one in result.manifests):
        return f"score again: `noisecleaner score {_quoted(home)}`"
    # scores of new rows lie in RUN/new, or wherever they were to be written
    run = home.absolute().parent
    run_words = _quoted(home.parent.parent) if run.name == "new" and home.name else "RUN"
    return f"score again: `noisecleaner score {run_words} --data ROWS --out {_quoted(home)}`"


def _quoted(path: Path) -> str:
    return quote(printable(path))


def _named(word: str, names: Sequence[str]) -> Iterator[str]:
    yield from (f"  {word:<10} {printable(name)}" for name in names[:_NAMED])
    if len(names) > _NAMED:
        yield f"  {word:<10} … and {len(names) - _NAMED:,} more: --format json names all"
