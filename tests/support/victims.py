"""A small home in which every command writes something, and the commands that are attacked there."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors.torch import save_file

from noisecleaner.networks.backbones import build
from noisecleaner.registry import names_in
from support.datasets import embeddings, image_folder, write_trusted
from support.fire import Commands, How

_FIT = ["fit", "data.parquet", "--trusted", "trusted.parquet", "--out", "run", "--embedding-column", "embedding"]
_SMALL = ["--folds", "3", "--checkpoint-seconds", "0", "-q"]
_NETWORK = ["--backbone", "cifar-quick", "--image-size", "16"]
#: What is read and never written: a run remembers the very files.
_DATA = ("data.parquet", "trusted.parquet", "new.parquet", "images", "looked.parquet", "w.safetensors")
#: Keys of JSON files that tell of time, or hold a checksum of what does: never the same.
_TIMES = ("seconds", "started", "crc32", "run.json", "identity", "checksum")


@dataclass(frozen=True, kw_only=True)
class Victim:
    """A command that writes.

    Args:
        name: of this victim.
        words: of its command line.
        again: of the command that goes on where it was killed; the same where that is empty.
        code: with which it ends.
        before: command lines that make what stands there before it.
        refuses_existing: whether its output must be new.
        ahead: files that may be new beside others that are not: they say what is not there yet.
    """

    name: str
    words: list[str]
    again: list[str]
    code: int = 0
    before: tuple[list[str], ...] = ()
    refuses_existing: bool = False
    ahead: tuple[str, ...] = ()


def _fit(*more: str) -> list[str]:
    return [*_FIT, "--epochs", "4", *_SMALL, *more]


def victims() -> list[Victim]:
    """All commands that write, each export format included."""
    found = [
        Victim(name="fit", words=_fit("--out", "fresh"), again=_fit("--out", "fresh", "--resume")),
        Victim(name="overwrite", words=_fit("--overwrite"), again=_fit("--overwrite")),
        _same("resume", _fit("--out", "begun", "--resume")),
        _same("score", ["score", "run", "--threshold", "0.3", "-q"]),
        _same("score new", _new("--threshold", "0.3"), before=(_new("--threshold", "0.6"),)),
        _plan("plan", "p.parquet"),
        _plan("plan sheet", "p.csv"),
        _same(
            "report",
            ["report", "seen", "--out", "r.html", "-q"],
            before=(["report", "seen", "--rows", "3", "--out", "r.html", "-q"],),
        ),
        _same("review", _review("4"), before=(_review("5"),)),
        _once("corrupt", ["corrupt", "images", "--out", "noisy", "-q"]),
        _same("gate", _gate("0.01"), code=1, before=(_gate("0.9"),)),
        Victim(name="embed", words=_embed(), again=_embed("--resume")),
    ]
    exports = [_once(f"export {name}", _export(name)) for name in names_in("export.formats")]
    return [*found, *exports]


def different() -> list[Victim]:
    """One for each way of writing."""
    names = ("fit", "resume", "score", "plan sheet", "report", "review", "gate", "embed", "export folder", "export csv")
    return [victim for victim in victims() if victim.name in names]


def _same(name: str, words: list[str], *, code: int = 0, before: tuple[list[str], ...] = ()) -> Victim:
    return Victim(name=name, words=words, again=words, code=code, before=before)


def _once(name: str, words: list[str]) -> Victim:
    return Victim(name=name, words=words, again=words, refuses_existing=True)


def _plan(name: str, out: str) -> Victim:
    return replace(_once(name, ["plan", "run", "--n", "9", "--out", out, "-q"]), ahead=("run/design.parquet",))


def _new(*more: str) -> list[str]:
    return ["score", "run", "--data", "new.parquet", "--embedding-column", "embedding", "--out", "told", "-q", *more]


def _review(rows: str) -> list[str]:
    return ["review", "verify.parquet", "--rows", rows, "--out", "page.html", "-q"]


def _gate(limit: str) -> list[str]:
    return ["gate", "run", "--max-noise", limit, "--format", "json", "--output", "verdict.json", "-q"]


def _embed(*more: str) -> list[str]:
    return [
        "embed",
        "images",
        "--out",
        "emb",
        *_NETWORK,
        "--weights",
        "w.safetensors",
        "--rows-per-shard",
        "64",
        "-q",
        *more,
    ]


def _export(name: str) -> list[str]:
    return ["export-clean", "seen", "--format", name, "--out", "clean", "-q"]


class Home:
    """The folder, as often as it is needed: everything lies at the same place each time.

    Args:
        folder: to make it in.
        run: commands.
    """

    def __init__(self, folder: Path, run: Commands) -> None:
        self.path, self._kept, self._run = folder / "home", folder / "kept", run
        self.path.mkdir(parents=True, exist_ok=True)
        self._fill()
        shutil.copytree(self.path, self._kept)

    def _fill(self) -> None:
        truth = embeddings(self.path / "data.parquet", rows=120, width=8)
        write_trusted(self.path / "trusted.parquet", truth, every=2)
        embeddings(self.path / "new.parquet", rows=40, width=8, seed=5)
        seen = image_folder(self.path / "images", rows=70)
        write_trusted(self.path / "looked.parquet", seen, every=2)
        network = build("cifar-quick", size=16, pretrained=False, weights=None)
        save_file(network.state_dict(), self.path / "w.safetensors")
        self.do([*_FIT, "--epochs", "3", *_SMALL])
        self.do(["fit", "images", "--trusted", "looked.parquet", "--out", "seen", *_NETWORK, "--epochs", "2", *_SMALL])
        for words in (["score", "run"], ["score", "seen"], ["plan", "seen", "--n", "12", "--out", "verify.parquet"]):
            self.do([*words, "-q"])
        (self.path / "run" / "mynotes.csv").write_text("what a person wrote\n")
        self._interrupt()

    def _interrupt(self) -> None:
        """Leave a fit behind that was interrupted while it trained."""
        words = _fit("--out", "begun")
        whole = self._run(*words, folder=self.path)
        for part in range(60, 99, 3):
            shutil.rmtree(self.path / "begun")
            self._run(*words, folder=self.path, how=How(change=whole.changes * part // 100, signum=signal.SIGINT))
            if any((self.path / "begun" / "checkpoint").glob("*")):
                return
        raise AssertionError("no checkpoint was ever left")

    def do(self, words: list[str], code: int = 0) -> None:
        """Run a command that must end so."""
        ended = self._run(*words, folder=self.path)
        assert ended.code == code, (words, ended)

    def restore(self, victim: Victim) -> None:
        """Make everything as it was before a command."""
        for path in self.path.iterdir():
            if path.name not in _DATA:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in self._kept.iterdir():
            if path.name not in _DATA:
                shutil.copytree(path, self.path / path.name) if path.is_dir() else shutil.copy2(path, self.path)
        for words in victim.before:
            ended = self._run(*words, folder=self.path)
            assert ended.code in (0, 1), (words, ended)

    def prune(self) -> None:
        """Remove folders that hold nothing."""
        for path in sorted(self.path.rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()

    def files(self) -> dict[str, str]:
        """What every file holds, as a checksum without times, by its name below the folder."""
        paths = [path for path in self.path.rglob("*") if not path.is_dir() or not any(path.iterdir())]
        return {str(path.relative_to(self.path)): _checksum(path) for path in paths}


def _checksum(path: Path) -> str:
    if path.is_dir():
        return "empty"
    content = path.read_bytes()
    if path.name in ("run.json", "manifest.json"):
        content = json.dumps(_timeless(json.loads(content)), sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(part) for key, part in value.items() if not any(word in key for word in _TIMES)}
    return [_timeless(part) for part in value] if isinstance(value, list) else value
