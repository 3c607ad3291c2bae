"""A copy of the package with one more file in it: what somebody does who adds a plug-in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import noisecleaner
from support.datasets import Outcome

_TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Package:
    """The folder that holds the copy; commands run in it."""

    home: Path

    def command(self, *words: object) -> str:
        """Run a command of the copy, which must succeed; return its stdout."""
        return self._python("-m", "noisecleaner", *map(str, words))

    def outcome(self, *words: object) -> Outcome:
        """What a command of the copy leaves behind, which may fail."""
        done = self._run("-m", "noisecleaner", *map(str, words))
        return Outcome(done.returncode, done.stdout, done.stderr)

    def passes(self, suite: str, name: str) -> None:
        """Run those tests of a contract suite, a path below `tests/`, that say `name`; there must be some."""
        words = ["-m", "pytest", "-p", "no:cacheprovider", "-k", name, f"--rootdir={_TESTS.parent}"]
        self._python(*words, str(_TESTS / suite))  # pytest fails where it finds none

    def script(self, code: str) -> str:
        """Run lines of Python in the folder of the copy, which must succeed; return their stdout."""
        return self._python("-c", code)

    def _python(self, *words: str) -> str:
        done = self._run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, "PYTHONPATH": str(self.home), "COLUMNS": "200"}
        command = [sys.executable, *words]
        return subprocess.run(command, cwd=self.home, env=variables, capture_output=True, text=True, check=False)


def with_file(home: Path, path: str, source: str) -> Package:
    """Copy the package into a folder, and write one file more, at `path` below it."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(noisecleaner.__file__).parent, home / "noisecleaner", ignore=ignored)
    (home / "noisecleaner" / path).write_text(source)
    return Package(home)
