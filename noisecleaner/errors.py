"""The one error of noisecleaner, and the signal that ends a run early."""

from __future__ import annotations


class NoisecleanerError(Exception):
    """Something the user can put right: input, options, environment. The command line exits with `exit_code`.

    Both texts speak to those who call the library: what stands in backticks is Python, a parameter (`seed`,
    `Columns.label`), a value for one (`seed=1`, `Model(frozen=False)`, `trusted=FILE`) or a call
    (`fit(..., resume=True)`). The command line puts its own words in their place (`commands/wording.py`), but in what
    stands in quotes: a user's own names, see `quoted`.

    Args:
        message: what is required and what was found, in one or two sentences.
        hint: what to type or change.

    Attributes:
        exit_code: of the command line; 3 for an answer that more verified rows are needed.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)  # all arguments, so that it can be sent to another process
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}"


class Interrupted(BaseException):
    """SIGINT or SIGTERM arrived. Not an `Exception`, so that no `except Exception` swallows it.

    Args:
        signum: the signal's number; the command line exits with 128 + signum (130 or 143).

    Attributes:
        resumable: whether a run was begun that `resume` goes on with.
        message: what is said of it.
    """

    resumable = False
    message = "Interrupted."

    def __init__(self, signum: int) -> None:
        super().__init__(f"interrupted by signal {signum}")
        self.signum = signum


class Lost(Interrupted):
    """One of several processes is gone without a word: what is left of them ends as if interrupted, and can go on.

    Args:
        signum: as of `Interrupted`.
        message: what happened.
        first: whether this process noticed first; it is the one that says so.
    """

    resumable = True  # where no run was begun, resuming begins one

    def __init__(self, signum: int, message: str, *, first: bool) -> None:
        super().__init__(signum)
        self.message, self.first = message, first


class ApartError(NoisecleanerError):
    """Processes that were to fit together did not find each other.

    Args:
        message: as of `NoisecleanerError`.
        hint: likewise.
        first: whether this process is the one that says so.
    """

    def __init__(self, message: str, hint: str, *, first: bool) -> None:
        super().__init__(message, hint)
        self.first = first


def quoted(name: object) -> str:
    """Put a user's name in quotes where it holds a backtick: in our texts that is Python, see `NoisecleanerError`."""
    text = str(name)
    return repr(text) if "`" in text else text


def listed(names: object, limit: int = 12) -> str:
    """Join a user's names for an error text: `a, b, c`, cut after `limit` of them."""
    texts = [quoted(name) for name in names] if isinstance(names, (list, tuple)) else [quoted(names)]
    more = f", … ({len(texts) - limit} more)" if len(texts) > limit else ""
    return (", ".join(texts[:limit]) or "none") + more
