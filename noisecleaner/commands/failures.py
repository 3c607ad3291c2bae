"""What is said of an exception that ends a command, and its exit code."""

from __future__ import annotations

import errno
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.ranks.launch import Launch, several

#: What somebody may leave out who fits nothing, see .github/without-torch.txt.
_LEFT_OUT = frozenset({"torch", "torchvision"})
#: What torch, OpenMP and the loader of libraries say where there is no memory, or no thread more, to be had. They have
#: no exception of their own for it.
_NO_MEMORY = re.compile(
    r"bad_alloc|out of memory|(can't|cannot|could not|failed to|unable to) allocate|not enough memory|"
    r"failed to map segment|can't start new thread|Resource temporarily unavailable",
    re.IGNORECASE,
)
#: Half of a character, as which Python holds a byte of a file's name that is no text.
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What is said of an exception: one paragraph of two parts, and the exit code."""

    message: str
    hint: str
    code: int


def failure_of(error: BaseException, words: list[str], *, debug: bool) -> Failure:
    """Say what has happened, and what to do.

    Args:
        error: what ended the command.
        words: of the command line.
        debug: whether the traceback is shown already.
    """
    if isinstance(error, Interrupted):
        return Failure(message=error.message, hint=_how_to_go_on(words, error.resumable), code=128 + error.signum)
    starved = next((cause for cause in _causes(error) if _is_starved(cause)), None)
    if starved is not None:
        return _out_of_memory(starved)
    if isinstance(error, NoisecleanerError):
        return Failure(message=error.message, hint=error.hint, code=error.exit_code)
    message = f"This is a bug in noisecleaner ({type(error).__name__}: {error})."
    hint = "" if debug else "Run the command again with --debug and report what it shows."
    return _of_environment(error) or Failure(message=message, hint=hint, code=70)


def _of_environment(error: BaseException) -> Failure | None:
    """Say what is wrong with the system, if that is what an exception says."""
    match error:
        case ModuleNotFoundError(name=str(name)) if name.partition(".")[0] in _LEFT_OUT:
            message = f"What trains or runs a network needs torch and torchvision, but {name} is not installed."
            hint = "Install them (pip install torch torchvision). "
            hint += "Without them: plan, review, score, report, gate, export-clean."
            return Failure(message=message, hint=hint, code=2)
        case UnicodeEncodeError(object=str(text)) if half := _HALF.search(text):
            return _no_text(text, half.start())
        case UnicodeError() if sys.getfilesystemencoding() != "utf-8":
            return _other_locale()
        case OSError(errno=None):  # of Arrow or Pillow, mostly about what a file holds
            hint = "If it is damaged, copy or write it again (`noisecleaner verify PATH` tells of what noisecleaner "
            hint += "wrote); else check free space and permissions. What stood there before is untouched."
            return Failure(message=f"A file could not be read or written: {error}.", hint=hint, code=2)
        case OSError():
            hint = "Check free space, permissions and the path; what stood there before is untouched."
            return Failure(message=f"The system refused: {error}.", hint=hint, code=2)
    return None


def refuse_no_text(words: list[str]) -> None:
    """Refuse words that are no text: the name of a file that is written in another encoding than this one.

    What is written of them, in tables and in JSON, would fail at the end of a command.

    Raises:
        NoisecleanerError: names the first.
    """
    for word in words:
        if half := _HALF.search(word):
            refused = _no_text(word, half.start())
            raise NoisecleanerError(refused.message, refused.hint)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it was raised from, or while handling."""
    seen, cause = set[int](), error
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        beside = None if cause.__suppress_context__ else cause.__context__
        cause = cause.__cause__ or beside  # type: ignore[assignment]  # None ends the loop


def _is_starved(error: BaseException) -> bool:
    """Whether there was no memory, or no thread, to be had. Those of Arrow and NumPy are a `MemoryError`."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno in (errno.ENOMEM, errno.EAGAIN)
    foreign = isinstance(error, (RuntimeError, ImportError)) or type(error).__module__.startswith("pyarrow")
    return foreign and _NO_MEMORY.search(str(error)) is not None


def _out_of_memory(error: BaseException) -> Failure:
    """Say that the memory was too small, and how a command needs less."""
    told = str(error).strip().splitlines()
    found = f" ({told[0][:300]})" if told else ""
    on_gpu = type(error).__name__ == "OutOfMemoryError" or "CUDA" in str(error)
    return Failure(
        message=f"More memory is required than {'the GPU' if on_gpu else 'this process'} could get{found}.",
        hint="Close what else runs, lift the limit (`ulimit -v`, or that of the container), or need less: a smaller "
        "--batch-size, fewer --threads, a smaller --image-size"
        f"{', --device cpu' if on_gpu else ''}. What stood there before is untouched.",
        code=2,
    )


def _no_text(text: str, place: int) -> Failure:
    """Say which text is none."""
    if sys.getfilesystemencoding() != "utf-8":
        return _other_locale()
    start = max(0, place - 40)
    return Failure(
        message="Names of files, and all other texts, must be UTF-8, but this one holds bytes that are none: "
        f"{text[start : place + 40]!a}.",
        hint="Rename it, for example with convmv.",
        code=2,
    )


def _other_locale() -> Failure:
    """Say that a file of the user's has a name that the locale cannot say."""
    message = f"File names are {sys.getfilesystemencoding()} in this environment, but one has other characters."
    return Failure(message=message, hint="Set PYTHONUTF8=1, or a UTF-8 locale such as LC_ALL=C.UTF-8.", code=2)


def _how_to_go_on(words: list[str], resumable: bool) -> str:
    """What to type after an interrupted command."""
    if words[:1] == ["bench"]:
        return f"Go on where it stopped with: noisecleaner {shlex.join(words)}"
    together = several() and words[:1] == ["fit"]
    command = f"torchrun --nproc-per-node {Launch.read().local_size} -m noisecleaner" if together else "noisecleaner"
    if not resumable:
        return f"Start again with: {command} {shlex.join(words)}"
    again = [word for word in words if word not in ("--overwrite", "--resume")]
    where = (
        "Go on where it stopped, with as many processes as you like:" if together else "Go on where it stopped with:"
    )
    return f"{where} {command} {shlex.join([*again, '--resume'])}"
