"""Other processes that hold something until they are killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noisecleaner.progress import Progress

#: Runs a block of `with`, says so, and goes on until somebody ends it.
_BLOCK = """
import sys, time
from pathlib import Path
from noisecleaner.files import alone, replacing, scratch_folder, shared, together
path = Path(sys.argv[1])
with {block} as held:
    {then}
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def held(block: str, path: Path, *, then: str = "pass") -> Iterator[subprocess.Popen[bytes]]:
    """Have another process stand in the block of a `with` statement about `path`; it is killed when ours ends.

    Args:
        block: what it enters, such as `alone(path, work='fit')`.
        path: told to it as `path`.
        then: a statement that it runs first, with what it entered as `held`.
    """
    command = [sys.executable, "-c", _BLOCK.format(block=block, then=then), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


class Notes(Progress):
    """Keeps the notes that it hears."""

    def __init__(self) -> None:
        self.notes = list[str]()

    def note(self, text: str) -> None:
        self.notes.append(text)
