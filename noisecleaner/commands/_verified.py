"""What `verify` says when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from noisecleaner.texts import agreeing, counted, printable

if TYPE_CHECKING:
    from noisecleaner.verifying.soundness import CheckedManifest, VerifyResult

#: Files of a kind that are named.
_NAMED = 20
#: What the kinds of manifests are called.
_KINDS = {
    "run": "The fit",
    "scores": "The scores",
    "export": "The copy",
    "embeddings": "The embeddings",
    "corrupted": "The corrupted dataset",
}


def verified_lines(result: VerifyResult) -> list[str]:
    """Say of each manifest what became of its files; then what nobody can tell, and what was not looked at."""
    lines = [line for checked in result.manifests for line in _checked(checked)]
    if result.unknown:
        verb = agreeing(len(result.unknown), "was", "were")
        lines += [f"{counted(len(result.unknown), 'file')} {verb} written by an earlier version, without a manifest:"]
        lines += _named("unknown", result.unknown)
        lines += ["Whether these are what was written cannot be told: exit code 3."]
    if result.others:
        lines += [
            f"{counted(len(result.others), 'other file')} no manifest names, such as {printable(result.others[0])}."
        ]
    return lines


def _checked(checked: CheckedManifest) -> Iterator[str]:
    kind = _KINDS.get(checked.kind, checked.name)
    size = f"{counted(checked.files, 'file')}, {checked.bytes / 1e6:,.1f} MB"
    if checked.sound:
        yield f"{kind} ({checked.name}): sound. {size}, bit for bit as noisecleaner {checked.writer} wrote them."
    else:
        told = f" {checked.fault}." if checked.fault else ""
        yield f"{kind} ({checked.name}): damaged.{told}" + (f" Of {size}:" if checked.files else "")
    for word in ("changed", "missing", "unreadable", "added"):
        yield from _named(word, getattr(checked, word))
    if checked.edited:
        yield f"Somebody has worked on {', '.join(map(printable, checked.edited))}, which is what it is for."


def _named(word: str, names: Sequence[str]) -> Iterator[str]:
    yield from (f"  {word:<10} {printable(name)}" for name in names[:_NAMED])
    if len(names) > _NAMED:
        yield f"  {word:<10} … and {len(names) - _NAMED:,} more: --format json names all"
