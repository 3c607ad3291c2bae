"""What is said of each kind of exception, and its exit code: nothing that the user can mend is a bug of ours."""

from __future__ import annotations

import errno
import os

import pyarrow as pa
import pytest

from noisecleaner.commands.failures import failure_of, refuse_no_text
from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.tables import ARROW_ERRORS


class OutOfMemoryError(RuntimeError):
    """What torch raises of a GPU."""


STARVED = [
    MemoryError(),
    pa.ArrowMemoryError("malloc of size 128 failed"),
    pa.ArrowException("Unknown error: Failed to launch worker thread: Resource temporarily unavailable"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("can't start new thread"),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
]


@pytest.mark.parametrize("error", STARVED, ids=repr)
def test_want_of_memory_is_no_bug_and_has_a_remedy(error: Exception) -> None:
    failure = failure_of(error, ["fit", "images"], debug=False)
    assert failure.code == 2
    assert failure.message.startswith("More memory is required")
    assert "--batch-size" in failure.hint
    assert ("--device cpu" in failure.hint) == ("CUDA" in str(error))


def test_want_of_memory_is_told_whatever_was_made_of_it() -> None:
    error = NoisecleanerError("scores.parquet is damaged.", "Fit again with `overwrite=True`.")
    error.__cause__ = MemoryError()
    assert "damaged" not in failure_of(error, [], debug=False).message


def test_no_kind_of_arrows_errors_that_is_caught_as_damage_is_want_of_memory() -> None:
    assert not issubclass(pa.ArrowMemoryError, ARROW_ERRORS)
    assert issubclass(pa.ArrowInvalid, ARROW_ERRORS)


def test_other_errors_keep_their_codes() -> None:
    assert failure_of(NoisecleanerError("This.", "That."), [], debug=False).code == 2
    assert failure_of(Interrupted(15), ["fit"], debug=False).code == 143
    assert failure_of(OSError(errno.ENOSPC, "No space left on device", "/x"), [], debug=False).code == 2
    assert failure_of(RuntimeError("one over nothing"), [], debug=False).code == 70
    assert failure_of(ImportError("cannot import name 'x'"), [], debug=False).code == 70


def test_a_chain_of_errors_that_ends_in_itself_ends() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one
    assert failure_of(one, [], debug=False).code == 70


def test_names_that_are_no_text_are_refused_before_anything_is_done() -> None:
    with pytest.raises(NoisecleanerError, match=r"m\\xfc\\udcffx"):
        refuse_no_text(["fit", "data", "--out", os.fsdecode("mü".encode() + b"\xffx")])
    refuse_no_text(["fit", "mücke"])
    with pytest.raises(UnicodeEncodeError) as caught:
        "runs/\udcff".encode()
    assert failure_of(caught.value, [], debug=False).code == 2


def test_what_arrow_says_of_a_file_is_not_put_down_to_the_system() -> None:
    failure = failure_of(OSError("could not verify page integrity"), ["fit"], debug=False)
    assert "noisecleaner verify PATH" in failure.hint
    assert (failure.code, "The system refused" in failure.message) == (2, False)
    refused = failure_of(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), ["fit"], debug=False)
    assert refused.message.startswith("The system refused")
