"""Whatever an image asks for: memory and time stay within limits, a signal is heard, nobody is left behind."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import warnings
from pathlib import Path

import pytest
from support.bombs import bombs, strips
from support.watched import Peaks, children_of, running

from noisecleaner.images.decoding import size_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory and children are read from /proc")

#: Bytes that one image may take, all that are decoded at once, and seconds of a core.
IMAGE, TOGETHER, SECONDS = 300 * 2**20, 1_000_000_000, 10
#: Decodes every bomb alone, and tells what it took.
ALONE = """
import json, resource, sys, threading, time
from noisecleaner.images.framing import Framing
from noisecleaner.inputs.decoding import decode
from noisecleaner.ingest import Skip
from support.bombs import bombs
from support.watched import Peaks

edge, target = int(sys.argv[1]), int(sys.argv[2])

def seconds():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

for bomb in bombs(edge):
    peaks, before = Peaks(), seconds()
    watcher = threading.Thread(target=peaks.watch)
    watcher.start()
    made = decode(bomb.content, [Framing(target)], max_pixels=edge**2)
    own, children = peaks.rise()
    watcher.join()
    end = made.value if isinstance(made, Skip) else "ok"
    took = {"seconds": seconds() - before, "bytes": own + sum(children)}
    print("bomb", json.dumps({"name": bomb.name, "end": end, "ends": sorted(bomb.ends), **took}))
print("done")
"""
#: Decodes all bombs at once in many threads, and tells what they took together.
AT_ONCE = """
import sys, threading
from noisecleaner.images.framing import Framing
from noisecleaner.inputs.decoding import decode_all
from noisecleaner.settings import Decoding
from support.bombs import bombs
from support.watched import Peaks

edge = int(sys.argv[1])
contents = [bomb.content for bomb in bombs(edge)]
decoding = Decoding(threads=16, max_pixels=edge**2)
peaks = Peaks()
watcher = threading.Thread(target=peaks.watch)
watcher.start()
found = dict(decode_all(enumerate(contents), framings=[Framing(224)], decoding=decoding))
own, children = peaks.rise()
watcher.join()
print("all", len(found), own + sum(children))
"""
#: Decodes images that take seconds each, and says so when a child does; ends as a command does when a signal comes.
SLOW = """
import os, sys, threading, time
from noisecleaner.errors import Interrupted
from noisecleaner.images.framing import Framing
from noisecleaner.inputs.decoding import decode_all
from noisecleaner.progress import Interrupts
from noisecleaner.settings import Decoding
from support.watched import children_of

slow = b"P2 1990 1990 255\\n" + b"0 " * 3_960_100
interrupts = Interrupts()

def tell():
    # a child that has started prints nowhere
    while "/dev/null" not in [os.readlink(f"/proc/{pid}/fd/1") for pid in children_of(os.getpid())]:
        time.sleep(0.01)
    time.sleep(float(sys.argv[1]))
    print("decoding")

threading.Thread(target=tell, daemon=True).start()
try:
    with interrupts.installed():
        images = ((row, slow) for row in range(100))
        list(decode_all(images, framings=[Framing(224)], decoding=Decoding(threads=4)))
except Interrupted as stop:
    sys.exit(128 + stop.signum)
"""


def tell(what: str) -> None:
    """Say what was tried; `pytest -s` shows it."""
    sys.stderr.write(f"\n{what}\n")


def alone(edge: int, target: int) -> list[dict[str, object]]:
    """Decode every bomb alone: what became of it."""
    with running(ALONE, edge, target) as process:
        assert process.process.stdout is not None
        lines = process.process.stdout.read().splitlines()
    assert lines[-1] == "done"
    return [json.loads(line.removeprefix("bomb ")) for line in lines[:-1]]


def assert_within(found: list[dict[str, object]], limit: int) -> None:
    wrong = [one for one in found if one["end"] not in one["ends"]]  # type: ignore[operator]  # as it was written
    assert wrong == []
    assert [one for one in found if float(str(one["seconds"])) > SECONDS] == []
    assert [one for one in found if int(str(one["bytes"])) > limit] == []
    most = max(found, key=lambda one: int(str(one["bytes"])))
    slowest = max(found, key=lambda one: float(str(one["seconds"])))
    tell(f"{len(found)} hostile images tried, 0 beyond the limits; most: {most}; slowest: {slowest}")


def test_hostile_images_stay_within_the_limits() -> None:
    found = alone(1_000, 64)
    assert len(found) >= 50
    assert_within(found, IMAGE)


def test_the_size_of_a_hostile_image_is_told_without_decoding_it() -> None:
    """As an export for CVAT asks for it."""
    took = []
    for bomb in bombs(8_000):
        begin, peaks = time.process_time(), Peaks()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            size_of(bomb.content)
        took.append((time.process_time() - begin, peaks.rise()[0], bomb.name))
    assert max(took)[0] < 2, max(took)
    assert max(rise for _, rise, _ in took) < IMAGE
    tell(f"the sizes of {len(took)} hostile images, the slowest: {max(took)}")


@pytest.mark.slow
@pytest.mark.parametrize("target", [16, 224, 1_024])
def test_hostile_images_of_64_megapixels_stay_within_the_limits(target: int) -> None:
    pixels = 2 * 4 * target**2  # twice, because a child hands them on
    assert_within(alone(8_000, target), IMAGE + pixels)


@pytest.mark.slow
def test_hostile_images_at_once_stay_within_the_limit_of_all() -> None:
    with running(AT_ONCE, 8_000) as process:
        count, taken = map(int, process.said("all").split())
    assert taken <= TOGETHER
    tell(f"{count} hostile images at once in 16 threads, which took {taken / 1e6:,.0f} MB")


def test_a_signal_is_heard_within_a_second_while_images_decode() -> None:
    took = []
    for signum, wait in ((signal.SIGINT, 0.0), (signal.SIGTERM, 0.4), (signal.SIGINT, 1.1)):
        with running(SLOW, wait) as process:
            process.said("decoding")
            children = process.children()
            process.process.send_signal(signum)
            took.append(process.ended(10))
            assert process.process.returncode == 128 + signum
            assert children
            assert not any(map(alive, children))
    assert min(took) < 1, took
    assert max(took) < 2, took  # other tests run beside this one
    tell(f"{len(took)} signals, the slowest was heard after {max(took):.2f} s")


def test_no_child_outlives_a_parent_that_was_killed() -> None:
    left, took = 0, []
    for wait in (0.0, 0.3, 1.1):
        with running(SLOW, wait) as process:
            process.said("decoding")
            children = process.children()
            assert children
            process.process.kill()
            process.process.wait()
            begin = time.monotonic()
            while any(map(alive, children)) and time.monotonic() - begin < 5:
                time.sleep(0.01)
            took.append(time.monotonic() - begin)
            left += sum(map(alive, children))
    assert left == 0
    assert min(took) < 0.5, took  # an image takes seconds; a child that is still starting looks for its parent then
    tell(f"{len(took)} parents killed, 0 children left after {max(took):.2f} s")


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_libraries_write_to_stderr_is_not_told(capfd: pytest.CaptureFixture[str]) -> None:
    from noisecleaner.images.framing import Framing
    from noisecleaner.inputs.decoding import decode

    broken = strips(10, compression=8, data=b"no zlib at all")
    before = set(children_of(os.getpid()))  # of other tests in this process
    assert decode(broken, [Framing(8)]).__class__.__name__ == "Skip"
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"
    assert set(children_of(os.getpid())) <= before
