"""What `verify` found of a run, scores, a copy or embeddings."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Soundness(StrEnum):
    """What `verify` says of all it has looked at."""

    SOUND = "sound"
    DAMAGED = "damaged"
    UNKNOWN = "unknown"  # an earlier version wrote it, or a part of it, without a manifest

    @property
    def exit_code(self) -> int:
        """Of the command line."""
        return {Soundness.SOUND: 0, Soundness.DAMAGED: 1, Soundness.UNKNOWN: 3}[self]


@dataclass(frozen=True, kw_only=True)
class CheckedManifest:
    """What became of the files that one manifest names; all names are paths below `VerifyResult.path`.

    Args:
        name: of the manifest.
        kind: what the files are: `run`, `scores`, `export`, `embeddings` or `corrupted`; empty where the manifest of a
            folder of data is damaged itself, as only that tells.
        writer: the version of noisecleaner that wrote them.
        identity: what tells them from others of their kind.
        files: how many there are.
        bytes: of all of them.
        changed: those that are not what was written, and the manifest itself, where it is not.
        missing: those that are not there.
        unreadable: those that the system refuses to read, with what it says.
        added: files beside them that readers of such a folder would take for data, too.
        edited: lists for people, which somebody has worked on; no fault.
        fault: what else is wrong; empty where nothing is.
    """

    name: str
    kind: str = ""
    writer: str = ""
    identity: str = ""
    files: int = 0
    bytes: int = 0
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    fault: str = ""

    @property
    def sound(self) -> bool:
        """Whether all is what was written."""
        return not (self.changed or self.missing or self.unreadable or self.added or self.fault)

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        lists = ("changed", "missing", "unreadable", "added", "edited")
        facts = {name: getattr(self, name) for name in ("name", "kind", "writer", "identity", "files", "bytes")}
        return {**facts, **{name: list(getattr(self, name)) for name in lists}, "fault": self.fault}


@dataclass(frozen=True, kw_only=True)
class VerifyResult:
    """What `verify` found.

    Args:
        path: what was looked at.
        manifests: what became of the files of each manifest below it.
        unknown: what an earlier version wrote without a manifest.
        beside: what commands leave beside them that no manifest names: designs of `plan`, lists that were kept.
        others: files of which no manifest says anything: those of the user, pages.
    """

    path: Path
    manifests: tuple[CheckedManifest, ...]
    unknown: tuple[str, ...] = ()
    beside: tuple[str, ...] = field(default=(), repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)

    @property
    def soundness(self) -> Soundness:
        """What is said of all of it together."""
        if not all(checked.sound for checked in self.manifests):
            return Soundness.DAMAGED
        return Soundness.UNKNOWN if self.unknown else Soundness.SOUND

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        manifests = [checked.to_json() for checked in self.manifests]
        told = {"path": str(self.path), "soundness": str(self.soundness), "manifests": manifests}
        return {**told, **{name: list(getattr(self, name)) for name in ("unknown", "beside", "others")}}
