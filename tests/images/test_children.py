"""Children decode what threads would, one that was ended is replaced, and none is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from support.bombs import saved
from support.watched import children_of

from noisecleaner.errors import NoisecleanerError
from noisecleaner.images.budget import Budget
from noisecleaner.images.children import Children
from noisecleaner.images.decoding import Wanted, decode_here
from noisecleaner.images.failures import Failure
from noisecleaner.images.framing import Framing
from noisecleaner.images.limits import Limits

WANTED = Wanted(framings=(Framing(16), Framing(24, "center")), edge=20)
PLAIN = b"P2 1990 1990 255\n" + b"0 " * 3_960_100


def noise(width: int = 60, height: int = 40) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("format", ["TIFF", "GIF", "JPEG2000", "AVIF", "PNG", "JPEG"])
def test_a_child_makes_what_this_process_would(format: str) -> None:
    content, children, budget = saved(noise(), format), Children(Limits(), 2), Budget(10**9)
    try:
        for _ in range(3):
            there, here = children.decode(content, WANTED, budget), decode_here(content, WANTED, Limits())
            assert not isinstance(there, Failure)
            assert not isinstance(here, Failure)
            assert [image.shape for image in there] == [(16, 16, 3), (24, 24, 3), (13, 20, 3)]
            assert all(np.array_equal(one, other) for one, other in zip(there, here, strict=True))
        assert children.decode(content[: len(content) // 2], WANTED, budget) in list(Failure)
        assert children.decode(b"no image", WANTED, budget) is Failure.UNSUPPORTED_FORMAT
    finally:
        children.close()


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_a_child_that_was_ended_is_replaced_and_its_image_has_a_reason() -> None:
    import threading

    children, budget, found = Children(Limits(), 1), Budget(10**9), list[object]()
    reasons = {signal.SIGKILL: Failure.TOO_LARGE, signal.SIGPROF: Failure.TOO_SLOW, signal.SIGSEGV: Failure.UNREADABLE}
    before = set(children_of(os.getpid()))
    try:
        for signum, reason in reasons.items():
            thread = threading.Thread(target=lambda: found.append(children.decode(PLAIN, WANTED, budget)))
            thread.start()
            while not (own := set(children_of(os.getpid())) - before):
                time.sleep(0.01)
            (pid,) = own
            while os.readlink(f"/proc/{pid}/fd/1") != "/dev/null":  # it has started
                time.sleep(0.01)
            time.sleep(0.1)
            os.kill(pid, signum)
            thread.join(10)
            assert found.pop() is reason
        assert not isinstance(children.decode(saved(noise(), "TIFF"), WANTED, budget), Failure)
    finally:
        children.close()
    assert set(children_of(os.getpid())) <= before


def test_no_child_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    children = Children(Limits(), 1)
    with pytest.raises(NoisecleanerError, match="decoded in a process of their own"):
        children.decode(saved(noise(), "TIFF"), WANTED, Budget(10**9))
    children.close()


def test_a_child_imports_little() -> None:
    code = (
        "import noisecleaner.images.child, sys; sys.exit(any(m in sys.modules for m in ('torch', 'pyarrow', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
