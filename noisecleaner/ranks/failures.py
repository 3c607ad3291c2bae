"""What one process failed of, as a text that another one raises again: all end alike, and the leader says why."""

from __future__ import annotations

import json
import signal

from noisecleaner.errors import Interrupted, Lost, NoisecleanerError


def to_text(error: BaseException) -> str:
    """Keep what a caller sees of an exception: text, hint and exit code, or the signal."""
    match error:
        case NoisecleanerError(message=message, hint=hint, exit_code=code):
            content = {"kind": "error", "message": message, "hint": hint, "code": code}
        case Interrupted(signum=signum):
            content = {"kind": "signal", "signum": signum}
        case KeyboardInterrupt():
            content = {"kind": "signal", "signum": int(signal.SIGINT)}
        case OSError():
            content = {"kind": "system", "message": str(error)}
        case _:
            content = {"kind": "bug", "message": f"{type(error).__name__}: {error}"}
    return json.dumps(content)


def of_text(text: str) -> BaseException:
    """Make the exception again that `to_text` kept; a bug elsewhere is a `RuntimeError` that quotes it."""
    kept = json.loads(text)
    match kept["kind"]:
        case "error":
            error = NoisecleanerError(kept["message"], kept["hint"])
            error.exit_code = kept["code"]
            return error
        case "signal":
            return Interrupted(kept["signum"])
        case "system":
            return OSError(kept["message"])
        case _:
            return RuntimeError(f"in another process, {kept['message']}")


def lost(size: int, *, first: bool) -> Lost:
    """Describe that one of several processes is gone without a word.

    Args:
        size: how many there were.
        first: whether the caller is the first one to notice, who says so.
    """
    return Lost(
        signal.SIGTERM,
        f"All {size} processes are needed until the fit ends, but one is gone: it was killed, or memory ran out.",
        first=first,
    )
